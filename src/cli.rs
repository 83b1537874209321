//! The verbs: read the command line, call one operation, print its value.

mod accounts;
mod cat;
mod check;
pub mod completions;
mod console;
mod cp;
mod credential_process;
mod du;
mod examples;
mod exec;
mod explain;
mod find;
mod get;
mod history;
mod import;
pub mod job;
mod login;
mod logout;
mod ls;
mod man;
mod on_failure;
pub mod output;
mod place;
pub mod policy;
mod presign;
mod progress;
mod prompt;
mod rows;
mod stop;
mod versions;
mod whoami;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::config::{Origin, Places};
use crate::domain::role::RoleIndex;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::env_format::Format;
use crate::local::environment::Environment;
use crate::ops::Core;
use place::Place;
use stop::until_stopped;

/// Switch AWS accounts and roles, see how long the session lives, look into buckets.
///
/// Without a verb: the screen.
#[derive(Debug, Parser)]
#[command(name = "xsw", version, max_term_width = 100, after_help = examples::ALL)]
pub struct Arguments {
    /// Options that every verb takes.
    #[command(flatten)]
    pub common: Common,
    /// `None` is the screen.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

/// Options that every verb takes. Debug does not show the code.
#[derive(Clone, Default, Args)]
#[command(next_help_heading = "Common options")]
pub struct Common {
    /// The profile file [default: $XSW_CONFIG, else config.toml in the configuration directory of xsw]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The AWS region; beats the profile file's
    #[arg(long, global = true, value_name = "REGION")]
    pub region: Option<String>,
    /// The six digits of the MFA device, where a role wants them [default: asked in the terminal]
    #[arg(long, global = true, value_name = "CODE")]
    pub mfa_code: Option<String>,
}

impl Common {
    /// Where the profile may be.
    pub fn places(&self, environment: &Environment) -> Places {
        Places {
            named: self.config.clone().or(environment.named_config()),
            default_file: environment.default_config(),
            aws_config: environment.aws_config(),
            aws_credentials: environment.aws_credentials(),
            snapshot: Some(environment.state_directory().join("profile")),
        }
    }
}

impl std::fmt::Debug for Common {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Common")
            .field("config", &self.config)
            .field("region", &self.region)
            .field("mfa_code", &self.mfa_code.as_ref().map(|_| "[redacted]"))
            .finish()
    }
}

