//! `xsw completions`: what makes a shell complete xsw's verbs, options and role names.
//!
//! The script that a shell reads once is short: at each Tab it calls `xsw -- WORDS…` with `COMPLETE=SHELL`, which
//! [`answer`] notices before anything else. Nothing is connected or written then, and no error said: a Tab is no time
//! for it.

mod bash;

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};
use std::io::Write as _;
#[cfg(feature = "demo")]
use std::path::Path;
use std::sync::{Arc, OnceLock};

use clap::{CommandFactory as _, ValueEnum};
use clap_complete::engine::{
    ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter, ValueCompleter as _,
    complete as candidates,
};

use super::{Arguments, Common, output};
use crate::config;
use crate::domain::role::Profile;
use crate::domain::text::escaped;
use crate::error::Result;
use crate::local::environment::Environment;
use crate::ops::audit::Deed;
use crate::ops::sign_in::add_discovered;

/// The shells that have completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash, also that of macOS
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
    /// PowerShell on every platform
    #[value(name = "powershell")]
    PowerShell,
}

/// The variable by which a shell asks.
const ASKS: &str = "COMPLETE";

pub(super) fn run(shell: Shell) -> Result<()> {
    output::print(|out| out.write_all(script(shell).as_bytes()))
}

fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => include_str!("../../assets/shell/completions.bash"),
        Shell::Zsh => include_str!("../../assets/shell/completions.zsh"),
        Shell::Fish => include_str!("../../assets/shell/completions.fish"),
        Shell::PowerShell => include_str!("../../assets/shell/completions.ps1"),
    }
}

/// Answers a shell that asks at a Tab; false when none does, and xsw runs as usual.
pub fn answer(mut words: impl Iterator<Item = OsString>) -> bool {
    let Some(shell) = std::env::var(ASKS).ok().and_then(|shell| Shell::from_str(&shell, false).ok()) else {
        return false;
    };
    // Somebody may have such a variable for a reason of their own.
    if words.nth(1).is_none_or(|word| word != "--") {
        return false;
    }
    let lines = answers(shell, words.collect(), &Environment::process());
    let lines: String = lines.into_iter().flat_map(|line| [line, "\n".into()]).collect();
    _ = std::io::stdout().lock().write_all(lines.as_bytes());
    true
}

/// One line for each candidate.
fn answers(shell: Shell, words: Vec<OsString>, environment: &Environment) -> Vec<String> {
    match shell {
        Shell::Bash => {
            let text = |word: Option<&OsString>| word.map(|word| word.to_string_lossy().into_owned());
            let (line, last) = (text(words.first()).unwrap_or_default(), text(words.get(1)).unwrap_or_default());
            let line = bash::Line::read(&line, &last, environment.path("HOME").as_deref());
            let found = offers(line.words.iter().map(OsString::from).collect(), environment);
            found.iter().filter_map(|offer| line.completed_by(&offer.value)).collect()
        }
        Shell::Zsh | Shell::Fish => offers(words, environment).iter().map(Offer::with_help).collect(),
        Shell::PowerShell => {
            let mut words = words;
            if let Some(last) = words.last_mut() {
                // The script says why.
                *last = last.to_string_lossy().strip_prefix('=').unwrap_or_default().into();
            }
            offers(words, environment).iter().map(Offer::with_help).collect()
        }
    }
}

/// What the last word may become, and a word about it.
#[derive(Debug, PartialEq, Eq)]
struct Offer {
    value: String,
    help: String,
}

impl Offer {
    fn with_help(&self) -> String {
        match self.help.as_str() {
            "" => self.value.clone(),
            help => format!("{}\t{help}", self.value),
        }
    }
}

