//! `xsw cp` between two accounts, under the policies that `xsw policy copy` prints and no others.
//!
//! MiniStack sees a foreign caller as its account's root, hence `--principal account`; its CopyObject does not find
//! another account's bucket, so the bytes come through here.

use serde_json::{Value, json};

use super::Story;
use super::home::{Said, json_lines};
use super::ministack::{OTHER, OWNER, allow, trust};

/// Objects below the prefix `in/`, two of them with tags; and one that is not meant.
const OBJECTS: [(&str, &str); 4] =
    [("in/a.txt", "alpha\n"), ("in/sub/b+c d.txt", "bravo\n"), ("in/日本.txt", "charlie\n"), ("out.txt", "no\n")];

/// Two accounts, a role in each, and a bucket in each; none of them may do anything.
struct Copies {
    story: Story,
    target: String,
    from: String,
    to: String,
}

impl Copies {
    fn new(name: &str, via: &str) -> Self {
        let mut story = Story::new(name);
        story.bucket = story.name("source");
        story.aws.bucket(&story.bucket, "us-east-1", &OBJECTS);
        story.aws.tags(&story.bucket, "in/a.txt", "team", "blue");
        let target = story.name("target");
        let jump_arn = format!("arn:aws:iam::{OWNER}:role/{}", story.name("Jump"));
        let copier_arn = format!("arn:aws:iam::{OTHER}:role/{}", story.name("Copier"));
        let nothing = allow(&["s3:GetBucketWebsite"], &["*"]);
        let nobody = trust(&["arn:aws:iam::999999999999:root"], Value::Null);
        // The first of a chain is there already.
        let (may, users) = match via {
            // Within one account a trust policy that names the user is enough for AWS, and not for MiniStack.
            "" => (copier_arn.as_str(), nobody.clone()),
            _ => (jump_arn.as_str(), trust(&[&format!("arn:aws:iam::{OTHER}:root")], Value::Null)),
        };
        let [one, two] = story.lookers();
        story.user_who_may_assume(&[may, &one, &two]);
        story.make_lookers();
        story.aws.role(OWNER, &story.name("Jump"), &users, &nothing);
        story.aws.role(OTHER, &story.name("Copier"), &nobody, &nothing);
        story.as_root(OTHER, &format!("aws s3api create-bucket --bucket {target}")).done();
        let [look_one, look_two] = story.looker_lines();
        story.profile_of(&format!(
            "[[accounts]]\nname = \"one\"\n[[accounts.roles]]\narn = \"{jump_arn}\"\nalias = \"jump\"\n{look_one}\
             [[accounts]]\nname = \"two\"\n[[accounts.roles]]\narn = \"{copier_arn}\"\nalias = \"copier\"\n{via}\
             {look_two}"
        ));
        let (from, to) = (story.uri("in/"), format!("s3://{target}/copies/"));
        Self { story, target, from, to }
    }

    fn printed(&self, more: &[&str]) -> Vec<Value> {
        let folder = self.story.home.path("grants");
        let words = ["policy", "copy", "--from", "jump", "--to", "copier", &self.from, &self.to, "--json"];
        let out = ["--principal", "account", "--out", folder.to_str().unwrap()];
        let printed = self.story.xsw(&[&words[..], &out, more].concat()).json();
        printed["grants"].as_array().unwrap().clone()
    }

    /// Copies with new sessions.
    fn cp(&self, more: &[&str]) -> Said {
        self.story.xsw(&["logout", "--all"]).done();
        let words = ["cp", "-r", &self.from, &self.to, "--from", "jump", "--to", "copier"];
        self.story.xsw(&[&words[..], more].concat())
    }

    /// What is in the target, as its account's root sees it.
    fn there(&self) -> Vec<String> {
        let list = format!("aws s3api list-objects-v2 --bucket {} --query 'Contents[].Key' --output json", self.target);
        let listed: Value = self.story.as_root(OTHER, &list).json();
        listed.as_array().into_iter().flatten().map(|key| key.as_str().unwrap().to_owned()).collect()
    }

    #[track_caller]
    fn is_copied(&self) {
        assert_eq!(self.there(), ["copies/a.txt", "copies/sub/b+c d.txt", "copies/日本.txt"]);
        for (key, text) in &OBJECTS[..3] {
            let copy = key.replacen("in/", "copies/", 1);
            let cat = format!("aws s3 cp 's3://{}/{copy}' -", self.target);
            assert_eq!(self.story.as_root(OTHER, &cat).done(), *text);
        }
        let tags = format!("aws s3api get-object-tagging --bucket {} --key copies/a.txt", self.target);
        assert_eq!(self.story.as_root(OTHER, &tags).json()["TagSet"], json!([{ "Key": "team", "Value": "blue" }]));
    }