/// What xsw is asked to do.
///
/// Help tells the verbs in the order in which people need them: what sets up (10), what there is (20), what holds a
/// session (30), what is about S3 (40), what comes afterwards (50), what is for packagers (60).
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The screen, or any other verb, against an embedded cloud: no account, no network, no set-up
    #[cfg(feature = "demo")]
    #[command(display_order = 10, after_long_help = examples::DEMO)]
    Demo {
        /// A verb and its arguments, such as `ls s3://hub-artifacts/ --as hub/Developer`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "VERB")]
        arguments: Vec<OsString>,
    },
    /// Accounts, roles, which have a live session, and how long it lives
    #[command(display_order = 20)]
    Accounts {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
    /// Who AWS says that you are: with the source credentials, or with a role
    #[command(display_order = 21)]
    Whoami {
        /// The role; without one, the source credentials (in a subshell of xsw, its role)
        role: Option<String>,
        /// Which source, when the profile file has several
        #[arg(long, conflicts_with = "role", value_name = "SOURCE")]
        source: Option<String>,
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
    /// A role's session as environment settings
    #[command(display_order = 32, after_long_help = examples::ENV)]
    Env {
        /// The role
        #[arg(required_unless_present = "unset")]
        role: Option<String>,
        /// Whose syntax
        #[arg(long, value_enum, default_value_t = Format::Sh)]
        format: Format,
        /// Settings that take the session back
        #[arg(long)]
        unset: bool,
        /// Whether a guarded account's name need not be typed
        #[command(flatten)]
        guard: Guard,
    },
    /// One command that holds a role's session; its exit status is xsw's
    #[command(display_order = 31, after_long_help = examples::EXEC)]
    Exec {
        /// The role
        role: String,
        /// Whether the session renews itself
        #[command(flatten)]
        renewal: Renewal,
        /// Whether a guarded account's name need not be typed
        #[command(flatten)]
        guard: Guard,
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// A subshell that holds a role's session; its exit status is xsw's
    #[command(display_order = 30)]
    Shell {
        /// The role
        role: String,
        /// Whether the session renews itself
        #[command(flatten)]
        renewal: Renewal,
        /// Whether a guarded account's name need not be typed
        #[command(flatten)]
        guard: Guard,
    },
    /// A role's session as `credential_process` of an AWS profile wants it
    #[command(display_order = 34)]
    CredentialProcess {
        /// The role
        role: String,
    },
    /// The AWS web console, signed in as a role
    #[command(display_order = 33)]
    Console {
        /// The role [default: in a subshell of xsw, its role]
        role: Option<String>,
        /// The console's service, as its address names it: s3, ec2, cloudwatch [default: the home page]
        #[arg(long, value_name = "SERVICE")]
        service: Option<String>,
        /// Print the address that signs in, a secret for 15 minutes, and open no browser
        #[arg(long)]
        url: bool,
        /// Whether a guarded account's name need not be typed
        #[command(flatten)]
        guard: Guard,
    },
    /// Buckets, prefixes, objects
    #[command(display_order = 40, after_long_help = examples::LS)]
    Ls {
        /// `s3://bucket/prefix`; without one, or with `s3://`, the buckets of the account
        uri: Option<Place>,
        /// The role
        #[command(flatten)]
        role: As,
        /// All objects below the prefix
        #[arg(short, long)]
        recursive: bool,
        /// JSON Lines: one object for each line
        #[arg(long)]
        json: bool,
        /// Count and size at the end
        #[arg(long)]
        summarize: bool,
        /// Versions and delete markers, the newest of each key first
        #[arg(long, requires = "uri")]
        versions: bool,
    },
    /// Objects below a prefix by name, size and age
    #[command(display_order = 41, after_long_help = examples::FIND)]
    Find(FindArguments),
    /// Size and number of the objects below a prefix
    #[command(display_order = 42)]
    Du(DuArguments),
    /// Download objects, or everything below a prefix
    #[command(display_order = 43, override_usage = "xsw get [OPTIONS] <S3URI>... [DEST]", after_long_help = examples::GET)]
    Get(GetArguments),
    /// Copy objects, or everything below a prefix, to another bucket or account
    #[command(display_order = 46, after_long_help = examples::CP)]
    Cp(Box<CpArguments>),
    /// Print objects
    #[command(display_order = 44, after_long_help = examples::CAT)]
    Cat {
        /// `s3://bucket/key`
        #[arg(required = true)]
        uris: Vec<S3Uri>,
        /// The role
        #[command(flatten)]
        role: As,
        /// This version of the one object
        #[arg(long, value_name = "ID")]
        version_id: Option<String>,
    },
    /// An address that gives an object to whoever has it, for a while
    #[command(display_order = 45, after_long_help = examples::PRESIGN)]
    Presign {
        /// `s3://bucket/key`
        uri: S3Uri,
        /// The role
        #[command(flatten)]
        role: As,
        /// How long it lives: 15m, 1h, 7d; no longer than the session that signs it [default: 1h]
        #[arg(long, value_name = "LENGTH", value_parser = presign::length)]
        expires: Option<Duration>,
        /// This version of the object
        #[arg(long, value_name = "ID")]
        version_id: Option<String>,
    },
    /// Why a role can or cannot be assumed, or reach a bucket, and what would mend it
    ///
    /// The exit status is 0 for allowed, 3 for denied, 1 where it depends on what cannot be seen from here.
    Explain(ExplainArguments),
    /// The least policies for it, as JSON: for every side that must agree
    #[command(display_order = 23)]
    Policy {
        /// What they are for
        #[command(subcommand)]
        thing: policy::Thing,
    },
    /// A profile file from the role profiles of ~/.aws/config
    #[command(display_order = 11)]
    Import {
        /// Where it goes; `-` is stdout [default: the profile file]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// Overwrite a file that is there without asking
        #[arg(short, long)]
        force: bool,
    },
    /// Sign in to IAM Identity Center, and read which accounts and roles it gives
    #[command(display_order = 12)]
    Login {
        /// The source, when the profile file has several that are signed in to
        source: Option<String>,
        /// Show a code to type on any machine, and open no browser here
        #[arg(long)]
        device_code: bool,
    },
    /// Forget sessions, or sign out of IAM Identity Center
    #[command(display_order = 51)]
    Logout {
        /// A role, or a source to sign out of [default: in a subshell of xsw, its role]
        #[arg(value_name = "ROLE|SOURCE")]
        name: Option<String>,
        /// Every session
        #[arg(long, conflicts_with = "name")]
        all: bool,
    },
    /// The audit trail: which sessions were made, and for what
    #[command(display_order = 50)]
    History {
        /// Only this role
        #[arg(long, value_name = "ROLE")]
        role: Option<String>,
        /// Only this event: assume, renew, env, shell, exec, console, download, copy, presign, mend or refusal, which is whatever AWS denied
        #[arg(long, value_name = "EVENT")]
        event: Option<String>,
        /// Only what is no older: 30m, 12h, 7d, or a date
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// The newest so many
        #[arg(short = 'n', long, value_name = "NUMBER")]
        limit: Option<usize>,
        /// JSON Lines: one object for each event
        #[arg(long)]
        json: bool,
    },
    /// Shell completions that know the roles of the profile file
    #[command(display_order = 60)]
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: completions::Shell,
    },
    /// The manual page
    #[command(display_order = 61)]
    Man,
    /// Check the profile file, the source credentials, the clock, the terminal
    #[command(display_order = 13)]
    Check {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
}

/// What `xsw explain` explains.
#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// The role
    #[arg(required_unless_present = "graph")]
    role: Option<String>,
    /// `s3://bucket/prefix` that it should reach
    uri: Option<S3Uri>,
    /// Look with this role too, in its account; may be repeated
    #[arg(long, value_name = "ROLE")]
    with: Vec<String>,
    /// Whether it may write there, which takes listing what is there already; nothing is written to find out
    #[arg(long, requires = "uri")]
    write: bool,
    /// Write the policy that is missing, as the role of --with in whose account it is; asks for that account's name
    #[arg(long, requires = "with", conflicts_with_all = ["json", "graph"])]
    mend: bool,
    /// Do not ask for the account's name before --mend writes
    #[arg(short, long, requires = "mend")]
    yes: bool,
    /// Who may assume what among the configured accounts, as far as it can be seen
    #[arg(long, conflicts_with_all = ["role", "json"])]
    graph: bool,
    /// How the graph is written
    #[arg(long, value_enum, default_value_t = GraphFormat::Text, requires = "graph")]
    format: GraphFormat,
    /// One JSON document
    #[arg(long)]
    json: bool,
}

/// How a graph is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum GraphFormat {
    /// For people
    Text,
    /// For Graphviz
    Dot,
}