/// What the last of `words` may become.
fn offers(mut words: Vec<OsString>, environment: &Environment) -> Vec<Offer> {
    let Some(current) = words.last().cloned() else { return Vec::new() };
    let last = words.len() - 1;
    // `xsw demo VERB` takes what `xsw VERB` takes, with other roles.
    let verb = words[..last].iter().skip(1).position(|word| !word.to_string_lossy().starts_with('-'));
    let in_demo = cfg!(feature = "demo") && verb.is_some_and(|place| words[place + 1] == "demo");
    if in_demo {
        words.remove(verb.unwrap_or_default() + 1);
    }
    let known = Arc::new(Known::new(&words, environment, in_demo));
    let mut command = command(&known, in_demo);
    let index = words.len() - 1;
    let here = std::env::current_dir().ok();
    let found = candidates(&mut command, words, index, here.as_deref()).unwrap_or_default();
    let offer = |candidate: &CompletionCandidate| {
        let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
        let help = escaped(help.lines().next().unwrap_or_default()).into_owned();
        Offer { value: candidate.get_value().to_string_lossy().into_owned(), help }
    };
    let mut offers: Vec<Offer> = found.iter().map(offer).filter(|offer| is_plain(&offer.value)).collect();
    // Options only for the one who begins one, or where there is nothing else.
    let is_option = |offer: &Offer| offer.value.starts_with('-');
    if current.is_empty() && offers.iter().any(|offer| !is_option(offer)) {
        offers.retain(|offer| !is_option(offer));
    }
    offers
}

/// Whether a shell may print it: nothing that a terminal obeys, or that cannot be seen.
fn is_plain(value: &str) -> bool {
    let rest = value.replace('\\', "");
    matches!(escaped(&rest), Cow::Borrowed(_))
}

/// The command line's description, with what completes its values, found by their names: whatever verb takes a ROLE
/// gets roles.
fn command(known: &Arc<Known>, in_demo: bool) -> clap::Command {
    let command = Arguments::command().disable_help_subcommand(true);
    let verbs: Vec<String> = command.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    verbs.into_iter().fold(command, |command, name| {
        command.mut_subcommand(&name, |verb| {
            let hidden = in_demo && verb.get_name() == "demo";
            completed_below(verb.hide(hidden), known)
        })
    })
}

/// A verb's arguments, and those of the verbs below it.
fn completed_below(verb: clap::Command, known: &Arc<Known>) -> clap::Command {
    let below: Vec<String> = verb.get_subcommands().map(|verb| verb.get_name().to_owned()).collect();
    let verb = verb.mut_args(|argument| completed(argument, known));
    let verb = if below.is_empty() { verb } else { verb.disable_help_subcommand(true) };
    below.into_iter().fold(verb, |verb, name| verb.mut_subcommand(&name, |verb| completed_below(verb, known)))
}

fn completed(argument: clap::Arg, known: &Arc<Known>) -> clap::Arg {
    let by_id = argument.get_id().as_str().to_uppercase();
    let named = argument.get_value_names().map(|names| names.join(" ")).unwrap_or(by_id);
    // `S3URI… DEST` is both.
    let paths = named.contains("DEST");
    let is = |kind: &str| named.split([' ', '|', '…']).any(|word| word.trim_end_matches('S') == kind);
    let (roles, sources, uris) = (is("ROLE"), is("SOURCE"), is("URI") || named.contains("S3URI"));
    if is("EVENT") {
        let events = || Deed::ALL.iter().map(|(name, _)| CompletionCandidate::new(name)).collect();
        return argument.add(ArgValueCandidates::new(events));
    }
    if !roles && !sources && !uris {
        return argument;
    }
    let known = Arc::clone(known);
    argument.add(ArgValueCompleter::new(move |current: &OsStr| {
        let text = current.to_string_lossy();
        let mut found = Vec::new();
        if roles {
            known.roles(&text, &mut found);
        }
        if sources {
            known.sources(&text, &mut found);
        }
        if uris {
            known.uris(&text, &mut found);
        }
        if paths && !text.starts_with("s3:") && (found.is_empty() || !text.is_empty()) {
            found.extend(PathCompleter::any().complete(current));
        }
        found
    }))
}

/// What the profile knows, read when it is first needed.
struct Known {
    profile: OnceLock<Option<Profile>>,
    common: Common,
    environment: Environment,
    /// The role that the line names with `--as`.
    role: Option<String>,
    in_demo: bool,
}

