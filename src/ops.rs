//! What xsw can do. Each operation returns a value; none prints, none knows a screen.
//!
//! The verbs and the screen call the very same operations on one [`Core`].

pub mod audit;
#[cfg(feature = "batch")]
pub mod batch;
mod bookmarks;
mod broker;
pub mod browse;
mod cat;
pub mod check;
pub mod console;
pub mod control;
pub mod copy;
pub mod download;
mod downloaded;
mod ends;
pub mod explain;
pub mod import;
pub mod logout;
pub mod mend;
pub mod policy;
mod presign;
pub mod preview;
pub mod read;
mod renew;
pub mod roles;
mod shell;
pub mod sign_in;
pub mod transfer;
pub mod walk;
pub mod whoami;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::aws::source::SourceKeys;
use crate::aws::{Aws, Endpoint, s3::S3};
use crate::domain::account::default_region;
use crate::domain::role::{Profile, RoleIndex};
use crate::domain::session::Session;
use crate::local::audit::Trail;
use crate::local::cache::{CacheKey, SessionCache};
use crate::local::codes::SentCodes;
use crate::local::environment::Environment;
use crate::local::lock::held;
use crate::ops::transfer::pool::Pool;

/// What all operations share: the profile, the way to AWS, the sessions that live.
#[derive(Debug)]
pub struct Core {
    /// The checked profile file.
    pub profile: Arc<Profile>,
    /// The environment variables and places.
    pub environment: Arc<Environment>,
    /// `--region`, which beats every other region.
    region: Option<String>,
    aws: Aws,
    cache: SessionCache,
    trail: Trail,
    /// Sessions of this process, for when nothing can be written to disk.
    sessions: Mutex<HashMap<RoleIndex, Session>>,
    /// Sessions of source credentials that know of an MFA code.
    mfa_sessions: Mutex<HashMap<CacheKey, Session>>,
    codes: SentCodes,
    sources: Mutex<HashMap<String, SourceKeys>>,
    buckets: Mutex<HashMap<RoleIndex, S3>>,
    notices: Mutex<Vec<String>>,
    /// What transfers may use, all together.
    pool: Pool,
    ends: ends::Ends,
    mfa_hint: MfaHint,
}

/// The code that an MFA device shows now, by its serial number: the demo knows it, nobody else.
#[derive(Clone, Default)]
pub struct MfaHint(Option<ShownCode>);

type ShownCode = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

impl MfaHint {
    /// Codes as `shown` tells them.
    pub fn new(shown: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(shown)))
    }
}

impl std::fmt::Debug for MfaHint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MfaHint")
    }
}

impl Core {
    /// Reads and connects nothing yet.
    pub fn new(profile: Profile, environment: Environment, region: Option<String>, mfa_hint: MfaHint) -> Arc<Self> {
        let environment = Arc::new(environment);
        Arc::new(Self {
            aws: Aws::new(environment.clone()),
            cache: SessionCache::new(environment.state_directory(), profile.settings.cache),
            codes: SentCodes::new(environment.state_directory()),
            trail: Trail::new(environment.state_directory()),
            profile: Arc::new(profile),
            environment,
            region,
            sessions: Mutex::default(),
            mfa_sessions: Mutex::default(),
            sources: Mutex::default(),
            buckets: Mutex::default(),
            notices: Mutex::default(),
            pool: Pool::default(),
            ends: ends::Ends::default(),
            mfa_hint,
        })
    }

    /// What the user should hear once although nothing failed; hearing it takes it away.
    pub fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut *held(&self.notices))
    }

    /// What a person without the device in hand may be told: in the demo its code, else nothing.
    pub fn shown_code(&self, serial: &str) -> Option<String> {
        self.mfa_hint.0.as_ref().and_then(|shown| shown(serial))
    }

    /// Waits, but not for ever, until what was begun at AWS for a moment is given up again: before the program ends.
    pub async fn come_to_ends(&self) {
        self.ends.wait().await;
    }

    fn notice(&self, text: String) {
        tracing::warn!("{text}");
        let mut notices = held(&self.notices);
        if !notices.contains(&text) {
            notices.push(text);
        }
    }

    /// Where a service is for a role: the one place that lays flag, environment, file and default over each other.
    ///
    /// The region of the file beats the environment's, against the rule: inside a subshell `AWS_REGION` is that
    /// shell's role's, and must not move the buckets of another. For endpoints the environment comes first, as in
    /// every SDK.
    pub fn endpoint(&self, role: RoleIndex, service: &str) -> Endpoint {
        let of_file = self.region.as_deref().or(self.profile.region(role));
        let of_partition = || default_region(self.profile.role(role).arn.partition());
        let region = of_file.or(self.environment.region()).unwrap_or_else(of_partition);
        let url = self.environment.endpoint_url(service).or(self.profile.endpoint_url(role));
        Endpoint { region: region.to_owned(), url: url.map(str::to_owned) }
    }

    /// The region that a role's session works in, as its child's environment gets it.
    pub fn region_of(&self, role: RoleIndex) -> String {
        self.endpoint(role, "S3").region
    }
}
