//! The subshell: the user's own shell with the session in its environment and its role in front of the prompt.
//!
//! The rc files that put it there are assets/shell/; they are the same for every session. What differs (the marker, the
//! credentials) travels in the environment, so nothing secret is in a file and no stranger's text is ever evaluated.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::child::{PROMPT, Plan};
use super::child_env::ChildEnv;
use crate::domain::text::escaped;
use crate::error::{Error, Result};

/// What is asked of a subshell.
#[derive(Clone, Copy, Debug)]
pub struct Subshell<'a> {
    /// `$SHELL`.
    pub shell: Option<&'a OsStr>,
    /// `account/role`, for the prompt.
    pub label: &'a str,
    /// The session, with the time of its end where it is not renewed.
    pub env: &'a ChildEnv,
}

impl Subshell<'_> {
    /// The shell with its rc files in place, ready for [`run`](super::child::run).
    ///
    /// `$SHELL` when it can be run, else the platform's; [`Plan::program`] tells which.
    pub fn plan(&self) -> Result<Plan> {
        let program = self.shell.filter(|shell| can_run(shell)).map_or_else(default_shell, OsStr::to_owned);
        let mut plan = Plan::new(&program, [], self.env);
        plan.set(PROMPT, format!("xsw {}", escaped(self.label)));
        match Kind::of(&program) {
            Kind::Bash => {
                let (rc, file) = self.rc_file(&mut plan, "bashrc", include_str!("../../assets/shell/xsw.bash"))?;
                plan.arg("--rcfile");
                plan.arg(file);
                plan.keep(rc);
            }
            Kind::Zsh => {
                let (rc, _) = self.rc_file(&mut plan, ".zshenv", include_str!("../../assets/shell/xsw.zsh"))?;
                match std::env::var_os("ZDOTDIR") {
                    Some(own) => plan.set("XSW_ZDOTDIR", own),
                    None => plan.unset("XSW_ZDOTDIR"),
                }
                plan.set("ZDOTDIR", rc.path());
                plan.keep(rc);
            }
            Kind::Fish => {
                let (rc, _) = self.rc_file(&mut plan, "xsw.fish", include_str!("../../assets/shell/xsw.fish"))?;
                // The folder's name goes the same safe way as everything else.
                plan.set("XSW_RC", rc.path());
                plan.arg("--init-command");
                plan.arg("source \"$XSW_RC/xsw.fish\"; set -e XSW_RC");
                plan.keep(rc);
            }
            Kind::Posix => plan.set("PS1", posix_prompt(std::env::var_os("PS1"))),
            Kind::Cmd => plan.set("PROMPT", cmd_prompt(&format!("xsw {}", escaped(self.label)))),
            Kind::Other => {}
        }
        Ok(plan)
    }

    /// Writes the rc file in a folder of its own, which only we can open, and lays copies of the session's variables
    /// beside it in the environment: the user's rc files may change the originals.
    fn rc_file(&self, plan: &mut Plan, name: &str, text: &str) -> Result<(TempDir, PathBuf)> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("xsw-shell-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let rc =
            builder.tempdir().map_err(Error::file("create a folder for the subshell in", &std::env::temp_dir()))?;
        let file = rc.path().join(name);
        std::fs::write(&file, text).map_err(Error::file("write", &file))?;
        let (mut hold, mut drop) = (Vec::new(), Vec::new());
        for (name, value) in self.env.iter() {
            match value {
                Some(value) => {
                    plan.set(format!("XSW_HOLD_{name}"), value);
                    hold.push(name);
                }
                None => drop.push(name),
            }
        }
        plan.set("XSW_HOLD", hold.join(" "));
        plan.set("XSW_DROP", drop.join(" "));
        Ok((rc, file))
    }
}

/// How a shell is given a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bash,
    Zsh,
    Fish,
    /// Takes PS1 from the environment and expands parameters in it.
    Posix,
    Cmd,
    Other,
}

impl Kind {
    fn of(program: &OsStr) -> Self {
        let name = Path::new(program).file_stem().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        match &*name {
            "bash" => Self::Bash,
            "zsh" => Self::Zsh,
            "fish" => Self::Fish,
            "sh" | "dash" | "ash" | "ksh" | "ksh93" | "mksh" | "oksh" | "yash" => Self::Posix,
            "cmd" => Self::Cmd,
            _ => Self::Other,
        }
    }
}

