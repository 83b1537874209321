//! Environment settings as text that a shell, a program or a file takes, for `xsw env`.
//!
//! Any value comes out as it went in. Where a format has no way to write one down, that is an error and no line.

use std::fmt::Write as _;

use super::child_env::ChildEnv;
use crate::error::{Error, Result};

/// How `xsw env` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// bash, zsh and every POSIX shell: eval "$(xsw env ROLE)"
    Sh,
    /// fish: xsw env ROLE --format fish | source
    Fish,
    /// PowerShell: xsw env ROLE --format powershell | Out-String | Invoke-Expression
    Powershell,
    /// Windows' cmd: for /f "delims=" %i in ('xsw env ROLE --format cmd') do @%i
    Cmd,
    /// A .env file
    Dotenv,
    /// One JSON object, variable to value
    Json,
}

/// The settings as text, each line ended; nothing else, so that it can be evaluated.
pub fn render(env: &ChildEnv, format: Format) -> Result<String> {
    if matches!(format, Format::Dotenv | Format::Json) {
        return declared(env, format);
    }
    let mut text = String::new();
    for (name, value) in env.iter() {
        match value {
            Some(value) => {
                let line = statement(name, value, format).map_err(|holds| cannot(name, holds, format))?;
                text += &line;
            }
            None => text += &removal(name, format),
        }
        text.push('\n');
    }
    Ok(text)
}

/// Formats that say what is, and cannot say what shall not be.
fn declared(env: &ChildEnv, format: Format) -> Result<String> {
    let mut set = serde_json::Map::new();
    let mut lines = String::new();
    for (name, value) in env.iter() {
        let Some(value) = value else { continue };
        if value.contains('\0') {
            return Err(cannot(name, "a NUL", format));
        }
        set.insert(name.into(), value.into());
        _ = writeln!(lines, "{name}={}", dotenv_quoted(value));
    }
    if set.is_empty() && env.iter().next().is_some() {
        return Err(Error::Usage {
            message: format!("{} cannot say that a variable is to be unset", word(format)),
            hint: Some("choose a shell's format: --format sh".into()),
        });
    }
    match format {
        Format::Json => Ok(format!("{:#}\n", serde_json::Value::Object(set))),
        _ => Ok(lines),
    }
}

/// The line that sets a variable, or what the value holds that this shell cannot carry.
fn statement(name: &str, value: &str, format: Format) -> Result<String, &'static str> {
    if value.contains('\0') {
        return Err("a NUL");
    }
    Ok(match format {
        Format::Fish => format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'")),
        Format::Powershell => format!("$Env:{name} = {}", powershell_quoted(value)?),
        Format::Cmd => format!("set \"{name}={}\"", cmd_checked(value)?),
        Format::Sh | Format::Dotenv | Format::Json => format!("export {name}='{}'", value.replace('\'', r"'\''")),
    })
}

fn removal(name: &str, format: Format) -> String {
    match format {
        Format::Fish => format!("set -e {name}"),
        Format::Powershell => format!("$Env:{name} = $null"),
        Format::Cmd => format!("set \"{name}=\""),
        Format::Sh | Format::Dotenv | Format::Json => format!("unset {name}"),
    }
}

/// Printable ASCII in quotes, all else by its UTF-16 number: PowerShell takes typographic quotes for quotes, splits what
/// a program prints at its line ends, and reads it in the console's code page.
fn powershell_quoted(value: &str) -> Result<String, &'static str> {
    if value.is_empty() {
        return Err("nothing, which unsets a variable there");
    }
    let mut text = String::from("'");
    for unit in value.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b'\'') => text += "''",
            Ok(byte @ b' '..=b'~') => text.push(char::from(byte)),
            _ => _ = write!(text, "'+[char]{unit}+'"),
        }
    }
    text.push('\'');
    Ok(text)
}

/// cmd reads the same line in two ways: in a batch file `%%` is a percent sign, from `for /f` it is two. What would not
/// mean the same in both is refused.
fn cmd_checked(value: &str) -> Result<&str, &'static str> {
    if value.is_empty() {
        return Err("nothing, which unsets a variable there");
    }
    // The quote in front of the name is open. One in the value closes it, and what follows would be an operator.
    let mut quoted = true;
    for c in value.chars() {
        match c {
            '\n' | '\r' => return Err("a line end"),
            '%' => return Err("a percent sign"),
            '"' => quoted = !quoted,
            '&' | '|' | '<' | '>' | '^' | '(' | ')' if !quoted => return Err("a quote and an operator"),
            _ => {}
        }
    }
    Ok(value)
}

