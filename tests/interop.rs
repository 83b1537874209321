//! xsw against MiniStack, an AWS that others wrote. `.ci/run` starts one and runs these; by hand:
//!
//! ```text
//! AUTH=true BIND_HOST=127.0.0.1 GATEWAY_PORT=4599 ministack
//! XSW_TEST_AWS=http://127.0.0.1:4599 cargo test --test interop -- --ignored
//! ```
//! The AWS CLI must be on PATH: it is the other program that must see what xsw sees.
#![cfg(unix)]

#[path = "interop/copy.rs"]
mod copy;
#[path = "interop/explain.rs"]
mod explain;
#[path = "common/foreign.rs"]
mod foreign;
#[path = "common/home.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod home;
#[path = "common/ministack.rs"]
mod ministack;
#[path = "interop/policy.rs"]
mod policy;
#[path = "common/proxy.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod proxy;

use std::time::Duration;

use foreign::{keys, large_object, looked_at, plain_get};
use home::{Home, PROFILE_FILE, Said, json_lines, run};
use ministack::{Keys, MiniStack, OTHER, OWNER, allow, trust};
use serde_json::{Value, json};

const FILES: [(&str, &str); 2] = [("test.txt", "hello from 111111111111\n"), ("test2.txt", "hello again\n")];

/// The server, a home with a user's keys in it, and names that no other test has.
struct Story {
    aws: MiniStack,
    home: Home,
    mark: String,
    bucket: String,
}

impl Story {
    fn new(name: &str) -> Self {
        // A server may see the tests more than once.
        let mark = format!("{name}-{}", jiff::Timestamp::now().as_microsecond());
        let story = Self { aws: MiniStack::from_environment(), home: Home::new(), bucket: mark.clone(), mark };
        story.aws.bucket(&story.bucket, "us-east-1", &FILES);
        story
    }

    fn name(&self, of: &str) -> String {
        format!("{of}-{}", self.mark)
    }

    /// The role of 111111111111 that lists and gets the bucket's objects, for the whole of 222222222222.
    fn get_list_role(&self, condition: Value) -> String {
        self.role_for(&format!("arn:aws:iam::{OTHER}:root"), condition)
    }

    fn role_for(&self, principal: &str, condition: Value) -> String {
        let bucket = format!("arn:aws:s3:::{}", self.bucket);
        let read = allow(&["s3:ListBucket", "s3:GetObject"], &[&bucket, &format!("{bucket}/*")]);
        self.aws.role(OWNER, &self.name("S3GetListRole"), &trust(&[principal], condition), &read)
    }

    /// A user of 222222222222 that may assume these roles and nothing else; its keys are the AWS profile `default`.
    fn user_who_may_assume(&self, arns: &[&str]) -> Keys {
        let keys = self.aws.user(&self.name("user"), &allow(&["sts:AssumeRole"], arns));
        self.sign_in(&keys);
        keys
    }

    fn sign_in(&self, keys: &Keys) {
        let text = format!("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n", keys.id, keys.secret);
        self.home.write(".aws/credentials", text);
    }

    /// The profile file: the role `reader`, with more lines for it.
    fn profile(&self, arn: &str, more: &str) {
        let reader =
            format!("[[accounts]]\nname = \"owner\"\n[[accounts.roles]]\narn = \"{arn}\"\nalias = \"reader\"\n{more}");
        self.profile_of(&reader);
    }

    fn profile_of(&self, accounts: &str) {
        let url = self.aws.url();
        let top = format!(
            "[settings]\nregion = \"us-east-1\"\nendpoint_url = \"{url}\"\n[sources.user]\nprofile = \"default\"\n"
        );
        self.home.write(PROFILE_FILE, top + accounts);
    }

    fn xsw(&self, words: &[&str]) -> Said {
        run(self.home.xsw(words))
    }

    /// The AWS CLI in the same home, without xsw.
    fn aws_cli(&self, words: &[&str]) -> Said {
        let mut command = self.home.command("aws");
        command.args(words).env("AWS_ENDPOINT_URL", self.aws.url()).env("AWS_REGION", "us-east-1");
        run(command)
    }

    fn uri(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }
}

