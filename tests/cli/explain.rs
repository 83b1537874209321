//! `xsw explain` through the front door: the demo's account `data`, where access fails each time for another reason,
//! and worlds of the tests' own.

use serde_json::{Value, json};
use xsw::demo::{Account, Bucket, Object, Role, User, World, allow, trust};

use crate::home::{Said, run};
use crate::stage::{Stage, snapshot};

const HUB: &str = "111111111111";
const PROD: &str = "222222222222";
const ME: &str = "arn:aws:iam::111111111111:user/me";

fn exit(said: &Said) -> i32 {
    said.code.unwrap()
}

#[test]
fn a_missing_statement_is_told_with_the_policy_that_mends_it() {
    let stage = Stage::new();
    snapshot!(stage, ["explain", "analyst", "s3://data-lake/orders/", "--with", "auditor"], @r#"
    success: false
    exit_code: 3
    ----- stdout -----
    you      arn:aws:iam::111111111111:user/me, an IAM user, the source demo
    allowed  sts:AssumeRole on arn:aws:iam::888888888888:role/Analyst
    allowed  s3:ListBucket on arn:aws:s3:::data-lake
    denied   s3:GetObject on arn:aws:s3:::data-lake/orders/2026-03-01.csv

      permissions 888888888888 denied  no policy of data/Analyst allows s3:GetObject here
                                       AWS says: User: arn:aws:sts::888888888888:assumed-role/Analyst/me@[host] is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::data-lake/orders/2026-03-01.csv" because no identity-based policy allows the s3:GetObject action
      bucket      888888888888 allowed its policy does not speak of it, and inside one account the role's own are enough
                                       s3:GetBucketPolicy as data/Auditor

    next in account 888888888888: aws iam put-role-policy --role-name Analyst --policy-name xsw-read-data-lake-d46daad5 --policy-document file://policy.json
    with policy.json:
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "List",
          "Effect": "Allow",
          "Action": "s3:ListBucket",
          "Resource": "arn:aws:s3:::data-lake",
          "Condition": {
            "StringLike": {
              "s3:prefix": "orders/*"
            }
          }
        },
        {
          "Sid": "Read",
          "Effect": "Allow",
          "Action": "s3:GetObject",
          "Resource": "arn:aws:s3:::data-lake/orders/*"
        }
      ]
    }

    ----- stderr -----
    "#);
}

