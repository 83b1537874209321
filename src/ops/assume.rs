//! Assuming a role: the chain of roles from the source credentials on, each session reused while it lives.

use jiff::Timestamp;

use super::check::clock_off;
use super::{Core, held};
use crate::aws::Endpoint;
use crate::aws::source::SourceKeys;
use crate::aws::sts::{AssumeRole, Assumed, CLOCK_LIMIT, Caller};
use crate::domain::duration::words;
use crate::domain::role::{CHAINED_DURATION, Role, RoleIndex, Settings, Source};
use crate::domain::session::Session;
use crate::domain::text::escaped;
use crate::error::{Error, Result};
use crate::local::cache::CacheKey;
use crate::local::prompt;

/// Which session will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Want {
    /// Any that lives long enough.
    Living,
    /// One that was handed out after this.
    New { since: Timestamp },
}

impl Want {
    fn is_met_by(self, session: &Session) -> bool {
        match self {
            Self::Living => true,
            Self::New { since } => session.issued >= since,
        }
    }
}

impl Core {
    /// The session of `role` that lives now, without asking AWS.
    pub fn live_session(&self, role: RoleIndex) -> Option<Session> {
        let now = Timestamp::now();
        let remembered = held(&self.sessions).get(&role).filter(|session| session.seconds_left(now) > 0).cloned();
        remembered.or_else(|| self.cache.load(&self.cache_key(role), now))
    }

    /// A session of `role` worth handing out: the living one, or a new one through the whole chain.
    ///
    /// `mfa_code` serves the first role of the chain that wants one and has no session yet.
    ///
    /// # Errors
    /// [`Error::MfaRequired`] when a code is wanted and none is left: ask for it and call again, the roles before it
    /// are not assumed twice. [`Error::Denied`], [`Error::SignedOut`] and the like from AWS.
    pub async fn session(&self, role: RoleIndex, mfa_code: Option<&str>) -> Result<Session> {
        self.obtain(role, mfa_code, Want::Living).await
    }

    /// A new session of `role`; the one that lives is kept until the new one is there.
    pub async fn renewed_session(&self, role: RoleIndex, mfa_code: Option<&str>) -> Result<Session> {
        self.obtain(role, mfa_code, Want::New { since: Timestamp::now() }).await
    }

    /// The same as [`Core::session`]; asks for MFA codes at the controlling terminal as long as a role of the chain
    /// wants one. Where there is no terminal, a session that is about to end is better than none.
    pub async fn session_asked(&self, role: RoleIndex, mfa_code: Option<&str>) -> Result<Session> {
        let mut code = mfa_code.map(str::to_owned);
        if let Some(code) = &code {
            check_code(code)?;
        }
        loop {
            match self.session(role, code.as_deref()).await {
                Err(error @ Error::MfaRequired { .. }) => match self.ask_code(&error).await? {
                    Some(answer) => code = Some(answer),
                    None => return self.live_session(role).ok_or(error),
                },
                answer => return answer,
            }
        }
    }

    /// The code that `wanted` asks for, from the person; `None` when there is nobody to ask.
    async fn ask_code(&self, wanted: &Error) -> Result<Option<String>> {
        let Error::MfaRequired { role, serial } = wanted else { return Ok(None) };
        let shown = self.shown_code(serial).map(|code| format!(" (the demo's device shows {code})"));
        let question = format!("MFA code of {} for {}{}: ", escaped(serial), escaped(role), shown.unwrap_or_default());
        let mut wrong = "";
        loop {
            let answer = match prompt::ask_hidden(format!("{wrong}{question}")).await {
                Ok(Some(answer)) => answer,
                Ok(None) => return Ok(None),
                Err(_) => return Err(Error::Interrupted),
            };
            let code: String = answer.chars().filter(|c| !c.is_whitespace()).collect();
            match check_code(&code) {
                Ok(()) => return Ok(Some(code)),
                Err(_) if code.is_empty() => return Err(Error::Interrupted),
                Err(_) => wrong = "a code is six digits. ",
            }
        }
    }

    /// The same as [`Core::session`] where nobody can be asked: while a session lives it is better than none, even when
    /// it is about to end.
    pub async fn session_unasked(&self, role: RoleIndex) -> Result<Session> {
        match self.session(role, None).await {
            Err(error @ (Error::MfaRequired { .. } | Error::SignedOut { .. } | Error::Network { .. })) => {
                self.live_session(role).ok_or(error)
            }
            answer => answer,
        }
    }

    async fn obtain(&self, role: RoleIndex, mfa_code: Option<&str>, want: Want) -> Result<Session> {
        match self.walk_chain(role, mfa_code, want).await {
            // AWS ended a session of the chain before its time.
            Err(Error::Expired { .. }) => {
                self.forget_chain(role);
                self.walk_chain(role, mfa_code, want).await
            }
            answer => answer,
        }
    }

