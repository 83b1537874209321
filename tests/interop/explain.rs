//! `xsw explain` where one thing is missing: the side that it names is the one that was broken, and what it tells to do
//! mends it. Only roles that may look, and do nothing else, show it the policies.

use std::fs;

use serde_json::{Value, json};

use super::ministack::{OTHER, OWNER, allow, trust};
use super::{FILES, Story};

/// The roles that look, by their aliases: one in each account.
const WITH: [&str; 4] = ["--with", "look-one", "--with", "look-two"];

impl Story {
    /// The ARNs of the roles that look, of [`OWNER`] and of [`OTHER`].
    pub(super) fn lookers(&self) -> [String; 2] {
        let name = self.name("Look");
        [OWNER, OTHER].map(|account| format!("arn:aws:iam::{account}:role/{name}"))
    }

    /// Makes the roles that look.
    pub(super) fn make_lookers(&self) {
        let users = trust(&[&format!("arn:aws:iam::{OTHER}:root")], Value::Null);
        let look = allow(&["iam:Get*", "iam:List*", "s3:GetBucketPolicy"], &["*"]);
        for account in [OWNER, OTHER] {
            self.aws.role(account, &self.name("Look"), &users, &look);
        }
    }

    /// Their lines for the profile file, each after the other roles of its account.
    pub(super) fn looker_lines(&self) -> [String; 2] {
        let [one, two] = self.lookers();
        [(one, "look-one"), (two, "look-two")]
            .map(|(arn, alias)| format!("[[accounts.roles]]\narn = \"{arn}\"\nalias = \"{alias}\"\n"))
    }

    /// `xsw explain … --json`: its exit code and its document.
    pub(super) fn explained(&self, words: &[&str], with: &[&str]) -> (i32, Value) {
        let said = self.xsw(&[&["explain", "--json"], words, with].concat());
        let code = said.code.unwrap();
        assert!([0, 1, 3].contains(&code), "{words:?}: {said:?}");
        (code, serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}")))
    }

    /// What is broken, as those who may look see it: one side alone denies it. Gives that side.
    ///
    /// Without them AWS's refusal is known, and no other side is blamed.
    #[track_caller]
    pub(super) fn broken(&self, words: &[&str], side: &str) -> Value {
        let (code, seen) = self.explained(words, &WITH);
        assert_eq!((code, &seen["decision"]), (3, &json!("denied")), "{seen:#}");
        let sides = seen["sides"].as_array().unwrap();
        let denied: Vec<&Value> = sides.iter().filter(|side| side["decision"] == "denied").collect();
        let names: Vec<&Value> = denied.iter().map(|side| &side["side"]).collect();
        assert_eq!(names, [side], "{seen:#}");
        let (code, unseen) = self.explained(words, &[]);
        assert!(code == 3 || seen["action"] == "s3:PutObject" && code == 1, "{unseen:#}");
        for told in unseen["sides"].as_array().unwrap() {
            assert!(told["decision"] != "denied" || told["side"] == side, "{unseen:#}");
        }
        denied[0].clone()
    }

    /// All allow it, as those who may look see it.
    #[track_caller]
    pub(super) fn all_allow(&self, words: &[&str]) {
        let (code, seen) = self.explained(words, &WITH);
        assert_eq!((code, &seen["decision"]), (0, &json!("allowed")), "{seen:#}");
    }

    /// Runs what a remedy tells to run, as the root of the side's account.
    #[track_caller]
    pub(super) fn mend(&self, side: &Value, policy: &Value) {
        let command = side["remedy"]["command"].as_str().unwrap();
        for file in ["policy.json", "trust.json", "bucket.json"] {
            // Only the file of the command holds a policy that fits.
            let text = if command.contains(file) { policy.to_string() } else { String::new() };
            fs::write(self.home.path(file), text).unwrap();
        }
        self.as_root(side["account_id"].as_str().unwrap(), command).done();
    }
}

