//! Why something is refused, who looks, what is written, and what a role is.

use serde_json::json;

use super::*;
use crate::domain::explain::{
    Answer, Decision, Inspection, NamedPolicy, PolicyKind, Remedy, RoleFacts, Seen, Side, SideAnswer, Who,
};
use crate::domain::policy::least::{AttachTo, Grant};
use crate::domain::policy::{Context, Principal};
use crate::ops::explain::{Explanation, Question, Step};
use crate::ops::mend::Mending;
use crate::tui::state::inquiry;

const PROD: &str = "222222222222";

/// What S3Reader lacks: a statement of its own.
fn grant() -> Grant {
    let resource = "arn:aws:s3:::gautamtest-assume-role/test.txt";
    Grant {
        side: Side::Permissions,
        account: PROD.parse().unwrap(),
        target: AttachTo::Role { account: PROD.parse().unwrap(), name: "S3Reader".into() },
        purpose: "read".into(),
        policy: json!({ "Version": "2012-10-17", "Statement": [
            { "Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": resource },
        ] }),
    }
}

fn step(action: &str, resource: &str, sides: Vec<SideAnswer>) -> Step {
    let decision =
        sides.iter().find(|side| side.decision == Decision::Denied).map_or(Decision::Allowed, |_| Decision::Denied);
    let (action, resource, principal) = (action.to_owned(), resource.to_owned(), String::new());
    Step { role: "prod/S3Reader".into(), answer: Answer { decision, action, resource, principal, sides } }
}

fn side(side: Side, decision: Decision, reason: &str, evidence: &str) -> SideAnswer {
    let (reason, evidence) = (reason.to_owned(), evidence.to_owned());
    SideAnswer { side, account_id: PROD.into(), decision, reason, evidence, remedy: None }
}

fn refused() -> Explanation {
    let arn = "arn:aws:iam::111111111111:user/me";
    let says = "AWS says: User: arn:aws:sts::222222222222:assumed-role/S3Reader/me is not authorized to perform: \
                s3:GetObject because no identity-based policy allows the s3:GetObject action\u{1b}[2J";
    let mut own =
        side(Side::Permissions, Decision::Denied, "no policy of prod/S3Reader allows s3:GetObject here", says);
    let grant = grant();
    own.remedy = Some(Remedy {
        command: grant.command_from("policy.json"),
        policy: Some(grant.policy.clone()),
        file: Some("policy.json"),
        grant: Some(Box::new(grant)),
    });
    let bucket =
        side(Side::Bucket, Decision::Unknown, "the bucket policy cannot be seen from here", "nobody was asked");
    let trust = side(Side::Trust, Decision::Allowed, "AWS allows it (tried)", "sts:AssumeRole gave a session");
    let who = Who {
        principal: Principal::user("111111111111", arn),
        name: "the source corp".into(),
        kind: "an IAM user".into(),
        context: Context::new(),
        absent: Vec::new(),
    };
    let steps = vec![
        step("sts:AssumeRole", "arn:aws:iam::222222222222:role/S3Reader", vec![trust]),
        step("s3:GetObject", "arn:aws:s3:::gautamtest-assume-role/test.txt", vec![own, bucket]),
    ];
    Explanation { who, steps }
}

fn question(key: Option<&str>, write: bool, with: &[RoleIndex]) -> Box<Question> {
    Box::new(Question { role: READER, uri: key.map(uri), write, with: with.to_vec() })
}

/// On `test.txt`, explained: it is refused.
fn explained() -> App {
    let mut app = App::in_bucket();
    let asked = Effect::Explain { ticket: Ticket(4), question: question(Some("test.txt"), false, &[]) };
    assert_eq!(app.press("jjx"), [asked]);
    assert!(app.screen().contains("asking AWS about prod/S3Reader"));
    app.hear(Msg::Explained(Ticket(4), Ok(Box::new(refused()))));
    app
}

