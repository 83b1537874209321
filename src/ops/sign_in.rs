//! IAM Identity Center: signing in and out, and the credentials of permission sets.
//!
//! The access token lies in the cache that the AWS CLI uses too; it is renewed here, by one process at a time. What a
//! sign-in gives (accounts and permission sets) is discovered at `xsw login` and kept for the next starts.

use std::cell::LazyCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Core, held};
use crate::aws::oidc::{self, Answer, Device, Flow, Grant, Tokens};
use crate::aws::source::SourceKeys;
use crate::aws::sso::Portal;
use crate::aws::sts::{CLOCK_LIMIT, Caller};
use crate::aws::{Aws, Endpoint};
use crate::config;
use crate::domain::role::{PermissionSet, Profile, RoleIndex, Source};
use crate::domain::session::Session;
use crate::domain::sign_in::{Discovered, Registration, SignIn, Token};
use crate::error::{Error, Result};
use crate::local::environment::Environment;
use crate::local::redirect::{Redirect, Redirected};
use crate::local::sso_cache::SsoCache;
use crate::local::{browser, discovered};

/// A token that ends sooner is renewed, as the SDKs do.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// How long a browser may take.
const BROWSER_PATIENCE: Duration = Duration::from_secs(10 * 60);
/// RFC 8628, section 3.5: what `slow_down` adds to the interval.
const SLOWER: Duration = Duration::from_secs(5);
/// How many accounts are asked for their permission sets at a time.
const AT_A_TIME: usize = 8;
/// The redirect that is registered; any port is allowed for it (RFC 8252, section 7.3).
const REDIRECT: &str = "http://127.0.0.1/oauth/callback";

/// How one signs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// In a browser on this machine; where none can be started, by a code.
    Browser,
    /// By a code that is typed into a browser on any machine.
    DeviceCode,
}

impl How {
    /// The one that suits this machine.
    pub fn here(environment: &Environment) -> Self {
        if browser::is_seen(environment) { Self::Browser } else { Self::DeviceCode }
    }
}

/// What the person must do now.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Sign in with the browser that has opened.
    Browser {
        /// The page that it shows.
        url: &'a str,
    },
    /// No browser could be started, for this reason. A code comes next.
    NoBrowser(&'a std::io::Error),
    /// Open this page on any machine, and see whether the code there is this one.
    Code {
        /// The page that asks for the code.
        url: &'a str,
        /// The page with the code in its address.
        complete_url: Option<&'a str>,
        /// The code.
        user_code: &'a str,
    },
}

