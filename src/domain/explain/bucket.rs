//! One question of a bucket: the role's permissions, what narrows them, the bucket's policy, the key.

use super::evidence::{Heard, Stand, hear, knows};
use super::facts::{Asked, NamedPolicy, Outcome, Own, PolicyKind, Seen, Viewers, Who};
use super::limits::Limited;
use super::refusal::aws_says;
use super::remedy::{self, Deed, Holder, ObjectsWanted};
use super::{Answer, Decision, LET_IN, Refusal, Remedy, Side, SideAnswer};
use crate::domain::account::AccountId;
use crate::domain::policy::least::KeyArn;
use crate::domain::policy::{Context, Grip, Request};
use crate::domain::shell_word::quoted;
use crate::domain::uri::S3Uri;

/// All that could be seen of one question.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The session that asks.
    pub who: Who,
    /// What is asked.
    pub asked: Asked,
    /// The bucket and the prefix or key.
    pub uri: S3Uri,
    /// Whether it is a prefix.
    pub below: bool,
    /// Whether writing is asked for, and not reading.
    pub write: bool,
    /// The account that owns the bucket, where somebody of it could show that.
    pub owner: Seen<AccountId>,
    /// The condition keys of the call.
    pub request: Context,
    /// Condition keys that are certainly absent where the context lacks them.
    pub absent: Vec<String>,
    /// What AWS answered.
    pub outcome: Outcome,
    /// The policies of the role.
    pub own: Own,
    /// The bucket policy; `None` where it has none.
    pub policy: Seen<Option<String>>,
    /// Who owns new objects: `BucketOwnerEnforced`, `BucketOwnerPreferred`, `ObjectWriter`.
    pub ownership: Seen<String>,
    /// Who may be able to see the role's side.
    pub own_viewers: Viewers,
    /// Who may be able to see the bucket's.
    pub bucket_viewers: Viewers,
}

impl Facts {
    fn owner_id(&self) -> Option<AccountId> {
        self.owner.value().copied()
    }

    fn is_same_account(&self) -> Option<bool> {
        self.owner_id().map(|owner| owner.as_str() == self.who.principal.account)
    }

    fn context(&self) -> Context {
        let mut context = self.who.context.clone();
        context.extend(&self.request);
        if let Some(owner) = self.owner_id() {
            context.set("aws:ResourceAccount", owner.as_str());
        }
        context
    }

    fn heard(&self, policies: &[NamedPolicy]) -> Heard {
        let context = self.context();
        let request = Request {
            principal: &self.who.principal,
            action: self.asked.action,
            resource: &self.asked.resource,
            context: &context,
        };
        hear(policies, &request, &knows(&context, &self.absent))
    }

    fn wanted(&self, key: Option<KeyArn>) -> ObjectsWanted<'_> {
        let (who, uri, owner) = (&self.who.principal, &self.uri, self.owner_id());
        let deed = match (self.write, self.asked.action) {
            (false, _) => Deed::Read,
            (true, "s3:ListBucket") => Deed::Add,
            (true, _) => Deed::Write,
        };
        ObjectsWanted { who, uri, below: self.below, deed, owner, key }
    }

    fn own_side(&self, side: Side, decision: Decision, reason: String, evidence: String) -> SideAnswer {
        let account_id = self.who.principal.account.clone();
        SideAnswer { side, account_id, decision, reason, evidence, remedy: None }
    }

    fn bucket_side(&self, decision: Decision, reason: String, evidence: String) -> SideAnswer {
        let account_id = self.owner_id().map_or(String::new(), |owner| owner.to_string());
        SideAnswer { side: Side::Bucket, account_id, decision, reason, evidence, remedy: None }
    }

    fn let_in(&self, side: SideAnswer) -> SideAnswer {
        let Outcome::Allowed { how } = &self.outcome else { return side };
        let (decision, reason) = (Decision::Allowed, LET_IN.to_owned());
        SideAnswer { decision, reason, evidence: how.clone(), remedy: None, ..side }
    }
}

