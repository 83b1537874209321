//! `xsw man`: the manual page, made from the command line's own description.

use clap::CommandFactory as _;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::{Arguments, output};
use crate::error::{Error, Result};

/// Names and what each is, for a section of the page.
type Table = &'static [(&'static str, &'static str)];

const FILES: Table = &[
    (
        "~/.config/xsw/config.toml",
        "The profile file: accounts, roles and where the first credentials come from. It never holds a secret. On macOS it \
         is in ~/Library/Application Support/xsw, on Windows in %APPDATA%. Without one, the role profiles of ~/.aws/config \
         stand in.",
    ),
    ("~/.config/xsw/keys.toml", "Other keys for the screen, beside the profile file."),
    (
        "~/.local/state/xsw",
        "Sessions (files of mode 0600), the log and the audit trail. On macOS it is ~/Library/Caches/xsw.",
    ),
    ("~/.aws/config, ~/.aws/credentials", "The profiles of the AWS CLI, which sources name. They are read only."),
    ("~/.aws/sso/cache", "IAM Identity Center sign-ins, shared with the AWS CLI."),
];

const ENVIRONMENT: Table = &[
    ("XSW_CONFIG", "The profile file, where --config names none."),
    ("XSW_STATE_DIR", "Where sessions, the log and the audit trail are kept."),
    ("XSW_LOG", "How much is logged: off, error, warn, info (the default), debug. Never a secret."),
    (
        "XSW_ROLE, XSW_ACCOUNT_ID, XSW_ROLE_ARN",
        "Set in the children of xsw: whose session they hold. In a subshell of xsw its role is the default of the verbs.",
    ),
    ("AWS_CONFIG_FILE, AWS_SHARED_CREDENTIALS_FILE", "The files of the AWS CLI, where they are not in ~/.aws."),
    ("AWS_REGION, AWS_DEFAULT_REGION", "The region, where neither --region nor the profile file names one."),
    (
        "AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_STS, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_SIGNIN",
        "Servers that answer in place of AWS: of all services, of STS, of S3, of the sign-in to the web console.",
    ),
    ("AWS_CA_BUNDLE", "A file with certificates that are trusted besides the platform's."),
    ("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The way to the network."),
    (
        "BROWSER",
        "What opens the web console and sign-in pages: commands separated by a colon, of which the first that starts is \
         taken; %s in one is the address.",
    ),
    ("SHELL", "The subshell of xsw shell."),
    ("NO_COLOR", "No colours, when it is set and not empty."),
];

const EXIT_STATUS: Table = &[
    ("0", "Done."),
    ("1", "Failed."),
    ("2", "Wrong usage, or a profile file with a mistake in it."),
    ("3", "Not allowed: AWS said AccessDenied."),
    ("4", "Signed out or expired, and nobody to ask."),
    ("126, 127", "The command of exec cannot be run, or is not there."),
    ("130", "Interrupted."),
    ("others", "exec and shell end with the status of their child, 128 and the number when a signal ended it."),
];

const EXAMPLES: Table = &[
    ("xsw demo", "Look around without an AWS account."),
    ("xsw", "The screen: pick a role, see how long its session lives, look into its buckets."),
    ("xsw shell prod/S3Reader", "A subshell that holds the role's session."),
    ("xsw exec reader -- aws s3 ls", "One command with it."),
    ("eval \"$(xsw env reader)\"", "The session in this very shell; eval \"$(xsw env --unset)\" takes it back."),
    ("xsw ls s3://bucket/reports/ --as reader", "Look into a bucket."),
    ("xsw console reader --service s3", "The web console in the browser, signed in."),
    (
        "credential_process = xsw credential-process prod/S3Reader",
        "In a profile of ~/.aws/config: every AWS SDK gets its sessions from xsw.",
    ),
    (
        "eval \"$(xsw completions bash)\"",
        "Completions, in ~/.bashrc; for zsh the same, for fish: xsw completions fish | source.",
    ),
];

pub(super) fn run() -> Result<()> {
    let page = page().map_err(Error::from)?;
    output::print(|out| out.write_all(page.as_bytes()))
}

fn page() -> std::io::Result<String> {
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    let man = Man::new(command.clone()).manual("User Commands");
    let mut parts: Vec<Vec<u8>> = Vec::new();
    let mut part = |render: &dyn Fn(&mut Vec<u8>) -> std::io::Result<()>| {
        let mut text = Vec::new();
        render(&mut text)?;
        parts.push(text);
        Ok::<_, std::io::Error>(())
    };
    part(&|to| man.render_title(to))?;
    part(&|to| man.render_name_section(to))?;
    part(&|to| man.render_synopsis_section(to))?;
    part(&|to| man.render_description_section(to))?;
    part(&|to| roles().to_writer(to))?;
    part(&|to| man.render_options_section(to))?;
    part(&|to| heading("SH", "VERBS").to_writer(to))?;
    let mut verbs: Vec<_> = command.get_subcommands().filter(|verb| !verb.is_hide_set()).collect();
    verbs.sort_by_key(|verb| verb.get_display_order());
    let verbs = verbs.into_iter().flat_map(|verb| std::iter::once(verb).chain(verb.get_subcommands()));
    for verb in verbs.filter(|verb| !verb.is_hide_set() && verb.get_name() != "help") {
        // What all verbs take is told once, above.
        let own = verb.clone().mut_args(|argument| {
            let known = argument.is_global_set() || argument.get_id() == "help";
            if known { argument.hide(true) } else { argument }
        });
        let man = Man::new(own);
        part(&|to| heading("SS", verb.get_bin_name().unwrap_or_else(|| verb.get_name())).to_writer(to))?;
        part(&|to| without_headings(|to| man.render_synopsis_section(to), to))?;
        part(&|to| new_paragraph().to_writer(to))?;
        part(&|to| without_headings(|to| man.render_description_section(to), to))?;
        part(&|to| without_headings(|to| man.render_options_section(to), to))?;
    }
    for (name, rows) in
        [("FILES", FILES), ("ENVIRONMENT", ENVIRONMENT), ("EXIT STATUS", EXIT_STATUS), ("EXAMPLES", EXAMPLES)]
    {
        part(&|to| table(name, rows).to_writer(to))?;
    }
    part(&|to| {
        let mut roff = heading("SH", "SEE ALSO");
        roff.text([
            bold("aws"),
            roman("(1); config.example.toml of the source code is the manual of the profile file."),
        ]);
        roff.to_writer(to)
    })?;
    let page: String = parts.iter().map(|part| String::from_utf8_lossy(part)).collect();
    Ok(in_ascii(&once(&page)))
}