#[test]
fn x_explains_what_is_under_the_cursor() {
    let mut app = explained();
    insta::assert_snapshot!(app.screen());
    app.hear(Msg::Resize(120, 40));
    insta::assert_snapshot!(app.screen());
    app.hear(Msg::Resize(60, 16));
    insta::assert_snapshot!(app.screen());
    app.press("G");
    insta::assert_snapshot!(app.screen());
    // It goes no further than its text.
    app.press("jjjk");
    assert!(app.screen().contains("\"Version\""), "{}", app.screen());
    assert!(!app.screen().contains('\u{1b}'));
    assert_eq!(app.press("<esc>"), []);
    assert!(app.state.modal.is_none());
}

#[test]
fn an_answer_that_nobody_waits_for_is_dropped() {
    let mut app = App::in_bucket();
    app.press("x");
    assert_eq!(app.press("<esc>"), [Effect::Cancel(Ticket(4))]);
    app.press("x");
    app.hear(Msg::Explained(Ticket(4), Ok(Box::new(refused()))));
    assert!(app.screen().contains("asking AWS"), "{}", app.screen());
    app.hear(Msg::Explained(Ticket(5), Err(Error::usage("no network"))));
    assert!(app.screen().contains("no network"));
    let again = Effect::Explain { ticket: Ticket(6), question: question(Some("reports/"), false, &[]) };
    assert_eq!(app.press("r"), [again]);
}

#[test]
fn it_can_be_asked_about_writing_and_about_the_folder() {
    let mut app = explained();
    let asked = Effect::Explain { ticket: Ticket(5), question: question(Some("test.txt"), true, &[]) };
    assert_eq!(app.press("<space>"), [asked]);
    let asked = Effect::Explain { ticket: Ticket(6), question: question(Some(""), true, &[]) };
    assert_eq!(app.press("h"), [Effect::Cancel(Ticket(5)), asked]);
    let role = Effect::Inspect { ticket: Ticket(7), role: READER, with: vec![] };
    assert_eq!(app.press("i"), [Effect::Cancel(Ticket(6)), role]);
    let why = Effect::Explain { ticket: Ticket(8), question: question(None, false, &[]) };
    assert_eq!(app.press("x"), [Effect::Cancel(Ticket(7)), why]);
}

#[test]
fn another_role_looks_and_is_asked_for_its_code() {
    let mut app = explained();
    // Those of the account come first.
    app.press("<tab>");
    insta::assert_snapshot!(app.screen());
    let assume = |ticket, code: Option<&str>| Effect::Assume {
        ticket: Ticket(ticket),
        role: ADMIN,
        code: code.map(|code| Code(code.into())),
        anew: false,
    };
    assert_eq!(app.press("<enter>"), [assume(5, None)]);
    let wants = || Error::MfaRequired { role: "prod/Admin".into(), serial: "arn:aws:iam::111111111111:mfa/me".into() };
    app.hear(Msg::Assumed(Ticket(5), ADMIN, Err(wants()), None));
    assert!(app.screen().contains("MFA code") && app.screen().contains("prod/Admin"), "{}", app.screen());
    assert_eq!(app.press("12345<enter>"), []);
    assert_eq!(app.press("6<enter>"), [assume(6, Some("123456"))]);
    let asked = Effect::Explain { ticket: Ticket(7), question: question(Some("test.txt"), false, &[ADMIN]) };
    assert_eq!(app.assumed(6, ADMIN, 3600), [asked]);
    // Its session is nobody's here but the inquiry's.
    assert_eq!(app.state.current, Some(READER));
    app.hear(Msg::Explained(Ticket(7), Ok(Box::new(refused()))));
    assert!(app.screen().contains("with prod/Admin"), "{}", app.screen());
    // Picked again, it looks no more; one that is refused does not look either.
    let asked = Effect::Explain { ticket: Ticket(8), question: question(Some("test.txt"), false, &[]) };
    assert_eq!(app.press("<tab><enter>"), [asked]);
    app.hear(Msg::Explained(Ticket(8), Ok(Box::new(refused()))));
    app.press("<tab>j<enter>");
    app.hear(Msg::Assumed(Ticket(9), JUMP, Err(denied("sts:AssumeRole")), None));
    assert!(app.screen().contains("hub/Jump was not assumed"), "{}", app.screen());
}