/// What `xsw find` looks for, and where.
#[derive(Debug, Args)]
pub struct FindArguments {
    /// `s3://bucket/prefix`
    uri: S3Uri,
    /// The role
    #[command(flatten)]
    role: As,
    /// Only keys like this glob: without a slash it is about their last part, with one about all behind the prefix
    #[arg(long = "name", value_name = "GLOB")]
    names: Vec<String>,
    /// No keys like this glob
    #[arg(long = "not-name", value_name = "GLOB")]
    not_names: Vec<String>,
    /// Only of this size: +1MiB is at least, -10K at most, 22 exactly so many bytes; K is KiB, KB is 1,000 bytes
    #[arg(long, value_name = "SIZE", allow_hyphen_values = true)]
    size: Vec<String>,
    /// Only what was written since: 30m, 12h, 7d, or a date
    #[arg(long, value_name = "TIME")]
    newer: Option<String>,
    /// Only what was written before: 30m, 12h, 7d, or a date
    #[arg(long, value_name = "TIME")]
    older: Option<String>,
    /// s3:// URIs and nothing else, one on each line: for other programs
    #[arg(long = "uri", id = "uri_names", conflicts_with_all = ["json", "summarize"])]
    uri_names: bool,
    /// Keys (or with --uri, URIs) and nothing else, a NUL behind each, for a key may hold a line end: for xargs -0
    #[arg(short = '0', long, conflicts_with_all = ["json", "summarize"])]
    null: bool,
    /// JSON Lines: one object for each line
    #[arg(long)]
    json: bool,
    /// Count and size at the end
    #[arg(long)]
    summarize: bool,
}

