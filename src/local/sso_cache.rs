//! The tokens of IAM Identity Center in `~/.aws/sso/cache`, shared with the AWS CLI and the SDKs: who signs in with one
//! is signed in for all.
//!
//! A token's file is named by the SHA-1 of its session's name or start URL. Fields that xsw does not know stay.

use std::io;
use std::path::PathBuf;

use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};
use sha1::{Digest as _, Sha1};
use zeroize::Zeroizing;

pub use super::lock::Lock;
use super::{files, lock};
use crate::domain::sign_in::{Registration, Token};
use crate::domain::text::{hex, rfc3339};

/// The folder of the tokens.
#[derive(Clone, Debug)]
pub struct SsoCache {
    directory: PathBuf,
    /// Locks are no business of the AWS CLI.
    locks: PathBuf,
}

impl SsoCache {
    /// Nothing is made before the first token is stored.
    pub fn new(directory: PathBuf, state_directory: PathBuf) -> Self {
        Self { directory, locks: state_directory.join("sign-ins") }
    }

    /// The token of that name, if there is one that can be read.
    pub fn load(&self, name: &str) -> Option<Token> {
        self.read::<StoredToken>(name)?.into_token()
    }

    /// Stores the token, readable by us alone.
    pub fn store(&self, name: &str, token: &Token) -> io::Result<()> {
        self.write(name, &StoredToken::new(token))
    }

    /// Removes the token; tells whether there was one.
    pub fn forget(&self, name: &str) -> io::Result<bool> {
        match std::fs::remove_file(self.path(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The registration of that name, while it lasts.
    pub fn registration(&self, name: &str, now: Timestamp) -> Option<Registration> {
        let stored: StoredRegistration = self.read(name)?;
        let registration = Registration {
            client_id: stored.client_id,
            client_secret: SecretString::from(stored.client_secret.as_str()),
            expires_at: stored.expires_at.0,
        };
        (registration.expires_at > now).then_some(registration)
    }

    /// Stores a registration as the AWS CLI stores its own: beside the tokens.
    pub fn store_registration(&self, name: &str, registration: &Registration, scopes: &[&str]) -> io::Result<()> {
        let stored = StoredRegistration {
            client_id: registration.client_id.clone(),
            client_secret: registration.client_secret.expose_secret().to_owned().into(),
            expires_at: Time(registration.expires_at),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        self.write(name, &stored)
    }

    /// Forgets a registration that the service knows no more.
    pub fn forget_registration(&self, name: &str) {
        if let Err(error) = self.forget(name) {
            tracing::warn!(%error, "a client's registration cannot be forgotten");
        }
    }

    /// Waits until no other xsw renews this token. Blocks: call it off the async threads.
    pub fn lock(&self, name: &str) -> io::Result<Lock> {
        files::private_directory(&self.locks)?;
        lock::hold(&self.locks.join(format!("{}.lock", hash(name))))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{}.json", hash(name)))
    }

    fn read<T: for<'a> Deserialize<'a>>(&self, name: &str) -> Option<T> {
        let path = self.path(name);
        let text = Zeroizing::new(std::fs::read(&path).ok()?);
        match serde_json::from_slice(&text) {
            Ok(stored) => Some(stored),
            Err(error) => {
                // The position alone: serde's message may quote what it read.
                tracing::warn!(file = hash(name), line = error.line(), "a file of the SSO cache cannot be read");
                None
            }
        }
    }

    fn write(&self, name: &str, stored: &impl Serialize) -> io::Result<()> {
        // It may be there already, and then it is the AWS CLI's as much as ours.
        files::make_directory(&self.directory)?;
        let text = Zeroizing::new(serde_json::to_vec(stored).map_err(io::Error::other)?);
        files::write_private(&self.path(name), &text)
    }
}

/// The AWS CLI names the files so.
fn hash(name: &str) -> String {
    hex(&Sha1::digest(name.as_bytes()))
}

/// A token as it stands in its file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredToken {
    #[serde(default)]
    start_url: String,
    #[serde(default)]
    region: String,
    access_token: Zeroizing<String>,
    expires_at: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client_secret: Option<Zeroizing<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registration_expires_at: Option<Time>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    refresh_token: Option<Zeroizing<String>>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

impl StoredToken {
    fn new(token: &Token) -> Self {
        let registration = token.registration.as_ref();
        let secret = |secret: &SecretString| secret.expose_secret().to_owned().into();
        Self {
            start_url: token.start_url.clone(),
            region: token.region.clone(),
            access_token: secret(&token.access_token),
            expires_at: Time(token.expires_at),
            client_id: registration.map(|registration| registration.client_id.clone()),
            client_secret: registration.map(|registration| secret(&registration.client_secret)),
            registration_expires_at: registration.map(|registration| Time(registration.expires_at)),
            refresh_token: token.refresh_token.as_ref().map(secret),
            other: token.other.clone(),
        }
    }

    /// `None` when it opens nothing.
    fn into_token(self) -> Option<Token> {
        let secret = |text: Zeroizing<String>| SecretString::from(text.as_str());
        let registration = match (self.client_id, self.client_secret, self.registration_expires_at) {
            (Some(client_id), Some(client_secret), Some(expires_at)) => {
                Some(Registration { client_id, client_secret: secret(client_secret), expires_at: expires_at.0 })
            }
            _ => None,
        };
        (!self.access_token.is_empty()).then(|| Token {
            start_url: self.start_url,
            region: self.region,
            access_token: secret(self.access_token),
            expires_at: self.expires_at.0,
            refresh_token: self.refresh_token.map(secret),
            registration,
            other: self.other,
        })
    }
}

/// A registration as it stands in its file.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredRegistration {
    client_id: String,
    client_secret: Zeroizing<String>,
    expires_at: Time,
    #[serde(default)]
    scopes: Vec<String>,
}

/// A time as the AWS CLI, botocore and the SDKs write it: all of them UTC, with `Z`, `UTC` or `+00:00` at its end.
#[derive(Clone, Copy)]
struct Time(Timestamp);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // What every one of them reads.
        serializer.serialize_str(&rfc3339(self.0))
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        time(&text).map(Self).ok_or_else(|| serde::de::Error::custom("this is no time"))
    }
}

fn time(text: &str) -> Option<Timestamp> {
    match text.trim().strip_suffix("UTC") {
        Some(time) => format!("{}Z", time.trim_end()).parse().ok(),
        None => text.trim().parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(root: &std::path::Path) -> SsoCache {
        SsoCache::new(root.join("cache"), root.join("state"))
    }

    #[test]
    fn times_of_all_programs() {
        let expected = Timestamp::from_second(1_795_305_600).unwrap();
        for text in [
            "2026-11-22T00:00:00Z",
            "2026-11-22T00:00:00UTC",
            "2026-11-22T00:00:00+00:00",
            "2026-11-22T00:00:00.000Z",
            "2026-11-22T01:00:00+01:00",
            " 2026-11-22T00:00:00 UTC ",
        ] {
            assert_eq!(time(text), Some(expected), "{text}");
        }
        for text in ["", "UTC", "soon", "2026-11-22", "2026-11-22T00:00:00"] {
            assert_eq!(time(text), None, "{text}");
        }
    }

    #[test]
    fn a_token_of_the_aws_cli_comes_back_with_all_that_it_held() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache(root.path());
        // sha1("corp")
        let file = root.path().join("cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json");
        let text = serde_json::json!({
            "startUrl": "https://example.awsapps.com/start", "region": "eu-west-1", "accessToken": "very-secret",
            "expiresAt": "2026-11-22T00:00:00UTC", "clientId": "id", "clientSecret": "very-secret-too",
            "registrationExpiresAt": "2027-01-01T00:00:00Z", "refreshToken": "very-secret-as-well",
            "somethingNew": { "a": [1] },
        });
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text.to_string()).unwrap();
        let token = cache.load("corp").unwrap();
        assert!(!format!("{token:?}").contains("very-secret"), "{token:?}");
        cache.store("corp", &token).unwrap();
        let stored: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let mut expected = text;
        expected["expiresAt"] = "2026-11-22T00:00:00Z".into();
        assert_eq!(stored, expected);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(cache.forget("corp").unwrap() && !cache.forget("corp").unwrap());
    }