#[test]
fn what_is_missing_is_written_after_the_name_of_the_account() {
    let mut app = explained();
    app.press("m");
    assert!(app.screen().contains("Who writes it") && app.screen().contains("prod/Admin"), "{}", app.screen());
    app.press("<enter>");
    let plan = Effect::PlanMending { ticket: Ticket(6), grant: Box::new(grant()), by: ADMIN };
    assert_eq!(app.assumed(5, ADMIN, 3600), [plan]);
    let mending = || Box::new(Mending { grant: grant(), by: ADMIN, present: None, policy: grant().policy });
    app.hear(Msg::MendingPlanned(Ticket(5), Ok(mending())));
    app.hear(Msg::MendingPlanned(Ticket(6), Ok(mending())));
    insta::assert_snapshot!(app.screen());
    // Nothing but the name writes, whatever the letters are bound to.
    assert_eq!(app.press("<enter>pro<enter>"), []);
    app.hear(Msg::Paste("d".into()));
    assert_eq!(app.press("<enter>"), [Effect::Mend { ticket: Ticket(7), mending: mending() }]);
    // What is under way is not left.
    assert_eq!(app.press("<esc>m<enter>q"), []);
    assert!(
        matches!(&app.state.modal, Some(Modal::Inquiry(open)) if matches!(open.step, Some(inquiry::Step::Writing { .. })))
    );
    let asked = Effect::Explain { ticket: Ticket(8), question: question(Some("test.txt"), false, &[]) };
    assert_eq!(app.hear(Msg::Mended(Ticket(7), Ok(()))), [asked]);
    assert!(app.screen().contains("written; AWS may need some seconds"), "{}", app.screen());
}

#[test]
fn esc_and_a_refusal_write_nothing() {
    let mut app = explained();
    app.press("m<enter>");
    app.assumed(5, ADMIN, 3600);
    app.hear(Msg::MendingPlanned(Ticket(6), Err(denied("iam:GetRolePolicy"))));
    assert!(app.screen().contains("not allowed to iam:GetRolePolicy"), "{}", app.screen());
    assert_eq!(app.press("m<enter>").len(), 1);
    let mending = Mending { grant: grant(), by: ADMIN, present: None, policy: grant().policy };
    app.hear(Msg::MendingPlanned(Ticket(7), Ok(Box::new(mending))));
    assert_eq!(app.press("prod<esc>"), []);
    assert!(matches!(&app.state.modal, Some(Modal::Inquiry(open)) if open.step.is_none()));
}