/// The story of the issue, word for word.
#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_user_of_one_account_reads_the_bucket_of_another() {
    let story = Story::new("story");
    let role = story.get_list_role(Value::Null);
    story.user_who_may_assume(&[&role]);
    story.profile(&role, "");
    let bucket = story.uri("");

    let refused = story.aws_cli(&["s3", "ls", &bucket]);
    assert!(refused.code != Some(0) && refused.err.contains("AccessDenied"), "{refused:?}");
    let source = story.xsw(&["whoami", "--json"]).json();
    assert_eq!(source["arn"], format!("arn:aws:iam::{OTHER}:user/{}", story.name("user")));

    let listed = json_lines(&story.xsw(&["ls", &bucket, "--as", "reader", "--json"]).done());
    let keys: Vec<_> =
        listed.iter().map(|line| (line["key"].as_str().unwrap(), line["size"].as_u64().unwrap())).collect();
    assert_eq!(keys, FILES.map(|(key, text)| (key, text.len() as u64)));
    let role_session = story.xsw(&["whoami", "reader", "--json"]).json();
    assert_eq!(role_session["account_id"], OWNER);
    let arn = role_session["arn"].as_str().unwrap();
    assert!(
        arn.starts_with(&format!("arn:aws:sts::{OWNER}:assumed-role/{}/me@", story.name("S3GetListRole"))),
        "{arn}"
    );

    story.xsw(&["get", &story.uri("test.txt"), &story.uri("test2.txt"), "out/", "--as", "reader"]).done();
    for (key, text) in FILES {
        assert_eq!(story.home.read(&format!("out/{key}")), text.as_bytes());
        assert_eq!(story.xsw(&["cat", &story.uri(key), "--as", "reader"]).done(), text);
    }

    story.home.write("new.txt", "no");
    let put = ["exec", "reader", "--", "aws", "s3", "cp", "new.txt", &story.uri("new.txt")];
    let refused = story.xsw(&put);
    assert!(refused.code == Some(1) && refused.err.contains("AccessDenied"), "{refused:?}");
    // What the other program may do, it does with the same session.
    let other = story.xsw(&["exec", "reader", "--", "aws", "s3", "cp", &story.uri("test.txt"), "-"]).done();
    assert_eq!(other, FILES[0].1);
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_user_whom_the_trust_policy_does_not_name_is_refused() {
    let story = Story::new("unnamed");
    let role = story.role_for(&format!("arn:aws:iam::{OTHER}:user/{}", story.name("somebody-else")), Value::Null);
    story.user_who_may_assume(&[&role]);
    story.profile(&role, "");
    let err = story.xsw(&["ls", &story.uri(""), "--as", "reader"]).failed(3);
    assert!(err.starts_with(&format!("error: not allowed to sts:AssumeRole on {role}")), "{err}");
    assert!(err.contains("\nhint: "), "{err}");
    assert_eq!(story.home.sessions(), [""; 0]);
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_user_without_sts_assume_role_is_refused() {
    let story = Story::new("no-permission");
    let role = story.get_list_role(Value::Null);
    story.user_who_may_assume(&["arn:aws:iam::111111111111:role/another"]);
    story.profile(&role, "");
    story.xsw(&["env", "reader"]).failed(3);
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn the_external_id_decides() {
    let story = Story::new("external-id");
    let role = story.get_list_role(json!({ "StringEquals": { "sts:ExternalId": "right-4711" } }));
    story.user_who_may_assume(&[&role]);
    for wrong in ["", "external_id = \"wrong-4711\"\n"] {
        story.profile(&role, wrong);
        story.xsw(&["env", "reader"]).failed(3);
    }
    story.profile(&role, "external_id = \"right-4711\"\n");
    assert_eq!(story.xsw(&["cat", &story.uri("test.txt"), "--as", "reader"]).done(), FILES[0].1);
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_session_that_has_ended_is_replaced() {
    let story = Story::new("expired");
    let role = story.get_list_role(Value::Null);
    story.user_who_may_assume(&[&role]);
    story.profile(&role, "duration = \"2s\"\n");
    let list = ["ls", &story.uri(""), "--as", "reader"];
    let listed = story.xsw(&list).done();
    let session = |story: &Story| story.xsw(&["env", "reader", "--format", "json"]).json();
    let old = session(&story);
    std::thread::sleep(Duration::from_millis(2500));
    let mut with_old = story.home.command("aws");
    with_old.args(["s3", "ls", &story.uri("")]).env("AWS_ENDPOINT_URL", story.aws.url());
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"] {
        with_old.env(name, old[name].as_str().unwrap());
    }
    let refused = run(with_old);
    // MiniStack forgets a session some time after its end.
    let ended = ["ExpiredToken", "InvalidAccessKeyId"].iter().any(|code| refused.err.contains(code));
    assert!(refused.code != Some(0) && ended, "{refused:?}");
    assert_eq!(story.xsw(&list).done(), listed);
    assert_ne!(session(&story)["AWS_ACCESS_KEY_ID"], old["AWS_ACCESS_KEY_ID"]);
}

/// Our clock says that the session lives, the server knows that it has ended.
#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_session_that_ended_before_its_time_is_replaced() {
    let story = Story::new("ended");
    let role = story.get_list_role(Value::Null);
    story.user_who_may_assume(&[&role]);
    story.profile(&role, "duration = \"1s\"\n");
    story.xsw(&["env", "reader"]).done();
    let file = story.home.sessions().remove(0);
    let mut stored: Value = serde_json::from_slice(&story.home.read(&file)).unwrap();
    stored["expiration"] = (jiff::Timestamp::now() + Duration::from_secs(3600)).to_string().into();
    story.home.write(&file, stored.to_string());
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(story.xsw(&["cat", &story.uri("test.txt"), "--as", "reader"]).done(), FILES[0].1);
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_role_is_reached_through_another() {
    let story = Story::new("chain");
    let hub = format!("arn:aws:iam::{OTHER}:role/{}", story.name("Hub"));
    let reader = story.role_for(&hub, Value::Null);
    let account = format!("arn:aws:iam::{OTHER}:root");
    story.aws.role(
        OTHER,
        &story.name("Hub"),
        &trust(&[&account], Value::Null),
        &allow(&["sts:AssumeRole"], &[&reader]),
    );
    story.user_who_may_assume(&[&hub, &reader]);
    story.profile(&reader, "");
    story.xsw(&["env", "reader"]).failed(3);
    story.profile_of(&format!(
        "[[accounts]]\nname = \"hub\"\n[[accounts.roles]]\narn = \"{hub}\"\nalias = \"hub\"\n[[accounts]]\nname = \
         \"owner\"\n[[accounts.roles]]\narn = \"{reader}\"\nalias = \"reader\"\nvia = \"hub\"\n"
    ));
    assert_eq!(story.xsw(&["cat", &story.uri("test2.txt"), "--as", "reader"]).done(), FILES[1].1);
    assert_eq!(story.home.sessions().len(), 2);
}

/// MiniStack believes every MFA code in GetSessionToken, and none in a trust policy: so the roles here ask for none, and
/// what is shown is that one session of the user serves them all.
#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn one_mfa_code_serves_two_roles() {
    let story = Story::new("mfa");
    let reader = story.get_list_role(Value::Null);
    let account = format!("arn:aws:iam::{OTHER}:root");
    let second = story.aws.role(
        OWNER,
        &story.name("Second"),
        &trust(&[&account], Value::Null),
        &allow(&["s3:GetObject"], &[&format!("arn:aws:s3:::{}/*", story.bucket)]),
    );
    story.user_who_may_assume(&[&reader, &second]);
    let device = format!("arn:aws:iam::{OTHER}:mfa/{}", story.name("user"));
    story.profile(
        &reader,
        &format!("mfa_serial = \"{device}\"\n[[accounts.roles]]\narn = \"{second}\"\nmfa_serial = \"{device}\"\n"),
    );
    let detached = |words: &str| run(story.home.shell(&format!("exec setsid --wait xsw {words}")));
    detached("env reader").failed(4);
    assert_eq!(story.home.sessions().len(), 0);
    story.xsw(&["env", "reader", "--mfa-code", "123456"]).done();
    assert_eq!(story.home.sessions().len(), 2);
    assert_eq!(detached(&format!("cat {} --as {second}", story.uri("test.txt"))).done(), FILES[0].1);
    assert_eq!(story.home.sessions().len(), 3);
    assert_eq!(story.xsw(&["whoami", "reader"]).code, Some(0));
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_session_policy_takes_away() {
    let story = Story::new("narrow");
    let role = story.get_list_role(Value::Null);
    story.user_who_may_assume(&[&role]);
    let only = allow(&["s3:*"], &[&format!("arn:aws:s3:::{}/test.txt", story.bucket)]);
    story.profile(&role, &format!("policy = '{only}'\n"));
    assert_eq!(story.xsw(&["cat", &story.uri("test.txt"), "--as", "reader"]).done(), FILES[0].1);
    story.xsw(&["cat", &story.uri("test2.txt"), "--as", "reader"]).failed(3);
    story.xsw(&["ls", &story.uri(""), "--as", "reader"]).failed(3);
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_wrong_secret_is_told_as_signed_out() {
    let story = Story::new("secret");
    let role = story.get_list_role(Value::Null);
    let Keys { id, .. } = story.user_who_may_assume(&[&role]);
    story.sign_in(&Keys { id, secret: "0".repeat(40) });
    story.profile(&role, "");
    let err = story.xsw(&["env", "reader"]).failed(4);
    assert!(err.starts_with("error: no credentials from user: "), "{err}");
}

/// MiniStack answers as S3 does: 301, and the region in x-amz-bucket-region.
#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_bucket_of_another_region_is_found() {
    let mut story = Story::new("region");
    story.bucket = story.name("far");
    story.aws.bucket(&story.bucket, "eu-west-1", &FILES);
    let role = story.get_list_role(Value::Null);
    story.user_who_may_assume(&[&role]);
    story.profile(&role, "");
    assert_eq!(story.xsw(&["ls", &story.uri(""), "--as", "reader"]).done().lines().count(), 2);
    assert_eq!(story.xsw(&["cat", &story.uri("test.txt"), "--as", "reader"]).done(), FILES[0].1);
}

/// Names that tools encode wrongly, on a server that encodes them in its own way.
#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn odd_keys_are_listed_and_downloaded() {
    let mut story = Story::new("keys");
    story.bucket = story.name("odd");
    let keys = ["a b.txt", "a+b.txt", "a&b=c.txt", "日本語/é.txt", "100%.txt", "%2F.txt", "quote'\"<x>.txt", "🦀"];
    let objects: Vec<(&str, &str)> = keys.iter().map(|key| (*key, *key)).collect();
    story.aws.bucket(&story.bucket, "us-east-1", &objects);
    let role = story.get_list_role(Value::Null);
    story.user_who_may_assume(&[&role]);
    story.profile(&role, "");
    let listed = json_lines(&story.xsw(&["ls", "-r", &story.uri(""), "--as", "reader", "--json"]).done());
    let mut found: Vec<&str> = listed.iter().map(|line| line["key"].as_str().unwrap()).collect();
    found.sort_unstable();
    let mut wanted = keys.to_vec();
    wanted.sort_unstable();
    assert_eq!(found, wanted);
    story.xsw(&["get", "-r", &story.uri(""), "out", "--as", "reader"]).done();
    for key in keys {
        assert_eq!(String::from_utf8_lossy(&story.home.read(&format!("out/{key}"))), key);
    }
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_tree_is_listed_counted_searched_and_downloaded_once() {
    let mut story = Story::new("tree");
    story.bucket = story.name("many");
    let names: Vec<String> =
        (0..1100).map(|number| format!("t{}/{}/{number:04}.txt", number % 3, number % 7)).collect();
    let objects: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), name.as_str())).collect();
    story.aws.bucket(&story.bucket, "us-east-1", &objects);
    let role = story.get_list_role(Value::Null);
    story.user_who_may_assume(&[&role]);
    story.profile(&role, "");
    let xsw = |words: &[&str]| story.xsw(&[words, &["--as", "reader", "--json"]].concat());
    for prefix in ["", "t1/", "t1/4/", "t2"] {
        let mut wanted: Vec<_> = names.iter().filter(|name| name.starts_with(prefix)).cloned().collect();
        wanted.sort_unstable();
        assert_eq!(keys(&xsw(&["ls", "-r", &story.uri(prefix)]).done()), wanted, "{prefix}");
        let total = xsw(&["du", &story.uri(prefix)]).json();
        let size: usize = wanted.iter().map(String::len).sum();
        assert_eq!((&total["objects"], &total["size"]), (&wanted.len().into(), &size.into()), "{prefix}: {total}");
    }
    let found = keys(&xsw(&["find", &story.uri(""), "--name", "*99.txt"]).done());
    assert_eq!(found.len(), 11, "{found:?}");
    let get = ["get", "-r", &story.uri("t1/"), "out"];
    let wanted = names.iter().filter(|name| name.starts_with("t1/")).count();
    let first = json_lines(&xsw(&get).done());
    assert!(first.len() == wanted && first.iter().all(|line| line["checked"] == "MD5"), "{:?}", first.first());
    for name in names.iter().filter(|name| name.starts_with("t1/")) {
        assert_eq!(story.home.read(&name.replacen("t1", "out", 1)), name.as_bytes());
    }
    let second = json_lines(&xsw(&get).done());
    assert!(second.len() == wanted && second.iter().all(|line| line["reason"] == "equal"), "{:?}", second.first());
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn a_large_object_is_taken_up_where_it_was_and_never_mixed() {
    let story = Story::new("large");
    let role = story.get_list_role(Value::Null);
    story.user_who_may_assume(&[&role]);
    story.profile(&role, "");
    let put = |bytes: &[u8]| story.aws.object(&story.bucket, "us-east-1", "blob", bytes);
    large_object(&story.home, &story.aws.url(), &story.uri("blob"), put);
}

