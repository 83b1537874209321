//! `xsw import`: a profile file from the role profiles of `~/.aws/config`.

use std::path::Path;

use super::{Common, output};
use crate::domain::role::Profile;
use crate::domain::text::{escaped, plural};
use crate::error::{Error, Result};
use crate::local::environment::Environment;
use crate::local::prompt;
use crate::ops::import::{Target, imported};

pub(super) async fn run(environment: &Environment, common: &Common, output: Option<&Path>, force: bool) -> Result<()> {
    let imported = imported(environment)?;
    let written = match output {
        Some(path) if path.as_os_str() == "-" => {
            output::print(|out| out.write_all(imported.text.as_bytes()))?;
            "stdout".to_owned()
        }
        given => {
            let target = given.map(Path::to_owned).or(common.config.clone()).or(environment.named_config());
            let path = target.unwrap_or_else(|| environment.default_config());
            let target = Target::of(&path)?;
            if target.is_there() && !force {
                ask(target.path()).await?;
            }
            if let Some(kept) = target.write(&imported.text)? {
                output::note(&format!("the old file is kept as {}", kept.display()));
            }
            escaped(&path.to_string_lossy()).into_owned()
        }
    };
    imported.notes.iter().for_each(|note| output::note(note));
    output::note(&format!("{} to {written}", size(&imported.profile)));
    Ok(())
}

/// `wrote 3 accounts, 7 roles, 2 sources`
fn size(profile: &Profile) -> String {
    format!(
        "wrote {}, {}, {}",
        plural(profile.accounts.len() as u64, "account"),
        plural(profile.roles.len() as u64, "role"),
        plural(profile.sources.len() as u64, "source")
    )
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
