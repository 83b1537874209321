//! Who decides: identity, resource, limits, one account and two.

use serde_json::{Value, json};

use crate::domain::policy::{
    Attached, Context, Decision, Policies, Policy, Principal, Request, Resource, Side, decide, denial, denial_in_s3,
};

const HERE: &str = "111111111111";
const THERE: &str = "222222222222";

fn me() -> Principal {
    Principal::user(HERE, format!("arn:aws:iam::{HERE}:user/me"))
}

fn reader() -> Principal {
    Principal::session(
        HERE,
        format!("arn:aws:sts::{HERE}:assumed-role/Reader/me"),
        format!("arn:aws:iam::{HERE}:role/team/Reader"),
    )
}

/// One-statement policies by a short name, so that a row is a line.
fn policy(short: &str) -> Policy {
    let (effect, principal) = match short.split_once(' ') {
        Some((effect, principal)) => (effect, Some(principal)),
        None => (short, None),
    };
    let mut statement = json!({ "Sid": "S1", "Effect": effect, "Action": "*" });
    let principal: Option<Value> = principal.map(|name| match name {
        "*" => json!("*"),
        "account" => json!({ "AWS": HERE }),
        "me" => json!({ "AWS": format!("arn:aws:iam::{HERE}:user/me") }),
        "you" => json!({ "AWS": format!("arn:aws:iam::{HERE}:user/you") }),
        "role" => json!({ "AWS": format!("arn:aws:iam::{HERE}:role/team/Reader") }),
        "session" => json!({ "AWS": format!("arn:aws:sts::{HERE}:assumed-role/Reader/me") }),
        "service" => json!({ "Service": "lambda.amazonaws.com" }),
        other => json!({ "AWS": other }),
    });
    match principal {
        Some(principal) => statement["Principal"] = principal,
        None => statement["Resource"] = json!("*"),
    }
    Policy::from_json(&json!({ "Version": "2012-10-17", "Statement": [statement] })).unwrap()
}

struct Row {
    who: Principal,
    owner: &'static str,
    side: Side,
    identity: &'static str,
    resource: &'static str,
    boundary: &'static str,
    session: &'static str,
    scp: &'static str,
}

/// A call on a bucket of the caller's account; `-` stands for a policy that is not there.
fn row(who: Principal, identity: &'static str, resource: &'static str) -> Row {
    Row { who, owner: HERE, side: Side::Bucket, identity, resource, boundary: "-", session: "-", scp: "-" }
}

impl Row {
    fn there(mut self) -> Row {
        self.owner = THERE;
        self
    }

    fn trust(mut self) -> Row {
        self.side = Side::Trust;
        self
    }

    fn key(mut self) -> Row {
        self.side = Side::Kms;
        self
    }

    fn boundary(mut self, policy: &'static str) -> Row {
        self.boundary = policy;
        self
    }

    fn session(mut self, policy: &'static str) -> Row {
        self.session = policy;
        self
    }

    fn scp(mut self, policy: &'static str) -> Row {
        self.scp = policy;
        self
    }

    fn decide(&self) -> (Decision, Side, bool) {
        let parse = |short: &str| (short != "-").then(|| policy(short));
        let identity = parse(self.identity);
        let resource = parse(self.resource);
        let boundary = parse(self.boundary);
        let session = parse(self.session);
        let scp = parse(self.scp);
        fn attach(policy: &Option<Policy>) -> Option<Attached<'_>> {
            policy.as_ref().map(|policy| Attached { name: "p", policy })
        }
        let policies = Policies {
            identity: attach(&identity).into_iter().collect(),
            boundary: attach(&boundary),
            session: attach(&session).into_iter().collect(),
            scp: attach(&scp).into_iter().collect(),
            resource: Resource { side: self.side, account: self.owner, policy: attach(&resource) },
        };
        let context = Context::new();
        let request = Request { principal: &self.who, action: "x:Do", resource: "arn:aws:x:::y", context: &context };
        let verdict = decide(&request, &policies);
        (verdict.decision, verdict.side, verdict.statement.is_some())
    }
}

