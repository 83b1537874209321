//! The verbs: read the command line, call one operation, print its value.

mod accounts;
mod cat;
mod check;
mod exec;
mod get;
mod ls;
pub mod output;
mod prompt;
mod whoami;

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, Parser, Subcommand};

use crate::config::Origin;
use crate::domain::role::RoleIndex;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::env_format::Format;
use crate::ops::Core;

/// Switch AWS accounts and roles, see how long the session lives, look into buckets.
///
/// Without a verb: the screen.
#[derive(Debug, Parser)]
#[command(name = "xsw", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Arguments {
    /// Options that every verb takes.
    #[command(flatten)]
    pub common: Common,
    /// `None` is the screen.
    #[command(subcommand)]
    pub verb: Option<Verb>,
}

const EXAMPLES: &str = "\
ROLE is account/role (prod/S3Reader), a role's alias, a role ARN, or any text that matches exactly one role.

Examples:
  xsw demo                                 look around without an AWS account
  xsw shell prod/S3Reader                  a subshell that holds the role's session
  xsw exec reader -- aws s3 ls             one command with it
  xsw ls s3://bucket/reports/ --as reader  look into a bucket";

/// Options that every verb takes.
#[derive(Clone, Debug, Default, Args)]
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

/// What xsw is asked to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The screen, or any other verb, against an embedded cloud: no account, no network, no set-up
    #[cfg(feature = "demo")]
    Demo {
        /// A verb and its arguments, such as `ls s3://hub-artifacts/ --as hub/Developer`
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "VERB")]
        arguments: Vec<OsString>,
    },
    /// Accounts, roles, which have a live session, and how long it lives
    Accounts {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
    /// Who AWS says that you are: with the source credentials, or with a role
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
    },
    /// One command that holds a role's session; its exit status is xsw's
    Exec {
        /// The role
        role: String,
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "CMD")]
        command: Vec<OsString>,
    },
    /// A subshell that holds a role's session; its exit status is xsw's
    Shell {
        /// The role
        role: String,
    },
    /// Buckets, prefixes, objects
    Ls {
        /// `s3://bucket/prefix`; without one, the buckets of the account
        uri: Option<S3Uri>,
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
    },
    /// Download objects, or everything below a prefix
    Get {
        /// `s3://bucket/key …` and, last, the file or folder they go to [default: .]
        #[arg(required = true, value_name = "S3URI… DEST")]
        paths: Vec<String>,
        /// The role
        #[command(flatten)]
        role: As,
        /// Everything below the prefix
        #[arg(short, long)]
        recursive: bool,
        /// Overwrite files that are there
        #[arg(short, long)]
        force: bool,
        /// JSON Lines: one object for each file
        #[arg(long)]
        json: bool,
    },
    /// Print objects
    Cat {
        /// `s3://bucket/key`
        #[arg(required = true)]
        uris: Vec<S3Uri>,
        /// The role
        #[command(flatten)]
        role: As,
    },
    /// Check the profile file, the source credentials, the clock, the terminal
    Check {
        /// One JSON document
        #[arg(long)]
        json: bool,
    },
}

/// The role of the S3 verbs.
#[derive(Debug, Args)]
pub struct As {
    /// The role [default: in a subshell of xsw, its role; else the only one there is]
    #[arg(long = "as", value_name = "ROLE")]
    name: Option<String>,
}

impl Verb {
    /// Whether errors are wanted as JSON too.
    pub fn json(&self) -> bool {
        match self {
            Self::Accounts { json }
            | Self::Whoami { json, .. }
            | Self::Ls { json, .. }
            | Self::Get { json, .. }
            | Self::Check { json } => *json,
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
}

/// Runs a verb and gives the exit status for when it went well: a child's own, else 0.
pub async fn run(verb: Verb, context: &Context) -> Result<u8> {
    let done = match verb {
        #[cfg(feature = "demo")]
        Verb::Demo { .. } => Err(Error::usage("`demo` cannot be inside `demo`")),
        Verb::Accounts { json } => accounts::run(context, json),
        Verb::Whoami { role, source, json } => whoami::run(context, role, source, json).await,
        Verb::Env { role, format, unset } => exec::print_env(context, role.filter(|_| !unset), format).await,
        Verb::Exec { role, command } => return exec::exec(context, &role, command).await,
        Verb::Shell { role } => return exec::shell(context, &role).await,
        Verb::Ls { uri, role, recursive, json, summarize } => {
            let role = context.role_of(&role)?;
            ls::run(context, role, uri, &ls::Shape { recursive, json, summarize }).await
        }
        Verb::Get { paths, role, recursive, force, json } => {
            let role = context.role_of(&role)?;
            get::run(context, role, &paths, &get::Options { recursive, force, json }).await
        }
        Verb::Cat { uris, role } => cat::run(context, context.role_of(&role)?, &uris).await,
        Verb::Check { json } => check::run(context, json).await,
    };
    context.say_notices();
    done.map(|()| 0)
}

impl Context {
    /// What the user should hear once, on stderr.
    fn say_notices(&self) {
        for notice in self.core.take_notices() {
            output::note(&notice);
        }
    }

    /// The role of an S3 verb: `--as`, else the subshell's, else the only one.
    fn role_of(&self, given: &As) -> Result<RoleIndex> {
        let profile = &self.core.profile;
        if let Some(name) = given.name.as_deref().or(self.core.environment.get("XSW_ROLE")) {
            return profile.find(name);
        }
        match profile.roles.len() {
            1 => Ok(RoleIndex(0)),
            _ => Err(Error::Usage {
                message: "which role? There are several".into(),
                hint: Some("name it with --as ROLE; `xsw accounts` lists them".into()),
            }),
        }
    }
}
