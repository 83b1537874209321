//! Reads `[[accounts]]` and `[[accounts.roles]]`.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::fields::{Fields, Text, parsed};
use super::report::{Report, quoted};
use super::{keys, values};
use crate::domain::account::{AccountId, RoleArn, partition_of};
use crate::domain::role::{Account, Profile, Role, Source};
use crate::domain::uri::check_bucket_name;

/// What is known of a role's place in the file, for the checks that compare roles.
pub(super) struct Place<'a> {
    pub(super) at: usize,
    pub(super) alias_at: usize,
    pub(super) via: Option<Text<'a>>,
    pub(super) duration_at: usize,
    /// Whether it is assumed at an endpoint of its own, which may be no AWS.
    pub(super) own_endpoint: bool,
}

/// Reads all accounts and their roles into `profile`; `folder` is where its policy files are. The places are those
/// of `profile.roles`.
pub(super) fn read<'a>(report: &mut Report, file: &Fields<'a>, folder: &Path, profile: &mut Profile) -> Vec<Place<'a>> {
    let mut places = Vec::new();
    let mut names = HashMap::new();
    for fields in file.tables(report, "accounts", &keys::ACCOUNT) {
        read_account(report, &fields, folder, profile, &mut places);
        let account = profile.accounts.last().expect("just read");
        if !account.name.is_empty()
            && let Some(first) = names.insert(account.name.clone(), fields.at("name"))
        {
            let line = report.line(first);
            let message = format!("the account {} is there already, on line {line}", quoted(&account.name));
            report.add(fields.at("name"), message);
        }
    }
    for account in &profile.accounts {
        // A name is looked up before an id, so it must not be the id of somebody else.
        if account.name.parse::<AccountId>().is_ok_and(|id| id != account.id)
            && let Some(at) = names.get(&account.name)
        {
            report.add(*at, format!("the name {} is the id of another account", quoted(&account.name)));
        }
    }
    // A sign-in brings accounts and roles of its own.
    let signs_in = profile.sources.values().any(|source| matches!(source, Source::IdentityCenter { .. }));
    if profile.accounts.is_empty() && !signs_in && (report.is_empty() || !file.has("accounts")) {
        report.add_whole("no accounts: write [[accounts]] with a name and an id, and [[accounts.roles]] below it");
    } else if !profile.accounts.is_empty() && !signs_in && profile.roles.is_empty() && report.is_empty() {
        report.add_whole("no roles: write [[accounts.roles]] with a name below an account");
    }
    check_aliases(report, profile, &places);
    places
}

fn read_account<'a>(
    report: &mut Report,
    fields: &Fields<'a>,
    folder: &Path,
    profile: &mut Profile,
    places: &mut Vec<Place<'a>>,
) {
    let own_endpoint = fields.has("endpoint_url") || profile.settings.endpoint_url.is_some();
    let name = fields.text(report, "name");
    match name {
        Some(name) => _ = parsed(report, "name", name, values::account_name),
        None if !fields.has("name") => report.add(fields.at, "this account has no name"),
        None => {}
    }
    let roles = fields.tables(report, "roles", &keys::ROLE);
    let place = profile.accounts.len();
    let given_id: Option<AccountId> = fields.parsed(report, "id", str::parse);
    let mut account = Account {
        name: name.map_or("", |name| name.value).to_owned(),
        id: given_id.unwrap_or_else(values::no_account),
        source: source(report, fields, &roles, profile),
        region: fields.parsed(report, "region", |text| values::region(text, own_endpoint)),
        environment: fields.parsed(report, "environment", values::name),
        color: fields.parsed(report, "color", values::color),
        confirm: fields.flag(report, "confirm").unwrap_or(false),
        endpoint_url: fields.parsed(report, "endpoint_url", values::url),
        path_style: fields.flag(report, "path_style"),
    };

    for role in &roles {
        check_permission_set(report, role, profile.sources.get(&account.source), &account.source);
    }

    // Without an id of its own, the account has that of its roles' ARNs.
    let arns: Vec<Option<RoleArn>> = roles.iter().map(|role| role.parsed(report, "arn", str::parse)).collect();
    let arn_id = arns.iter().flatten().next().map(RoleArn::account);
    let id = if fields.has("id") { given_id } else { arn_id };
    match id {
        Some(id) => account.id = id,
        None if !fields.has("id") && !roles.iter().any(|role| role.has("arn")) => {
            report.add(fields.at, format!("the account {} has no id: write its 12 digits", quoted(&account.name)));
        }
        None => {}
    }

    let region = account.region.as_deref().or(profile.settings.region.as_deref());
    let partition = partition_of(region.unwrap_or_default());
    let mut firsts: HashMap<String, usize> = HashMap::with_capacity(roles.len());
    for (role, arn) in roles.into_iter().zip(arns) {
        let given = RoleFields { fields: &role, arn, id, partition, own_endpoint };
        let read = read_role(report, given, folder, place);
        if let Some(name) = &read.1
            && let Some(first) = firsts.insert(name.clone(), role.at("name"))
        {
            let line = report.line(first);
            report
                .add(role.at("name"), format!("the role {} is in this account already, on line {line}", quoted(name)));
        }
        places.push(Place {
            at: role.at,
            alias_at: role.at("alias"),
            via: role.text(report, "via"),
            duration_at: role.at("duration"),
            own_endpoint,
        });
        profile.roles.push(read.0);
    }
    profile.accounts.push(account);
}

