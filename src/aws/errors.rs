//! The SDK's errors as ours: what was asked, of whom, what AWS said, what to do next.

use std::error::Error as StdError;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::domain::shell_word::quoted;
use crate::error::Error;

/// One call to AWS, as its errors tell it.
pub(super) struct Call<'a> {
    /// `sts:AssumeRole`, `s3:ListBucket`: the action that a policy would name.
    pub action: &'a str,
    /// The ARN that a policy would name.
    pub resource: &'a str,
    /// The same thing as people name it.
    pub name: &'a str,
    /// Whose credentials sign it: `account/role` or the source's name.
    pub caller: &'a str,
    /// Whether the caller is the source and not a session.
    pub caller_is_source: bool,
    /// The bucket, for S3.
    pub bucket: Option<&'a str>,
    /// Where it goes.
    pub endpoint: String,
}

impl Call<'_> {
    /// Reads the SDK's error.
    pub(super) fn failed<E>(&self, error: &SdkError<E, HttpResponse>) -> Error
    where
        E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    {
        if let Some(ours) = own_error(error) {
            return ours;
        }
        match error {
            SdkError::ServiceError(refused) => {
                let raw = refused.raw();
                let header = |name: &str| raw.headers().get(name).map(str::to_owned);
                let answer = Answer {
                    status: raw.status().as_u16(),
                    code: refused.err().code().unwrap_or_default().to_owned(),
                    message: without_request(refused.err().message().unwrap_or_default()).to_owned(),
                    bucket_region: header("x-amz-bucket-region"),
                    date: header("date"),
                };
                self.refused(answer)
            }
            SdkError::TimeoutError(_) => self.unreachable("no answer in time".into()),
            SdkError::DispatchFailure(failure) => self.unreachable(match failure.as_connector_error() {
                Some(error) => innermost(error),
                None => innermost(error),
            }),
            other => self.unreachable(innermost(other)),
        }
    }

    /// An answer that lacks what the API promises.
    pub(super) fn incomplete(&self, what: &str) -> Error {
        Error::Aws { action: self.action.into(), code: "IncompleteAnswer".into(), message: what.into(), hint: None }
    }

    pub(super) fn unreachable(&self, message: String) -> Error {
        Error::Network { endpoint: self.endpoint.clone(), message }
    }

    /// What a refusal of AWS means.
    pub(super) fn refused(&self, answer: Answer) -> Error {
        let Answer { status, code, message, bucket_region, date } = answer;
        let aws = |code: &str, message: String, hint: Option<&str>| Error::Aws {
            action: self.action.into(),
            code: if code.is_empty() { format!("HTTP {status}") } else { code.into() },
            message,
            hint: hint.map(str::to_owned),
        };
        // The region first: S3 answers 301, 400 or 403 to a request that was signed for another one.
        // It names the bucket's region in other refusals too.
        let about_region = matches!(
            (status, code.as_str()),
            (301 | 307, _) | (400, "" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException")
        );
        if let (Some(bucket), Some(region), true) = (self.bucket, &bucket_region, about_region) {
            return Error::OtherRegion { bucket: bucket.into(), region: region.clone() };
        }
        match code.as_str() {
            "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" if self.caller_is_source => {
                self.signed_out(message, "sign in again, or refresh them")
            }
            "ExpiredToken" | "ExpiredTokenException" | "TokenRefreshRequired" => {
                Error::Expired { role: self.caller.into() }
            }
            // Of a session: keys that AWS once gave and knows no more.
            "InvalidClientTokenId" | "InvalidAccessKeyId" | "InvalidToken" if !self.caller_is_source => {
                tracing::warn!(caller = self.caller, code, message, "AWS does not know the session");
                Error::Expired { role: self.caller.into() }
            }
            "InvalidClientTokenId" | "InvalidAccessKeyId" | "UnrecognizedClientException" => {
                self.signed_out(message, "AWS does not know these keys: check that they are active and complete")
            }
            // IAM Identity Center's word for an access token that has ended.
            "UnauthorizedException" => self.signed_out(
                if message.is_empty() { "the sign-in has ended".into() } else { message },
                &format!("sign in again: `xsw login {}`", self.caller),
            ),
            "RequestTimeTooSkewed" | "RequestExpired" => clock(date, &message),
            "SignatureDoesNotMatch" | "InvalidSignatureException"
                if message.contains("Signature expired") || message.contains("not yet current") =>
            {
                clock(date, &message)
            }
            "SignatureDoesNotMatch" => self.signed_out(message, "the secret access key is not the one of this key id"),
            "PreconditionFailed" => Error::Replaced { resource: self.name.into() },
            "NoSuchBucket" => Error::NotFound {
                message: format!("there is no bucket {}", self.bucket.unwrap_or_default()),
                hint: Some("check its name; a bucket of another partition cannot be seen from here".into()),
            },
            "InvalidBucketName" => {
                let hint = "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens: check it";
                let bucket = self.bucket.unwrap_or_default();
                Error::NotFound { message: format!("no bucket can be called {bucket}"), hint: Some(hint.into()) }
            }
            "NoSuchKey" | "NotFound" => Error::NotFound { message: format!("there is no {}", self.name), hint: None },
            "InvalidObjectState" => aws(
                &code,
                message,
                Some("the object is archived: restore it first with `aws s3api restore-object`, then wait for it"),
            ),
            "MalformedPolicyDocument" | "PackedPolicyTooLarge" => {
                aws(&code, message, Some("check `policy` of the role in the profile file"))
            }
            "RegionDisabledException" => {
                aws(&code, message, Some("this region is not switched on for the account: set another `region`"))
            }
            "AccessDenied" | "AccessDeniedException" | "UnauthorizedAccess" | "Forbidden" | "ForbiddenException" => {
                self.denied(message)
            }
            // HEAD answers have no body, hence no code.
            "" if status == 403 => self.denied(String::new()),
            "" if status == 404 => Error::NotFound { message: format!("there is no {}", self.name), hint: None },
            // What S3 says when a delete marker is read.
            "" | "MethodNotAllowed" if status == 405 && self.bucket.is_some() => {
                let hint = Some("an older version can still be read".to_owned());
                Error::NotFound { message: format!("this version of {} is a delete marker", self.name), hint }
            }
            "NoSuchVersion" => {
                Error::NotFound { message: format!("there is no such version of {}", self.name), hint: None }
            }
            "" if status == 412 => Error::Replaced { resource: self.name.into() },
            _ => aws(&code, message, None),
        }
    }

    fn signed_out(&self, message: String, hint: &str) -> Error {
        Error::SignedOut { source_name: self.caller.into(), message, hint: Some(hint.into()) }
    }

    fn denied(&self, message: String) -> Error {
        let hint = self.denied_hint(&message);
        Error::Denied { action: self.action.into(), resource: self.resource.into(), message, hint: Some(hint) }
    }

    /// Which side refused, as far as AWS's words tell it
    /// (IAM User Guide, "Troubleshoot access denied error messages").
    fn denied_hint(&self, message: &str) -> String {
        let (action, resource, caller) = (self.action, self.resource, self.caller);
        let says = |words: &str| message.contains(words);
        if says("MultiFactorAuthentication failed") {
            return "the MFA code was wrong or used already: wait for the next one and try again".into();
        }
        if says("explicit deny in a service control policy") || says("explicit deny in a resource control policy") {
            return "the organization forbids it; its administrators can change that, no role or bucket policy can"
                .into();
        }
        if says("permissions boundary") {
            return format!("the permissions boundary of {caller} does not allow {action}");
        }
        if says("session policy") {
            return "the session policy (`policy` or `policy_arns` in the profile file) does not allow it".into();
        }
        if says("explicit deny") {
            return "a policy denies it outright, and no other policy can allow it: look for Effect Deny".into();
        }
        // S3 asks KMS in the caller's name, and says what KMS said.
        if says("kms:") && !action.starts_with("kms:") {
            return format!(
                "the object is encrypted with a KMS key that {caller} may not use: its permissions policy and the key's \
                 policy must both allow what is named above"
            );
        }
        if action == "sts:AssumeRole" {
            if says("no identity-based policy allows") {
                return format!(
                    "your side refuses: allow {caller} sts:AssumeRole on {resource}; `xsw explain {resource}` prints the \
                     policy"
                );
            }
            return format!(
                "the role does not exist, or its trust policy does not name {caller} or has a condition (external ID, \
                 MFA, source identity) that is not met, or {caller} may not call sts:AssumeRole on it: `xsw explain \
                 {resource}` looks which"
            );
        }
        if action == "sso:GetRoleCredentials" {
            return format!(
                "the permission set is not assigned to you, or no longer; `xsw login {caller}` reads anew which ones are"
            );
        }
        if action == "s3:ListAllMyBuckets" {
            return "a bucket can still be opened by its name: s3://BUCKET, or as a bookmark in `buckets`".into();
        }
        if says("no identity-based policy allows") {
            return format!(
                "the role's permissions policy refuses: allow {action} on {resource}{}",
                self.explain("prints the policy")
            );
        }
        if says("no resource-based policy allows") {
            return format!(
                "the bucket policy refuses: it must allow {action} to {caller}{}",
                self.explain("prints the policy")
            );
        }
        if self.bucket.is_some() && message == "Access Denied" && action.starts_with("s3:") {
            return format!(
                "the permissions policy of {caller} and, across accounts, the bucket policy must both allow {action}; \
                 where the bucket lets requesters pay, say so: --requester-pays, or `requester_pays` of the role{}",
                self.explain("looks which side does not")
            );
        }
        format!(
            "the permissions policy of {caller} and, across accounts, the bucket policy must both allow {action}{}",
            self.explain("looks which side does not")
        )
    }

    /// What looks into a refusal of S3: a role is what can be explained, a source is not.
    fn explain(&self, what: &str) -> String {
        match (self.bucket, self.caller_is_source) {
            (Some(bucket), false) => {
                // An object's name comes with its ARN; a listing is of the bucket.
                let key = self.resource.split_once(":::").and_then(|(_, name)| name.split_once('/'));
                let key = key.map_or("", |(_, key)| key);
                let writes = ["s3:Put", "s3:Abort", "s3:Delete"].iter().any(|begin| self.action.starts_with(begin));
                let write = if writes { " --write" } else { "" };
                let (caller, uri) = (quoted(self.caller), quoted(&format!("s3://{bucket}/{key}")));
                format!("; `xsw explain {caller} {uri}{write}` {what}")
            }
            _ => String::new(),
        }
    }
}

