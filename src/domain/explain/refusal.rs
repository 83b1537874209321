//! AWS's own words of a refusal: which side they name, and which action (IAM User Guide, "Troubleshoot access denied
//! error messages"). Where AWS gives no reason, nothing is read into that.

use crate::domain::policy::Side;

/// What a refusal tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The action that was refused; it may be another than the one that was called: `kms:Decrypt` for `s3:GetObject`.
    pub action: Option<String>,
    /// What it was asked for.
    pub resource: Option<String>,
    /// Whose policies.
    pub side: Option<Side>,
    /// Whether a statement denies it, and does not merely lack.
    pub explicit: bool,
    /// Whether the MFA code was not believed, which is no matter of policies.
    pub wrong_code: bool,
}

impl Refusal {
    /// Reads the words.
    pub fn read(message: &str) -> Refusal {
        let says = |words: &str| message.contains(words);
        let word_after = |words: &str| {
            let rest = &message[message.find(words)? + words.len()..];
            let word = rest.split_whitespace().next()?.trim_matches(['"', ',', '.']);
            (!word.is_empty()).then(|| word.to_owned())
        };
        let kinds = [
            ("identity-based policy", Side::Identity),
            ("permissions boundary", Side::Boundary),
            ("service control policy", Side::Scp),
            ("resource control policy", Side::Scp),
            ("session policy", Side::Session),
            ("role trust policy", Side::Trust),
            // Whose it is, the one who asked knows: a trust, bucket or key policy.
            ("resource-based policy", Side::Bucket),
        ];
        Refusal {
            action: word_after("not authorized to perform: "),
            resource: word_after("on resource: "),
            side: kinds.iter().find(|(words, _)| says(words)).map(|(_, side)| *side),
            explicit: says("explicit deny"),
            wrong_code: says("MultiFactorAuthentication failed"),
        }
    }
}

/// AWS's words as evidence.
pub(super) fn aws_says(message: &str) -> String {
    if message.is_empty() { "AWS says no more than AccessDenied".into() } else { format!("AWS says: {message}") }
}