#[test]
fn the_decision_and_the_side_that_made_it() {
    use Decision::{Allowed, DeniedExplicitly, DeniedImplicitly};
    use Side::{Boundary, Bucket, Identity, Kms, Permissions, Scp, Session, Trust};
    const OTHER: &str = "Allow 999999999999";
    #[rustfmt::skip]
    let rows = [
        // One account: either side suffices for a bucket.
        (row(me(), "Allow", "-"),                                 Allowed, Identity),
        (row(me(), "-", "-"),                                     DeniedImplicitly, Identity),
        (row(me(), "-", "Allow me"),                              Allowed, Bucket),
        (row(me(), "-", "Allow you"),                             DeniedImplicitly, Identity),
        (row(me(), "-", "Allow *"),                               Allowed, Bucket),
        (row(me(), "-", "Allow account"),                         DeniedImplicitly, Identity),
        (row(me(), "Allow", "Allow account"),                     Allowed, Identity),
        (row(me(), "Allow", "Allow you"),                         Allowed, Identity),
        (row(me(), "Allow", "Deny me"),                           DeniedExplicitly, Bucket),
        (row(me(), "Deny", "Allow me"),                           DeniedExplicitly, Identity),
        (row(me(), "Allow", "Deny *"),                            DeniedExplicitly, Bucket),
        (row(me(), "Allow", "Deny account"),                      DeniedExplicitly, Bucket),
        (row(me(), "Allow", "Deny you"),                          Allowed, Identity),
        // The root user needs no policy, but a resource can refuse it.
        (row(Principal::root(HERE), "-", "-"),                    Allowed, Identity),
        (row(Principal::root(HERE), "-", "Deny *"),               DeniedExplicitly, Bucket),
        // Two accounts: both sides must allow.
        (row(me(), "Allow", "-").there(),                         DeniedImplicitly, Bucket),
        (row(me(), "-", "Allow me").there(),                      DeniedImplicitly, Identity),
        (row(me(), "-", "-").there(),                             DeniedImplicitly, Identity),
        (row(me(), "Allow", "Allow me").there(),                  Allowed, Identity),
        (row(me(), "Allow", "Allow account").there(),             Allowed, Identity),
        (row(me(), "Allow", "Allow *").there(),                   Allowed, Identity),
        (row(me(), "Allow", OTHER).there(),                       DeniedImplicitly, Bucket),
        (row(me(), "Allow", "Deny account").there(),              DeniedExplicitly, Bucket),
        (row(me(), "Allow", "Allow me").there().boundary("Deny"), DeniedExplicitly, Boundary),
        // A trust policy must always allow; inside the account, naming the caller is enough.
        (row(me(), "-", "Allow me").trust(),                      Allowed, Trust),
        (row(me(), "-", "Allow account").trust(),                 DeniedImplicitly, Identity),
        (row(me(), "Allow", "Allow account").trust(),             Allowed, Identity),
        (row(me(), "Allow", "Allow you").trust(),                 DeniedImplicitly, Trust),
        (row(me(), "Allow", "-").trust(),                         DeniedImplicitly, Trust),
        (row(me(), "Allow", "Allow service").trust(),             DeniedImplicitly, Trust),
        (row(me(), "Deny", "Allow me").trust(),                   DeniedExplicitly, Identity),
        (row(me(), "Allow", "Deny me").trust(),                   DeniedExplicitly, Trust),
        (row(me(), "-", "Allow me").trust().there(),              DeniedImplicitly, Identity),
        (row(me(), "Allow", "Allow me").trust().there(),          Allowed, Identity),
        (row(me(), "Allow", "-").trust().there(),                 DeniedImplicitly, Trust),
        (row(Principal::service("lambda.amazonaws.com"), "-", "Allow service").trust(), Allowed, Trust),
        (row(Principal::service("ec2.amazonaws.com"), "-", "Allow service").trust(),    DeniedImplicitly, Trust),
        (row(me(), "Allow", "-").key(),                           DeniedImplicitly, Kms),
        (row(me(), "Allow", "Allow account").key(),               Allowed, Identity),
        // A session: policies name its role, or itself.
        (row(reader(), "Allow", "-"),                             Allowed, Permissions),
        (row(reader(), "-", "Allow role"),                        Allowed, Bucket),
        (row(reader(), "-", "Allow session"),                     Allowed, Bucket),
        (row(reader(), "-", "Allow me"),                          DeniedImplicitly, Permissions),
        (row(reader(), "Allow", "Deny role"),                     DeniedExplicitly, Bucket),
        (row(reader(), "Allow", "Deny session"),                  DeniedExplicitly, Bucket),
        (row(reader(), "Allow", "Allow role").there(),            Allowed, Permissions),
        // Boundaries and session policies take away, except from what the resource grants this very caller.
        (row(me(), "Allow", "-").boundary("Allow"),               Allowed, Identity),
        (row(me(), "Allow", "-").boundary("Deny"),                DeniedExplicitly, Boundary),
        (row(me(), "-", "-").boundary("Allow"),                   DeniedImplicitly, Identity),
        (row(reader(), "Allow", "-").session("Allow"),            Allowed, Permissions),
        (row(reader(), "Allow", "-").session("Deny"),             DeniedExplicitly, Session),
        (row(reader(), "-", "-").session("Allow"),                DeniedImplicitly, Permissions),
        (row(reader(), "Allow", "-").session("Allow").boundary("Allow"), Allowed, Permissions),
        // Service control policies limit everybody, also the root user.
        (row(me(), "Allow", "-").scp("Allow"),                    Allowed, Identity),
        (row(me(), "Allow", "-").scp("Deny"),                     DeniedExplicitly, Scp),
        (row(me(), "-", "Allow me").scp("Deny"),                  DeniedExplicitly, Scp),
        (row(Principal::root(HERE), "-", "-").scp("Deny"),        DeniedExplicitly, Scp),
    ];
    for (index, (row, decision, side)) in rows.iter().enumerate() {
        let (decided, by, has_statement) = row.decide();
        let shown = format!(
            "row {index}: {} identity {} {:?} {} of {} boundary {} session {} scp {}",
            row.who.arn, row.identity, row.side, row.resource, row.owner, row.boundary, row.session, row.scp
        );
        assert_eq!((decided, by), (*decision, *side), "{shown}");
        let by_root = *side == Identity && row.identity == "-";
        assert_eq!(has_statement, *decision != DeniedImplicitly && !by_root, "{shown}");
    }
}