#[test]
fn an_allowed_role_is_told_with_what_to_do_with_it() {
    let stage = Stage::new();
    snapshot!(stage, ["explain", "reader"], @"
    success: true
    exit_code: 0
    ----- stdout -----
    you      arn:aws:iam::111111111111:user/me, an IAM user, the source demo
    allowed  sts:AssumeRole on arn:aws:iam::111111111111:role/Jump
    allowed  sts:AssumeRole on arn:aws:iam::222222222222:role/S3Reader

      AWS allows it (tried): sts:AssumeRole gave a session

    next: xsw shell prod/S3Reader

    ----- stderr -----
    ");
}

/// A missing trust, a missing identity policy, a wrong external ID, an explicit deny: each told apart.
#[test]
fn every_refusal_is_told_apart() {
    let stage = Stage::new();
    for (words, side, account, reason) in [
        (
            &["vendor", "--with", "auditor"][..],
            "trust",
            "888888888888",
            "the external ID lake-7f3a: the profile file has another",
        ),
        (
            &["lake", "s3://data-lake/restricted/", "--with", "auditor"],
            "bucket",
            "888888888888",
            "statement 2 (RestrictedToOwner) of the bucket policy denies s3:GetObject outright",
        ),
        (
            &["analyst", "s3://data-lake/"],
            "permissions",
            "888888888888",
            "no policy of data/Analyst allows s3:GetObject here",
        ),
        (
            &["reader", "s3://data-lake/", "--with", "auditor"],
            "bucket",
            "888888888888",
            "does not allow s3:ListBucket to this role of account 222222222222",
        ),
    ] {
        let said = stage.says([&["explain", "--json"], words].concat());
        let answer: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!((exit(&said), &answer["decision"]), (3, &json!("denied")), "{said:?}");
        let sides = answer["sides"].as_array().unwrap();
        let denied: Vec<&Value> = sides.iter().filter(|side| side["decision"] == "denied").collect();
        assert_eq!(denied.len(), 1, "{sides:#?}");
        assert_eq!((&denied[0]["side"], &denied[0]["account_id"]), (&json!(side), &json!(account)), "{words:?}");
        assert!(denied[0]["reason"].as_str().unwrap().contains(reason), "{words:?}: {}", denied[0]["reason"]);
        assert!(denied[0]["remedy"]["command"].is_string(), "{words:?}");
    }
}

#[test]
fn the_document_has_the_names_of_the_contract() {
    let stage = Stage::new();
    let said = stage.says(["explain", "partner", "--json"]);
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(&answer), ["action", "decision", "principal", "resource", "role", "sides", "steps"]);
    assert_eq!(keys(&answer["sides"][0]), ["account_id", "decision", "evidence", "reason", "remedy", "side"]);
    assert_eq!(keys(&answer["sides"][0]["remedy"]), ["command", "policy"]);
    assert_eq!(answer["resource"], "arn:aws:iam::333333333333:role/Partner");
    assert_eq!((exit(&said), &answer["principal"]), (3, &json!(ME)));
    // Nobody here may see either side, and both say who can.
    for (side, account) in [(0, HUB), (1, "333333333333")] {
        let side = &answer["sides"][side];
        assert_eq!((&side["decision"], &side["account_id"]), (&json!("unknown"), &json!(account)));
        assert!(side["remedy"]["command"].as_str().unwrap().contains("--with"), "{side}");
    }
}

/// The hub's user me, a role to look with in each account, and a role that `trusted` and `allowed` let in.
fn two_accounts(trust_policy: Value, own: &[&str]) -> Stage {
    let look = allow(&["iam:Get*", "iam:List*", "iam:SimulatePrincipalPolicy", "s3:GetBucketPolicy"], &["*"]);
    let looking = ["arn:aws:iam::111111111111:role/Look", "arn:aws:iam::222222222222:role/Look"];
    let me = User::new("me")
        .policy("Look", allow(&["sts:AssumeRole"], &looking))
        .policy("Own", allow(&["sts:AssumeRole"], own));
    let hub = Account::new(HUB).user(me).role(Role::new("Look", trust(&[ME], None)).policy("Look", look.clone()));
    let target = Role::new("Target", trust_policy).policy("Read", allow(&["s3:GetObject"], &["arn:aws:s3:::data/*"]));
    let data = Bucket::new("data").object("a.txt", Object::new("a"));
    let prod = Account::new(PROD)
        .role(target)
        .role(Role::new("Pathed", trust(&[ME], None)).path("/team/"))
        .role(Role::new("Look", trust(&[ME], None)).policy("Look", look))
        .bucket(data);
    let stage = Stage::of(World::new().account(hub).account(prod));
    stage.profile(
        "[[accounts]]\nname = \"hub\"\nid = \"111111111111\"\n[[accounts.roles]]\nname = \"Look\"\n\
         [[accounts]]\nname = \"prod\"\nid = \"222222222222\"\n[[accounts.roles]]\nname = \"Target\"\n\
         [[accounts.roles]]\nname = \"Look\"\n[[accounts.roles]]\nname = \"Pathed\"\n\
         [[accounts.roles]]\nname = \"Targte\"\n",
    );
    stage
}

const TARGET: &str = "arn:aws:iam::222222222222:role/Target";