/// The marker of a POSIX shell. Its text is expanded once and its result not again.
const POSIX_MARK: &str = "(${XSW_PROMPT-}) ";

/// The prompt of the environment, which is seldom there, with the marker in front of it.
fn posix_prompt(exported: Option<OsString>) -> String {
    // Those of an xsw around this one; the second is that of assets/shell/.
    let own = exported.and_then(|prompt| prompt.into_string().ok()).unwrap_or_else(|| posix_default().into());
    format!("{POSIX_MARK}{}", own.replace(POSIX_MARK, "").replace("${__xsw_marker-}", ""))
}

/// What a POSIX shell shows when nobody tells it otherwise.
fn posix_default() -> &'static str {
    #[cfg(unix)]
    if rustix::process::geteuid().is_root() {
        return "# ";
    }
    "$ "
}

/// cmd's own prompt is the folder and `>`; a dollar sign begins its escapes.
fn cmd_prompt(marker: &str) -> String {
    format!("({}) $P$G", marker.replace('$', "$$"))
}

fn default_shell() -> OsString {
    if cfg!(windows) { std::env::var_os("COMSPEC").unwrap_or_else(|| "cmd.exe".into()) } else { "/bin/sh".into() }
}

/// Whether this is a file that we may run, or the name of one on the PATH.
fn can_run(shell: &OsStr) -> bool {
    let shell = Path::new(shell);
    // A bare name has an empty folder.
    if shell.parent().is_some_and(|folder| folder.as_os_str().is_empty()) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        return std::env::split_paths(&path).any(|folder| is_program(&folder.join(shell)));
    }
    is_program(shell)
}

#[cfg(unix)]
fn is_program(file: &Path) -> bool {
    file.is_file() && rustix::fs::access(file, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_program(file: &Path) -> bool {
    file.is_file() || file.with_extension("exe").is_file()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shells_are_known_by_their_names() {
        for (program, kind) in [
            ("/bin/bash", Kind::Bash),
            ("/opt/homebrew/bin/fish", Kind::Fish),
            ("zsh", Kind::Zsh),
            ("/usr/bin/dash", Kind::Posix),
            ("/usr/bin/nu", Kind::Other),
            ("/usr/bin/pwsh", Kind::Other),
            ("CMD.EXE", Kind::Cmd),
        ] {
            assert_eq!(Kind::of(OsStr::new(program)), kind, "{program}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_that_cannot_be_run_gives_way_to_sh() {
        let env = ChildEnv::default();
        for (shell, program) in [
            (None, "/bin/sh"),
            (Some(""), "/bin/sh"),
            (Some("/nowhere/zsh"), "/bin/sh"),
            (Some("/etc/passwd"), "/bin/sh"),
            (Some("/"), "/bin/sh"),
            (Some("/bin/sh"), "/bin/sh"),
            (Some("sh"), "sh"),
        ] {
            let subshell = Subshell { shell: shell.map(OsStr::new), label: "prod/S3Reader", env: &env };
            assert_eq!(subshell.plan().unwrap().program(), program, "{shell:?}");
        }
    }

    #[test]
    fn a_marker_replaces_that_of_an_xsw_around_it() {
        for (exported, prompt) in [
            (Some("me> "), "(${XSW_PROMPT-}) me> "),
            (Some("(${XSW_PROMPT-}) me> "), "(${XSW_PROMPT-}) me> "),
            (Some("${__xsw_marker-}me> "), "(${XSW_PROMPT-}) me> "),
        ] {
            assert_eq!(posix_prompt(exported.map(OsString::from)), prompt);
        }
        assert_eq!(cmd_prompt("xsw a$b/c"), "(xsw a$$b/c) $P$G");
    }

    #[cfg(unix)]
    #[test]
    fn the_rc_folder_is_ours_alone_holds_no_secret_and_goes_with_the_plan() {
        use std::os::unix::fs::PermissionsExt as _;
        let mut env = ChildEnv::default();
        env.set("AWS_SECRET_ACCESS_KEY", "very-secret");
        let subshell = Subshell { shell: None, label: "prod/S3Reader", env: &env };
        let mut plan = subshell.plan().unwrap();
        let (rc, file) = subshell.rc_file(&mut plan, "bashrc", include_str!("../../assets/shell/xsw.bash")).unwrap();
        let folder = rc.path().to_owned();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(!std::fs::read_to_string(file).unwrap().contains("very-secret"));
        plan.keep(rc);
        drop(plan);
        assert!(!folder.exists());
    }
}
