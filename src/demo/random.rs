//! Random names and secrets. They are new in every run, so that nothing of the demo works anywhere else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

use crate::domain::text::hex;

/// `length` random bytes.
pub(super) fn bytes(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

/// An identifier as IAM makes them: a prefix such as `AKIA`, then sixteen or seventeen letters and digits.
pub(super) fn identifier(prefix: &str, length: usize) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let random = bytes(length).into_iter().map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
    prefix.chars().chain(random).collect()
}

/// A secret access key: forty characters.
pub(super) fn secret_key() -> SecretString {
    STANDARD.encode(bytes(30)).into()
}

/// A session token.
pub(super) fn session_token() -> SecretString {
    STANDARD.encode(bytes(96)).into()
}

/// A request id, for the answers.
pub(super) fn request_id() -> String {
    hex(&bytes(16))
}