/// What `xsw get` fetches, and how.
#[derive(Debug, Args)]
pub struct GetArguments {
    /// `s3://bucket/key …` and, last, the file or folder they go to [default: this folder; with -r a folder in it, with
    /// the name of the prefix or bucket]
    #[arg(required = true, value_name = "S3URI… DEST")]
    paths: Vec<String>,
    /// The role
    #[command(flatten)]
    role: As,
    /// Everything below the prefix, into DEST as it is below the prefix; files that are there and equal are left as they
    /// are
    #[arg(short, long)]
    recursive: bool,
    /// Overwrite files that are there: the same as --if-exists overwrite
    #[arg(short, long, conflicts_with = "if_exists")]
    force: bool,
    /// What happens to files that are there and differ [default: ask in a terminal, else leave them and fail]
    #[arg(long, value_enum, value_name = "WHAT")]
    if_exists: Option<IfExistsWord>,
    /// Which objects below the prefix
    #[command(flatten)]
    chosen: job::Chosen,
    /// This version of the one object
    #[arg(long, value_name = "ID", conflicts_with = "recursive")]
    version_id: Option<String>,
    /// Tell what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Memory that xsw may use, as near as it can be kept [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<String>,
    /// JSON Lines: one object for each file
    #[arg(long)]
    json: bool,
}

/// What happens to a file that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum IfExistsWord {
    /// Leave it
    Skip,
    /// Replace it
    Overwrite,
    /// Leave it, and write beside it under a free name, which is told: report (2).csv
    Rename,
    /// Ask for each
    Ask,
}