/// Explains one question of a bucket.
pub fn explain(facts: &Facts) -> Answer {
    let refusal = match &facts.outcome {
        Outcome::Refused { message } => Refusal::read(message),
        _ => Refusal::default(),
    };
    let (bucket, grip) = bucket(facts, &refusal);
    let mut sides = vec![permissions(facts, &refusal, &bucket, grip)];
    let limited = Limited {
        who: &facts.who,
        own: &facts.own,
        outcome: &facts.outcome,
        refusal: &refusal,
        place: "here",
        // The simulator knows no bucket policy, which may name a session that its boundary leaves out.
        simulated: &[Side::Scp],
        hear: &|policies| (facts.asked.action, facts.heard(policies)),
    };
    sides.extend(limited.sides());
    sides.push(bucket);
    sides.extend(kms(facts, &refusal));
    let refused = matches!(facts.outcome, Outcome::Refused { .. });
    if refused && !sides.iter().any(|side| side.decision == Decision::Denied) {
        eliminate(facts, &mut sides);
    }
    Answer {
        decision: Decision::of(&facts.outcome, &sides),
        action: facts.asked.action.to_owned(),
        resource: facts.asked.resource.clone(),
        principal: facts.who.principal.arn.clone(),
        sides,
    }
}

/// Whether the refusal is about the key, and not about the object.
fn is_about_key(refusal: &Refusal) -> bool {
    refusal.action.as_deref().is_some_and(|action| action.starts_with("kms:"))
}

/// The role's own policies.
fn permissions(facts: &Facts, refusal: &Refusal, bucket: &SideAnswer, grip: Option<Grip>) -> SideAnswer {
    let side = |decision, reason, evidence| facts.own_side(Side::Permissions, decision, reason, evidence);
    let action = facts.asked.action;
    let mend = |heard: Option<&Heard>| match heard.and_then(Heard::guard) {
        Some(near) => Some(remedy::on_conditions(near, &facts.who.name, &facts.who.principal.account, false)),
        None => remedy::objects(Side::Permissions, &facts.wanted(None), None),
    };
    let suffices = facts.is_same_account() == Some(true)
        && bucket.decision == Decision::Allowed
        && grip.is_some_and(|grip| grip > Grip::Account);
    let nothing = || format!("no policy of {} allows {action} here", facts.who.name);
    let enough = "its policies say nothing, and inside one account the bucket policy is enough";
    let heard = facts.own.policies.value().map(|policies| facts.heard(policies));
    if let Outcome::Refused { message } = &facts.outcome
        && refusal.side == Some(Side::Identity)
        && !is_about_key(refusal)
    {
        let denies = heard.as_ref().filter(|heard| heard.stand == Stand::Denies);
        let reason = match (denies, refusal.explicit) {
            (Some(heard), _) => format!("{} denies {action} outright", heard.statement),
            (None, true) => format!("a policy of {} denies {action} outright", facts.who.name),
            (None, false) => nothing(),
        };
        let remedy = match (denies, refusal.explicit) {
            (Some(heard), _) => remedy::denied_by(heard, &Holder::Identity(&facts.who.principal)),
            (None, true) => Some(look_at_own(facts)),
            (None, false) => mend(heard.as_ref()),
        };
        return SideAnswer { remedy, ..side(Decision::Denied, reason, aws_says(message)) };
    }
    if let Some(heard) = heard {
        let by = facts.own.policies.told();
        return match heard.stand {
            Stand::Allows => side(Decision::Allowed, format!("{} allows it", heard.statement), by),
            Stand::Denies => SideAnswer {
                remedy: remedy::denied_by(&heard, &Holder::Identity(&facts.who.principal)),
                ..side(Decision::Denied, format!("{} denies {action} outright", heard.statement), by)
            },
            Stand::Silent if suffices => side(Decision::Allowed, enough.into(), by),
            Stand::Silent => {
                SideAnswer { remedy: mend(Some(&heard)), ..side(Decision::Denied, heard.why(&nothing()), by) }
            }
            Stand::Unsure => facts
                .let_in(SideAnswer { remedy: Some(look_at_own(facts)), ..side(Decision::Unknown, heard.unsure(), by) }),
        };
    }
    let simulated = facts.own.simulated.value().filter(|_| !matches!(facts.outcome, Outcome::Allowed { .. }));
    if let Some(simulated) = simulated.filter(|said| said.missing.is_empty()) {
        let by = facts.own.simulated.told();
        return match simulated.decision.as_str() {
            "allowed" => side(Decision::Allowed, "IAM's simulator finds it allowed".into(), by),
            "explicitDeny" => SideAnswer {
                remedy: Some(look_at_own(facts)),
                ..side(Decision::Denied, format!("{} denies it outright", simulated.policies.join(", ")), by)
            },
            _ if suffices => side(Decision::Allowed, enough.into(), by),
            _ => SideAnswer { remedy: mend(None), ..side(Decision::Denied, nothing(), by) },
        };
    }
    let account = &facts.who.principal.account;
    let reason = format!("the policies of {} cannot be seen from here; account {account} can see them", facts.who.name);
    facts.let_in(SideAnswer {
        remedy: Some(look_at_own(facts)),
        ..side(Decision::Unknown, reason, facts.own.policies.told())
    })
}

