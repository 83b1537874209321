//! `xsw policy`: the least policies that a thing needs. `policy/shown.rs` prints and writes them.

mod shown;

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{Context, output};
use crate::domain::account::{AccountId, RoleArn};
use crate::domain::policy::least::{
    self, Access, AttachTo, Batch, Copy, CopyForm, Grant, KeyArn, Naming, NoPolicy, Objects, Party, Trust,
};
use crate::domain::role::RoleIndex;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::ops::policy::{job_role, new_external_id};

/// What policies are wanted for.
#[derive(Debug, Subcommand)]
pub enum Thing {
    /// The trust policy of a role: who may assume it
    Trust {
        /// The role [default: in a subshell of xsw, its role; else the only one there is]
        role: Option<String>,
        /// Who may assume it: an account id, an ARN, or a role as `xsw accounts` shows it; once for each
        #[arg(long = "for", required = true, value_name = "PRINCIPAL|ROLE")]
        principals: Vec<String>,
        /// What it asks for
        #[command(flatten)]
        asks: Asks,
        /// How it names them
        #[command(flatten)]
        names: Names,
        /// Where it goes
        #[command(flatten)]
        to: To,
    },
    /// Assuming a role: the caller's side, and the role's trust policy
    Assume {
        /// The role
        role: String,
        /// Who assumes it [default: what the profile file says: the role in `via`, else its source]
        #[arg(long, value_name = "PRINCIPAL|ROLE")]
        caller: Option<String>,
        /// What the trust policy asks for
        #[command(flatten)]
        asks: Asks,
        /// Where they go
        #[command(flatten)]
        to: To,
    },
    /// Reading objects: the role's permissions and, where it is another account's, the bucket's policy
    Read(ObjectsArguments),
    /// Writing objects: the role's permissions and, where it is another account's, the bucket's policy
    Write(ObjectsArguments),
    /// Copying between accounts: all sides of `xsw cp`
    Copy(Box<CopyArguments>),
}

/// Which objects, for whom.
#[derive(Debug, Args)]
pub struct ObjectsArguments {
    /// `s3://bucket/key`, or `s3://bucket/prefix/` for everything below it
    #[arg(required = true)]
    uris: Vec<S3Uri>,
    /// The role [default: in a subshell of xsw, its role; else the only one there is]
    #[arg(long = "as", value_name = "ROLE")]
    role: Option<String>,
    /// Everything below the prefix, also where it does not end in a slash
    #[arg(short, long)]
    recursive: bool,
    /// The account that owns the buckets, by id or name [default: the role's]
    #[arg(long, value_name = "ACCOUNT")]
    bucket_account: Option<String>,
    /// How much of them
    #[command(flatten)]
    parts: Parts,
    /// How other accounts name the role
    #[command(flatten)]
    names: Names,
    /// Where the policies go
    #[command(flatten)]
    to: To,
}

/// A copy.
#[derive(Debug, Args)]
pub struct CopyArguments {
    /// `s3://bucket/key`, or `s3://bucket/prefix/` for everything below it
    #[arg(value_name = "SOURCE_S3URI")]
    source: S3Uri,
    /// Where it goes
    #[arg(value_name = "TARGET_S3URI")]
    target: S3Uri,
    /// The role on the source's side
    #[arg(long, value_name = "ROLE")]
    from: String,
    /// The role on the target's side, which copies
    #[arg(long, value_name = "ROLE")]
    to: String,
    /// Everything below the prefix, also where it does not end in a slash
    #[arg(short, long)]
    recursive: bool,
    /// The one role reads and the other writes, and the bytes come through this machine
    #[arg(long)]
    streamed: bool,
    /// By S3 Batch Operations, as `xsw cp --batch` does it
    #[arg(long, requires_all = ["batch_role", "batch_place"], conflicts_with = "streamed")]
    batch: bool,
    /// The role that the job works under, in the account of --to
    #[arg(long, value_name = "ROLE_ARN|NAME", requires = "batch")]
    batch_role: Option<String>,
    /// Where manifests and reports go
    #[arg(long, value_name = "S3URI", requires = "batch")]
    batch_place: Option<S3Uri>,
    /// The account that owns the bucket of manifests and reports, by id or name [default: that of --to]
    #[arg(long, value_name = "ACCOUNT", requires = "batch")]
    batch_place_account: Option<String>,
    /// Who assumes the target's role [default: what the profile file says, else the source's role]
    #[arg(long, value_name = "PRINCIPAL|ROLE")]
    caller: Option<String>,
    /// The account that owns the source, by id or name [default: that of --from]
    #[arg(long, value_name = "ACCOUNT")]
    source_account: Option<String>,
    /// The account that owns the target, by id or name [default: that of --to]
    #[arg(long, value_name = "ACCOUNT")]
    target_account: Option<String>,
    /// The objects' tags stay behind, as with `xsw cp --no-tags`
    #[arg(long)]
    no_tags: bool,
    /// Older versions too
    #[arg(long)]
    versions: bool,
    /// The KMS key that they are encrypted with; once for each
    #[arg(long, value_name = "KEY_ARN")]
    kms: Vec<KeyArn>,
    /// What the trust policy asks for
    #[command(flatten)]
    asks: Asks,
    /// How other accounts name the role
    #[command(flatten)]
    names: Names,
    /// Where the policies go
    #[command(flatten)]
    out: To,
}