    async fn walk_chain(&self, role: RoleIndex, mfa_code: Option<&str>, want: Want) -> Result<Session> {
        let chain = self.profile.chain(role);
        let fresh = |link: &RoleIndex| {
            let wanted = want == Want::Living || *link != role;
            let session = self.live_session(*link).filter(|session| wanted && session.is_fresh(Timestamp::now()))?;
            // Remembered as the one that we use: when AWS ends it, this one is forgotten and no other.
            held(&self.sessions).insert(*link, session.clone());
            Some(session)
        };
        // The nearest link that still lives spares all links before it.
        let living = chain.iter().enumerate().rev().find_map(|(place, link)| Some((place, fresh(link)?)));
        let (from, mut session) = living.map_or((0, None), |(place, session)| (place + 1, Some(session)));
        let mut code = mfa_code;
        for (place, link) in chain.iter().enumerate().skip(from) {
            let before = place.checked_sub(1).map(|place| self.profile.label(chain[place]));
            let want = if *link == role { want } else { Want::Living };
            session = Some(self.assume(*link, before.zip(session.as_ref()), &mut code, want).await?);
        }
        // The chain has at least the role itself.
        session.ok_or(Error::Interrupted)
    }

    /// Forgets the sessions of `role` and of all roles before it: AWS says that one of them has ended, and not which.
    /// One that another process has renewed meanwhile is kept.
    pub(super) fn forget_chain(&self, role: RoleIndex) {
        for link in self.profile.chain(role) {
            let key = self.cache_key(link);
            let Some(refused) = held(&self.sessions).remove(&link) else { continue };
            let stored = self.cache.load(&key, Timestamp::now());
            if stored.is_some_and(|stored| stored.keys.access_key_id != refused.keys.access_key_id) {
                continue;
            }
            if let Err(error) = self.cache.forget(&key) {
                tracing::warn!(%error, "a session that has ended cannot be forgotten");
            }
        }
    }

    /// One link of the chain. One process asks AWS; others that want the same session wait for it.
    async fn assume(
        &self,
        role: RoleIndex,
        before: Option<(String, &Session)>,
        code: &mut Option<&str>,
        want: Want,
    ) -> Result<Session> {
        let key = self.cache_key(role);
        let label = self.profile.label(role);
        let device = self.profile.role(role).mfa_serial.as_deref();
        if let (Some(serial), None) = (device, &code) {
            return Err(Error::MfaRequired { role: label, serial: serial.to_owned() });
        }
        let (cache, lock_key) = (self.cache.clone(), key.clone());
        // Without the lock xsw still works; it may ask twice.
        let _lock = tokio::task::spawn_blocking(move || cache.lock(&lock_key).ok()).await.ok().flatten();
        let now = Timestamp::now();
        let serves = |session: &Session| session.is_fresh(now) && want.is_met_by(session);
        if let Some(session) = self.cache.load(&key, now).filter(serves) {
            held(&self.sessions).insert(role, session.clone());
            return Ok(session);
        }
        let mfa = device.zip(code.take());
        let session = match before {
            Some((name, session)) => {
                let caller = Caller { keys: &session.keys, name: &name, is_source: false };
                self.ask(role, caller, mfa).await?
            }
            None if self.profile.role(role).permission_set => self.permission_set_session(role).await?,
            None => {
                let name = self.profile.account(role).source.clone();
                let source = self.source_keys(role).await?;
                self.ask(role, Caller { keys: &source.keys, name: &name, is_source: true }, mfa).await?
            }
        };
        tracing::info!(role = label, arn = session.arn, expiration = %session.expiration, "assumed");
        held(&self.sessions).insert(role, session.clone());
        if let Err(error) = self.cache.store(&key, &session) {
            let place = self.environment.state_directory();
            self.notice(format!("sessions are not kept on disk, {} cannot be written: {error}", place.display()));
        }
        Ok(session)
    }

    /// Asks STS; once more with less when it says that the role or role chaining allows no such duration.
    async fn ask(&self, index: RoleIndex, caller: Caller<'_>, mfa: Option<(&str, &str)>) -> Result<Session> {
        let role = self.profile.role(index);
        let duration = role.requested_duration(&self.profile.settings);
        let mut request = AssumeRole {
            role_arn: &role.arn,
            role_session_name: self.session_name(role),
            external_id: role.external_id.as_deref(),
            mfa,
            duration,
            source_identity: role.source_identity.as_deref(),
            tags: role.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
            transitive_tag_keys: &role.transitive_tags,
            policy: role.policy.as_deref(),
            policy_arns: &role.policy_arns,
        };
        let endpoint = self.endpoint(index, "STS");
        let answer = self.ask_once(&endpoint, caller, &request).await;
        let too_long = matches!(&answer, Err(Error::Aws { code, message, .. })
            if code == "ValidationError" && (message.contains("MaxSessionDuration") || message.contains("role chaining")));
        if !too_long || duration.is_none_or(|duration| duration <= CHAINED_DURATION) {
            return answer;
        }
        let asked = words(duration.unwrap_or_default().as_secs());
        self.notice(format!("{} gives no session of {asked}; asked for 1 h instead", self.profile.label(index)));
        // A role's maximum is never below one hour (IAM API Reference, `CreateRole`, MaxSessionDuration).
        request.duration = Some(CHAINED_DURATION);
        self.ask_once(&endpoint, caller, &request).await
    }