impl Known {
    fn new(words: &[OsString], environment: &Environment, in_demo: bool) -> Self {
        let value = |option: &str| {
            let mut words = words.iter().map(|word| word.to_string_lossy());
            while let Some(word) = words.next() {
                if word == option {
                    return words.next().map(Cow::into_owned);
                }
                if let Some(value) = word.strip_prefix(option).and_then(|rest| rest.strip_prefix('=')) {
                    return Some(value.to_owned());
                }
            }
            None
        };
        let common = Common { config: value("--config").map(Into::into), ..Common::default() };
        Self {
            profile: OnceLock::new(),
            common,
            role: value("--as").or_else(|| environment.get("XSW_ROLE").map(str::to_owned)),
            environment: environment.clone(),
            in_demo,
        }
    }

    /// `None` when there is none or it is wrong: `xsw check` says why.
    fn profile(&self) -> Option<&Profile> {
        let read = || match self.in_demo {
            #[cfg(feature = "demo")]
            true if self.common.config.is_none() => {
                config::parse(include_str!("../../assets/demo/config.toml"), Path::new("config.toml")).ok()
            }
            _ => {
                let mut profile = config::peek(&self.common.places(&self.environment)).ok()?.profile;
                add_discovered(&mut profile, &self.environment);
                Some(profile)
            }
        };
        self.profile.get_or_init(read).as_ref()
    }

    fn roles(&self, start: &str, found: &mut Vec<CompletionCandidate>) {
        let Some(profile) = self.profile() else { return };
        for index in profile.indices() {
            let (role, account) = (profile.role(index), profile.account(index));
            // Most are passed over without putting their labels together.
            let near = account.name.starts_with(start) || start.starts_with(&account.name);
            let label = OnceCell::new();
            let label = || label.get_or_init(|| profile.label(index)).clone();
            if near && label().starts_with(start) {
                let environment = account.environment.as_deref().map(|text| format!(" {text}")).unwrap_or_default();
                let help = format!("{}{environment}", account.id);
                found.push(candidate(label(), help));
            }
            if let Some(alias) = role.alias.as_deref().filter(|alias| alias.starts_with(start)) {
                found.push(candidate(alias.to_owned(), label()));
            }
        }
    }

    fn sources(&self, start: &str, found: &mut Vec<CompletionCandidate>) {
        let names = self.profile().into_iter().flat_map(|profile| profile.sources.keys());
        found.extend(names.filter(|name| name.starts_with(start)).map(CompletionCandidate::new));
    }

    /// The bookmarks of the role that the line or the subshell names, else of all.
    fn uris(&self, start: &str, found: &mut Vec<CompletionCandidate>) {
        let Some(profile) = self.profile() else { return };
        let named = self.role.as_deref().and_then(|name| profile.find(name).ok());
        let mut uris = Vec::new();
        for index in profile.indices().filter(|index| named.is_none_or(|named| named == *index)) {
            for uri in profile.role(index).buckets.iter().map(ToString::to_string) {
                if uri.starts_with(start) && !uris.contains(&uri) {
                    uris.push(uri);
                }
            }
        }
        found.extend(uris.into_iter().map(CompletionCandidate::new));
    }
}