/// What a trust policy asks of the caller.
#[derive(Debug, Args)]
pub struct Asks {
    /// A third party must give this external ID; `new` makes one up [default: the profile file's]
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
    /// Only with an MFA code
    #[arg(long)]
    require_mfa: bool,
}

/// How a policy names the caller.
#[derive(Debug, Args)]
pub struct Names {
    /// Whom policies of another account name: the role itself, or its whole account
    #[arg(long, value_enum, default_value_t = Principal::Role, value_name = "WHAT")]
    principal: Principal,
}

/// Whom a policy of another account names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Principal {
    /// The role or user alone
    Role,
    /// Its account, whose administrators decide who of it
    Account,
}

/// How much of the objects.
#[derive(Debug, Args)]
pub struct Parts {
    /// Their tags too
    #[arg(long)]
    tags: bool,
    /// Older versions too
    #[arg(long)]
    versions: bool,
    /// The KMS key that they are encrypted with; once for each
    #[arg(long, value_name = "KEY_ARN")]
    kms: Vec<KeyArn>,
}

/// Where policies go.
#[derive(Debug, Args)]
pub struct To {
    /// Write each policy to a file of this folder; none that is there and differs is overwritten
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Add the statements to the policies that are in the folder
    #[arg(long, requires = "out")]
    merge: bool,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

impl Thing {
    pub(super) fn json(&self) -> bool {
        match self {
            Self::Trust { to, .. } | Self::Assume { to, .. } => to.json,
            Self::Read(asked) | Self::Write(asked) => asked.to.json,
            Self::Copy(asked) => asked.out.json,
        }
    }
}

/// A role of the command line: of the profile, or any by its ARN.
struct Named {
    party: Party,
    index: Option<RoleIndex>,
}

pub(super) async fn run(context: &Context, thing: Thing) -> Result<()> {
    match thing {
        Thing::Trust { role, principals, asks, names, to } => {
            let role = default_role(context, role.as_deref())?;
            let partition = role_arn(&role)?.partition();
            let callers =
                principals.iter().map(|text| principal(context, text, partition)).collect::<Result<Vec<_>>>()?;
            let mut wishes = wishes(context, &role, &asks)?;
            wishes.naming = names.naming();
            let grant = least::trust(role_arn(&role)?, &callers, &wishes).map_err(no_policy)?;
            shown::show(context, vec![grant], &to)
        }
        Thing::Assume { role, caller, asks, to } => {
            let role = named(context, &role)?;
            let arn = role_arn(&role)?;
            let caller = match (&caller, role.index) {
                (Some(text), _) => principal(context, text, arn.partition())?,
                (None, Some(index)) => context.core.caller_of(index).await?.ok_or_else(unknown_caller)?,
                (None, None) => return Err(unknown_caller()),
            };
            let wishes = wishes(context, &role, &asks)?;
            // Says so when the caller can have no policy.
            least::assume(&caller, arn, &wishes).map_err(no_policy)?;
            let grants = least::assuming(&caller, arn, &wishes).map_err(no_policy)?;
            if grants.len() == 1 {
                output::note("within one account a trust policy that names the caller is enough");
            }
            shown::show(context, grants, &to)
        }
        Thing::Read(asked) => objects(context, &asked, least::read),
        Thing::Write(asked) => objects(context, &asked, least::write),
        Thing::Copy(asked) => copy(context, &asked).await,
    }
}

fn objects(
    context: &Context,
    asked: &ObjectsArguments,
    granted: fn(&Access) -> Result<Vec<Grant>, NoPolicy>,
) -> Result<()> {
    let who = default_role(context, asked.role.as_deref())?.party;
    let owner = owner(context, asked.bucket_account.as_deref(), &who)?;
    let below = |uri: &S3Uri| Objects { uri: uri.clone(), below: is_prefix(uri, asked.recursive), owner };
    let objects: Vec<Objects> = asked.uris.iter().map(below).collect();
    objects.iter().for_each(say_widened);
    let (parts, naming) = (&asked.parts, asked.names.naming());
    let access = Access { who, objects, tags: parts.tags, versions: parts.versions, keys: parts.kms.clone(), naming };
    let grants = granted(&access).map_err(no_policy)?;
    say_keys(&access.keys, &grants);
    shown::show(context, grants, &asked.to)
}

async fn copy(context: &Context, asked: &CopyArguments) -> Result<()> {
    let (from, to) = (named(context, &asked.from)?, named(context, &asked.to)?);
    let form = if asked.streamed { CopyForm::TwoRoles } else { CopyForm::OneRole };
    let below = is_prefix(&asked.source, asked.recursive);
    let source = Objects {
        uri: asked.source.clone(),
        below,
        owner: owner(context, asked.source_account.as_deref(), &from.party)?,
    };
    let mut target = asked.target.clone();
    // One object into a folder keeps its name there.
    if !below && (target.key.is_empty() || target.key.ends_with('/')) {
        target.key.push_str(asked.source.name());
    }
    let target = Objects { uri: target, below, owner: owner(context, asked.target_account.as_deref(), &to.party)? };
    [&source, &target].into_iter().for_each(say_widened);
    let to_caller = match &asked.caller {
        Some(text) => Some(principal(context, text, to.party.partition().unwrap_or("aws"))?),
        None => caller(context, &to, Some(&from.party)).await,
    };
    let wishes = wishes(context, &to, &asked.asks)?;
    let batch = asked.batch.then(|| batch(context, asked, &to)).transpose()?;
    let from_caller = match form {
        CopyForm::OneRole if batch.is_none() => None,
        // Its role lists what the manifest names.
        _ => caller(context, &from, None).await,
    };
    let from_wishes = from.index.map(|index| context.core.trust_of(index)).unwrap_or_default();
    let wish = Copy {
        source,
        target,
        from: from.party,
        to: to.party,
        from_caller: from_caller.map(|caller| (caller, from_wishes)),
        to_caller: to_caller.map(|caller| (caller, wishes)),
        form,
        tags: !asked.no_tags,
        versions: asked.versions,
        keys: asked.kms.clone(),
        naming: asked.names.naming(),
    };
    let grants = match &batch {
        Some(batch) => least::batch_copy(&wish, batch),
        None => least::copy(&wish),
    };
    let grants = grants.map_err(no_policy)?;
    say_keys(&wish.keys, &grants);
    shown::show(context, grants, &asked.out)
}

/// The job's role, and where its manifest and report are.
fn batch(context: &Context, asked: &CopyArguments, to: &Named) -> Result<Batch> {
    let account = to.party.account().ok_or_else(|| Error::usage(format!("{} is in no account", to.party)))?;
    let partition = to.party.partition().unwrap_or("aws");
    let role = job_role(asked.batch_role.as_deref().unwrap_or_default(), partition, account)?;
    let mut uri = asked.batch_place.clone().unwrap_or_default();
    if !uri.key.is_empty() && !uri.key.ends_with('/') {
        uri.key.push('/');
    }
    let owner = owner(context, asked.batch_place_account.as_deref(), &to.party)?;
    Ok(Batch { role, place: Objects { uri, below: true, owner } })
}

/// Who assumes a role, as far as it can be known; a note says what is left out when it cannot.
async fn caller(context: &Context, role: &Named, otherwise: Option<&Party>) -> Option<Party> {
    let Some(index) = role.index else {
        if otherwise.is_none() {
            output::note(&format!("{} is not in the profile file: who assumes it is not known", role.party));
        }
        return otherwise.filter(|party| **party != role.party).cloned();
    };
    context.core.caller_of(index).await.unwrap_or_else(|error| {
        let label = context.core.profile.label(index);
        output::note(&format!("who assumes {label} is not known, so nothing is said of that: {error}"));
        None
    })
}

impl Names {
    fn naming(&self) -> Naming {
        match self.principal {
            Principal::Role => Naming::Exactly,
            Principal::Account => Naming::Account,
        }
    }
}

/// What the profile file and the command line want of a trust policy.
fn wishes(context: &Context, role: &Named, asks: &Asks) -> Result<Trust> {
    let mut wishes = role.index.map(|index| context.core.trust_of(index)).unwrap_or_default();
    wishes.require_mfa = asks.require_mfa;
    match asks.external_id.as_deref() {
        Some("new") => {
            let id = new_external_id()?;
            output::note(&format!("the new external ID is {id}: whoever assumes the role must give it"));
            wishes.external_id = Some(id);
        }
        Some(id) => wishes.external_id = Some(checked_external_id(id)?.to_owned()),
        None => {}
    }
    Ok(wishes)
}

/// AWS STS API Reference, `AssumeRole`, ExternalId.
fn checked_external_id(id: &str) -> Result<&str> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    match id.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(Error::usage(format!("an external ID may not hold {c:?}"))),
        None if !(2..=1224).contains(&id.len()) => Err(Error::usage("an external ID has 2 to 1,224 characters")),
        None => Ok(id),
    }
}