/// What `xsw cp` copies, and how.
#[derive(Debug, Args)]
pub struct CpArguments {
    /// `s3://bucket/key …` and, last, where they go: a key, or a prefix that ends in `/`
    #[arg(required_unless_present_any = ["batch_follow", "batch_cancel"], num_args = 2.., value_name = "S3URI")]
    paths: Vec<String>,
    /// The role that reads [default: the one of --to; in a subshell of xsw, its role]
    #[arg(long, value_name = "ROLE")]
    from: Option<String>,
    /// The role that writes [default: the one of --from]
    #[arg(long, value_name = "ROLE")]
    to: Option<String>,
    /// One role that does both
    #[arg(long = "as", value_name = "ROLE", conflicts_with_all = ["from", "to"])]
    name: Option<String>,
    /// Everything below the prefix; copies that are there and equal are left as they are
    #[arg(short, long)]
    recursive: bool,
    /// Replace objects that are there and differ: the same as --if-exists overwrite
    #[arg(short, long, conflicts_with = "if_exists")]
    force: bool,
    /// What happens to objects that are there and differ [default: leave them and fail]
    #[arg(long, value_enum, value_name = "WHAT")]
    if_exists: Option<CpIfExists>,
    /// Which objects below the prefix
    #[command(flatten)]
    chosen: job::Chosen,
    /// This version of the one object
    #[arg(long, value_name = "ID", conflicts_with = "recursive")]
    version_id: Option<String>,
    /// Have S3 copy by itself, or fail
    #[arg(long, conflicts_with = "streamed")]
    server_side: bool,
    /// Copy through this machine
    #[arg(long)]
    streamed: bool,
    /// STANDARD_IA, GLACIER_IR, …; `keep` is each source's own [default: STANDARD]
    #[arg(long, value_name = "CLASS")]
    storage_class: Option<String>,
    /// How the copies are encrypted [default: as the target bucket does it]
    #[arg(long, value_enum, value_name = "HOW")]
    encryption: Option<EncryptionWord>,
    /// The KMS key that encrypts them
    #[arg(long, value_name = "ARN")]
    kms_key: Option<String>,
    /// Leave the tags behind
    #[arg(long)]
    no_tags: bool,
    /// The roles pay for the requests, where the owner of a bucket wants that
    #[arg(long)]
    requester_pays: bool,
    /// Tell what would be copied, and copy nothing
    #[arg(long)]
    dry_run: bool,
    /// Memory that xsw may use, as near as it can be kept [default: 64MiB]
    #[arg(long, value_name = "SIZE")]
    max_memory: Option<String>,
    /// A command that gets the record of a failure on its stdin [default: `on_failure` in the profile file]
    #[arg(long, value_name = "COMMAND")]
    on_failure: Option<String>,
    /// JSON Lines: the plan, then one object for each copy
    #[arg(long)]
    json: bool,
    /// More than one machine's work
    #[command(flatten)]
    batch: BatchArguments,
}

/// A copy by S3 Batch Operations.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "S3 Batch Operations")]
pub struct BatchArguments {
    /// Have S3 Batch Operations copy: for millions of objects and more; what is listed is written down as its manifest
    #[arg(
        long,
        requires_all = ["recursive", "batch_role", "batch_place"],
        conflicts_with_all = ["server_side", "streamed", "batch_follow", "batch_cancel"],
        hide = cfg!(not(feature = "batch")),
    )]
    batch: bool,
    /// The role that the job works under, in the account of --to; `xsw policy copy --batch` prints what it needs
    #[arg(long, value_name = "ROLE_ARN|NAME", requires = "batch", hide = cfg!(not(feature = "batch")))]
    batch_role: Option<String>,
    /// Where manifests and reports go
    #[arg(long, value_name = "S3URI", requires = "batch", hide = cfg!(not(feature = "batch")))]
    batch_place: Option<String>,
    /// Follow a job that runs in the account of --to
    #[arg(
        long,
        value_name = "JOB_ID",
        conflicts_with_all = ["paths", "batch_cancel"],
        hide = cfg!(not(feature = "batch")),
    )]
    batch_follow: Option<String>,
    /// Cancel a job; what it has copied stays
    #[arg(long, value_name = "JOB_ID", conflicts_with = "paths", hide = cfg!(not(feature = "batch")))]
    batch_cancel: Option<String>,
}

/// What happens to an object that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CpIfExists {
    /// Leave it
    Skip,
    /// Replace it
    Overwrite,
}

/// How copies are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum EncryptionWord {
    /// Keys that S3 manages
    #[value(name = "AES256")]
    Aes256,
    /// A KMS key
    #[value(name = "aws:kms")]
    Kms,
}

/// What `xsw du` adds up.
#[derive(Debug, Args)]
pub struct DuArguments {
    /// `s3://bucket/prefix`
    uri: S3Uri,
    /// The role
    #[command(flatten)]
    role: As,
    /// The prefixes down to this level too
    #[arg(short, long, value_name = "LEVELS")]
    depth: Option<usize>,
    /// One JSON document; with --depth JSON Lines, the whole in the last
    #[arg(long)]
    json: bool,
}