    /// `xsw explain` names the side that lacks the statement, and with the policy that it tells to attach the copy goes on.
    fn is_explained(&self, grant: &Value, statement: &Value) {
        let resource = statement["Resource"].to_string();
        let of_copier = format!("{resource} {}", grant["command"]).contains(&self.story.name("Copier"));
        let reads = resource.contains(&self.story.bucket);
        let words = match of_copier || grant["side"] == "bucket" {
            // What is about the role and no bucket shows whatever it is asked for.
            true if reads => vec!["copier", &self.from],
            true => vec!["copier", &self.to, "--write"],
            false => vec!["jump", &self.from],
        };
        let side = match grant["side"].as_str().unwrap() {
            // What the role itself may assume: there it is the one that asks.
            "permissions" if statement["Action"] == "sts:AssumeRole" => "identity",
            side => side,
        };
        let told = self.story.broken(&words, side);
        assert_eq!(told["account_id"], grant["account_id"], "{told:#}");
        let mut policy = told["remedy"]["policy"].clone();
        if side == "bucket" {
            // The remedy names the role, which MiniStack does not know there.
            let role = format!("arn:aws:iam::{OTHER}:role/{}", self.story.name("Copier"));
            let account = format!("arn:aws:iam::{OTHER}:root");
            assert!(policy.to_string().contains(&role), "{told:#}");
            policy = serde_json::from_str(&policy.to_string().replace(&role, &account)).unwrap();
        }
        self.story.mend(&told, &policy);
        self.story.all_allow(&words);
        // Nobody was asked for tags.
        self.cp(&["--no-tags"]).done();
        assert_eq!(self.there().len(), 3);
        let target = &self.target;
        self.story.as_root(OTHER, &format!("aws s3 rm --recursive s3://{target}")).done();
        // Inline policies stand beside each other: this one goes, so that the next statement is missed.
        let command = told["remedy"]["command"].as_str().unwrap();
        if let Some((attached, _)) = command.split_once(" --policy-document ").filter(|_| command.contains(" put-")) {
            let account = grant["account_id"].as_str().unwrap();
            self.story.as_root(account, &attached.replacen(" put-", " delete-", 1)).done();
        }
    }

    /// Takes each statement away by itself: the copy ends before its first object each time.
    fn none_is_too_much(&self, grants: &[Value]) {
        for grant in grants {
            let statements = grant["policy"]["Statement"].as_array().unwrap();
            for (index, statement) in statements.iter().enumerate() {
                let mut without = grant["policy"].clone();
                // A policy must have a statement: this one is about something else.
                let other = if grant["side"] == "trust" { "sts:TagSession" } else { "s3:GetBucketWebsite" };
                without["Statement"][index]["Action"] = json!(other);
                self.story.attach(grant, &without);
                let said = self.cp(&[]);
                assert_eq!(said.code, Some(3), "without {statement} of {}: {said:?}", grant["file"]);
                assert!(said.err.contains("error: not allowed to s"), "{said:?}");
                assert_eq!(self.there(), [""; 0], "without {statement} of {}", grant["file"]);
                self.is_explained(grant, statement);
            }
            self.story.attach(grant, &grant["policy"]);
        }
    }
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_prefix_is_copied_under_the_four_printed_policies_alone() {
    let copies = Copies::new("copy", "via = \"jump\"\n");
    assert_eq!(copies.cp(&[]).code, Some(3));
    let grants = copies.printed(&[]);
    assert_eq!(grants.len(), 4);
    grants.iter().for_each(|grant| copies.story.attach(grant, &grant["policy"]));
    copies.none_is_too_much(&grants);
    let said = copies.cp(&["--json"]);
    let lines = json_lines(&said.done());
    assert_eq!(lines[0]["way"], "streamed");
    copies.is_copied();
    // Nothing is copied twice.
    let again = json_lines(&copies.cp(&["--json"]).done());
    assert!(again.len() == 4 && again[1..].iter().all(|line| line["reason"] == "equal"), "{again:?}");
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn two_sessions_copy_what_no_role_may_read_and_write() {
    let copies = Copies::new("two-sessions", "");
    let grants = copies.printed(&["--streamed"]);
    let trusted = grants.iter().find(|grant| grant["side"] == "trust" && grant["account_id"] == OTHER).unwrap();
    let user = format!("arn:aws:iam::{OTHER}:user/{}", copies.story.name("user"));
    assert_eq!(trusted["policy"]["Statement"][0]["Principal"]["AWS"], user);
    grants.iter().for_each(|grant| copies.story.attach(grant, &grant["policy"]));
    copies.none_is_too_much(&grants);
    let said = copies.cp(&[]);
    let (jump, copier) = (copies.story.name("Jump"), copies.story.name("Copier"));
    let announced = format!("note: through this machine: one/{jump} reads, two/{copier} writes\n");
    assert!(said.err.contains(&announced), "{said:?}");

    said.done();
    copies.is_copied();
}
