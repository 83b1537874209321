//! `xsw completions`: what makes a shell complete xsw's verbs, options and role names.

use clap::ValueEnum;

use crate::error::Result;

/// The shells that have completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
}

pub(super) fn run(_shell: Shell) -> Result<()> {
    todo!()
}