/// Tells the person of a [`Step`].
pub type Show<'a> = &'a (dyn Fn(Step<'_>) + Send + Sync);

/// A sign-in, and what it gives.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The source.
    pub source: String,
    /// Where.
    pub start_url: String,
    /// Whether somebody signed in just now.
    pub is_new: bool,
    /// When the access token ends.
    pub until: Timestamp,
    /// Whether it is renewed when it ends.
    pub renews: bool,
    /// How many accounts there are.
    pub accounts: usize,
    /// How many permission sets in them.
    pub roles: usize,
}

/// Adds what the sign-ins gave last to the profile, beside what the profile file says.
pub fn add_discovered(profile: &mut Profile, environment: &Environment) {
    let sources: Vec<(String, Source)> =
        profile.sources.iter().map(|(name, source)| (name.clone(), source.clone())).collect();
    for (name, source) in sources {
        if let Some((region, found)) = discovered::read(environment, &source) {
            config::add_discovered(profile, &name, &region, &found);
        }
    }
}

impl Core {
    /// The names of the sources that one signs in to.
    pub fn sign_in_sources(&self) -> Vec<&str> {
        self.sign_ins().into_iter().map(|(name, _)| name).collect()
    }

    /// Whether one signs in to the source of that name.
    pub fn can_sign_in(&self, source: &str) -> bool {
        self.sign_in_of(source).is_some()
    }

    /// The names of the sources whose sign-ins live or can be renewed; of several that share one, the first.
    pub fn signed_in_sources(&self) -> Vec<&str> {
        let (cache, now) = (self.sso_cache(), Timestamp::now());
        let lives = |token: Token| token.expires_at > now || token.refresh_token.is_some();
        let mut seen = HashSet::new();
        let mut here = |sign_in: &SignIn| {
            let name = sign_in.token_name();
            seen.insert(name.to_owned()) && cache.load(name).is_some_and(lives)
        };
        self.sign_ins().into_iter().filter(|(_, sign_in)| here(sign_in)).map(|(name, _)| name).collect()
    }

    /// Signs in and discovers accounts and permission sets. A sign-in that still lives is kept, and only asked what it
    /// gives now.
    ///
    /// # Errors
    /// [`Error::SignedOut`] when the person refused or took too long.
    pub async fn login(&self, source: &str, how: How, show: Show<'_>) -> Result<SignedIn> {
        let sign_in = self.sign_in(source)?;
        // Whoever signs in wants credentials of now, also when the sign-in is kept.
        held(&self.sources).remove(source);
        let (mut token, mut is_new) = match self.token(source, &sign_in).await {
            Ok(token) => (token, false),
            Err(error @ Error::Network { .. }) => return Err(error),
            Err(_) => (self.new_token(source, &sign_in, how, show).await?, true),
        };
        let found = match self.discover(source, &sign_in, &token).await {
            // Somebody ended it at the portal.
            Err(Error::SignedOut { .. }) if !is_new => {
                token = self.new_token(source, &sign_in, how, show).await?;
                is_new = true;
                self.discover(source, &sign_in, &token).await?
            }
            answer => answer?,
        };
        if let Some(known) = self.profile.sources.get(source)
            && let Err(error) = discovered::write(&self.environment, known, &sign_in.region, &found)
        {
            let place = self.environment.state_directory();
            self.notice(format!("the accounts are not kept, {} cannot be written: {error}", place.display()));
        }
        Ok(SignedIn {
            source: source.to_owned(),
            start_url: sign_in.start_url,
            is_new,
            until: token.expires_at,
            renews: token.refresh_token.is_some(),
            accounts: found.accounts.len(),
            roles: found.roles(),
        })
    }

    /// Ends the sign-in of a source, at the portal and on this machine, and forgets what it gave; tells whether there
    /// was one.
    pub async fn sign_out(&self, source: &str) -> Result<bool> {
        let sign_in = self.sign_in(source)?;
        let (cache, name) = (self.sso_cache(), sign_in.token_name());
        if let Some(token) = cache.load(name).filter(|token| token.expires_at > Timestamp::now()) {
            let portal = self.portal(source, &sign_in, &token);
            match Box::pin(self.aws.sso_logout(&portal)).await {
                // It had ended already.
                Ok(()) | Err(Error::SignedOut { .. }) => {}
                Err(error) => self.notice(format!("{source} is forgotten here but not ended at the portal: {error}")),
            }
        }
        let directory = self.environment.sso_cache();
        let was_signed_in = cache.forget(name).map_err(Error::file("remove the sign-in in", &directory))?;
        if let Some(known) = self.profile.sources.get(source) {
            let directory = self.environment.state_directory();
            discovered::forget(&self.environment, known).map_err(Error::file("remove a file in", &directory))?;
        }
        self.forget_sessions_from(source);
        Ok(was_signed_in)
    }

    /// The credentials of a permission set, through the sign-in of the source of that name.
    pub(super) async fn permission_set_keys(&self, source: &str, set: &PermissionSet) -> Result<SourceKeys> {
        let sign_in = self.sign_in(source)?;
        let token = self.token(source, &sign_in).await?;
        Box::pin(self.aws.role_credentials(&self.portal(source, &sign_in, &token), set)).await
    }

    /// A session of a role that is a permission set.
    pub(super) async fn permission_set_session(&self, role: RoleIndex) -> Result<Session> {
        let known = self.profile.role(role);
        let set = PermissionSet { account_id: known.arn.account(), role_name: known.name.clone() };
        let SourceKeys { keys, expiration, .. } =
            self.permission_set_keys(self.profile.source_name(role), &set).await?;
        // Only STS knows the session's ARN.
        let label = self.profile.label(role);
        let caller = Caller { keys: &keys, name: &label, is_source: false };
        let identity = Box::pin(self.aws.caller_identity(&self.endpoint(role, "STS"), caller)).await?;
        // As for AssumeRole: on this machine its own clock counts.
        let off = identity.clock_ahead.filter(|ahead| ahead.abs() >= CLOCK_LIMIT).unwrap_or(0);
        let expiration = expiration.unwrap_or_else(Timestamp::now);
        let expiration = expiration.checked_sub(SignedDuration::from_secs(off)).unwrap_or(expiration);
        Ok(Session { keys, issued: Timestamp::now(), expiration, arn: identity.arn, account_id: set.account_id })
    }

    /// An error over source credentials, with the next step where that is to sign in with xsw.
    pub(super) fn with_sign_in_hint(&self, source: &str, error: Error) -> Error {
        match error {
            Error::SignedOut { source_name, message, .. } if self.sign_in_of(source).is_some() => {
                Error::SignedOut { source_name, message, hint: Some(login_hint(source)) }
            }
            error => error,
        }
    }

    /// Where one signs in, for each source that has a sign-in: as it says itself, or as its AWS profile does. The AWS
    /// CLI's file is read once, and only when a source is named for it.
    fn sign_ins(&self) -> Vec<(&str, SignIn)> {
        let of_profiles = LazyCell::new(|| self.sign_ins_of_aws_profiles());
        let sign_in = |source: &Source| match source {
            Source::AwsProfile(profile) => of_profiles.get(profile).cloned(),
            source => source.sign_in(),
        };
        let sources = self.profile.sources.iter();
        sources.filter_map(|(name, source)| Some((name.as_str(), sign_in(source)?))).collect()
    }

    /// The same for one source.
    fn sign_in_of(&self, source: &str) -> Option<SignIn> {
        match self.profile.sources.get(source)? {
            Source::AwsProfile(profile) => self.sign_ins_of_aws_profiles().remove(profile),
            source => source.sign_in(),
        }
    }

    fn sign_ins_of_aws_profiles(&self) -> HashMap<String, SignIn> {
        std::fs::read_to_string(self.environment.aws_config()).map(|text| config::sign_ins(&text)).unwrap_or_default()
    }

    fn sign_in(&self, source: &str) -> Result<SignIn> {
        self.sign_in_of(source).ok_or_else(|| {
            let there_are = self.sign_in_sources().join(", ");
            match self.profile.sources.contains_key(source) {
                true => Error::Usage {
                    message: format!("the source {source} is no sign-in of IAM Identity Center"),
                    hint: Some(match there_are.is_empty() {
                        true => NO_SIGN_IN.into(),
                        false => format!("there are: {there_are}"),
                    }),
                },
                false => Error::Usage {
                    message: format!("there is no source {source}"),
                    hint: (!there_are.is_empty()).then(|| format!("one can sign in to: {there_are}")),
                },
            }
        })
    }

    /// The custom endpoint comes from the environment, else from the settings, as for STS and S3.
    fn sign_in_endpoint(&self, sign_in: &SignIn, service: &str) -> Endpoint {
        let url = self.environment.endpoint_url(service).or(self.profile.settings.endpoint_url.as_deref());
        Endpoint { region: sign_in.region.clone(), url: url.map(str::to_owned) }
    }

    fn sso_cache(&self) -> SsoCache {
        SsoCache::new(self.environment.sso_cache(), self.environment.state_directory())
    }

    fn portal(&self, source: &str, sign_in: &SignIn, token: &Token) -> Portal {
        Portal {
            endpoint: self.sign_in_endpoint(sign_in, "SSO"),
            source: source.to_owned(),
            access_token: token.access_token.clone(),
        }
    }

    /// The token that lives, renewed when it ends soon: by one process, while others wait for its answer.
    async fn token(&self, source: &str, sign_in: &SignIn) -> Result<Token> {
        let (cache, name) = (self.sso_cache(), sign_in.token_name());
        let fresh = |token: &Token| token.expires_at.duration_since(Timestamp::now()) > AHEAD;
        if let Some(token) = cache.load(name).filter(fresh) {
            return Ok(token);
        }
        let _lock = self.lock_token(sign_in).await;
        let Some(token) = cache.load(name) else {
            return Err(signed_out(source, "nobody has signed in yet"));
        };
        if fresh(&token) {
            return Ok(token);
        }
        let renewed = self.renewed(source, sign_in, &token).await;
        let lives = token.expires_at > Timestamp::now();
        match renewed {
            Ok(Some(renewed)) => Ok(renewed),
            // For some minutes it is as good as any.
            Ok(None) if lives => Ok(token),
            Ok(None) => Err(signed_out(source, "the sign-in has ended")),
            Err(error) if lives => {
                tracing::warn!(%error, source, "the sign-in cannot be renewed now");
                Ok(token)
            }
            // Whatever the service has against it, a new sign-in mends it.
            Err(Error::Aws { message, .. }) => Err(signed_out(source, &format!("it cannot be renewed: {message}"))),
            Err(error) => Err(error),
        }
    }

    /// Without the lock xsw still works; a refresh token may be used twice then.
    async fn lock_token(&self, sign_in: &SignIn) -> Option<crate::local::sso_cache::Lock> {
        let (cache, name) = (self.sso_cache(), sign_in.token_name().to_owned());
        tokio::task::spawn_blocking(move || cache.lock(&name).ok()).await.ok().flatten()
    }

    /// `None` when it cannot be renewed.
    async fn renewed(&self, source: &str, sign_in: &SignIn, token: &Token) -> Result<Option<Token>> {
        let now = Timestamp::now();
        let registration = token.registration.as_ref().filter(|registration| registration.expires_at > now);
        let (Some(refresh_token), Some(registration)) = (&token.refresh_token, registration) else {
            return Ok(None);
        };
        let endpoint = self.sign_in_endpoint(sign_in, "SSO_OIDC");
        let grant = Grant::RefreshToken(refresh_token);
        match Box::pin(self.aws.create_token(&endpoint, source, registration, grant)).await? {
            Answer::Tokens(tokens) => {
                tracing::info!(source, "the sign-in was renewed");
                let kept = token.refresh_token.clone();
                Ok(Some(self.store_token(sign_in, registration.clone(), tokens, kept)))
            }
            _ => {
                // The AWS CLI, which knows no lock of ours, may have been quicker.
                let newer = self.sso_cache().load(sign_in.token_name());
                Ok(newer.filter(|newer| newer.expires_at > now && newer.expires_at > token.expires_at))
            }
        }
    }

    fn store_token(
        &self,
        sign_in: &SignIn,
        registration: Registration,
        tokens: Tokens,
        refresh_token: Option<SecretString>,
    ) -> Token {
        let (cache, name) = (self.sso_cache(), sign_in.token_name());
        let lifetime = SignedDuration::try_from(tokens.expires_in).unwrap_or(SignedDuration::ZERO);
        let token = Token {
            start_url: sign_in.start_url.clone(),
            region: sign_in.region.clone(),
            access_token: tokens.access_token,
            expires_at: Timestamp::now().checked_add(lifetime).unwrap_or(Timestamp::MAX),
            refresh_token: tokens.refresh_token.or(refresh_token),
            registration: Some(registration),
            other: cache.load(name).map(|before| before.other).unwrap_or_default(),
        };
        if let Err(error) = cache.store(name, &token) {
            let place = self.environment.sso_cache();
            self.notice(format!("the sign-in is not kept, {} cannot be written: {error}", place.display()));
        }
        token
    }

    async fn new_token(&self, source: &str, sign_in: &SignIn, how: How, show: Show<'_>) -> Result<Token> {
        let in_browser = match how {
            How::Browser => Box::pin(self.sign_in_by_browser(source, sign_in, show)).await?,
            How::DeviceCode => None,
        };
        let (registration, tokens) = match in_browser {
            Some(done) => done,
            None => Box::pin(self.sign_in_by_code(source, sign_in, show)).await?,
        };
        tracing::info!(source, "signed in");
        // Another person may have signed in, whose sessions these are not.
        self.forget_sessions_from(source);
        let _lock = self.lock_token(sign_in).await;
        Ok(self.store_token(sign_in, registration, tokens, None))
    }

    /// The authorization code flow with PKCE (RFC 7636). `None` when no browser could be started.
    async fn sign_in_by_browser(
        &self,
        source: &str,
        sign_in: &SignIn,
        show: Show<'_>,
    ) -> Result<Option<(Registration, Tokens)>> {
        let Ok(redirect) = Redirect::listen().await else { return Ok(None) };
        let endpoint = self.sign_in_endpoint(sign_in, "SSO_OIDC");
        let client = self.client(source, sign_in, &endpoint, Flow::AuthorizationCode).await?;
        let (state, code_verifier) = (random_text()?, random_text()?);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(code_verifier.expose_secret().as_bytes()));
        let redirect_uri = redirect.url();
        let url = oidc::authorize_url(&endpoint, &client.client_id, &redirect_uri, state.expose_secret(), &challenge);
        // The port is open already, so the browser may be as quick as it likes.
        let answer = tokio::time::timeout(BROWSER_PATIENCE, redirect.answer(state.expose_secret()));
        if let Err(error) = browser::open(&url, &self.environment).await {
            show(Step::NoBrowser(&error));
            return Ok(None);
        }
        show(Step::Browser { url: &url });
        // That the service has forgotten the client is told in the browser alone, and whoever reads it there goes away:
        // it is kept when it has worked, else the next try registers anew.
        let name = client_name(sign_in, &endpoint, Flow::AuthorizationCode);
        self.sso_cache().forget_registration(&name);
        let code = match answer.await {
            Ok(Redirected::Code(code)) => code,
            Ok(Redirected::Refused(words)) => return Err(signed_out(source, &words)),
            Err(_) => return Err(signed_out(source, "nobody signed in within ten minutes")),
        };
        let grant =
            Grant::AuthorizationCode { code: &code, code_verifier: &code_verifier, redirect_uri: &redirect_uri };
        match self.aws.create_token(&endpoint, source, &client, grant).await? {
            Answer::Tokens(tokens) => {
                self.keep_client(&name, &client);
                Ok(Some((client, tokens)))
            }
            answer => Err(not_signed_in(source, answer)),
        }
    }

    /// The device code flow (RFC 8628).
    async fn sign_in_by_code(&self, source: &str, sign_in: &SignIn, show: Show<'_>) -> Result<(Registration, Tokens)> {
        let endpoint = self.sign_in_endpoint(sign_in, "SSO_OIDC");
        let (client, device) = self.device(source, sign_in, &endpoint).await?;
        show(Step::Code {
            url: &device.verification_uri,
            complete_url: device.verification_uri_complete.as_deref(),
            user_code: &device.user_code,
        });
        let end = Instant::now() + device.expires_in;
        let mut interval = device.interval;
        loop {
            tokio::time::sleep(interval).await;
            if Instant::now() >= end {
                return Err(not_signed_in(source, Answer::Expired));
            }
            let grant = Grant::DeviceCode(&device.device_code);
            match self.aws.create_token(&endpoint, source, &client, grant).await {
                Ok(Answer::Tokens(tokens)) => return Ok((client, tokens)),
                Ok(Answer::Pending) => {}
                Ok(Answer::SlowDown) => interval += SLOWER,
                Ok(answer) => return Err(not_signed_in(source, answer)),
                // RFC 8628, section 3.5: no answer means less often, not the end.
                Err(Error::Network { endpoint, message }) => {
                    tracing::warn!(endpoint, message, "no answer while waiting for the sign-in");
                    interval = (interval * 2).min(Duration::from_secs(60));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// A code to show. A registration that the service has forgotten is made anew, once.
    async fn device(&self, source: &str, sign_in: &SignIn, endpoint: &Endpoint) -> Result<(Registration, Device)> {
        for _ in 0..2 {
            let client = self.client(source, sign_in, endpoint, Flow::DeviceCode).await?;
            let started = self.aws.start_device_authorization(endpoint, source, sign_in.address(), &client).await?;
            if let Some(device) = started {
                return Ok((client, device));
            }
            self.sso_cache().forget_registration(&client_name(sign_in, endpoint, Flow::DeviceCode));
        }
        Err(not_signed_in(source, Answer::UnknownClient))
    }

    /// The client that xsw is registered as: the one of last time, else a new one.
    async fn client(&self, source: &str, sign_in: &SignIn, endpoint: &Endpoint, flow: Flow) -> Result<Registration> {
        let (cache, name) = (self.sso_cache(), client_name(sign_in, endpoint, flow));
        // It must outlive the sign-in for which it is used, or that could not be renewed.
        let tomorrow = Timestamp::now().checked_add(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MAX);
        if let Some(client) = cache.registration(&name, tomorrow) {
            return Ok(client);
        }
        let client = Box::pin(self.aws.register_client(endpoint, source, sign_in.address(), flow, REDIRECT)).await?;
        self.keep_client(&name, &client);
        Ok(client)
    }

    fn keep_client(&self, name: &str, client: &Registration) {
        if let Err(error) = self.sso_cache().store_registration(name, client, &oidc::SCOPES) {
            tracing::warn!(%error, "the client's registration is not kept");
        }
    }

    /// Lists accounts and, some at a time, the permission sets in each.
    async fn discover(&self, source: &str, sign_in: &SignIn, token: &Token) -> Result<Discovered> {
        let portal = Arc::new(self.portal(source, sign_in, token));
        let mut accounts = Box::pin(self.aws.sso_accounts(&portal)).await?;
        accounts.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        let (mut tasks, turns) = (JoinSet::new(), Arc::new(Semaphore::new(AT_A_TIME)));
        for (place, account) in accounts.iter().enumerate() {
            tasks.spawn(roles_of(self.aws.clone(), portal.clone(), turns.clone(), place, account.id.to_string()));
        }
        while let Some(done) = tasks.join_next().await {
            let (place, roles) = done.map_err(|error| Error::Crashed { message: error.to_string() })?;
            accounts[place].roles = match roles {
                Ok(roles) => roles,
                // Taken away between the two questions.
                Err(Error::Denied { .. }) => Vec::new(),
                Err(error) => return Err(error),
            };
        }
        Ok(Discovered { accounts })
    }

    fn forget_sessions_from(&self, source: &str) {
        held(&self.sources).remove(source);
        for role in self.profile.indices().filter(|role| self.profile.source_name(*role) == source) {
            if let Err(error) = self.forget_role(role) {
                tracing::warn!(%error, "a session of the sign-in before cannot be forgotten");
            }
        }
    }
}

const NO_SIGN_IN: &str = "write a source with sso_start_url and sso_region; config.example.toml shows one";

/// Waits for its turn.
async fn roles_of(
    aws: Aws,
    portal: Arc<Portal>,
    turns: Arc<Semaphore>,
    place: usize,
    account_id: String,
) -> (usize, Result<Vec<String>>) {
    // The semaphore is never closed; without a turn it would only be faster.
    let _turn = turns.acquire().await;
    (place, aws.sso_account_roles(&portal, &account_id).await)
}

/// The name of a registration's file: all that it depends on.
fn client_name(sign_in: &SignIn, endpoint: &Endpoint, flow: Flow) -> String {
    json!({
        "tool": "xsw",
        "grantType": flow.grant(),
        "startUrl": sign_in.start_url,
        "region": endpoint.region,
        "endpointUrl": endpoint.url,
        "scopes": oidc::SCOPES,
    })
    .to_string()
}

/// 64 characters that nobody guesses (RFC 7636, section 4.1: 43 to 128 of `[A-Za-z0-9-._~]`).
fn random_text() -> Result<SecretString> {
    let mut bytes = zeroize::Zeroizing::new([0; 48]);
    getrandom::fill(&mut *bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(URL_SAFE_NO_PAD.encode(*bytes).into())
}

fn login_hint(source: &str) -> String {
    format!("sign in: `xsw login {source}`")
}

fn signed_out(source: &str, message: &str) -> Error {
    Error::SignedOut { source_name: source.into(), message: message.into(), hint: Some(login_hint(source)) }
}

/// Why a sign-in came to nothing.
fn not_signed_in(source: &str, answer: Answer) -> Error {
    let message = match answer {
        Answer::Expired => "the code was not used in time".into(),
        Answer::UnknownClient => "IAM Identity Center does not know xsw any more".into(),
        Answer::Refused(words) => words,
        Answer::Tokens(_) | Answer::Pending | Answer::SlowDown => "the sign-in was not finished".into(),
    };
    Error::SignedOut { source_name: source.into(), message, hint: Some(format!("try it again: `xsw login {source}`")) }
}
