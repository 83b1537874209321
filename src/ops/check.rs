//! `xsw check`: is everything in place, and if not, what is missing.

use super::Core;
use crate::aws::source::SourceKind;
use crate::aws::sts::CLOCK_LIMIT;
use crate::domain::duration::clock_off;
use crate::domain::role::Source;
use crate::domain::text::escaped;
use crate::local::files;
use crate::local::log;

/// What to use in place of long-lived keys (IAM User Guide, "Security best practices in IAM").
const NO_KEYS: &str = "better: IAM Identity Center (`aws configure sso`), `aws login`, or a password manager as \
                       credential_process";

/// Of which kind a source is.
#[derive(Default)]
struct Kind {
    words: String,
    /// Whether its credentials may lie about as they are.
    keeps_keys: bool,
}

/// How something stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It works.
    Good,
    /// It works, but something about it should be known.
    Warning,
    /// It does not work.
    Bad,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct Finding {
    /// How it stands.
    pub standing: Standing,
    /// `profile file`, `source corp`, `clock`, …
    pub subject: String,
    /// What was seen, fit for a terminal.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    /// Something that works.
    pub fn good(subject: impl Into<String>, message: impl Into<String>) -> Self {
        let message = escaped(&message.into()).into_owned();
        Self { standing: Standing::Good, subject: subject.into(), message, hint: None }
    }

    /// Something that works, with a remark.
    pub fn warning(subject: impl Into<String>, message: impl Into<String>, hint: &str) -> Self {
        let (message, hint) = (escaped(&message.into()).into_owned(), Some(hint.to_owned()));
        Self { standing: Standing::Warning, subject: subject.into(), message, hint }
    }

    /// Something that does not work.
    pub fn bad(subject: impl Into<String>, error: &crate::Error) -> Self {
        let (message, hint) = (error.to_string(), error.hint());
        Self { standing: Standing::Bad, subject: subject.into(), message, hint }
    }
}

impl Core {
    /// Asks every source who it is, and looks at the clock and the state directory. Takes as long as AWS does.
    pub async fn check(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut clock = None;
        for (name, role) in self.roles_by_source() {
            let subject = format!("source {name}");
            match self.source_identity(role).await {
                Ok(identity) => {
                    clock = clock.or(identity.clock_ahead);
                    let kind = self.kind_of_source(name).await;
                    findings.push(Finding::good(&subject, format!("{} ({})", identity.arn, kind.words)));
                    if identity.arn.ends_with(":root") {
                        let hint = "AWS advises to sign in as a user or through IAM Identity Center";
                        findings.push(Finding::warning(&subject, "these are the root user's keys", hint));
                    } else if kind.keeps_keys && self.source_keys(role).await.is_ok_and(|keys| keys.long_lived) {
                        let message = "these are long-lived keys: they work for whoever gets hold of them, until they \
                                       are deleted";
                        findings.push(Finding::warning(&subject, message, NO_KEYS));
                    }
                }
                Err(error) => findings.push(Finding::bad(&subject, &error)),
            }
        }
        findings.extend(self.sources_without_roles());
        findings.extend(clock.map(clock_finding));
        findings.push(self.check_state_directory());
        findings
    }

    /// What a source is, in a few words.
    async fn kind_of_source(&self, name: &str) -> Kind {
        let Some(source) = self.profile.sources.get(name) else { return Kind::default() };
        let kind = self.aws.source_kind(source).await;
        let words = match source {
            Source::AwsProfile(profile) => format!("AWS profile {profile}: {kind}"),
            _ => kind.to_string(),
        };
        Kind { words, keeps_keys: matches!(kind, SourceKind::Keys | SourceKind::Environment) }
    }

    /// Sign-ins that have given nothing yet.
    fn sources_without_roles(&self) -> Vec<Finding> {
        let asked = self.roles_by_source();
        let silent = self.profile.sources.iter().filter(|(name, source)| {
            matches!(source, Source::IdentityCenter { .. }) && !asked.iter().any(|(known, _)| known == name)
        });
        let finding = |(name, _): (&String, &Source)| {
            let hint = format!("sign in: `xsw login {name}`");
            Finding::warning(format!("source {name}"), "nobody has signed in yet, so it gives no roles", &hint)
        };
        silent.map(finding).collect()
    }

    fn check_state_directory(&self) -> Finding {
        let directory = self.environment.state_directory();
        let written = files::make_directory(&directory)
            .and_then(|()| tempfile::tempfile_in(&directory))
            .map_err(crate::Error::file("write in", &directory));
        match written {
            Ok(_) => {
                Finding::good("state", format!("{} (log: {})", directory.display(), log::path(&directory).display()))
            }
            Err(error) => Finding {
                standing: Standing::Warning,
                hint: Some("xsw goes on without keeping sessions; set XSW_STATE_DIR to a folder of your own".into()),
                ..Finding::bad("state", &error)
            },
        }
    }
}

fn clock_finding(ahead: i64) -> Finding {
    let off = clock_off(ahead);
    match ahead.abs() {
        0..=5 => Finding::good("clock", "agrees with AWS's"),
        6..CLOCK_LIMIT => Finding::warning("clock", off, "switch on time synchronization (NTP)"),
        _ => Finding { message: off.clone(), ..Finding::bad("clock", &crate::Error::Clock { message: off }) },
    }
}