/// A limit that allows something else alone.
#[test]
fn a_limit_that_is_silent_takes_away() {
    let elsewhere =
        Policy::parse(r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"y:*","Resource":"*"}}"#)
            .unwrap();
    let limit = Attached { name: "limit", policy: &elsewhere };
    let all = policy("Allow");
    let decided = |who: &Principal, resource: Option<&str>, keep: fn(&mut Policies<'_>)| {
        let resource = resource.map(policy);
        let mut policies = Policies {
            identity: vec![Attached { name: "all", policy: &all }],
            boundary: Some(limit),
            session: vec![limit],
            scp: vec![limit],
            resource: Resource {
                side: Side::Bucket,
                account: HERE,
                policy: resource.as_ref().map(|policy| Attached { name: "bucket", policy }),
            },
        };
        keep(&mut policies);
        let context = Context::new();
        let verdict = decide(
            &Request { principal: who, action: "x:Do", resource: "arn:aws:x:::y", context: &context },
            &policies,
        );
        (verdict.decision, verdict.side)
    };
    let boundary: fn(&mut Policies<'_>) = |policies| {
        policies.session.clear();
        policies.scp.clear();
    };
    let session: fn(&mut Policies<'_>) = |policies| {
        policies.boundary = None;
        policies.scp.clear();
    };
    let scp: fn(&mut Policies<'_>) = |policies| {
        policies.boundary = None;
        policies.session.clear();
    };
    let implicit = Decision::DeniedImplicitly;
    #[rustfmt::skip]
    let rows = [
        (me(),     None,                  boundary, (implicit, Side::Boundary)),
        (me(),     Some("Allow me"),      boundary, (Decision::Allowed, Side::Identity)),
        (me(),     Some("Allow *"),       boundary, (implicit, Side::Boundary)),
        (reader(), None,                  session,  (implicit, Side::Session)),
        (reader(), Some("Allow role"),    session,  (implicit, Side::Session)),
        (reader(), Some("Allow session"), session,  (Decision::Allowed, Side::Permissions)),
        (reader(), Some("Allow role"),    boundary, (implicit, Side::Boundary)),
        (reader(), Some("Allow session"), boundary, (Decision::Allowed, Side::Permissions)),
        (me(),     Some("Allow me"),      scp,      (implicit, Side::Scp)),
    ];
    for (who, resource, keep, expected) in rows {
        assert_eq!(decided(&who, resource, keep), expected, "{} {resource:?}", who.arn);
    }
}

#[test]
fn refusals_are_in_the_words_of_aws() {
    let who = me();
    let context = Context::new();
    let role = format!("arn:aws:iam::{HERE}:role/ops");
    let request = Request { principal: &who, action: "sts:AssumeRole", resource: &role, context: &context };
    let bare = format!("User: {} is not authorized to perform: sts:AssumeRole on resource: {role}", who.arn);
    let allow = policy("Allow");
    let deny = policy("Deny");
    let trusts_you = policy("Allow you");
    let denies = policy("Deny *");
    let attached = |policy| Attached { name: "p", policy };
    let text = |identity: Vec<Attached>, boundary: Option<Attached>, side: Side, resource: Option<Attached>| {
        let resource = Resource { side, account: HERE, policy: resource };
        let policies = Policies { identity, boundary, session: Vec::new(), scp: Vec::new(), resource };
        let verdict = decide(&request, &policies);
        (denial(&verdict, &request), denial_in_s3(&verdict, &request, true), denial_in_s3(&verdict, &request, false))
    };
    let (sts, s3, across) = text(vec![], None, Side::Bucket, None);
    assert_eq!(sts, format!("{bare} because no identity-based policy allows the sts:AssumeRole action"));
    assert!(s3.contains(&format!("on resource: \"{role}\" because no identity-based policy allows")));
    assert_eq!(across, "Access Denied");
    let (sts, ..) = text(vec![attached(&allow)], None, Side::Trust, Some(attached(&trusts_you)));
    assert_eq!(sts, bare);
    let (sts, ..) = text(vec![attached(&allow)], None, Side::Bucket, Some(attached(&denies)));
    assert_eq!(sts, format!("{bare} with an explicit deny in a resource-based policy"));
    let (sts, ..) = text(vec![attached(&deny)], None, Side::Bucket, None);
    assert_eq!(sts, format!("{bare} with an explicit deny in an identity-based policy"));
    let (sts, ..) = text(vec![attached(&allow)], Some(attached(&deny)), Side::Bucket, None);
    assert_eq!(sts, format!("{bare} with an explicit deny in a permissions boundary"));
}
