//! Asking the person: always at the controlling terminal, since stdin and stdout may be pipes.

use super::Context;
use super::stop::TerminalModes;
use crate::domain::role::RoleIndex;
use crate::domain::session::Session;
use crate::domain::text::escaped;
use crate::error::{Error, Result};

impl Context {
    /// A session of `role`; asks for MFA codes as long as a role of the chain wants one.
    pub(super) async fn session(&self, role: RoleIndex) -> Result<Session> {
        let mut code = self.common.mfa_code.clone();
        if let Some(code) = &code {
            check_code(code)?;
        }
        loop {
            match self.core.session(role, code.as_deref()).await {
                Err(Error::MfaRequired { role: role_label, serial }) => {
                    let shown = self.core.shown_code(&serial);
                    code = match ask_code(role_label, serial, shown).await {
                        // Nobody can be asked: the session that is about to end is better than none.
                        Err(error @ Error::MfaRequired { .. }) => return self.core.live_session(role).ok_or(error),
                        code => Some(code?),
                    };
                }
                answer => return answer,
            }
        }
    }
}

/// AWS STS API Reference, `AssumeRole`, TokenCode: six digits.
pub(super) fn check_code(code: &str) -> Result<()> {
    if code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()) {
        return Ok(());
    }
    Err(Error::usage("an MFA code is six digits"))
}

async fn ask_code(role: String, serial: String, shown: Option<String>) -> Result<String> {
    let ask = move || -> Result<String> {
        let shown = shown.map(|code| format!(" (the demo's device shows {code})")).unwrap_or_default();
        let question = format!("MFA code of {} for {}{shown}: ", escaped(&serial), escaped(&role));
        loop {
            let answer = rpassword::prompt_password(&question);
            let code = match answer {
                Ok(code) => code,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => return Err(Error::Interrupted),
                // Without a terminal there is nobody to ask.
                Err(_) => return Err(Error::MfaRequired { role, serial }),
            };
            let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
            match check_code(&code) {
                Ok(()) => return Ok(code),
                Err(_) if code.is_empty() => return Err(Error::Interrupted),
                Err(error) => super::output::note(&error.to_string()),
            }
        }
    };
    let _modes = TerminalModes::save();
    let asked = tokio::task::spawn_blocking(ask).await;
    asked.unwrap_or_else(|error| Err(Error::Crashed { message: error.to_string() }))
}