/// A role. With a tag of its own, because the engine else puts one together for each of thousands.
fn candidate(name: String, help: String) -> CompletionCandidate {
    CompletionCandidate::new(name).help(Some(help.into())).tag(Some("roles".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(words: &[&str], file: &Path) -> Vec<String> {
        let mut environment = Environment::default();
        environment.overlay("XSW_CONFIG", Some(file.into()));
        let words = std::iter::once("xsw").chain(words.iter().copied()).map(OsString::from).collect();
        offers(words, &environment).into_iter().map(|offer| offer.value).collect()
    }

    const PROFILE: &str = "[sources.corp]\nprofile='x'\n[sources.sso]\nprofile='y'\n\
        [[accounts]]\nname='hub'\nid='111111111111'\nsource='corp'\n[[accounts.roles]]\nname='Jump'\nalias='jump'\n\
        [[accounts]]\nname='prod'\nid='222222222222'\nsource='corp'\n[[accounts.roles]]\nname='S3Reader'\nalias='reader'\n\
        buckets=['s3://one/','s3://two/x/']\n[[accounts.roles]]\nname='Admin'\nbuckets=['s3://one/']\n";

    #[test]
    fn every_place_for_a_role_a_source_or_a_bucket_knows_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, PROFILE).unwrap();
        let roles = ["hub/Jump", "jump", "prod/S3Reader", "reader", "prod/Admin"].as_slice();
        for (words, expected) in [
            (["shell", ""].as_slice(), roles),
            (&["exec", ""], roles),
            (&["env", ""], roles),
            (&["whoami", ""], roles),
            (&["console", ""], roles),
            (&["credential-process", ""], roles),
            (&["history", "--role", ""], roles),
            (&["ls", "--as", ""], roles),
            (&["get", "s3://x/", "--as", ""], roles),
            (&["policy", "trust", ""], roles),
            (&["policy", "trust", "jump", "--for", ""], roles),
            (&["policy", "copy", "--from", ""], roles),
            (&["policy", "read", "s3://x/", "--as", ""], roles),
            (&["policy", "copy", "--from", "jump", "s3://"], &["s3://one/", "s3://two/x/"]),
            (&["--region", "eu-west-1", "shell", "prod/"], &["prod/S3Reader", "prod/Admin"]),
            (&["shell", "r"], &["reader"]),
            (&["ls", "--as=j"], &["--as=jump"]),
            (&["shell", "nobody"], &[]),
            (&["whoami", "--source", ""], &["corp", "sso"]),
            (&["login", "s"], &["sso"]),
            (&["ls", "s3://"], &["s3://one/", "s3://two/x/"]),
            (&["ls", "--as", "prod/Admin", ""], &["s3://one/"]),
            (&["cat", "s3://t"], &["s3://two/x/"]),
            (&["get", ""], &["s3://one/", "s3://two/x/"]),
            (&["completions", "f"], &["fish"]),
            (&["shel"], &["shell"]),
            (&["shell", "--reg"], &["--region"]),
        ] {
            assert_eq!(known(words, &file), expected, "{words:?}");
        }
        assert!(known(&["logout", ""], &file).ends_with(&["corp".to_owned(), "sso".to_owned()]));
        let other = folder.path().join("other.toml");
        std::fs::write(&other, PROFILE.replace("'hub'", "'moon'")).unwrap();
        let config = format!("--config={}", other.display());
        assert_eq!(known(&[&config, "shell", "m"], &file), ["moon/Jump"]);
    }

    #[test]
    fn a_bad_profile_file_is_silent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, "[[accounts]]\nnonsense").unwrap();
        assert_eq!(known(&["shell", "p"], &file), Vec::<String>::new());
        assert_eq!(known(&["shell", "p"], &folder.path().join("none.toml")), Vec::<String>::new());
    }

    #[test]
    #[cfg(feature = "demo")]
    fn in_the_demo_its_own_roles_are_known() {
        let file = Path::new("no/such/file");
        assert_eq!(known(&["demo", "shell", "prod/S3"], file), ["prod/S3Reader"]);
        assert_eq!(known(&["demo", "ls", "--as", "reader", "s3://"], file), ["s3://gautamtest-assume-role/"]);
        assert!(known(&["demo", ""], file).contains(&"shell".to_owned()));
        assert!(!known(&["demo", ""], file).contains(&"demo".to_owned()));
    }

    #[test]
    fn what_a_terminal_would_obey_is_not_offered() {
        for (value, plain) in [
            ("prod/S3Reader", true),
            ("a b'$\"\\c", true),
            ("caf\u{e9}", true),
            ("a\u{202e}b", false),
            ("a\x1bb", false),
        ] {
            assert_eq!(is_plain(value), plain, "{value:?}");
        }
    }
}