/// The guard of accounts with `confirm = true`.
#[derive(Clone, Copy, Debug, Args)]
pub struct Guard {
    /// Do not ask for the name of an account that says `confirm = true`
    #[arg(short, long)]
    yes: bool,
}

/// Whether a child's session renews itself.
#[derive(Clone, Copy, Debug, Args)]
pub struct Renewal {
    /// Renew the session while the command runs [default: `renew` in the profile file]
    #[arg(long, overrides_with = "no_renew")]
    renew: bool,
    /// Do not
    #[arg(long, overrides_with = "renew", hide = true)]
    no_renew: bool,
}

impl Renewal {
    /// What the command line says, else `configured`.
    fn or(self, configured: bool) -> bool {
        self.renew || configured && !self.no_renew
    }
}

/// The role of the S3 verbs.
#[derive(Debug, Default, Args)]
pub struct As {
    /// The role [default: in a subshell of xsw, its role; else the only one there is]
    #[arg(long = "as", value_name = "ROLE")]
    name: Option<String>,
    /// The role pays for the requests, where the owner of a bucket wants that
    #[arg(long)]
    requester_pays: bool,
}

impl Verb {
    /// Whether errors are wanted as JSON too.
    pub fn json(&self) -> bool {
        match self {
            Self::Accounts { json }
            | Self::Whoami { json, .. }
            | Self::Ls { json, .. }
            | Self::Find(FindArguments { json, .. })
            | Self::Du(DuArguments { json, .. })
            | Self::Get(GetArguments { json, .. })
            | Self::Explain(ExplainArguments { json, .. })
            | Self::History { json, .. }
            | Self::Check { json } => *json,
            Self::Cp(asked) => asked.json,
            Self::Policy { thing } => thing.json(),
            _ => false,
        }
    }
}

/// What the verbs stand on.
#[derive(Clone, Debug)]
pub struct Context {
    /// The operations.
    pub core: Arc<Core>,
    /// Where the profile came from.
    pub origin: Origin,
    /// What could not be taken from `~/.aws/config`.
    pub notes: Vec<String>,
    /// What every verb was told.
    pub common: Common,
    /// How the keys.toml of the screen stands, for `xsw check`; `None` where there is none.
    pub keys_file: Option<Result<PathBuf>>,
}

/// Runs a verb and gives the exit status for when it went well: a child's own, else 0.
pub async fn run(verb: Verb, context: &Context) -> Result<u8> {
    // Signals are the child's, once it runs.
    let is_child = matches!(verb, Verb::Exec { .. } | Verb::Shell { .. });
    let work = answer(verb, context);
    let outcome = if is_child { work.await } else { until_stopped(work).await };
    context.say_notices();
    outcome
}

/// Runs a verb that needs no profile file; `None` is a verb that needs one.
pub async fn run_alone(verb: &Verb, environment: &Environment, common: &Common) -> Option<Result<u8>> {
    let done = match verb {
        Verb::Import { output, force } => {
            until_stopped(import::run(environment, common, output.as_deref(), *force)).await
        }
        Verb::History { role, event, since, limit, json } => {
            let filter = history::Filter { role: role.as_deref(), event: event.as_deref(), since: since.as_deref() };
            history::run(environment, &filter, *limit, *json)
        }
        Verb::Completions { shell } => completions::run(*shell),
        Verb::Man => man::run(),
        _ => return None,
    };
    Some(done.map(|()| 0))
}

