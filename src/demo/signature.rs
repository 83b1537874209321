//! Signature Version 4 over a POST of a form, for the services whose signatures s3s does not check.
//!
//! AWS IAM User Guide, "Create a signed AWS API request".

use hmac::{Hmac, KeyInit, Mac};
use hyper::http::request::Parts;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::domain::text::hex;

/// The Authorization header of a request, taken apart.
pub(super) struct Signature<'a> {
    /// Whose signature it is.
    pub access_key: &'a str,
    /// Date, region, service and `aws4_request`.
    scope: &'a str,
    /// The headers that it covers.
    signed: &'a str,
    value: &'a str,
}

impl<'a> Signature<'a> {
    /// The signature of a request; none when it has none in this form.
    pub(super) fn of(parts: &'a Parts) -> Option<Signature<'a>> {
        let header = parts.headers.get("authorization")?.to_str().ok()?.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let field = |name: &str| header.split(',').find_map(|field| field.trim().strip_prefix(name)?.strip_prefix('='));
        let (access_key, scope) = field("Credential")?.split_once('/')?;
        Some(Signature { access_key, scope, signed: field("SignedHeaders")?, value: field("Signature")? })
    }

    /// The region that the request was signed for.
    pub(super) fn region(&self) -> &'a str {
        self.scope.split('/').nth(1).unwrap_or_default()
    }

    /// Whether it is that of this request under this secret, and covers what it has to.
    pub(super) fn is_right(&self, parts: &Parts, body: &[u8], secret: &SecretString) -> bool {
        let date = parts.headers.get("x-amz-date").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let scope: Vec<&str> = self.scope.split('/').collect();
        let [day, region, service, end @ "aws4_request"] = scope[..] else {
            return false;
        };
        let covers = |name: &str| self.signed.split(';').any(|signed| signed == name);
        if !date.starts_with(day) || !covers("host") || !covers("x-amz-date") {
            return false;
        }
        let request = self.canonical(parts, body);
        let text = format!("AWS4-HMAC-SHA256\n{date}\n{}\n{}", self.scope, hex(&Sha256::digest(request)));
        let first = format!("AWS4{}", secret.expose_secret());
        let key = [day, region, service, end].iter().fold(first.into_bytes(), |key, part| mac(&key, part));
        hex(&mac(&key, &text)).as_bytes().ct_eq(self.value.as_bytes()).into()
    }

    fn canonical(&self, parts: &Parts, body: &[u8]) -> String {
        let values = |name: &str| {
            let values = parts.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
            values.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(",")
        };
        let headers: String = self.signed.split(';').map(|name| format!("{name}:{}\n", values(name))).collect();
        let query = parts.uri.query().unwrap_or_default();
        let (method, path, signed) = (&parts.method, parts.uri.path(), self.signed);
        format!("{method}\n{path}\n{query}\n{headers}\n{signed}\n{}", hex(&Sha256::digest(body)))
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of every length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}
