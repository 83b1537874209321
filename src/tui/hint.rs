//! What to do next about an error, in the keys of this screen where there is one for it.

use super::keys::{Action, KeyMap};
use crate::error::Error;

/// The hint of an error. What a verb would be told by a flag, the screen tells by a key.
pub(super) fn hint(keys: &KeyMap, error: &Error) -> Option<String> {
    let said = match error {
        Error::Denied { action, .. } if action == "s3:ListAllMyBuckets" => {
            keys.key(Action::GoTo).map(|key| format!("a bucket can still be opened by its name: press {key}"))
        }
        Error::Denied { .. } if error.hint().is_some_and(|hint| hint.contains("xsw explain")) => {
            keys.key(Action::Explain).map(|key| format!("{key} tells which side refuses, and what would mend it"))
        }
        Error::Exists { .. } => {
            keys.key(Action::Refresh).map(|key| format!("{key} on the transfer asks what happens to it"))
        }
        _ => None,
    };
    said.or_else(|| error.hint())
}