    /// Asks STS, and says so when this machine's clock is wrong: AWS's answers work, but nothing else that counts time.
    async fn ask_once(&self, endpoint: &Endpoint, caller: Caller<'_>, request: &AssumeRole<'_>) -> Result<Session> {
        // In a box, because the SDK's futures are deeper than the compiler likes to lay out.
        let Assumed { session, clock_ahead } = Box::pin(self.aws.assume_role(endpoint, caller, request)).await?;
        if let Some(ahead) = clock_ahead.filter(|ahead| ahead.abs() >= CLOCK_LIMIT) {
            self.notice(format!("{}: set it, with NTP for example", clock_off(ahead)));
        }
        Ok(session)
    }

    /// The source credentials from which the chain of `role` starts, fetched once while they live.
    pub(super) async fn source_keys(&self, role: RoleIndex) -> Result<SourceKeys> {
        let name = self.profile.source_name(role);
        let lives = |keys: &SourceKeys| keys.expiration.is_none_or(|end| end > Timestamp::now());
        if let Some(keys) = held(&self.sources).get(name).filter(|keys| lives(keys)).cloned() {
            return Ok(keys);
        }
        let source =
            self.profile.sources.get(name).ok_or_else(|| Error::usage(format!("there is no source {name}")))?;
        let keys = match source {
            Source::IdentityCenter { permission_set: Some(set), .. } => self.permission_set_keys(name, set).await?,
            source => {
                let region = self.endpoint(role, "STS").region;
                let keys = self.aws.source_keys(name, source, &region).await;
                keys.map_err(|error| self.with_sign_in_hint(name, error))?
            }
        };
        held(&self.sources).insert(name.to_owned(), keys.clone());
        Ok(keys)
    }

    fn session_name(&self, role: &Role) -> String {
        let template = role.session_name.as_deref().or(self.profile.settings.session_name.as_deref());
        session_name(
            template.unwrap_or(Settings::DEFAULT_SESSION_NAME),
            self.environment.user(),
            &self.environment.host(),
        )
    }

    /// All that changes the session: two roles that differ in any of it never share one.
    pub(super) fn cache_key(&self, role: RoleIndex) -> CacheKey {
        let mut parts = Vec::new();
        let name = self.profile.source_name(role);
        match self.profile.sources.get(name) {
            // Other keys in the environment are another person.
            Some(Source::Environment) => {
                parts.push(format!("environment {}", self.environment.get("AWS_ACCESS_KEY_ID").unwrap_or_default()));
            }
            Some(Source::AwsProfile(profile)) => {
                parts.push(format!("profile {profile}"));
                parts.push(self.environment.aws_config().to_string_lossy().into_owned());
                parts.push(self.environment.aws_credentials().to_string_lossy().into_owned());
            }
            source => parts.push(format!("{source:?}")),
        }
        for link in self.profile.chain(role) {
            let role = self.profile.role(link);
            let endpoint = self.endpoint(link, "STS");
            // A permission set may have the name of a role.
            parts.push(format!("{}{}", role.arn, if role.permission_set { " permission set" } else { "" }));
            parts.push(format!("{:?}", (&endpoint.url, &role.external_id, &role.mfa_serial, &role.source_identity)));
            parts.push(format!("{:?}", (&role.tags, &role.transitive_tags, &role.policy, &role.policy_arns)));
            parts.push(format!("{:?}", role.requested_duration(&self.profile.settings)));
            parts.push(self.session_name(role));
        }
        CacheKey::new(parts.iter().map(String::as_str))
    }
}

/// AWS STS API Reference, `AssumeRole`, TokenCode: six digits.
fn check_code(code: &str) -> Result<()> {
    match code.len() == 6 && code.bytes().all(|digit| digit.is_ascii_digit()) {
        true => Ok(()),
        false => Err(Error::usage("an MFA code is six digits")),
    }
}

/// Fills the template; what STS does not take becomes `-` (AWS STS API Reference: 2 to 64 of `[\w+=,.@-]`).
fn session_name(template: &str, user: &str, host: &str) -> String {
    let filled = template.replace("{user}", user).replace("{host}", host);
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    let mut name: String = filled.chars().map(allowed).take(64).collect();
    while name.len() < 2 {
        name.push('-');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_names_are_what_sts_takes() {
        assert_eq!(session_name("{user}@{host}", "me", "laptop"), "me@laptop");
        assert_eq!(session_name("{user}", "Ünal Öz", ""), "-nal--z");
        assert_eq!(session_name("", "", ""), "--");
        assert_eq!(session_name(&"x".repeat(90), "", "").len(), 64);
    }
}
