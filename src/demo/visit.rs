//! A visit to the embedded cloud: the cloud itself, and a temporary folder with all that a visitor needs.

use std::ffi::OsString;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tempfile::TempDir;

use super::{Cloud, World};
use crate::error::{Error, Result};
use crate::local::environment::Environment;
use crate::local::files::write_private;

/// The code that a device of the demo around this process shows now; `cloud` is its `XSW_DEMO`. A visitor's xsw inside
/// the demo's subshell has no other way to the device.
pub fn code_shown_at(cloud: &str, serial: &str) -> Option<String> {
    let address: SocketAddr =
        cloud.strip_prefix("http://")?.parse().ok().filter(|to: &SocketAddr| to.ip().is_loopback())?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let serial: String = form_urlencoded::byte_serialize(serial.as_bytes()).collect();
    let request = format!("GET {CODES}?serial={serial} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut answer = String::new();
    stream.take(4096).read_to_string(&mut answer).ok()?;
    let code = answer.strip_prefix("HTTP/1.1 200 ")?.rsplit_once("\r\n\r\n")?.1;
    (code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit())).then(|| code.to_owned())
}

/// Where the cloud shows its devices.
pub(super) const CODES: &str = "/mfa-codes";

/// For an answer of this very machine.
const PATIENCE: Duration = Duration::from_secs(1);

/// The cloud runs and the folder stays until this is dropped.
#[derive(Debug)]
pub struct Visit {
    cloud: Arc<Cloud>,
    folder: TempDir,
}

impl Visit {
    /// Starts the demo's world and writes its profile file, credentials and nothing else, below a temporary folder.
    pub async fn start() -> Result<Self> {
        Self::to(World::demo()).await
    }

    /// The same for any world that has a visitor.
    pub async fn to(world: World) -> Result<Self> {
        let visitor = world.visitor().ok_or_else(|| io::Error::other("this world has no visitor"))?;
        let credentials = format!(
            "[demo]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
            visitor.access_key_id,
            visitor.secret_access_key.expose_secret()
        );
        let folder = tempfile::Builder::new().prefix("xsw-demo-").tempdir()?;
        let cloud = Cloud::start(world).await.map_err(Error::from)?;
        let profile = include_str!("../../assets/demo/config.toml");
        let profile = profile.replace("http://127.0.0.1:0", &cloud.endpoint_url());
        write_private(&folder.path().join("config.toml"), profile.as_bytes())?;
        write_private(&folder.path().join("credentials"), credentials.as_bytes())?;
        write_private(&folder.path().join("aws-config"), b"[profile demo]\nregion = ap-northeast-1\n")?;
        Ok(Self { cloud: Arc::new(cloud), folder })
    }

    /// The cloud.
    pub fn cloud(&self) -> &Arc<Cloud> {
        &self.cloud
    }

    /// The profile file that describes it.
    pub fn profile_file(&self) -> PathBuf {
        self.folder.path().join("config.toml")
    }

    /// `outer` with everything that leads to real accounts replaced; subshells get it too, so that `xsw` and `aws` in
    /// them find the demo.
    pub fn environment(&self, outer: Environment) -> Environment {
        let mut environment = outer;
        let here = |name: &str| Some(self.folder.path().join(name).into_os_string());
        let set = [
            ("XSW_CONFIG", here("config.toml")),
            ("XSW_STATE_DIR", here("state")),
            ("XSW_SSO_CACHE", here("sso-cache")),
            ("AWS_CONFIG_FILE", here("aws-config")),
            ("AWS_SHARED_CREDENTIALS_FILE", here("credentials")),
            ("AWS_EC2_METADATA_DISABLED", Some(OsString::from("true"))),
            ("XSW_DEMO", Some(OsString::from(self.cloud.endpoint_url()))),
        ];
        let gone = [
            "AWS_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_S3",
            "AWS_ENDPOINT_URL_SIGNIN",
            "AWS_ENDPOINT_URL_STS",
            "AWS_ENDPOINT_URL_SSO",
            "AWS_ENDPOINT_URL_SSO_OIDC",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
            "AWS_PROFILE",
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
            "XSW_ROLE",
        ];
        for (name, value) in set {
            environment.overlay(name, value);
        }
        for name in gone {
            environment.overlay(name, None);
        }
        environment
    }
}
