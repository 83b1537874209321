//! The AWS web console, signed in as a role.

use jiff::Timestamp;
use serde_json::Value;

use super::Core;
use super::audit::{Deed, Event};
use crate::aws::federation::{Console, LoginUrl};
use crate::domain::role::RoleIndex;
use crate::domain::session::Session;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::browser;
use crate::local::doorway::Doorway;

/// How long a browser may take to come: the first window of the day takes half a minute on slow machines.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

/// Which page of the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConsolePage {
    /// The home page.
    Home,
    /// A service's, by its name in the console's addresses.
    Service(String),
    /// A bucket's, or that of a prefix in it.
    Bucket(S3Uri),
    /// An object's.
    Object(S3Uri),
}

impl Core {
    /// The address that signs in as `role` and opens `page`; a session that wants an MFA code must have been made
    /// before. It is a secret for the fifteen minutes that AWS takes it.
    ///
    /// # Errors
    /// [`Error::Usage`] for a service, region or partition that has no console; what assuming the role says.
    pub async fn console_url(&self, role: RoleIndex, page: &ConsolePage) -> Result<LoginUrl> {
        let began = Timestamp::now();
        let mut session = None;
        let answer = self.sign_in_to_console(role, page, &mut session).await;
        // A session that wants a code is asked for once more, and that is the deed; a wrong word is none.
        if !matches!(answer, Err(Error::MfaRequired { .. } | Error::Usage { .. })) {
            let service = match page {
                ConsolePage::Home => Value::Null,
                ConsolePage::Service(name) => name.as_str().into(),
                ConsolePage::Bucket(_) | ConsolePage::Object(_) => "s3".into(),
            };
            self.record(&Event {
                deed: Deed::Console,
                role,
                began,
                session: session.as_ref(),
                outcome: answer.as_ref().map(|_| ()),
                details: vec![("service", service), ("region", self.endpoint(role, "SIGNIN").region.into())],
            });
        }
        answer
    }

    async fn sign_in_to_console(
        &self,
        role: RoleIndex,
        page: &ConsolePage,
        used: &mut Option<Session>,
    ) -> Result<LoginUrl> {
        let endpoint = self.endpoint(role, "SIGNIN");
        let console = Console::of(self.profile.role(role).arn.partition(), &endpoint)?;
        let destination = match page {
            ConsolePage::Home => console.service(None)?,
            ConsolePage::Service(name) => console.service(Some(name))?,
            ConsolePage::Bucket(uri) => console.bucket(uri),
            ConsolePage::Object(uri) => console.object(uri),
        };
        let label = self.profile.label(role);
        let session = used.insert(self.session_unasked(role).await?);
        match self.aws.login_url(&console, &label, &session.keys, &destination).await {
            // AWS ended the session before its time.
            Err(Error::Expired { .. }) => self.forget_session(role),
            answer => return answer,
        }
        let session = used.insert(self.session_unasked(role).await?);
        match self.aws.login_url(&console, &label, &session.keys, &destination).await {
            // A new session has not ended: it is something else that AWS does not tell.
            Err(Error::Expired { .. }) => Err(Error::Aws {
                action: "signin:GetSigninToken".into(),
                code: "Refused".into(),
                message: format!("AWS does not sign a new session of {label} in to the console"),
                hint: Some("a session policy or the organization may forbid it; `xsw whoami` shows the session".into()),
            }),
            answer => answer,
        }
    }

    /// Opens the browser on `url` and waits until it has come for it.
    ///
    /// The browser is given an address of this machine that leads to `url` once: everybody here can see the words that
    /// a program is started with.
    ///
    /// # Errors
    /// [`Error::NotFound`] when there is no browser, or none came.
    pub async fn open_console(&self, url: &LoginUrl) -> Result<()> {
        let doorway = Doorway::open(url.expose().to_owned().into()).await?;
        let no_browser = |message: String| Error::NotFound {
            message,
            hint: Some("`xsw console ROLE --url` prints the address for a browser elsewhere; it is a secret".into()),
        };
        browser::open(doorway.address(), &self.environment)
            .await
            .map_err(|error| no_browser(format!("no browser could be opened: {error}")))?;
        if doorway.passed(PATIENCE).await {
            return Ok(());
        }
        Err(no_browser(format!("no browser came within {} s", PATIENCE.as_secs())))
    }
}