fn named(context: &Context, text: &str) -> Result<Named> {
    match context.core.profile.find(text) {
        Ok(index) => Ok(Named { party: context.core.party(index), index: Some(index) }),
        // A role need not be in the profile file to be given something.
        Err(error) => match text.parse::<RoleArn>() {
            Ok(_) => Ok(Named { party: text.parse().map_err(Error::usage)?, index: None }),
            Err(_) => Err(error),
        },
    }
}

fn default_role(context: &Context, given: Option<&str>) -> Result<Named> {
    if let Some(text) = given {
        return named(context, text);
    }
    let index = context.named_role(&super::As::default())?;
    Ok(Named { party: context.core.party(index), index: Some(index) })
}

/// Anybody: by ARN or account id, else a role or account of the profile. An account's partition is that of the role
/// that it is about.
fn principal(context: &Context, text: &str, partition: &str) -> Result<Party> {
    let whole = |account: AccountId| Party::Account { partition: partition.to_owned(), account };
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map(whole).map_err(Error::usage);
    }
    if text.starts_with("arn:") || text.contains(".amazonaws.com") {
        return text.parse().map_err(Error::usage);
    }
    match context.core.profile.accounts.iter().find(|account| account.name == text) {
        Some(account) => Ok(whole(account.id)),
        None => named(context, text).map(|named| named.party),
    }
}

