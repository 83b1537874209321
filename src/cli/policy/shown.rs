//! Policies on stdout, as JSON, or in files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::To;
use crate::cli::{Context, output};
use crate::domain::account::AccountId;
use crate::domain::policy::Policy;
use crate::domain::policy::least::{Grant, Ordered};
use crate::domain::shell_word::quoted;
use crate::domain::text::{escaped, escaped_json};
use crate::error::{Error, Result};
use crate::local::files;

/// A grant with what is written for it.
struct Sheet {
    grant: Grant,
    /// The grant's policy, or one that was there with it added.
    policy: Value,
    /// The file that it is in, or should go to.
    file: String,
}

pub(super) fn show(context: &Context, grants: Vec<Grant>, to: &To) -> Result<()> {
    let sheets = match &to.out {
        Some(folder) => written(folder, grants, to.merge)?,
        None => grants.into_iter().map(unwritten).collect(),
    };
    if to.json {
        let grants: Vec<Value> = sheets.iter().map(document).collect();
        return output::print_json(&json!({ "grants": grants }));
    }
    let in_files = to.out.is_some();
    let folder = to.out.as_deref().map_or(".".into(), Path::to_string_lossy).into_owned();
    output::print(|out| {
        for (place, sheet) in sheets.iter().enumerate() {
            let Sheet { grant, policy, file } = sheet;
            if place > 0 {
                writeln!(out)?;
            }
            let account = account(context, grant.account);
            writeln!(out, "{}. {}, account {account}", place + 1, grant.place())?;
            writeln!(out, "   {}", grant.sentence())?;
            if let Some(caution) = grant.caution() {
                writeln!(out, "   {caution}")?;
            }
            writeln!(out, "   file    {}", output::name(file))?;
            if let Some(present) = grant.present().filter(|_| !to.merge) {
                // The statements alone would take the place of all that is there.
                writeln!(out, "   first   {} > {}", output::name(&present), output::name(&quoted(file)))?;
                writeln!(out, "   then    this command again, with --out {} --merge", output::name(&quoted(&folder)))?;
            }
            writeln!(out, "   attach  {}", output::name(&grant.command_from(file)))?;
            if !in_files {
                writeln!(out, "{}", escaped_json(&text(policy)?))?;
            }
        }
        Ok(())
    })
}

fn document(sheet: &Sheet) -> Value {
    let Sheet { grant, policy, file } = sheet;
    let (kind, name) = grant.attach_to();
    json!({
        "side": grant.side.word(),
        "account_id": grant.account,
        "attach_to": { "type": kind, "name": name },
        "name": grant.policy_name(),
        "file": file,
        "command": grant.command_from(file),
        "policy": policy,
    })
}

fn unwritten(grant: Grant) -> Sheet {
    Sheet { policy: grant.policy.clone(), file: grant.file_name(), grant }
}

/// Writes every policy to its file; nothing is written while one is in the way.
fn written(folder: &Path, grants: Vec<Grant>, merge: bool) -> Result<Vec<Sheet>> {
    let mut sheets: Vec<(Sheet, PathBuf, Option<Value>)> = Vec::new();
    for grant in grants {
        let path = folder.join(grant.file_name());
        let there = match merge {
            true => present(&path)?,
            false => None,
        };
        let policy = there.as_ref().map_or_else(|| grant.policy.clone(), |there| grant.merged_into(there));
        if !merge && fs::symlink_metadata(&path).is_ok() && fs::read(&path).ok() != Some(lines(&policy)?) {
            return Err(in_the_way(&path));
        }
        sheets.push((Sheet { file: path.to_string_lossy().into_owned(), policy, grant }, path, there));
    }
    files::make_directory(folder).map_err(Error::file("make the folder", folder))?;
    for (sheet, path, there) in &sheets {
        let contents = lines(&sheet.policy)?;
        let done = match there {
            Some(there) if *there == sheet.policy => Ok(()),
            Some(_) => files::write_private(path, &contents),
            None => match files::write_new(path, &contents) {
                // The same was there already.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::read(path) {
                    Ok(known) if known == contents => Ok(()),
                    _ => return Err(in_the_way(path)),
                },
                other => other,
            },
        };
        done.map_err(Error::file("write", path))?;
    }
    Ok(sheets.into_iter().map(|(sheet, ..)| sheet).collect())
}

/// The policy that is in a file already.
fn present(path: &Path) -> Result<Option<Value>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file("read", path)(error)),
    };
    let value: Value = serde_json::from_str(&text).map_err(|error| Error::file("read", path)(error.into()))?;
    // What is no policy would be lost in the merging.
    Policy::from_json(&value)
        .map_err(|error| Error::file("add to", path)(io::Error::other(escaped(&error.to_string()).into_owned())))?;
    Ok(Some(value))
}

fn in_the_way(path: &Path) -> Error {
    let why = "another policy is there; --merge adds the statements to it, another --out leaves it alone";
    Error::file("write", path)(io::Error::new(io::ErrorKind::AlreadyExists, why))
}

fn text(policy: &Value) -> io::Result<String> {
    Ok(serde_json::to_string_pretty(&Ordered(policy))?)
}

fn lines(policy: &Value) -> Result<Vec<u8>> {
    Ok((text(policy)? + "\n").into_bytes())
}

/// The number of an account, and its name in the profile file.
fn account(context: &Context, id: AccountId) -> String {
    match context.core.profile.accounts.iter().find(|account| account.id == id) {
        Some(account) => format!("{id} ({})", output::name(&account.name)),
        None => id.to_string(),
    }
}