fn look_at_own(facts: &Facts) -> Remedy {
    let show = format!("the policies of {}", facts.who.principal.principal_arn());
    remedy::look(&facts.own_viewers, &facts.who.principal.account, &show)
}

/// The bucket's own policy, and how closely it names the role.
fn bucket(facts: &Facts, refusal: &Refusal) -> (SideAnswer, Option<Grip>) {
    let side = |decision, reason, evidence| facts.bucket_side(decision, reason, evidence);
    let action = facts.asked.action;
    let name = &facts.uri.bucket;
    let present = facts.policy.value().map(|policy| policy.as_deref().unwrap_or(""));
    let owner = facts.owner_id().map_or(String::new(), |owner| owner.to_string());
    let mend = |heard: Option<&Heard>| match heard.and_then(Heard::guard) {
        Some(near) => Some(remedy::on_conditions(near, &facts.who.name, &owner, false)),
        None => remedy::objects(Side::Bucket, &facts.wanted(None), present),
    };
    let inside = facts.is_same_account() == Some(true);
    let documents: Option<Vec<NamedPolicy>> = facts.policy.value().map(|policy| {
        let named = |document: &String| NamedPolicy {
            name: "the bucket policy".into(),
            kind: PolicyKind::Inline,
            document: document.clone(),
        };
        policy.iter().map(named).collect()
    });
    let heard = documents.map(|documents| facts.heard(&documents));
    if let Outcome::Refused { message } = &facts.outcome
        && refusal.side == Some(Side::Bucket)
        && !is_about_key(refusal)
    {
        let denies = heard.as_ref().filter(|heard| heard.stand == Stand::Denies);
        let answer = match (denies, refusal.explicit) {
            (Some(heard), _) => SideAnswer {
                remedy: remedy::denied_by(heard, &Holder::Bucket(name)),
                ..side(Decision::Denied, format!("{} denies {action} outright", heard.statement), aws_says(message))
            },
            (None, true) => SideAnswer {
                remedy: Some(look_at_bucket(facts)),
                ..side(Decision::Denied, format!("the bucket policy denies {action} outright"), aws_says(message))
            },
            (None, false) => SideAnswer {
                remedy: mend(heard.as_ref()),
                ..side(
                    Decision::Denied,
                    format!("the bucket policy does not allow {action} to this role"),
                    aws_says(message),
                )
            },
        };
        return (answer, None);
    }
    let by = facts.policy.told();
    let Some(heard) = heard else {
        let whose = facts.owner_id().map_or("the account that owns it".to_owned(), |owner| format!("account {owner}"));
        let reason = format!("the policy of the bucket {name} cannot be seen from here; {whose} can see it");
        let unknown = SideAnswer { remedy: Some(look_at_bucket(facts)), ..side(Decision::Unknown, reason, by) };
        return (facts.let_in(unknown), None);
    };
    let answer = match heard.stand {
        Stand::Allows => {
            let reason = format!("{} allows it", heard.statement);
            return (side(Decision::Allowed, reason, by), Some(heard.grip));
        }
        Stand::Denies => SideAnswer {
            remedy: remedy::denied_by(&heard, &Holder::Bucket(name)),
            ..side(Decision::Denied, format!("{} denies {action} outright", heard.statement), by)
        },
        Stand::Unsure => facts
            .let_in(SideAnswer { remedy: Some(look_at_bucket(facts)), ..side(Decision::Unknown, heard.unsure(), by) }),
        Stand::Silent if inside => {
            let reason = match present {
                Some("") => "it has no policy, and inside one account the role's own are enough",
                _ => "its policy does not speak of it, and inside one account the role's own are enough",
            };
            side(Decision::Allowed, reason.into(), by)
        }
        Stand::Silent if facts.is_same_account().is_none() => facts.let_in(SideAnswer {
            remedy: mend(Some(&heard)),
            ..side(Decision::Unknown, "its policy does not speak of it, and nobody here knows who owns it".into(), by)
        }),
        Stand::Silent => {
            let account = &facts.who.principal.account;
            let reason = match present {
                Some("") => format!("it has no policy, and a role of account {account} needs one that names it"),
                _ => heard.why(&format!("the bucket policy does not allow {action} to this role of account {account}")),
            };
            SideAnswer { remedy: mend(Some(&heard)), ..side(Decision::Denied, reason, by) }
        }
    };
    (answer, None)
}

