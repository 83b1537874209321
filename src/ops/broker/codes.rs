//! Codes of MFA devices: given, printed by `mfa_command`, or asked for at the terminal; each is sent once.

use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::domain::role::RoleIndex;
use crate::domain::text::escaped;
use crate::error::{Error, Result};
use crate::local::prompt;
use crate::ops::Core;

/// A code; wiped when it is dropped.
pub(super) type Code = Zeroizing<String>;

/// How long a code is shown (RFC 6238, section 4.1: the default time step).
const STEP: i64 = 30;

/// How long `mfa_command` may take: somebody may have to touch a key or unlock a store.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often the person may mistype.
const TRIES: u8 = 3;

/// Where the codes of one request come from.
#[derive(Debug)]
pub(super) struct Codes<'a> {
    /// Given beforehand; it serves once.
    given: Option<&'a str>,
    /// Whether the controlling terminal may be asked.
    at_terminal: bool,
    /// Whether `mfa_command` has had its turn.
    commanded: bool,
    /// How many codes came from the terminal.
    typed: u8,
    /// How long to wait for others who fetch the same; `None` is as long as they take.
    pub(super) patience: Option<Duration>,
    /// Whether that was too long.
    pub(super) gave_way: bool,
}

impl<'a> Codes<'a> {
    /// The given code and `mfa_command`; nobody is asked.
    pub(super) fn given(code: Option<&'a str>) -> Self {
        Self { given: code, at_terminal: false, commanded: false, typed: 0, patience: None, gave_way: false }
    }

    /// The same, and then whoever sits at the controlling terminal.
    pub(super) fn at_terminal(code: Option<&'a str>) -> Self {
        Self { at_terminal: true, ..Self::given(code) }
    }

    /// Whether a code that is missing cannot be brought by anybody: `mfa_command` failed or is not there, and the
    /// terminal was asked in vain.
    pub(super) fn nobody_to_ask(&self) -> bool {
        self.at_terminal
    }

    /// A code of the device that was not sent before.
    ///
    /// # Errors
    /// [`Error::MfaRequired`] when there is none; [`Error::MfaCodeUsed`] when the given one was sent already.
    pub(super) async fn next(&mut self, core: &Core, role: RoleIndex, serial: &str) -> Result<Code> {
        if let Some(code) = self.given.take() {
            check_code(code)?;
            return match core.codes.take(serial, code, Timestamp::now()) {
                true => Ok(Zeroizing::new(code.to_owned())),
                false => Err(Error::MfaCodeUsed { serial: serial.to_owned() }),
            };
        }
        let mut note = String::new();
        if !core.profile.settings.mfa_command.is_empty() && !std::mem::replace(&mut self.commanded, true) {
            match self.by_command(core, serial).await {
                Ok(code) => return Ok(code),
                Err(error) if self.at_terminal => note = format!("{error}\n"),
                Err(error) => core.notice(error.to_string()),
            }
        } else if self.commanded || self.typed > 0 {
            note = "AWS did not take that code; wait for the next one.\n".to_owned();
        }
        let label = core.profile.label(role);
        if self.at_terminal {
            return self.asked(core, &label, serial, note).await;
        }
        Err(Error::MfaRequired { role: label, serial: serial.to_owned() })
    }

    /// Whether a wrong code may be followed by another one: from the person, who sees why.
    pub(super) fn ask_again(&self) -> bool {
        self.at_terminal && (self.commanded || self.typed > 0) && self.typed < TRIES
    }

    /// From `mfa_command`; one that was sent already is waited for to change.
    async fn by_command(&self, core: &Core, serial: &str) -> Result<Code> {
        let code = run(core, serial, self.at_terminal).await?;
        if core.codes.take(serial, &code, Timestamp::now()) {
            return Ok(code);
        }
        let into = Timestamp::now().as_second().rem_euclid(STEP);
        if self.at_terminal {
            prompt::tell(&format!("This code was sent already; the next one comes in {} s.", STEP - into));
        }
        tokio::time::sleep(Duration::from_secs((STEP - into).unsigned_abs())).await;
        let code = run(core, serial, self.at_terminal).await?;
        match core.codes.take(serial, &code, Timestamp::now()) {
            true => Ok(code),
            false => Err(Error::MfaCodeUsed { serial: serial.to_owned() }),
        }
    }

