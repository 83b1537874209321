//! Who takes part in a policy: the roles of the profile file as policies name them, and who assumes them.
//! `policy/command.rs` writes the commands that print policies.

mod command;

use super::Core;
use crate::domain::account::{AccountId, RoleArn};
use crate::domain::policy::least::{Party, Trust};
use crate::domain::role::{RoleIndex, Source};
use crate::error::{Error, Result};
pub use command::{PoliciesOf, explain_command, policy_command};

impl Core {
    /// A role of the profile as policies name it.
    pub fn party(&self, role: RoleIndex) -> Party {
        let of = self.profile.role(role);
        match of.known_arn() {
            Some(arn) => Party::Role(arn.clone()),
            None => Party::PermissionSet {
                partition: of.arn.partition().to_owned(),
                account: self.profile.account(role).id,
                name: of.name.clone(),
            },
        }
    }

    /// Who assumes a role: the role before it in the chain, else its source. AWS is asked only for a source whose name
    /// the profile file does not tell. A permission set is assumed by nobody.
    ///
    /// # Errors
    /// What AWS says when it is asked who the source is.
    pub async fn caller_of(&self, role: RoleIndex) -> Result<Option<Party>> {
        let of = self.profile.role(role);
        if of.permission_set {
            return Ok(None);
        }
        if let Some(via) = of.via {
            return Ok(Some(self.party(via)));
        }
        if let Some(Source::IdentityCenter { permission_set: Some(set), .. }) =
            self.profile.sources.get(self.profile.source_name(role))
        {
            let partition = of.arn.partition().to_owned();
            let (account, name) = (set.account_id, set.role_name.clone());
            return Ok(Some(Party::PermissionSet { partition, account, name }));
        }
        let identity = self.source_identity(role).await?;
        let known = identity.arn.parse().map_err(|message| Error::Usage {
            message,
            hint: Some("name who assumes the role: --caller PRINCIPAL".into()),
        })?;
        Ok(Some(known))
    }

    /// What the profile file sends along when it assumes a role, which both sides must let it.
    pub fn trust_of(&self, role: RoleIndex) -> Trust {
        let of = self.profile.role(role);
        Trust {
            external_id: of.external_id.clone(),
            session_tags: !of.tags.is_empty(),
            source_identity: of.source_identity.is_some(),
            ..Trust::default()
        }
    }
}

/// The role that a job of S3 Batch Operations works under: by its ARN, or by its name in the account of the job.
///
/// # Errors
/// [`Error::Usage`] for what is no role, and for one of another account: a role is passed within its own.
pub fn job_role(name: &str, partition: &str, account: AccountId) -> Result<RoleArn> {
    let arn = if name.starts_with("arn:") { name } else { &format!("arn:{partition}:iam::{account}:role/{name}") };
    let role: RoleArn = arn.parse().map_err(Error::usage)?;
    if role.account() == account {
        return Ok(role);
    }
    Err(Error::Usage {
        message: format!("{role} is not of {account}, the account that the job is in"),
        hint: Some("a role is passed within its own account: make one there, `xsw policy copy --batch`".into()),
    })
}

/// An external ID that nobody can guess: 128 random bits.
///
/// # Errors
/// When the system gives no random bytes.
pub fn new_external_id() -> Result<String> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}