/// A user of 222222222222 and a role of 111111111111 that reads its bucket: nothing is missing.
struct Whole {
    story: Story,
    role: String,
    user: String,
}

impl Whole {
    fn new(name: &str) -> Self {
        let story = Story::new(name);
        let role = story.get_list_role(Value::Null);
        let [one, two] = story.lookers();
        story.user_who_may_assume(&[&role, &one, &two]);
        story.make_lookers();
        let user = format!("arn:aws:iam::{OTHER}:user/{}", story.name("user"));
        let whole = Self { story, role, user };
        whole.profile(&whole.role, "");
        whole.is_allowed();
        whole
    }

    /// The profile file, with `arn` for the role `reader` and more lines for it.
    fn profile(&self, arn: &str, more: &str) {
        let [one, two] = self.story.looker_lines();
        self.story.profile(arn, &format!("{more}{one}[[accounts]]\nname = \"other\"\n{two}"));
    }

    fn trusts(&self, policy: &Value) {
        self.put("trust.json", policy);
        let name = self.story.name("S3GetListRole");
        let line = format!("aws iam update-assume-role-policy --role-name {name} --policy-document file://trust.json");
        self.story.as_root(OWNER, &line).done();
    }

    fn bucket_policy(&self, policy: &Value) {
        self.put("bucket.json", policy);
        let line = format!("aws s3api put-bucket-policy --bucket {} --policy file://bucket.json", self.story.bucket);
        self.story.as_root(OWNER, &line).done();
    }

    fn put(&self, file: &str, policy: &Value) {
        fs::write(self.story.home.path(file), policy.to_string()).unwrap();
    }

    #[track_caller]
    fn is_allowed(&self) {
        let bucket = self.story.uri("");
        self.story.all_allow(&["reader", &bucket]);
        // What AWS lets them do needs nobody who looks.
        assert_eq!(self.story.explained(&["reader", &bucket], &[]).0, 0);
        self.story.xsw(&["logout", "--all"]).done();
        assert_eq!(self.story.xsw(&["cat", &self.story.uri("test.txt"), "--as", "reader"]).done(), FILES[0].1);
    }

    /// Does what is told: one side denies it, in these words, and with its remedy all is well again.
    #[track_caller]
    fn is_mended(&self, side: &str, reason: &str) {
        let told = self.story.broken(&["reader", &self.story.uri("")], side);
        assert_eq!(told["reason"], reason);
        self.story.mend(&told, &told["remedy"]["policy"]);
        self.is_allowed();
    }
}