#[test]
fn both_sides_are_seen_with_roles_of_both_accounts() {
    let named = || trust(&[ME], None);
    for (trust_policy, own, denied, command) in [
        (named(), "arn:aws:iam::222222222222:role/Other", "identity", "aws iam put-user-policy --user-name me"),
        (trust(&["444444444444"], None), TARGET, "trust", "aws iam update-assume-role-policy --role-name Target"),
    ] {
        let stage = two_accounts(trust_policy, &[own]);
        let said = stage.says(["explain", "prod/Target", "--with", "hub/Look", "--with", "prod/Look", "--json"]);
        let answer: Value = serde_json::from_str(&said.out).unwrap();
        assert_eq!(exit(&said), 3, "{said:?}");
        for side in answer["sides"].as_array().unwrap() {
            let decision = if side["side"] == denied { "denied" } else { "allowed" };
            assert_eq!(side["decision"], decision, "{answer:#}");
            if side["side"] == denied {
                assert!(side["remedy"]["command"].as_str().unwrap().starts_with(command), "{side:#}");
                let policy = side["remedy"]["policy"].to_string();
                assert!(policy.contains(if denied == "trust" { ME } else { TARGET }), "{policy}");
            }
        }
    }
}

/// A session that lives does not hide that the role would be refused now.
#[test]
fn the_role_is_assumed_anew() {
    let stage = two_accounts(trust(&[ME], None), &[TARGET]);
    stage.says(["explain", "prod/Target"]).done();
    stage.says(["explain", "prod/Target"]).done();
    assert_eq!(stage.assumed(), 2);
}

#[test]
fn roles_that_the_account_spells_otherwise() {
    let all = ["arn:aws:iam::222222222222:role/*"];
    let stage = two_accounts(trust(&[ME], None), &all);
    let said = stage.says(["explain", "prod/Targte", "--with", "prod/Look"]);
    assert_eq!(exit(&said), 3);
    assert!(said.out.contains("there is no role Targte in account 222222222222; there is"), "{said:?}");
    assert!(
        said.out.contains(
            "write in the profile file, at the role prod/Targte: arn = \"arn:aws:iam::222222222222:role/Target\""
        ),
        "{said:?}"
    );
    let said = stage.says(["explain", "prod/Pathed", "--with", "prod/Look"]);
    assert!(said.out.contains("the role's ARN is arn:aws:iam::222222222222:role/team/Pathed"), "{said:?}");
    assert_eq!(exit(&said), 3);
}

#[test]
fn mistyped_names_are_told_first() {
    let stage = Stage::new();
    for (name, what, meant) in [
        ("arn:aws:iam:222222222222:role/S3Reader", "a colon is missing", "xsw explain prod/S3Reader"),
        (
            "arn:aws:iam::22222222222:role/S3Reader",
            "an account id has 12 digits, 22222222222 has 11",
            "xsw explain prod/S3Reader",
        ),
        (
            "arn:aws:iam::222222222222:role/S3Raeder",
            "the profile spells the role S3Reader",
            "xsw explain prod/S3Reader",
        ),
        ("arn:aws-cn:iam::222222222222:role/S3Reader", "the partition is another", "xsw explain prod/S3Reader"),
    ] {
        let said = stage.says(["explain", name]);
        assert_eq!((exit(&said), said.out.as_str()), (2, ""), "{said:?}");
        assert!(said.err.contains(what) && said.err.contains(meant), "{said:?}");
    }
    let said = stage.says(["explain", "22222222222/S3Reader"]);
    assert!(said.err.contains("22222222222 has 11; this is about prod/S3Reader"), "{said:?}");
    assert_eq!(exit(&stage.says(["explain"])), 2);
}

#[test]
fn without_an_mfa_code_it_is_unknown_and_with_one_it_is_told() {
    let stage = Stage::new();
    let said = stage.detached("explain admin");
    assert!(
        exit(&said) == 1 && said.out.contains("unknown  sts:AssumeRole on arn:aws:iam::222222222222:role/Admin"),
        "{said:?}"
    );
    let code = stage.mfa_code();
    let said = stage.says(["explain", "admin", "--mfa-code", &code]);
    assert!(exit(&said) == 0 && said.out.contains("allowed  sts:AssumeRole"), "{said:?}");
}

#[test]
fn a_bucket_that_is_not_there_is_no_question_of_policies() {
    let stage = Stage::new();
    let said = stage.says(["explain", "dev", "s3://hub-nothing-here/"]);
    assert!(exit(&said) == 1 && said.err.contains("there is no bucket hub-nothing-here"), "{said:?}");
}

