//! Why a role can or cannot be assumed, or reach a bucket: gathers what can be seen and asks `domain::explain`.
//!
//! ```text
//! view.rs     who can look: the source, the sessions of the chain, the roles of --with; each call may be refused
//! own.rs      the policies of who asks               bucket.rs   the bucket's side
//! graph.rs    who may assume what                    inspect.rs  what a role is
//! who.rs      who asks, as policies see it
//! ```
//! Every call is optional, and what nobody may see is left unseen. Roles are assumed for real: AWS's own words are the
//! best evidence.

mod bucket;
mod graph;
mod inspect;
mod own;
mod view;
mod who;

use std::sync::Arc;

use jiff::Timestamp;

use super::Core;
use crate::domain::account::{AccountId, RoleArn};
use crate::domain::explain::facts::{Outcome, Seen, Viewers, Who};
use crate::domain::explain::{Answer, Decision, Remedy, Side, SideAnswer, assume};
use crate::domain::policy::Context;
use crate::domain::role::{Role, RoleIndex};
use crate::domain::shell_word::quoted;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use view::Views;

/// What is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The role.
    pub role: RoleIndex,
    /// What it should reach.
    pub uri: Option<S3Uri>,
    /// Whether it should write there, and not read.
    pub write: bool,
    /// Roles to look with, each in its account.
    pub with: Vec<RoleIndex>,
}

/// The explanation: one answer after the other, in the order in which AWS decides.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// Who one is before any role.
    pub who: Who,
    /// Each step, with the role that it is about.
    pub steps: Vec<Step>,
}

/// One step of an explanation.
#[derive(Clone, Debug)]
pub struct Step {
    /// `account/role`.
    pub role: String,
    /// Its answer.
    pub answer: Answer,
}

impl Explanation {
    /// The step that decides: the first that is denied, else the first that is unknown, else the last.
    pub fn deciding(&self) -> Option<&Step> {
        let first = |decision| self.steps.iter().find(|step| step.answer.decision == decision);
        first(Decision::Denied).or_else(|| first(Decision::Unknown)).or(self.steps.last())
    }

    /// The side that decides with what would mend or show it, where there is such a thing.
    pub fn remedy(&self) -> Option<(&SideAnswer, &Remedy)> {
        let side = self.deciding()?.answer.deciding()?;
        Some((side, side.remedy.as_ref()?))
    }
}

/// The command that asks the same again.
fn asking_again(label: &str, question: &Question) -> String {
    let mut command = format!("xsw explain {}", quoted(label));
    if let Some(uri) = &question.uri {
        command = format!("{command} {}", quoted(&uri.to_string()));
    }
    if question.write {
        command += " --write";
    }
    command
}

/// The command that does what was found to be allowed.
pub fn going_on(label: &str, uri: Option<&S3Uri>) -> String {
    let label = quoted(label);
    match uri {
        Some(uri) => format!("xsw ls {} --as {label}", quoted(&uri.to_string())),
        None => format!("xsw shell {label}"),
    }
}

impl Core {
    /// Explains. Sessions that want an MFA code and the roles to look with must be there before, or are not used.
    ///
    /// # Errors
    /// What stands before any decision: no source credentials, no network, a wrong clock, no such bucket.
    pub async fn explain(self: &Arc<Self>, question: &Question, mfa_code: Option<&str>) -> Result<Explanation> {
        let chain = self.profile.chain(question.role);
        let mut views = Views::default();
        for role in &question.with {
            let session = self.session(*role, None).await?;
            views.add_given(self.profile.label(*role), session, *role);
        }
        let command = asking_again(&self.profile.label(question.role), question);
        let mut steps = Vec::new();
        let mut who = match self.first_caller(question.role, &mut views).await {
            Ok(who) => who,
            Err(error @ Error::Denied { .. }) if self.profile.role(chain[0]).permission_set => {
                steps.push(self.permission_set_refused(chain[0], &error));
                return Ok(Explanation { who: self.unknown_caller(chain[0]), steps });
            }
            Err(error) => return Err(error),
        };
        let first = who.clone();
        let mut inside = true;
        for (place, link) in chain.iter().enumerate() {
            let role = self.profile.role(*link);
            if role.permission_set {
                who = self.session_of(*link, self.session(*link, None).await?.arn);
                continue;
            }
            let outcome = match (inside, place) {
                (false, place) => {
                    let before = self.profile.label(chain[place - 1]);
                    Outcome::NotTried { why: format!("{before}, which assumes it, is not assumed") }
                }
                (true, _) => Box::pin(self.try_assume(*link, mfa_code)).await?,
            };
            inside = matches!(outcome, Outcome::Allowed { .. });
            let facts = Box::pin(self.assume_facts(*link, (&mut who, place), outcome, &views, &command)).await;
            if place == 0 {
                steps.reserve(chain.len());
            }
            steps.push(Step { role: self.profile.label(*link), answer: assume::explain(&facts) });
            let session = if inside { self.live_session(*link) } else { None };
            let arn = session.as_ref().map_or_else(|| self.session_arn(role), |session| session.arn.clone());
            if let Some(session) = session {
                views.add(self.profile.label(*link), session, *link);
            }
            who = self.session_of(*link, arn);
        }
        if let Some(uri) = &question.uri {
            let asked = bucket::Wanted { uri, write: question.write, inside, command: &command };
            steps.extend(Box::pin(self.explain_bucket(question, who, asked, &views)).await?);
        }
        Ok(Explanation { who: first, steps })
    }

