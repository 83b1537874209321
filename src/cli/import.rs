//! `xsw import`: a profile file from the role profiles of `~/.aws/config`.

use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::{Common, output};
use crate::config;
use crate::domain::role::Profile;
use crate::domain::text::{count, escaped};
use crate::error::{Error, Result};
use crate::local::environment::Environment;
use crate::local::{files, prompt};

pub(super) async fn run(environment: &Environment, common: &Common, output: Option<&Path>, force: bool) -> Result<()> {
    let (config, credentials) = (environment.aws_config(), environment.aws_credentials());
    let (profile, notes) = config::import(&config, &credentials)?;
    let text = heading(&config, &credentials) + &config::write(&profile);
    // A file that xsw itself would refuse is worse than none.
    config::parse(&text, Path::new("the imported profile"))?;
    let written = match output {
        Some(path) if path.as_os_str() == "-" => {
            output::print(|out| out.write_all(text.as_bytes()))?;
            "stdout".to_owned()
        }
        given => {
            let target = given.map(Path::to_owned).or(common.config.clone()).or(environment.named_config());
            let target = target.unwrap_or_else(|| environment.default_config());
            write_file(&target, &text, force).await?;
            escaped(&target.to_string_lossy()).into_owned()
        }
    };
    notes.iter().for_each(|note| output::note(note));
    output::note(&format!("{} to {written}", size(&profile)));
    Ok(())
}

/// What the file says of itself. Comments of the AWS CLI's files stay there: they may hold anything.
fn heading(config: &Path, credentials: &Path) -> String {
    let name = |path: &Path| escaped(&path.to_string_lossy()).into_owned();
    format!(
        "# The profile file of xsw, made by `xsw import` from {} and {}.\n# `xsw import --force` makes it anew; \
         config.example.toml is the manual.\n\n",
        name(config),
        name(credentials)
    )
}

/// `wrote 3 accounts, 7 roles, 2 sources`
fn size(profile: &Profile) -> String {
    let number = |number: usize, one: &str| match number {
        1 => format!("1 {one}"),
        _ => format!("{} {one}s", count(number as u64)),
    };
    format!(
        "wrote {}, {}, {}",
        number(profile.accounts.len(), "account"),
        number(profile.roles.len(), "role"),
        number(profile.sources.len(), "source")
    )
}

/// Writes the file whole or not at all. One that is there is overwritten with consent alone, and kept beside it.
async fn write_file(target: &Path, text: &str, force: bool) -> Result<()> {
    // A link to a file elsewhere stays one.
    let target = &match std::fs::canonicalize(target) {
        Ok(path) => path,
        Err(error) if error.kind() == ErrorKind::NotFound => target.to_owned(),
        Err(error) => return Err(Error::file("write", target)(error)),
    };
    let old = match std::fs::read(target) {
        Ok(old) => Some(old),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(Error::file("write", target)(error)),
    };
    if let Some(old) = old {
        if !force {
            ask(target).await?;
        }
        let kept = keep(target, &old)?;
        output::note(&format!("the old file is kept as {}", kept.display()));
    } else if let Some(folder) = target.parent() {
        files::make_directory(folder).map_err(Error::file("make the folder", folder))?;
    }
    files::write_private(target, text.as_bytes()).map_err(Error::file("write", target))
}

async fn ask(target: &Path) -> Result<()> {
    let name = escaped(&target.to_string_lossy()).into_owned();
    match prompt::ask(format!("{name} is there already. Overwrite it? Type yes: ")).await {
        Ok(Some(answer)) if answer.trim().eq_ignore_ascii_case("yes") => Ok(()),
        Ok(Some(_)) => Err(Error::Interrupted),
        Ok(None) => Err(Error::Usage {
            message: format!("{name} is there already"),
            hint: Some("overwrite it with --force, which keeps the old one beside it, or name another with -o".into()),
        }),
        Err(_) => Err(Error::Interrupted),
    }
}

/// Writes `old` beside `target`, as `config.toml.bak` or, where that is there too, `config.toml.bak2`, ….
fn keep(target: &Path, old: &[u8]) -> Result<PathBuf> {
    let names = (1..).map(|number| if number == 1 { ".bak".to_owned() } else { format!(".bak{number}") });
    for name in names {
        let mut path = target.as_os_str().to_owned();
        path.push(name);
        let path = PathBuf::from(path);
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(&path) {
            Ok(mut file) => {
                file.write_all(old).map_err(Error::file("write", &path))?;
                return Ok(path);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::file("write", &path)(error)),
        }
    }
    Ok(target.to_owned())
}