/// Holds a role against the kind of its account's source: a permission set is no role that is assumed, and a sign-in
/// without credentials of its own assumes none.
fn check_permission_set(report: &mut Report, role: &Fields<'_>, source: Option<&Source>, source_name: &str) {
    /// What AssumeRole takes; IAM Identity Center gives credentials without asking any of it.
    const ASSUMED: [&str; 11] = [
        "arn",
        "via",
        "external_id",
        "mfa_serial",
        "duration",
        "session_name",
        "source_identity",
        "tags",
        "transitive_tags",
        "policy",
        "policy_arns",
    ];
    let source_name = quoted(source_name);
    if role.is_true("permission_set") {
        if !matches!(source, Some(Source::IdentityCenter { .. }) | None) {
            let message = format!(
                "permission_set: the source {source_name} of this account is no sign-in of IAM Identity Center; give \
                 the account a source with sso_start_url and sso_region"
            );
            report.add(role.at("permission_set"), message);
        }
        for key in ASSUMED.into_iter().filter(|key| role.has(key)) {
            let message = format!("{key}: a permission set takes none, because it is not assumed; leave it out");
            report.add(role.at(key), message);
        }
    } else if let Some(Source::IdentityCenter { permission_set: None, .. }) = source
        && !role.has("via")
    {
        let message = format!(
            "the source {source_name} gives permission sets and no credentials that could assume this role: write \
             permission_set = true or a via here, or give the source sso_account_id and sso_role_name"
        );
        report.add(role.at, message);
    }
}

/// The name of the account's source. It is empty where none is needed, because every role is assumed by another.
fn source(report: &mut Report, fields: &Fields<'_>, roles: &[Fields<'_>], profile: &Profile) -> String {
    let known = || profile.sources.keys().map(String::as_str);
    if let Some(source) = fields.text(report, "source") {
        if !profile.sources.contains_key(source.value) {
            let near = report.did_you_mean(source.value, known());
            let meant = match near.is_empty() {
                true => format!(
                    "; write [sources.{}], or use one of: {}",
                    source.value,
                    known().collect::<Vec<_>>().join(", ")
                ),
                false => near,
            };
            report.add(source.at, format!("source: there is no source {}{meant}", quoted(source.value)));
        }
        return source.value.to_owned();
    }
    let mut names = known();
    match (names.next(), names.next()) {
        (Some(only), None) => only.to_owned(),
        _ => {
            if !fields.has("source") && roles.iter().any(|role| !role.has("via")) {
                let names = known().collect::<Vec<_>>().join(", ");
                report.add(fields.at, format!("this account has no source: write source = one of {names}"));
            }
            String::new()
        }
    }
}

/// What [`read_role`] needs to know of a role and its account.
struct RoleFields<'a> {
    fields: &'a Fields<'a>,
    arn: Option<RoleArn>,
    id: Option<AccountId>,
    partition: &'static str,
    own_endpoint: bool,
}

/// The role, and its name where that is known.
fn read_role(report: &mut Report, given: RoleFields<'_>, folder: &Path, account: usize) -> (Role, Option<String>) {
    let fields = given.fields;
    let name = fields.text(report, "name");
    let checked_name = name.and_then(|name| parsed(report, "name", name, values::role_name));
    if !fields.has("name") && !fields.has("arn") {
        report.add(fields.at, "this role has neither a name nor an arn");
    }
    if let Some(arn) = &given.arn {
        let at = fields.at("arn");
        if let Some(name) = &checked_name
            && name != arn.name()
        {
            let arn_name = quoted(arn.name());
            report.add(at, format!("the arn is that of the role {arn_name}, the name says {}", quoted(name)));
        }
        if let Some(id) = given.id
            && id != arn.account()
        {
            report.add(at, format!("the arn is of account {}, this account is {id}", arn.account()));
        }
    }
    let named = |name: &String| {
        let id = given.id.unwrap_or_else(values::no_account);
        format!("arn:{}:iam::{id}:role/{name}", given.partition).parse().ok()
    };
    let arn = given.arn.or_else(|| checked_name.as_ref().and_then(named));
    let name = name.map(|name| name.value.to_owned()).or_else(|| arn.as_ref().map(|arn| arn.name().to_owned()));

    let tags = tags(report, fields);
    let role = Role {
        name: name.clone().unwrap_or_default(),
        alias: fields.parsed(report, "alias", values::name),
        permission_set: fields.flag(report, "permission_set").unwrap_or(false),
        renew: fields.flag(report, "renew"),
        external_id: fields.parsed(report, "external_id", values::external_id),
        mfa_serial: fields.parsed(report, "mfa_serial", values::mfa_serial),
        duration: fields.length(report, "duration", |text| values::session_length(text, given.own_endpoint)),
        session_name: fields.parsed(report, "session_name", values::session_name),
        source_identity: fields.parsed(report, "source_identity", values::source_identity),
        transitive_tags: transitive_tags(report, fields, &tags),
        tags,
        policy: fields.parsed(report, "policy", |text| policy(text, folder)),
        policy_arns: fields.list(report, "policy_arns", values::policy_arn),
        buckets: fields.list(report, "buckets", str::parse),
        requester_pays: fields.list(report, "requester_pays", bucket_name),
        ..Role::new(arn.unwrap_or_else(values::no_role), account)
    };
    if role.policy_arns.len() > 10 {
        let count = role.policy_arns.len();
        report.add(fields.at("policy_arns"), format!("policy_arns: AWS takes at most 10, not {count}"));
    }
    (role, name)
}