fn role_arn(role: &Named) -> Result<&RoleArn> {
    match &role.party {
        Party::Role(arn) => Ok(arn),
        other => Err(Error::Usage {
            message: format!("{other} has no trust policy of its own"),
            hint: Some("an administrator of IAM Identity Center assigns it to people and groups".into()),
        }),
    }
}

/// The account that owns a bucket: by id, by its name in the profile file, else the role's.
fn owner(context: &Context, given: Option<&str>, role: &Party) -> Result<AccountId> {
    let Some(text) = given else {
        return role.account().ok_or_else(|| Error::usage(format!("{role} is in no account")));
    };
    let known = context.core.profile.accounts.iter().find(|account| account.name == text);
    known.map_or_else(|| text.parse().map_err(Error::usage), |account| Ok(account.id))
}

fn is_prefix(uri: &S3Uri, recursive: bool) -> bool {
    recursive || uri.key.is_empty() || uri.key.ends_with('/')
}

/// A key of the role's own account needs no policy here, as long as its own is the default one in that.
fn say_keys(keys: &[KeyArn], grants: &[Grant]) {
    let has_one = |key: &KeyArn| grants.iter().any(|grant| grant.target == AttachTo::Key { arn: key.clone() });
    for key in keys.iter().filter(|key| !has_one(key)) {
        output::note(&format!(
            "the policy of {key} must leave it to the IAM policies of its account, as the default does"
        ));
    }
}

fn say_widened(objects: &Objects) {
    if objects.is_widened() {
        output::note(&format!(
            "{} has characters that policies of IAM cannot hold: a wildcard stands for each of them",
            objects.uri
        ));
    }
}

fn unknown_caller() -> Error {
    Error::Usage {
        message: "who assumes the role is not known".into(),
        hint: Some("name who assumes the role: --caller PRINCIPAL".into()),
    }
}

fn no_policy(why: NoPolicy) -> Error {
    Error::usage(why.to_string())
}