/// AWS's words without the request that some of its APIs repeat when a signature is wrong: the headers in it hold the
/// session token.
pub(super) fn without_request(message: &str) -> &str {
    let request = ["The Canonical String", "The canonical string", "The String-to-Sign", "x-amz-security-token"]
        .iter()
        .filter_map(|start| message.find(start))
        .min();
    message[..request.unwrap_or(message.len())].trim()
}

/// What AWS answered.
pub(super) struct Answer {
    pub status: u16,
    pub code: String,
    pub message: String,
    pub bucket_region: Option<String>,
    pub date: Option<String>,
}

fn clock(date: Option<String>, message: &str) -> Error {
    let theirs = date.map_or_else(|| message.to_owned(), |date| format!("AWS says that it is {date}"));
    Error::Clock { message: theirs }
}

/// An error of ours that came through the SDK: a credentials provider of ours failed.
fn own_error(error: &(dyn StdError + 'static)) -> Option<Error> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return Some(ours.clone());
        }
        at = error.source();
    }
    None
}

/// The cause at the end of the chain says most: "Connection refused", "failed to lookup address".
pub(super) fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_request_is_cut_off_with_its_token() {
        let words = "The request signature we calculated does not match the signature you provided.";
        for (message, left) in [
            (
                format!(
                    "{words}\n\nThe Canonical String for this request should have been\n'POST\n/\n\nhost:sts.amazonaws.com\n\
                     x-amz-security-token:FwoGZXIvery-secret\n\nhost;x-amz-security-token'\n\nThe String-to-Sign should \
                     have been\n'AWS4-HMAC-SHA256'\n"
                ),
                words,
            ),
            (format!("{words} x-amz-security-token: very-secret"), words),
            (format!(" {words}\n"), words),
            ("User: a is not authorized to perform: b".into(), "User: a is not authorized to perform: b"),
        ] {
            assert_eq!(without_request(&message), left);
        }
    }
}