#[test]
fn y_copies_the_command_and_then_the_policy() {
    let mut app = explained();
    assert_eq!(app.press("y"), [Effect::CopyText(grant().command_from("policy.json"))]);
    let effects = app.press("y");
    let [Effect::CopyText(policy)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(serde_json::from_str::<serde_json::Value>(policy).unwrap(), grant().policy);
}

#[test]
fn the_console_opens_as_a_role_of_the_side_that_decides() {
    let mut app = explained();
    let page = ConsolePage::Service("iam".into());
    assert_eq!(app.press("w"), [Effect::Console { role: READER, page }]);
}

#[test]
fn a_refused_role_is_explained_from_its_error() {
    let mut app = app();
    app.press("j<enter>");
    app.hear(Msg::Assumed(Ticket(1), READER, Err(denied("sts:AssumeRole")), None));
    assert!(app.screen().contains("x explain"), "{}", app.screen());
    let asked = Effect::Explain { ticket: Ticket(2), question: question(None, false, &[]) };
    assert_eq!(app.press("x"), [asked]);
}

#[test]
fn a_role_that_wants_a_code_is_assumed_first_or_explained_without() {
    let mut app = app();
    let assume = Effect::Assume { ticket: Ticket(1), role: ADMIN, code: None, anew: false };
    assert_eq!(app.press("jjx"), [assume]);
    let wants = Error::MfaRequired { role: "prod/Admin".into(), serial: "mfa".into() };
    app.hear(Msg::Assumed(Ticket(1), ADMIN, Err(wants), Some("000111".into())));
    assert!(app.screen().contains("the demo's device shows 000111"), "{}", app.screen());
    let question = Box::new(Question { role: ADMIN, uri: None, write: false, with: vec![] });
    assert_eq!(app.press("<esc>"), [Effect::Explain { ticket: Ticket(2), question }]);
}

#[test]
fn x_in_a_preview_in_details_and_on_a_transfer() {
    let asks = |effects: &[Effect], key: &str| match effects.last() {
        Some(Effect::Explain { question, .. }) => question.uri == Some(uri(key)) && question.role == READER,
        _ => false,
    };
    for keys in ["jjp", "jji", "jjd<enter>T", "jjd<enter>T<enter>"] {
        let mut app = App::in_bucket();
        app.press(keys);
        let effects = app.press("x");
        assert!(asks(&effects, "test.txt"), "{keys}: {effects:?}");
    }
    // Of what a transfer could not fetch, it is what was refused.
    let mut app = App::in_bucket();
    app.press("d<enter>T");
    let failed = |key: &str, error| Failed { uri: uri(key), error };
    let lost = failed("reports/a", Error::usage("x"));
    let summary =
        Summary { failures: 2, failed: vec![lost, failed("reports/b", denied("s3:GetObject"))], ..Summary::default() };
    app.hear(Msg::Finished(JobId(4), Ok(summary)));
    let effects = app.press("x");
    assert!(asks(&effects, "reports/b"), "{effects:?}");
}

#[test]
fn i_tells_what_a_role_is() {
    let mut app = app();
    assert_eq!(app.press("ji"), [Effect::Inspect { ticket: Ticket(1), role: READER, with: vec![] }]);
    let trust = json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "AWS": "111111111111" }, "Action": "sts:AssumeRole",
          "Condition": { "StringEquals": { "sts:ExternalId": "lake" } } },
    ] });
    let by = || "iam:GetRole as prod/Admin".to_owned();
    let role = RoleFacts {
        arn: "arn:aws:iam::222222222222:role/S3Reader".into(),
        trust: trust.to_string(),
        description: Some("Reads\u{1b}[2J".into()),
        created: Some(at(0)),
        max_session_seconds: Some(7200),
        boundary: None,
        last_used: None,
        tags: vec![("team".into(), "data".into())],
    };
    let managed = "arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned();
    let named = |name: &str, kind| NamedPolicy { name: name.into(), kind, document: grant().policy.to_string() };
    let policies =
        vec![named("Read", PolicyKind::Inline), named("ReadOnlyAccess", PolicyKind::Managed { arn: managed })];
    let inspection = Inspection {
        label: "prod/S3Reader".into(),
        trust_in_words: crate::domain::explain::words::trust_in_words(&role.trust).unwrap(),
        role: Seen::Yes { value: Some(role), by: by() },
        policies: Seen::Yes { value: policies, by: by() },
        boundary: Seen::No { tried: "iam:GetPolicyVersion is refused to prod/Admin".into() },
    };
    app.hear(Msg::Inspected(Ticket(1), Ok(Box::new(inspection))));
    insta::assert_snapshot!(app.screen());
    app.hear(Msg::Resize(120, 40));
    insta::assert_snapshot!(app.screen());
    app.hear(Msg::Resize(60, 16));
    insta::assert_snapshot!(app.screen());
    assert!(!app.screen().contains('\u{1b}'));
}

#[test]
fn a_guarded_account_wants_its_name_before_its_role_is_assumed_to_find_out() {
    let mut app = app();
    assert_eq!(app.press("Gx"), []);
    assert!(app.screen().contains("Type its name, vault, to assume vault/Keeper"), "{}", app.screen());
    assert_eq!(app.press("vaul<enter>"), []);
    let question = Box::new(Question { role: KEEPER, uri: None, write: false, with: vec![] });
    assert_eq!(app.press("t<enter>"), [Effect::Explain { ticket: Ticket(1), question }]);
    app.hear(Msg::Explained(Ticket(1), Err(Error::usage("no network"))));
    assert_eq!(app.press("<esc>Gx<esc>"), []);
    assert!(app.state.modal.is_none());
    // What IAM tells of it is read without.
    assert_eq!(app.press("i"), [Effect::Inspect { ticket: Ticket(2), role: KEEPER, with: vec![] }]);
    assert_eq!(app.press("x"), [Effect::Cancel(Ticket(2))]);
    assert!(app.screen().contains("Really?"), "{}", app.screen());
}
