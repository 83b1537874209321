//! `xsw credential-process`: a session as `credential_process` of an AWS profile wants it.
//!
//! The AWS CLI keeps nothing and may call twice for one command (aws-cli #5585, #5048), so the session comes from the
//! cache. Its stdin and stdout may be pipes: an MFA code is asked for at the controlling terminal.

use serde::Serialize;

use super::{Context, output};
use crate::domain::text::rfc3339;
use crate::error::Result;

/// AWS SDKs and Tools Reference Guide, "Process credential provider".
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Answer<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: Option<&'a str>,
    expiration: String,
}

pub(super) async fn run(context: &Context, role: &str) -> Result<()> {
    let role = context.core.profile.find(role)?;
    let session = context.session(role).await?;
    output::print_json(&Answer {
        version: 1,
        access_key_id: &session.keys.access_key_id,
        secret_access_key: session.keys.secret(),
        session_token: session.keys.token(),
        expiration: rfc3339(session.expiration),
    })
}
