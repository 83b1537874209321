//! Users, roles and documents as IAM writes them in XML.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::demo::bucket::ago;
use crate::demo::directory::{Attachment, Keys, KnownRole};
use crate::demo::state::locked;
use crate::demo::sts::escape;

/// RFC 3986, by which IAM encodes documents.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// When everything of this world was made, in seconds before now.
const AGE: u64 = 200 * 86_400;

/// A policy document, percent-encoded.
pub(super) fn document(value: &Value) -> String {
    utf8_percent_encode(&value.to_string(), ENCODED).to_string()
}

/// When users, roles and policies were made: the world does not say.
pub(super) fn created() -> String {
    // To the day, so that two calls tell the same.
    let made = ago(AGE).as_second();
    let midnight = made - made.rem_euclid(86_400);
    jiff::Timestamp::from_second(midnight).unwrap_or_default().to_string()
}

fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

/// A tag, as a member of a list.
pub(super) fn tag((key, value): &(String, String)) -> String {
    element("Key", key) + &element("Value", value)
}

fn tags(tags: &[(String, String)]) -> String {
    match tags {
        [] => String::new(),
        tags => {
            let members = tags.iter().map(|one| format!("<member>{}</member>", tag(one)));
            format!("<Tags>{}</Tags>", members.collect::<String>())
        }
    }
}

fn boundary(boundary: Option<&Attachment>) -> String {
    let arn = boundary.and_then(|boundary| boundary.arn.as_deref());
    arn.map_or(String::new(), |arn| {
        let inner = element("PermissionsBoundaryType", "Policy") + &element("PermissionsBoundaryArn", arn);
        format!("<PermissionsBoundary>{inner}</PermissionsBoundary>")
    })
}

/// A role. Boundary, tags and last use are told by GetRole alone (`whole`), not by ListRoles.
pub(super) fn role(role: &KnownRole, whole: bool) -> String {
    let mut xml = element("Path", &role.path)
        + &element("RoleName", &role.name)
        + &element("RoleId", &role.id)
        + &element("Arn", &role.arn)
        + &element("CreateDate", &created())
        + &element("AssumeRolePolicyDocument", &document(&role.trust().document))
        + &role.description.as_deref().map_or(String::new(), |text| element("Description", text))
        + &element("MaxSessionDuration", &role.max_session_seconds.to_string());
    if whole {
        let used = locked(&role.last_used).map_or(String::new(), |used| {
            let used = jiff::Timestamp::from_second(used.as_second()).unwrap_or_default();
            element("LastUsedDate", &used.to_string()) + &element("Region", "ap-northeast-1")
        });
        xml += &boundary(role.rules.now().boundary.as_ref());
        xml += &tags(&role.tags);
        xml += &format!("<RoleLastUsed>{used}</RoleLastUsed>");
    }
    xml
}

/// A user.
pub(super) fn user(keys: &Keys) -> String {
    element("Path", "/")
        + &element("UserName", &keys.name)
        + &element("UserId", &keys.caller.user_id)
        + &element("Arn", &keys.caller.principal.arn)
        + &element("CreateDate", &created())
        + &boundary(keys.caller.rules.now().boundary.as_ref())
        + &tags(&keys.tags)
}