#[test]
fn writing_is_judged_by_the_policies_and_nothing_is_written() {
    let stage = Stage::new();
    let said = stage.says(["explain", "copier", "s3://data-landing/", "--write", "--with", "auditor", "--json"]);
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((exit(&said), &answer["action"], &answer["decision"]), (0, &json!("s3:PutObject"), &json!("allowed")));
    // Who may only write is not told that reading is missing.
    let asked: Vec<&Value> = answer["steps"].as_array().unwrap().iter().map(|step| &step["action"]).collect();
    assert_eq!(asked.last(), Some(&&json!("s3:PutObject")), "{asked:?}");
    assert!(asked.contains(&&json!("s3:ListBucket")) && !asked.contains(&&json!("s3:GetObject")), "{asked:?}");
    let said = stage.says(["explain", "lake", "s3://data-lake/", "--write", "--with", "auditor"]);
    assert!(exit(&said) == 3 && said.out.contains("allows s3:PutObject here"), "{said:?}");
    assert_eq!(stage.cloud().calls("s3:PutObject"), 0);
}

#[test]
fn the_graph_of_who_may_assume_what() {
    let stage = two_accounts(trust(&["444444444444"], None), &[TARGET]);
    let text = stage.says(["explain", "--graph", "--with", "prod/Look"]);
    assert!(text.out.starts_with("hub 111111111111  (hub)\n  user/me (source demo)\n"), "{text:?}");
    assert!(text.out.contains("    -> prod/Target  configured, but not trusted\n"), "{text:?}");
    assert!(text.out.contains("    -> prod/Look  configured and trusted\n"), "{text:?}");
    assert!(text.out.contains("    -> hub/Look  configured; trust policy not seen\n"), "{text:?}");
    assert!(text.err.contains("the trust policies of hub/Look") && exit(&text) == 0, "{text:?}");
    let dot = stage.says(["explain", "--graph", "--format", "dot", "--with", "prod/Look"]).done();
    assert!(dot.starts_with("digraph assume {\n") && dot.ends_with("}\n"), "{dot}");
}

/// What a newcomer is told ends in `xsw explain`.
#[test]
fn refusals_name_explain_as_the_next_step() {
    let stage = Stage::new();
    let said = stage.says(["cat", "s3://data-lake/orders/2026-03-01.csv", "--as", "analyst"]);
    assert!(
        said.err.contains("`xsw explain data/Analyst s3://data-lake/orders/2026-03-01.csv` prints the policy"),
        "{said:?}"
    );
    let line = "xsw explain data/Analyst s3://data-lake/orders/2026-03-01.csv";
    assert_eq!(exit(&run(stage.shell(line))), 3);
}

/// The inspector's facts: what is seen is told, what is refused says by whom.
#[test]
fn the_inspector_tells_what_it_may_see() {
    let stage = Stage::new();
    let core = stage.core();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (role, auditor) = (core.profile.find("vendor").unwrap(), core.profile.find("auditor").unwrap());
    let seen = runtime.block_on(core.inspect(role, &[auditor])).unwrap();
    let facts = seen.role.value().unwrap().as_ref().unwrap();
    assert_eq!(facts.arn, "arn:aws:iam::888888888888:role/Vendor");
    assert_eq!(seen.trust_in_words.len(), 1);
    assert!(seen.trust_in_words[0].ends_with("with the external ID lake-7f3a"), "{:?}", seen.trust_in_words);
    assert!(facts.max_session_seconds.is_some() && seen.boundary.value() == Some(&None));
    let kept: Vec<&str> = seen.policies.value().unwrap().iter().map(|policy| policy.kept_by()).collect();
    assert_eq!(kept, ["managed by the customer"]);
    let alone = runtime.block_on(core.inspect(core.profile.find("partner").unwrap(), &[])).unwrap();
    assert!(alone.role.value().is_none() && alone.trust_in_words.is_empty(), "{alone:?}");
}