fn look_at_bucket(facts: &Facts) -> Remedy {
    let owner = facts.owner_id().map_or(String::new(), |owner| owner.to_string());
    let show =
        format!("aws s3api get-bucket-policy --bucket {} --query Policy --output text", quoted(&facts.uri.bucket));
    remedy::look(&facts.bucket_viewers, &owner, &show)
}

/// The key of an encrypted object, where S3 said what KMS said.
fn kms(facts: &Facts, refusal: &Refusal) -> Option<SideAnswer> {
    let Outcome::Refused { message } = &facts.outcome else { return None };
    if !is_about_key(refusal) {
        return None;
    }
    let action = refusal.action.as_deref().unwrap_or("kms:Decrypt");
    let arn = refusal.resource.as_deref().unwrap_or_default();
    let key = arn.parse::<KeyArn>().ok();
    let of_role = refusal.side == Some(Side::Identity);
    let side = if of_role { Side::Permissions } else { Side::Kms };
    let how = if refusal.explicit { "is denied outright" } else { "is not allowed" };
    let place = if of_role { format!("by the policies of {}", facts.who.name) } else { "by the key's policy".into() };
    let account_id = match (&key, of_role) {
        (_, true) => facts.who.principal.account.clone(),
        (Some(key), false) => key.account().to_string(),
        (None, false) => String::new(),
    };
    Some(SideAnswer {
        side: Side::Kms,
        account_id,
        decision: Decision::Denied,
        reason: format!("the object is encrypted with the key {arn}, and {action} {how} {place}"),
        evidence: aws_says(message),
        remedy: remedy::objects(side, &facts.wanted(key), None),
    })
}

/// AWS refuses, and what is seen allows: the side that is not seen must be the one.
fn eliminate(facts: &Facts, sides: &mut [SideAnswer]) {
    let Outcome::Refused { message } = &facts.outcome else { return };
    let unknown: Vec<usize> = (0..sides.len()).filter(|place| sides[*place].decision == Decision::Unknown).collect();
    let refused = aws_says(message);
    match unknown[..] {
        [only] => {
            let side = &mut sides[only];
            side.decision = Decision::Denied;
            side.evidence = format!("{refused}; {}", side.evidence);
            if side.side == Side::Bucket {
                side.reason =
                    "the role's side allows it and AWS refuses, so it is the bucket's side: its policy does not \
                               allow this role, or denies it, or the organization of its account does"
                        .into();
                // What is seen, and is not sure, hangs on conditions: no policy is written around those.
                if facts.is_same_account() != Some(true) && facts.policy.value().is_none() {
                    side.remedy =
                        remedy::objects(Side::Bucket, &facts.wanted(None), None).or_else(|| side.remedy.take());
                }
            } else {
                side.reason = format!("all else allows it and AWS refuses, so this does: {}", side.reason);
            }
        }
        [] => {
            // Both policies allow it, and still it is refused: the object may be somebody else's.
            let Some(side) = sides.iter_mut().find(|side| side.side == Side::Bucket) else { return };
            side.decision = Decision::Denied;
            side.evidence = format!("{refused}; {}", facts.ownership.told());
            let enforced = facts.ownership.value().is_some_and(|ownership| ownership == "BucketOwnerEnforced");
            if enforced || facts.asked.action != "s3:GetObject" {
                side.reason = "the policies that can be seen allow it and AWS refuses: an organization's policy, an \
                               access point or a VPC endpoint may stand between"
                    .into();
                side.remedy = Some(remedy::words("look for the refusal in CloudTrail of the bucket's account"));
            } else {
                side.reason =
                    "the policies allow it and AWS refuses: the object belongs to the account that wrote it, \
                               whose access no bucket policy can give (object ownership)"
                        .into();
                side.remedy = Some(remedy::words(format!(
                    "aws s3api put-bucket-ownership-controls --bucket {} --ownership-controls \
                     'Rules=[{{ObjectOwnership=BucketOwnerEnforced}}]'",
                    quoted(&facts.uri.bucket)
                )));
            }
        }
        _ => {
            for place in unknown {
                sides[place].evidence = format!("{refused}; {}", sides[place].evidence);
            }
        }
    }
}