/// The readers of .env files agree on little: plain values bare, as `docker --env-file` needs all of a session's to be;
/// others in single quotes, where next to nobody expands or unescapes; those that hold one as a POSIX shell would have it.
fn dotenv_quoted(value: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./:+=,@-".contains(c);
    if value.chars().all(plain) {
        value.to_owned()
    } else if !value.contains('\'') {
        format!("'{value}'")
    } else {
        let mut text = String::from("\"");
        for c in value.chars() {
            if matches!(c, '\\' | '"' | '$' | '`') {
                text.push('\\');
            }
            text.push(c);
        }
        text.push('"');
        text
    }
}

fn word(format: Format) -> &'static str {
    match format {
        Format::Sh => "sh",
        Format::Fish => "fish",
        Format::Powershell => "powershell",
        Format::Cmd => "cmd",
        Format::Dotenv => "dotenv",
        Format::Json => "json",
    }
}

/// Says what is wrong with the value without showing it.
fn cannot(name: &str, holds: &str, format: Format) -> Error {
    let hint = match format {
        Format::Cmd => Some("`--format powershell`, or `xsw exec ROLE -- CMD`, can carry it".into()),
        _ => None,
    };
    Error::Usage { message: format!("{} cannot carry the value of {name}: it holds {holds}", word(format)), hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(value: &str, format: Format) -> Result<String, String> {
        let mut env = ChildEnv::default();
        env.set("X", value);
        env.unset("Y");
        render(&env, format).map_err(|error| error.to_string())
    }

    /// How the real shells read the lines of `sh`, `fish` and `dotenv` is in tests/shells.rs.
    #[test]
    fn each_format_quotes_in_its_own_way() {
        for (value, format, text) in [
            ("it's $HOME", Format::Sh, "export X='it'\\''s $HOME'\nunset Y\n"),
            (r"it's \ $HOME", Format::Fish, "set -gx X 'it\\'s \\\\ $HOME'\nset -e Y\n"),
            ("it's $HOME", Format::Powershell, "$Env:X = 'it''s $HOME'\n$Env:Y = $null\n"),
            (
                "a\n’é🦀",
                Format::Powershell,
                "$Env:X = 'a'+[char]10+''+[char]8217+''+[char]233+''+[char]55358+''+[char]56704+''\n$Env:Y = $null\n",
            ),
            ("a & b ^ !c!", Format::Cmd, "set \"X=a & b ^ !c!\"\nset \"Y=\"\n"),
            ("say \"so\"", Format::Cmd, "set \"X=say \"so\"\"\nset \"Y=\"\n"),
            ("Zm9v+/8=", Format::Dotenv, "X=Zm9v+/8=\n"),
            ("a $b\n\\c", Format::Dotenv, "X='a $b\n\\c'\n"),
            ("it's", Format::Dotenv, "X=\"it's\"\n"),
            (r#"it's "$\`"#, Format::Dotenv, "X=\"it's \\\"\\$\\\\\\`\"\n"),
            ("a\"\n\u{1b}é", Format::Json, "{\n  \"X\": \"a\\\"\\n\\u001bé\"\n}\n"),
        ] {
            assert_eq!(rendered(value, format).as_deref(), Ok(text), "{format:?}");
        }
    }

    #[test]
    fn what_a_format_cannot_carry_is_an_error_that_does_not_show_it() {
        for (value, format, holds) in [
            ("a\nsecret", Format::Cmd, "a line end"),
            ("100%secret", Format::Cmd, "a percent sign"),
            ("a\"&secret", Format::Cmd, "a quote and an operator"),
            ("", Format::Cmd, "nothing"),
            ("", Format::Powershell, "nothing"),
            ("secret\0", Format::Sh, "a NUL"),
            ("secret\0", Format::Fish, "a NUL"),
            ("secret\0", Format::Powershell, "a NUL"),
            ("secret\0", Format::Cmd, "a NUL"),
            ("secret\0", Format::Dotenv, "a NUL"),
            ("secret\0", Format::Json, "a NUL"),
        ] {
            let error = rendered(value, format).unwrap_err();
            assert!(error.contains("cannot carry the value of X") && error.contains(holds), "{format:?}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn what_only_declares_cannot_take_back() {
        let env = crate::local::child_env::unset_env();
        for format in [Format::Dotenv, Format::Json] {
            assert!(render(&env, format).is_err(), "{format:?}");
        }
        assert!(render(&env, Format::Sh).unwrap().starts_with("unset AWS_ACCESS_KEY_ID\n"));
    }
}
