//! `xsw explain --mend`: refused, mended, allowed; and never without the account's name.

use serde_json::{Value, json};
use xsw::ops::explain::Question;

use crate::stage::{Stage, snapshot};

const ANALYST: [&str; 5] = ["explain", "analyst", "s3://data-lake/orders/", "--with", "data/Owner"];

#[test]
fn a_missing_statement_is_written_and_then_it_is_allowed() {
    let stage = Stage::new();
    stage.says(["cat", "s3://data-lake/orders/2026-03-01.csv", "--as", "analyst"]).failed(3);
    let said = stage.says([&ANALYST[..], &["--mend", "--yes"]].concat());
    let out = said.done();
    let told: Vec<&str> = out.lines().filter(|line| line.contains("s3:GetObject on arn")).collect();
    assert_eq!(told.iter().map(|line| &line[..8]).collect::<Vec<_>>(), ["denied  ", "allowed "], "{out}");
    stage.says(["cat", "s3://data-lake/orders/2026-03-01.csv", "--as", "analyst"]).done();
    let history = stage.says(["history", "--json", "--event", "mend"]).done();
    let line: Value = serde_json::from_str(history.trim()).unwrap();
    assert_eq!((&line["role"], &line["outcome"]), (&json!("Owner"), &json!("ok")));
    assert_eq!(line["details"]["attached_to"], "role");
    assert_eq!(line["details"]["name"], "Analyst");
}

#[test]
fn what_is_written_is_shown_and_a_role_that_may_not_write_changes_nothing() {
    let stage = Stage::new();
    snapshot!(stage, ["explain", "analyst", "s3://data-lake/orders/2026-03-01.csv", "--with", "auditor", "--mend", "-y"], @r#"
    success: false
    exit_code: 3
    ----- stdout -----
    you      arn:aws:iam::111111111111:user/me, an IAM user, the source demo
    allowed  sts:AssumeRole on arn:aws:iam::888888888888:role/Analyst
    denied   s3:GetObject on arn:aws:s3:::data-lake/orders/2026-03-01.csv

      permissions 888888888888 denied  no policy of data/Analyst allows s3:GetObject here
                                       AWS says: User: arn:aws:sts::888888888888:assumed-role/Analyst/me@[host] is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::data-lake/orders/2026-03-01.csv" because no identity-based policy allows the s3:GetObject action
      bucket      888888888888 allowed its policy does not speak of it, and inside one account the role's own are enough
                                       s3:GetBucketPolicy as data/Auditor

    next in account 888888888888: aws iam put-role-policy --role-name Analyst --policy-name xsw-read-data-lake-5616e0fd --policy-document file://policy.json
    with policy.json:
    {
      "Version": "2012-10-17",
      "Statement": [
        {
          "Sid": "Read",
          "Effect": "Allow",
          "Action": "s3:GetObject",
          "Resource": "arn:aws:s3:::data-lake/orders/2026-03-01.csv"
        }
      ]
    }

    ----- stderr -----
    note: data/Auditor would write the new inline policy xsw-read-data-lake-5616e0fd of the role Analyst in account data (888888888888): the policy above
    error: not allowed to iam:PutRolePolicy on Analyst: User: arn:aws:sts::888888888888:assumed-role/Auditor/me@[host] is not authorized to perform: iam:PutRolePolicy on resource: role Analyst because no identity-based policy allows the iam:PutRolePolicy action
    hint: the role's permissions policy refuses: allow iam:PutRolePolicy on Analyst
    "#);
    stage.says(["cat", "s3://data-lake/orders/2026-03-01.csv", "--as", "analyst"]).failed(3);
    let history = stage.says(["history", "--json", "--event", "mend"]).done();
    assert_eq!(serde_json::from_str::<Value>(history.trim()).unwrap()["outcome"], "denied");
}

#[test]
fn without_a_terminal_the_name_is_not_asked_for_and_nothing_is_written() {
    let stage = Stage::new();
    let err = stage.detached(&format!("{} --mend", ANALYST.join(" "))).failed(2);
    assert!(
        err.contains("error: the account's name, data, must be typed, and there is no terminal to ask at"),
        "{err}"
    );
    stage.says(["cat", "s3://data-lake/orders/2026-03-01.csv", "--as", "analyst"]).failed(3);
    assert_eq!(stage.cloud().calls("iam:PutRolePolicy"), 0);
}

/// The other sides: a bucket policy keeps its statements, one side after the other is mended.
#[test]
fn a_bucket_policy_keeps_what_it_says() {
    let stage = Stage::new();
    let words = ["explain", "developer", "s3://data-lake/orders/", "--with", "data/Owner"];
    let said = stage.says([&words[..], &["--mend", "--yes"]].concat());
    assert!(said.err.contains("the policy of the bucket data-lake"), "{said:?}");
    assert!(said.out.contains("allowed statement 4 (Read) of the bucket policy allows it"), "{said:?}");
    assert_eq!(said.code, Some(0), "{said:?}");
    stage.says(["cat", "s3://data-lake/orders/2026-03-01.csv", "--as", "developer"]).done();
    // What it denies it still denies.
    let denied = ["explain", "lake", "s3://data-lake/restricted/", "--with", "data/Owner", "--mend", "--yes"];
    let said = stage.says(denied);
    assert!(said.code == Some(3) && said.err.contains("no policy that xsw could write mends this"), "{said:?}");
}

#[test]
fn only_a_role_of_the_account_can_write() {
    let stage = Stage::new();
    let words = ["explain", "analyst", "s3://data-lake/orders/", "--with", "audit/ReadOnly", "--mend", "--yes"];
    let said = stage.says(words);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.err.contains("of account 888888888888, and no role of --with is"), "{said:?}");
    assert!(said.err.contains("--with data/Owner"), "{said:?}");
    // Without a role to write with there is nothing to ask for.
    stage.says(["explain", "analyst", "--mend"]).failed(2);
    // What is allowed is left alone.
    let said = stage.says(["explain", "analyst", "--with", "data/Owner", "--mend", "--yes"]);
    assert!(said.code == Some(0) && said.err.contains("nothing to mend"), "{said:?}");
}

#[test]
fn what_changed_since_it_was_shown_is_left_alone() {
    let stage = Stage::new();
    let core = stage.core();
    let role = |name: &str| core.profile.find(name).unwrap();
    let owner = role("data/Owner");
    let uri = Some("s3://data-lake/orders/".parse().unwrap());
    let question = Question { role: role("developer"), uri, write: false, with: vec![owner] };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let explanation = core.explain(&question, None).await.unwrap();
        let grant = explanation.remedy().unwrap().1.grant.clone().unwrap();
        let shown = core.plan_mending(&grant, owner).await.unwrap();
        let other = core.plan_mending(&grant, owner).await.unwrap();
        core.mend(&other).await.unwrap();
        let error = core.mend(&shown).await.unwrap_err().to_string();
        assert!(error.contains("was changed meanwhile: nothing was written"), "{error}");
        assert_eq!(stage.cloud().calls("s3:PutBucketPolicy"), 1);
        let error = core.plan_mending(&grant, owner).await.unwrap_err().to_string();
        assert!(error.contains("nothing is missing"), "{error}");
    });
}