    fn permission_set_refused(&self, role: RoleIndex, error: &Error) -> Step {
        let (configured, source) = (self.profile.role(role), self.profile.source_name(role));
        let account = configured.arn.account();
        let side = SideAnswer {
            side: Side::Identity,
            account_id: account.to_string(),
            decision: Decision::Denied,
            reason: format!("the permission set {} is not assigned to you in account {account}", configured.name),
            evidence: error.to_string(),
            remedy: Some(Remedy {
                command: format!(
                    "ask whoever looks after IAM Identity Center to assign {} in {account}; then `xsw login {}`",
                    configured.name,
                    quoted(source)
                ),
                ..Remedy::default()
            }),
        };
        let answer = Answer {
            decision: Decision::Denied,
            action: "sso:GetRoleCredentials".into(),
            resource: format!("{account}/{}", configured.name),
            principal: String::new(),
            sides: vec![side],
        };
        Step { role: self.profile.label(role), answer }
    }

    /// What the session of a role will be called.
    fn session_arn(&self, role: &Role) -> String {
        let (partition, account, name) = (role.arn.partition(), role.arn.account(), role.arn.name());
        format!("arn:{partition}:sts::{account}:assumed-role/{name}/{}", self.session_name(role))
    }

    /// Assumes a role for real. One that lives says nothing of now, so it is assumed anew; but not for another MFA code.
    async fn try_assume(&self, role: RoleIndex, mfa_code: Option<&str>) -> Result<Outcome> {
        let wants_code = self.profile.role(role).mfa_serial.is_some();
        let answer = match (wants_code, mfa_code) {
            (true, None) => self.session(role, None).await,
            (_, code) => self.renewed_session(role, code).await,
        };
        match answer {
            Ok(session) if session.age(Timestamp::now()) > 5 => {
                Ok(Outcome::Allowed { how: format!("a session of it lives until {:.0}", session.expiration) })
            }
            Ok(_) => Ok(Outcome::Allowed { how: "sts:AssumeRole gave a session".into() }),
            Err(Error::Denied { message, .. }) => Ok(Outcome::Refused { message }),
            Err(error @ (Error::MfaRequired { .. } | Error::MfaCodeUsed { .. } | Error::MfaCommand { .. })) => {
                Ok(Outcome::NotTried { why: format!("not tried: {error}") })
            }
            Err(error @ Error::Aws { .. }) => Ok(Outcome::NotTried { why: error.to_string() }),
            Err(error) => Err(error),
        }
    }

