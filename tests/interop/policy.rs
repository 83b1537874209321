//! The policies that `xsw policy copy` prints, attached by the very commands that it prints, are enough for the copy
//! and no statement of them is too much.
//!
//! MiniStack sees a foreign caller as its account's root: hence `--principal account`.

use std::fs;

use serde_json::{Value, json};

use super::home::{Said, run};
use super::ministack::{OTHER, OWNER, allow, trust};
use super::{FILES, Story};

impl Story {
    /// A line of shell with the AWS CLI, as the root of an account.
    pub(super) fn as_root(&self, account: &str, line: &str) -> Said {
        let mut command = self.home.command("sh");
        command.args(["-c", line]).env("AWS_ENDPOINT_URL", self.aws.url()).env("AWS_DEFAULT_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", account).env("AWS_SECRET_ACCESS_KEY", "x");
        run(command)
    }

    pub(super) fn attach(&self, grant: &Value, policy: &Value) {
        fs::write(self.home.path(grant["file"].as_str().unwrap()), policy.to_string()).unwrap();
        self.as_root(grant["account_id"].as_str().unwrap(), grant["command"].as_str().unwrap()).done();
    }

    /// Lists, reads and writes with new sessions; which of it was refused.
    fn refused(&self, target: &str) -> Vec<&'static str> {
        self.xsw(&["logout", "--all"]).done();
        let put = ["exec", "copier", "--", "aws", "s3api", "put-object", "--bucket", target, "--key", "out/x"];
        let deeds = [
            ("list", self.xsw(&["ls", &self.uri("test"), "--as", "copier", "-r"])),
            ("read", self.xsw(&["cat", &self.uri(FILES[0].0), "--as", "copier"])),
            ("write", self.xsw(&put)),
            ("look", self.xsw(&["ls", &format!("s3://{target}/out/"), "--as", "copier", "-r"])),
        ];
        deeds.into_iter().filter(|(_, said)| said.code != Some(0)).map(|(deed, _)| deed).collect()
    }
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn printed_policies_are_enough_and_no_statement_is_too_much() {
    let story = Story::new("policy");
    let (jump, copier) = (story.name("Jump"), story.name("Copier"));
    let target = story.name("target");
    let jump_arn = format!("arn:aws:iam::{OWNER}:role/{jump}");
    story.user_who_may_assume(&[&jump_arn]);
    let nothing = allow(&["s3:GetBucketWebsite"], &["*"]);
    story.aws.role(OWNER, &jump, &trust(&[&format!("arn:aws:iam::{OTHER}:root")], Value::Null), &nothing);
    let nobody = trust(&["arn:aws:iam::999999999999:root"], Value::Null);
    let copier_arn = story.aws.role(OTHER, &copier, &nobody, &nothing);
    story.as_root(OTHER, &format!("aws s3api create-bucket --bucket {target}")).done();
    story.profile_of(&format!(
        "[[accounts]]\nname = \"one\"\n[[accounts.roles]]\narn = \"{jump_arn}\"\nalias = \"jump\"\n\
         [[accounts]]\nname = \"two\"\n[[accounts.roles]]\narn = \"{copier_arn}\"\nalias = \"copier\"\nvia = \"jump\"\n"
    ));
    assert_eq!(story.refused(&target), ["list", "read", "write", "look"]);

    let (from, to) = (story.uri("test"), format!("s3://{target}/out/"));
    let folder = story.home.path("grants");
    let mut words = vec!["policy", "copy", "--from", "jump", "--to", "copier", &from, &to, "-r", "--json"];
    words.extend(["--principal", "account", "--out", folder.to_str().unwrap()]);
    let printed = story.xsw(&words).json();
    let grants = printed["grants"].as_array().unwrap();
    assert_eq!(grants.len(), 4);
    for grant in grants {
        story.attach(grant, &grant["policy"]);
    }
    assert_eq!(story.refused(&target), [""; 0]);

    for grant in grants {
        let statements = grant["policy"]["Statement"].as_array().unwrap();
        for (index, statement) in statements.iter().enumerate() {
            let mut without = grant["policy"].clone();
            // A policy must have a statement: this one is about something else.
            let other = if grant["side"] == "trust" { "sts:TagSession" } else { "s3:GetBucketWebsite" };
            without["Statement"][index]["Action"] = json!(other);
            story.attach(grant, &without);
            let refused = story.refused(&target);
            assert!(!refused.is_empty(), "without {statement} of {}", grant["file"]);
        }
        story.attach(grant, &grant["policy"]);
    }
    assert_eq!(story.refused(&target), [""; 0]);
}