    #[test]
    fn what_is_no_token_is_none() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache(root.path());
        std::fs::create_dir_all(root.path().join("cache")).unwrap();
        let end = r#""expiresAt":"2026-11-22T00:00:00Z""#;
        for text in ["", "[]", "{", "{}", &format!("{{{end}}}"), &format!(r#"{{"accessToken":"",{end}}}"#)] {
            std::fs::write(cache.path("corp"), text).unwrap();
            assert!(cache.load("corp").is_none(), "{text}");
        }
        let plain = format!(r#"{{"accessToken":"a",{end}}}"#);
        std::fs::write(cache.path("corp"), plain).unwrap();
        assert!(cache.load("corp").unwrap().registration.is_none());
    }

    #[test]
    fn a_registration_is_used_while_it_lasts() {
        let root = tempfile::tempdir().unwrap();
        let cache = cache(root.path());
        let end = Timestamp::from_second(1000).unwrap();
        let registration =
            Registration { client_id: "id".into(), client_secret: "secret".to_owned().into(), expires_at: end };
        cache.store_registration("client", &registration, &["sso:account:access"]).unwrap();
        let found = cache.registration("client", Timestamp::from_second(999).unwrap()).unwrap();
        assert_eq!((found.client_id.as_str(), found.client_secret.expose_secret()), ("id", "secret"));
        assert!(cache.registration("client", end).is_none());
        cache.forget_registration("client");
        assert!(cache.registration("client", Timestamp::UNIX_EPOCH).is_none());
    }
}
