//! A copy from bucket to bucket: what every side must agree to.

use super::objects::{Deed, granted};
use super::session::assuming;
use super::{Access, Grant, KeyArn, Naming, NoPolicy, Objects, Party, Trust, gathered};

/// A copy, and who makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// What is copied.
    pub source: Objects,
    /// Where it goes.
    pub target: Objects,
    /// The role on the source's side.
    pub from: Party,
    /// The role on the target's side.
    pub to: Party,
    /// Who assumes `from`, where policies for that are wanted.
    pub from_caller: Option<(Party, Trust)>,
    /// Who assumes `to`, where policies for that are wanted.
    pub to_caller: Option<(Party, Trust)>,
    /// Whose sessions copy.
    pub form: CopyForm,
    /// The objects' tags too.
    pub tags: bool,
    /// Older versions too.
    pub versions: bool,
    /// The KMS keys of both sides, told apart by their accounts.
    pub keys: Vec<KeyArn>,
    /// How bucket and key policies name a role of another account.
    pub naming: Naming,
}

/// Whose sessions copy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CopyForm {
    /// S3 copies by itself, under the role `to` alone: one request has one caller.
    #[default]
    OneRole,
    /// `from` reads, `to` writes, and the bytes come through this machine.
    TwoRoles,
}

/// The least that all sides need: the caller's, the trust policies, the roles' permissions, buckets, keys.
///
/// # Errors
/// As [`super::read`], and for a key of a third account.
pub fn copy(wish: &Copy) -> Result<Vec<Grant>, NoPolicy> {
    let purpose = format!("copy-{}-to-{}", wish.source.uri.bucket, wish.target.uri.bucket);
    let keys_of = |objects: &Objects| -> Vec<KeyArn> {
        wish.keys.iter().filter(|key| key.account() == objects.owner).cloned().collect()
    };
    let owners = [wish.source.owner, wish.target.owner];
    if let Some(key) = wish.keys.iter().find(|key| !owners.contains(&key.account())) {
        return Err(NoPolicy::ForeignKey { key: key.to_string(), owner: key.account() });
    }
    let access = |who: &Party, objects: &Objects, versions: bool| Access {
        who: who.clone(),
        objects: vec![objects.clone()],
        tags: wish.tags,
        versions,
        keys: keys_of(objects),
        naming: wish.naming,
    };
    let mut grants = Vec::new();
    let reader = match wish.form {
        CopyForm::OneRole => &wish.to,
        CopyForm::TwoRoles => {
            if wish.from != wish.to {
                grants.extend(assumed(&wish.from, wish.from_caller.as_ref())?);
            }
            &wish.from
        }
    };
    grants.extend(assumed(&wish.to, wish.to_caller.as_ref())?);
    grants.extend(granted(Deed::Read, &access(reader, &wish.source, wish.versions), &purpose)?);
    grants.extend(granted(Deed::Copy, &access(&wish.to, &wish.target, false), &purpose)?);
    Ok(gathered(grants))
}

/// Both sides of assuming a role; for a permission set neither, since IAM Identity Center gives it.
fn assumed(role: &Party, caller: Option<&(Party, Trust)>) -> Result<Vec<Grant>, NoPolicy> {
    match (role, caller) {
        (Party::Role(role), Some((caller, wishes))) => assuming(caller, role, wishes),
        _ => Ok(Vec::new()),
    }
}