fn denies(role: &str, bucket: &str, action: &str) -> Value {
    let resource = [format!("arn:aws:s3:::{bucket}"), format!("arn:aws:s3:::{bucket}/*")];
    json!({ "Sid": "NotThem", "Effect": "Deny", "Principal": { "AWS": role }, "Action": action, "Resource": resource })
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_missing_trust_is_told() {
    let whole = Whole::new("no-trust");
    whole.trusts(&trust(&["arn:aws:iam::999999999999:root"], Value::Null));
    let user = &whole.user;
    whole.is_mended(
        "trust",
        &format!("its trust policy trusts people of account 999999999999; it does not name {user}"),
    );
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_missing_identity_policy_is_told() {
    let whole = Whole::new("no-identity");
    let [one, two] = whole.story.lookers();
    whole.put("p.json", &allow(&["sts:AssumeRole"], &[&one, &two]));
    let user = whole.story.name("user");
    let put = format!("aws iam put-user-policy --user-name {user} --policy-name p --policy-document file://p.json");
    whole.story.as_root(OTHER, &put).done();
    whole.is_mended("identity", "no policy of the source user allows sts:AssumeRole on this role");
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_wrong_external_id_is_told() {
    let whole = Whole::new("wrong-id");
    let account = format!("arn:aws:iam::{OTHER}:root");
    whole.trusts(&trust(&[&account], json!({ "StringEquals": { "sts:ExternalId": "right-4711" } })));
    for (line, gets) in [("", "there is none"), ("external_id = \"wrong-4711\"\n", "the profile file has another")] {
        whole.profile(&whole.role, line);
        let told = whole.story.broken(&["reader", &whole.story.uri("")], "trust");
        let reason = told["reason"].as_str().unwrap();
        assert!(reason.starts_with("its trust policy names you, and ") && reason.ends_with(gets), "{reason}");
        assert!(reason.contains("external ID"), "{reason}");
        assert_eq!(told["remedy"]["policy"], Value::Null);
        let command = told["remedy"]["command"].as_str().unwrap();
        let mended = command.strip_prefix("write in the profile file, at the role owner/").unwrap();
        whole.profile(&whole.role, &format!("{}\n", mended.split_once(": ").unwrap().1));
        whole.is_allowed();
    }
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn an_explicit_deny_in_a_bucket_policy_is_told() {
    let whole = Whole::new("deny");
    let bucket = &whole.story.bucket;
    // Another statement stays; alone, the policy goes with its statement.
    let other = json!({ "Effect": "Allow", "Principal": { "AWS": whole.role }, "Action": "s3:GetBucketWebsite",
        "Resource": format!("arn:aws:s3:::{bucket}") });
    for (action, others) in [("s3:GetObject", vec![other.clone()]), ("s3:ListBucket", vec![]), ("s3:*", vec![other])] {
        let mut statements = others.clone();
        statements.push(denies(&whole.role, bucket, action));
        whole.bucket_policy(&json!({ "Version": "2012-10-17", "Statement": statements }));
        let first = if action == "s3:GetObject" { action } else { "s3:ListBucket" };
        let place = statements.len();
        whole.is_mended("bucket", &format!("statement {place} (NotThem) of the bucket policy denies {first} outright"));
        let left = whole.story.as_root(OWNER, &format!("aws s3api get-bucket-policy --bucket {bucket}"));
        assert_eq!(left.code == Some(0), !others.is_empty(), "{left:?}");
    }
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_role_that_does_not_exist_is_told() {
    let whole = Whole::new("no-role");
    let (role, user) = (&whole.role, whole.story.name("user"));
    whole.put("p.json", &allow(&["sts:AssumeRole"], &["*"]));
    let put = format!("aws iam put-user-policy --user-name {user} --policy-name p --policy-document file://p.json");
    whole.story.as_root(OTHER, &put).done();
    for (arn, similar) in [
        (role.replace("S3GetListRole", "S3GetLisRole"), true),
        (format!("arn:aws:iam::{OWNER}:role/nothing-of-the-kind"), false),
    ] {
        whole.profile(&arn, "");
        let told = whole.story.broken(&["reader", &whole.story.uri("")], "trust");
        let name = arn.rsplit('/').next().unwrap();
        let wanted = format!("there is no role {name} in account {OWNER}");
        let (reason, command) = (told["reason"].as_str().unwrap(), told["remedy"]["command"].as_str().unwrap());
        assert!(reason.starts_with(&wanted), "{reason}");
        assert_eq!(reason.contains(&format!("; there is {role}")), similar, "{reason}");
        assert_eq!(command.ends_with(&format!(": arn = \"{role}\"")), similar, "{command}");
        assert!(similar || command.starts_with("correct the role's name in the profile file"), "{command}");
    }
    whole.profile(role, "");
    whole.is_allowed();
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_role_for_a_service_is_told() {
    let whole = Whole::new("service");
    whole.trusts(&json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" }] }));
    let told = whole.story.broken(&["reader", &whole.story.uri("")], "trust");
    assert_eq!(told["reason"], "its trust policy lets only Lambda in: a service role, not for people");
    assert_eq!(told["remedy"]["policy"], Value::Null);
    // What the remedy names does let people in.
    let command = told["remedy"]["command"].as_str().unwrap();
    assert!(command.contains(&format!("`xsw policy trust --for {} owner/", whole.user)), "{command}");
}