    async fn assume_facts(
        &self,
        link: RoleIndex,
        (who, place): (&mut Who, usize),
        outcome: Outcome,
        views: &Views,
        command: &str,
    ) -> assume::Facts {
        let role = self.profile.role(link);
        let account = role.arn.account();
        let own_account = who.principal.account.parse().ok();
        // What AWS allows needs no proof; whoever named a role to look with wants to see.
        let look = !matches!(outcome, Outcome::Allowed { .. }) || views.given().next().is_some();
        let nobody = Views::default();
        let views = if look { views } else { &nobody };
        let question = (("sts:AssumeRole", role.arn.to_string()), own_account);
        let (mut own, described) =
            tokio::join!(self.own(who, views, question), self.describe(views, account, role.arn.name()));
        if place > 0 {
            let before = self.profile.role(link).via.unwrap_or(link);
            own.session = self.session_policies(before, views).await;
        }
        let alike = match &described {
            Seen::Yes { value: None, .. } => self.alike(views, account, &role.arn).await,
            _ => Vec::new(),
        };
        let absent = ABSENT.iter().map(|key| (*key).to_owned()).chain(who.absent.iter().cloned()).collect();
        let mut request = self.request_context(role);
        if role.mfa_serial.is_some() {
            // The code is there, or would be.
            request.set("aws:MultiFactorAuthPresent", "true").set("aws:MultiFactorAuthAge", "0");
        }
        assume::Facts {
            own_viewers: self.viewers(link, own_account, views, command),
            role_viewers: self.viewers(link, Some(account), views, command),
            who: who.clone(),
            role: role.arn.clone(),
            label: self.profile.label(link),
            request,
            absent,
            outcome,
            own,
            described,
            alike,
        }
    }

    /// The condition keys that an AssumeRole of this role carries.
    fn request_context(&self, role: &Role) -> Context {
        let mut context = Context::new();
        context.set("sts:RoleSessionName", self.session_name(role));
        if let Some(id) = &role.external_id {
            context.set("sts:ExternalId", id);
        }
        if let Some(identity) = &role.source_identity {
            context.set("sts:SourceIdentity", identity);
        }
        for (key, value) in &role.tags {
            context.set(&format!("aws:RequestTag/{key}"), value);
        }
        context.set_all("aws:TagKeys", role.tags.keys().cloned().collect());
        context.set_all("sts:TransitiveTagKeys", role.transitive_tags.clone());
        context
    }

    /// The roles of an account that could look, and have not.
    fn viewers(&self, explained: RoleIndex, account: Option<AccountId>, views: &Views, command: &str) -> Viewers {
        let of_account = |index: &RoleIndex| {
            *index != explained
                && Some(self.profile.role(*index).arn.account()) == account
                && !views.holds(&self.profile.label(*index))
        };
        let mut roles: Vec<String> =
            self.profile.indices().filter(of_account).map(|index| self.profile.label(index)).collect();
        // By their names some are more likely than others to be let look.
        roles.sort_by_key(|label| {
            let name = label.to_lowercase();
            !["audit", "security", "readonly", "admin", "look", "view"].iter().any(|word| name.contains(word))
        });
        let with: String = views.given().map(|role| format!(" --with {}", quoted(role))).collect();
        Viewers { roles, command: format!("{command}{with}") }
    }

    /// Roles of an account with a name like this one's, by ARN.
    async fn alike(&self, views: &Views, account: AccountId, wanted: &RoleArn) -> Vec<String> {
        let roles = view::see(self, views, account, "iam:ListRoles", async |iam| iam.roles().await).await;
        let Seen::Yes { value: arns, .. } = roles else { return Vec::new() };
        let names = arns.iter().map(|arn| (arn.rsplit('/').next().unwrap_or(arn), arn.as_str()));
        crate::domain::find::closest(wanted.name(), names, 2).into_iter().map(str::to_owned).collect()
    }
}

/// Keys that a plain AssumeRole or S3 call lacks unless the context has them.
const ABSENT: [&str; 9] = [
    "sts:externalid",
    "sts:sourceidentity",
    "sts:transitivetagkeys",
    "aws:tagkeys",
    "aws:requesttag/",
    "aws:principalservicename",
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:calledvia",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_key_is_one_word_of_a_command() {
        for (key, word) in
            [("a;curl x|sh", "'s3://data/a;curl x|sh'"), ("a\nnext: curl x", r"$'s3://data/a\012next: curl x'")]
        {
            let uri = S3Uri::new("data", key);
            assert_eq!(going_on("my acc/R", Some(&uri)), format!("xsw ls {word} --as 'my acc/R'"));
            let question = Question { role: RoleIndex(0), uri: Some(uri), write: true, with: Vec::new() };
            assert_eq!(asking_again("a/$R", &question), format!("xsw explain 'a/$R' {word} --write"));
        }
    }
}