fn tags(report: &mut Report, fields: &Fields<'_>) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let mut keys = HashSet::new();
    for (key, value) in fields.named_texts(report, "tags") {
        _ = parsed(report, "tags", key, values::tag_key);
        _ = parsed(report, "tags", value, values::tag_value);
        // IAM User Guide, "Rules for tagging in IAM and AWS STS": keys that differ in case alone are the same.
        if !keys.insert(key.value.to_lowercase()) {
            report.add(key.at, format!("tags: {} differs from another key in case alone", quoted(key.value)));
        }
        tags.insert(key.value.to_owned(), value.value.to_owned());
    }
    if tags.len() > 50 {
        report.add(fields.at("tags"), format!("tags: AWS takes at most 50, not {}", tags.len()));
    }
    tags
}

fn transitive_tags(report: &mut Report, fields: &Fields<'_>, tags: &BTreeMap<String, String>) -> Vec<String> {
    let mut seen = HashSet::new();
    let keys = fields.texts(report, "transitive_tags");
    for key in &keys {
        if !tags.contains_key(key.value) {
            let meant = report.did_you_mean(key.value, tags.keys().map(String::as_str));
            let message = format!("transitive_tags: {} is not among this role's tags{meant}", quoted(key.value));
            report.add(key.at, message);
        } else if !seen.insert(key.value) {
            report.add(key.at, format!("transitive_tags: {} is there twice", quoted(key.value)));
        }
    }
    keys.iter().map(|key| key.value.to_owned()).collect()
}

/// A bucket's name; `s3://` in front and `/` at the end are what people paste.
fn bucket_name(text: &str) -> Result<String, String> {
    let name = text.strip_prefix("s3://").unwrap_or(text);
    let name = name.strip_suffix('/').unwrap_or(name);
    check_bucket_name(name).map(|()| name.to_owned())
}

/// A session policy: JSON as it stands, or the name of a file beside the profile file.
fn policy(text: &str, folder: &Path) -> Result<String, String> {
    if text.trim_start().starts_with('{') {
        return values::session_policy(text);
    }
    if text.trim().is_empty() {
        return Err("write the policy's JSON or the name of a file".into());
    }
    let path = folder.join(text);
    let cannot =
        |error: std::io::Error| format!("cannot read the policy file {}: {error}", quoted(&path.to_string_lossy()));
    // A pipe or a device would never end.
    if !std::fs::metadata(&path).map_err(cannot)?.is_file() {
        return Err(format!("the policy file {} is no file", quoted(&path.to_string_lossy())));
    }
    // No policy that AWS takes is near this size, however many blanks it has.
    const MOST: u64 = 64 * 1024;
    let mut bytes = Vec::new();
    File::open(&path).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes)).map_err(cannot)?;
    let in_file = |what: String| format!("{what}, in {}", quoted(&path.to_string_lossy()));
    if bytes.len() as u64 > MOST {
        return Err(in_file("AWS takes a session policy of at most 2,048 characters, this is far more".into()));
    }
    let json = std::str::from_utf8(&bytes).map_err(|_| in_file("the policy is no UTF-8".into()))?;
    values::session_policy(json.trim_start_matches('\u{feff}')).map_err(in_file)
}

/// An alias means one role alone.
fn check_aliases(report: &mut Report, profile: &Profile, places: &[Place<'_>]) {
    let mut aliases: HashMap<&str, usize> = HashMap::new();
    for (place, role) in profile.roles.iter().enumerate() {
        let Some(alias) = role.alias.as_deref() else { continue };
        if let Some(first) = aliases.insert(alias, place) {
            let line = report.line(places[first].alias_at);
            let message = format!("the alias {} is on line {line} already", quoted(alias));
            report.add(places[place].alias_at, message);
        }
    }
    if !aliases.keys().any(|alias| alias.contains('/')) {
        return;
    }
    for index in profile.indices() {
        let label = profile.label(index);
        if let Some(place) = aliases.get(label.as_str())
            && *place != index.0
        {
            report.add(places[*place].alias_at, format!("the alias {} is the name of another role", quoted(&label)));
        }
    }
}