/// What is no ASCII, by its number: not every roff reads UTF-8.
fn in_ascii(page: &str) -> String {
    let letter = |c: char| if c.is_ascii() { c.to_string() } else { format!("\\[u{:04X}]", u32::from(c)) };
    page.chars().map(letter).collect()
}

fn heading(level: &'static str, name: &str) -> Roff {
    let mut roff = Roff::default();
    roff.control(level, [name]);
    roff
}

fn new_paragraph() -> Roff {
    let mut roff = Roff::default();
    roff.control("PP", []);
    roff
}

fn roles() -> Roff {
    let mut roff = new_paragraph();
    roff.text([
        bold("ROLE"),
        roman(
            " is account/role (prod/S3Reader), a role's alias, a role ARN, or any text that matches exactly one role of \
             the profile file.",
        ),
    ]);
    roff
}

fn table(name: &str, rows: Table) -> Roff {
    let mut roff = heading("SH", name);
    for (name, text) in rows {
        roff.control("TP", []);
        roff.text([bold(*name)]);
        roff.text([roman(*text)]);
    }
    roff
}

/// What `render` writes but its headings: it stands below one of ours.
fn without_headings(render: impl Fn(&mut Vec<u8>) -> std::io::Result<()>, to: &mut Vec<u8>) -> std::io::Result<()> {
    let mut text = Vec::new();
    render(&mut text)?;
    for line in text.split_inclusive(|byte| *byte == b'\n').filter(|line| !line.starts_with(b".SH ")) {
        to.extend_from_slice(line);
    }
    Ok(())
}

/// Every part begins with the same two lines, which teach roff the apostrophe: once is enough. Blanks at the ends of lines
/// are nothing that roff wants.
fn once(page: &str) -> String {
    let mut lines = page.split_inclusive('\n');
    let preamble: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with(".TH")).collect();
    let rest = page.split_inclusive('\n').filter(|line| !preamble.contains(line));
    let lines = preamble.iter().copied().chain(rest).map(str::trim_end);
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_tells_every_verb_and_option_once_and_the_rest() {
        let page = page().unwrap();
        let plain = page.replace('\\', "");
        let mut command = Arguments::command().disable_help_subcommand(true);
        command.build();
        for verb in command.get_subcommands() {
            let section = format!("\n.SS \"xsw {}\"\n", verb.get_name());
            let (_, section) = plain.split_once(&section).unwrap_or_else(|| panic!("{section}: {plain}"));
            let section = section.split("\n.SS ").next().unwrap().split("\n.SH ").next().unwrap();
            for argument in verb.get_arguments().filter(|argument| !argument.is_hide_set()) {
                let Some(long) = argument.get_long() else { continue };
                let told = section.contains(&format!("--{long}"));
                let common = argument.is_global_set() || long == "help";
                assert_eq!(told, !common, "--{long} of {}: {section}", verb.get_name());
            }
        }
        assert_eq!(plain.matches("fB--mfa-codefR").count(), 2, "{plain}");
        for section in
            ["NAME", "SYNOPSIS", "VERBS", "FILES", "ENVIRONMENT", "\"EXIT STATUS\"", "EXAMPLES", "\"SEE ALSO\""]
        {
            assert_eq!(page.matches(&format!("\n.SH {section}\n")).count(), 1, "{section}: {page}");
        }
        assert_eq!(page.matches("\n.el ").count(), 1);
    }

    /// Where groff is installed, it has nothing to complain about.
    #[test]
    #[cfg(unix)]
    fn roff_reads_it_without_a_warning() {
        use std::io::Write as _;
        use std::process::{Command, Stdio};
        let mut groff = Command::new("groff");
        groff
            .args(["-man", "-ww", "-Tutf8", "-P-cbou"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let Ok(mut groff) = groff.spawn() else { return };
        groff.stdin.take().unwrap().write_all(page().unwrap().as_bytes()).unwrap();
        let output = groff.wait_with_output().unwrap();
        let (shown, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success() && said.is_empty(), "{said}");
        assert!(shown.contains("credential-process") && shown.contains("EXIT STATUS"), "{shown}");
    }
}