async fn answer(verb: Verb, context: &Context) -> Result<u8> {
    let done = match verb {
        #[cfg(feature = "demo")]
        Verb::Demo { .. } => Err(Error::usage("`demo` cannot be inside `demo`")),
        Verb::Exec { role, renewal, guard, command } => {
            return exec::exec(context, &role, (renewal, guard), command).await;
        }
        Verb::Shell { role, renewal, guard } => return exec::shell(context, &role, (renewal, guard)).await,
        Verb::CredentialProcess { role } => credential_process::run(context, &role).await,
        // In a box, as what it asks of S3 and IAM is deep.
        Verb::Explain(asked) => return Box::pin(explain::run(context, asked)).await,
        Verb::Console { role, service, url, guard } => {
            console::run(context, role, &console::Options { service, url, guard }).await
        }
        Verb::Login { source, device_code } => login::run(context, source, device_code).await,
        Verb::Logout { name, all } => logout::run(context, name, all).await,
        // `run_alone` has done these.
        Verb::Import { .. } | Verb::History { .. } | Verb::Completions { .. } | Verb::Man => Ok(()),
        Verb::Accounts { json } => accounts::run(context, json),
        Verb::Whoami { role, source, json } => whoami::run(context, role, source, json).await,
        Verb::Env { role, format, unset, guard } => {
            exec::print_env(context, role.filter(|_| !unset), format, guard).await
        }
        Verb::Ls { uri, role, recursive, json, summarize, versions } => {
            let role = context.role_of(&role)?;
            let shape = ls::Shape { recursive, json, summarize };
            match uri.and_then(|place| place.0) {
                Some(uri) if versions => versions::run(context, role, &uri, &shape).await,
                None if versions => Err(Error::usage("versions are of a bucket: name one, s3://bucket")),
                uri => ls::run(context, role, uri, &shape).await,
            }
        }
        Verb::Find(asked) => find::run(context, context.role_of(&asked.role)?, &asked).await,
        Verb::Du(asked) => du::run(context, context.role_of(&asked.role)?, &asked).await,
        Verb::Get(asked) => get::run(context, context.role_of(&asked.role)?, asked).await,
        Verb::Cp(asked) => cp::run(context, *asked).await,
        Verb::Cat { uris, role, version_id } => {
            cat::run(context, context.role_of(&role)?, &uris, version_id.as_deref()).await
        }
        Verb::Presign { uri, role, expires, version_id } => {
            presign::run(context, context.role_of(&role)?, &uri, version_id.as_deref(), expires).await
        }
        Verb::Policy { thing } => policy::run(context, thing).await,
        Verb::Check { json } => check::run(context, json).await,
    };
    done.map(|()| 0)
}

impl Context {
    /// What the user should hear once, on stderr.
    fn say_notices(&self) {
        for notice in self.core.take_notices() {
            output::note(&notice);
        }
    }

    /// What to do while there are no roles: only a sign-in can bring some.
    fn sign_in_hint(&self) -> String {
        match self.core.sign_in_sources()[..] {
            [only] => format!("sign in: `xsw login {only}`"),
            _ => "sign in: `xsw login SOURCE`".into(),
        }
    }

    /// The role of an S3 verb: `--as`, else the subshell's, else the only one.
    fn role_of(&self, given: &As) -> Result<RoleIndex> {
        let role = self.named_role(given)?;
        if given.requester_pays {
            self.core.s3(role).pay();
        }
        Ok(role)
    }

    fn named_role(&self, given: &As) -> Result<RoleIndex> {
        let profile = &self.core.profile;
        if let Some(name) = given.name.as_deref().or(self.core.environment.get("XSW_ROLE")) {
            return profile.find(name);
        }
        match profile.roles.len() {
            0 => Err(Error::Usage { message: "there are no roles yet".into(), hint: Some(self.sign_in_hint()) }),
            1 => Ok(RoleIndex(0)),
            _ => Err(Error::Usage {
                message: "which role? There are several".into(),
                hint: Some("name it with --as ROLE; `xsw accounts` lists them".into()),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_never_shows_an_mfa_code() {
        let arguments = Arguments::parse_from(["xsw", "--mfa-code", "123456", "accounts"]);
        let shown = format!("{arguments:?}");
        assert!(shown.contains("[redacted]") && !shown.contains("123456"), "{shown}");
    }
}