#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn versions_are_listed_read_and_given_away() {
    let story = Story::new("versions");
    story.aws.versioned(&story.bucket);
    for body in ["first", "second!"] {
        story.aws.object(&story.bucket, "us-east-1", "k.txt", body.as_bytes());
    }
    let bucket = format!("arn:aws:s3:::{}", story.bucket);
    let actions = ["s3:ListBucket", "s3:ListBucketVersions", "s3:GetObject", "s3:GetObjectVersion"];
    let account = format!("arn:aws:iam::{OTHER}:root");
    let read = allow(&actions, &[&bucket, &format!("{bucket}/*")]);
    let role = story.aws.role(OWNER, &story.name("Versions"), &trust(&[&account], Value::Null), &read);
    story.user_who_may_assume(&[&role]);
    story.profile(&role, "");
    let uri = story.uri("k.txt");
    let listed = json_lines(&story.xsw(&["ls", "--versions", "--json", &uri, "--as", "reader"]).done());
    let told: Vec<_> = listed.iter().map(|line| (line["latest"].as_bool(), line["size"].as_u64())).collect();
    assert_eq!(told, [(Some(true), Some(7)), (Some(false), Some(5))]);
    let first = ["--version-id", listed[1]["version_id"].as_str().unwrap(), "--as", "reader"];
    assert_eq!(story.xsw(&[&["cat", &uri], &first[..]].concat()).done(), "first");
    story.xsw(&[&["get", &uri, "out/"], &first[..]].concat()).done();
    assert_eq!(story.home.read("out/k.txt"), b"first");
    let url = story.xsw(&[&["presign", &uri], &first[..]].concat()).done();
    assert_eq!(plain_get(url.trim_end()), (200, "first".to_owned()));
    let url = story.xsw(&["presign", &uri, "--as", "reader"]).done();
    assert_eq!(plain_get(url.trim_end()), (200, "second!".to_owned()));
    assert_eq!(plain_get(url.trim_end().split_once('?').unwrap().0).0, 403);
}

/// A detail that is denied says so and hides nothing else.
#[test]
#[ignore = "wants a MiniStack: XSW_TEST_AWS"]
fn an_object_is_looked_at() {
    let story = Story::new("look");
    story.aws.object(&story.bucket, "us-east-1", "a.json", br#"{"name":"xsw"}"#);
    story.aws.tags(&story.bucket, "a.json", "team", "blue");
    let role = story.get_list_role(Value::Null);
    story.user_who_may_assume(&[&role]);
    story.profile(&role, "");
    let (details, look) = looked_at(&story.home, &story.uri("a.json"));
    assert_eq!(details.head.unwrap().size, 14);
    assert_eq!(details.tags.unwrap_err().kind(), "denied");
    assert_eq!((look.kind.as_str(), look.read), ("JSON", 14));
}