    /// From the person at the controlling terminal.
    async fn asked(&mut self, core: &Core, label: &str, serial: &str, mut note: String) -> Result<Code> {
        loop {
            let shown = core.shown_code(serial).map(|code| format!(" (the demo's device shows {code})"));
            let (device, role, shown) = (escaped(serial), escaped(label), shown.unwrap_or_default());
            let question = format!("{note}MFA code of {device} for {role}{shown}: ");
            let answer = match prompt::ask_hidden(question).await {
                Ok(Some(answer)) => Zeroizing::new(answer),
                Ok(None) => {
                    if !note.is_empty() {
                        core.notice(note.trim_end().to_owned());
                    }
                    return Err(Error::MfaRequired { role: label.to_owned(), serial: serial.to_owned() });
                }
                Err(_) => return Err(Error::Interrupted),
            };
            let code: Code = Zeroizing::new(answer.chars().filter(|c| !c.is_whitespace()).collect());
            if code.is_empty() {
                return Err(Error::Interrupted);
            }
            note = match check_code(&code) {
                Err(_) => "A code is six digits.\n".to_owned(),
                Ok(()) if !core.codes.take(serial, &code, Timestamp::now()) => {
                    "That code was sent already, and each works once: wait for the next one.\n".to_owned()
                }
                Ok(()) => {
                    self.typed += 1;
                    return Ok(code);
                }
            };
        }
    }
}

/// Runs `mfa_command` and reads the six digits that it prints. Its stderr is the person's where the terminal is theirs,
/// since it may ask to touch a key.
async fn run(core: &Core, serial: &str, at_terminal: bool) -> Result<Code> {
    let mut words = core.profile.settings.mfa_command.iter().map(|word| word.replace("{serial}", serial));
    let program = words.next().unwrap_or_default();
    let failed = |message: String| Error::MfaCommand { program: program.clone(), message };
    let mut command = tokio::process::Command::new(&program);
    command.args(words).env("XSW_MFA_SERIAL", serial).stdin(Stdio::null()).kill_on_drop(true);
    command.stderr(if at_terminal { Stdio::inherit() } else { Stdio::null() });
    for (name, value) in core.environment.overlaid() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let output = tokio::time::timeout(PATIENCE, command.output()).await;
    let output = output.map_err(|_| failed(format!("no code after {} s", PATIENCE.as_secs())))?;
    let output = output.map_err(|error| failed(error.to_string()))?;
    let printed = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(failed(format!("it ended with {}", output.status)));
    }
    let text = Zeroizing::new(String::from_utf8_lossy(&printed).into_owned());
    code_in(&text).ok_or_else(|| failed("it printed no code of six digits".into()))
}

/// The six digits that stand alone in what a program printed: `ykman` puts the account's name in front, some put a
/// blank in the middle.
fn code_in(text: &str) -> Option<Code> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let digits = |word: &&&str, length| word.len() == length && word.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(code) = words.iter().rev().find(|word| digits(word, 6)) {
        return Some(Zeroizing::new((*code).to_owned()));
    }
    let halves = words.windows(2).rev().find(|pair| pair.iter().all(|half| digits(&half, 3)))?;
    Some(Zeroizing::new(halves.concat()))
}

/// AWS STS API Reference, `AssumeRole`, TokenCode: six digits.
fn check_code(code: &str) -> Result<()> {
    match code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()) {
        true => Ok(()),
        false => Err(Error::usage("an MFA code is six digits")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_found_in_what_a_program_prints() {
        for (text, code) in [
            ("123456\n", Some("123456")),
            ("AWS:me@corp  123456\r\n", Some("123456")),
            ("123 456\n", Some("123456")),
            ("account 111111111111 code 654321", Some("654321")),
            ("111111111111", None),
            ("12345", None),
            ("", None),
            ("123456789 12 345", None),
        ] {
            assert_eq!(code_in(text).as_ref().map(|code| code.as_str()), code, "{text:?}");
        }
    }
}
