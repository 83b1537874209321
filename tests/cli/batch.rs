//! `xsw cp --batch`: the embedded cloud runs the job under the policies that `xsw policy copy --batch` printed.

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use xsw::demo::{Account, Bucket, Fault, Object, Role, User, World, allow, trust};

use crate::home::{Said, json_lines, run};
use crate::stage::Stage;

const ME: &str = "arn:aws:iam::111111111111:user/me";
const HOSTILE: &str = "in/x/a,\"b\"\n100%+ 日本.txt";

/// Two accounts with the roles of a copy, where nobody may do anything but what `grants` say; Admin may do everything.
fn stage(grants: &[Value]) -> Stage {
    let of = |kind: &str, name: &str| -> Vec<(String, Value)> {
        let fits = |grant: &&Value| {
            let known = grant["attach_to"]["name"].as_str().unwrap();
            grant["attach_to"]["type"] == kind && (known == name || known.ends_with(&format!("/{name}")))
        };
        let named = |grant: &Value| (grant["name"].as_str().unwrap().to_owned(), grant["policy"].clone());
        grants.iter().filter(fits).map(named).collect()
    };
    let nobody = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Deny", "Principal": "*", "Action": "sts:TagSession" }] });
    let role = |name: &str| {
        let trust = of("trust", name).pop().map_or_else(|| nobody.clone(), |(_, policy)| policy);
        of("role", name).into_iter().fold(Role::new(name, trust), |role, (name, policy)| role.policy(name, policy))
    };
    let bucket = |bucket: Bucket| of("bucket", &bucket.name).into_iter().fold(bucket, |all, (_, one)| all.policy(one));
    let source = Bucket::new("source-data")
        .object("in/a.txt", Object::new("a\n").tag("team", "x"))
        .object(HOSTILE, Object::new("hostile\n"))
        .object("in/z.txt", Object::new("z\n"))
        .object("other/secret.txt", Object::new("secret\n"));
    let admin = Role::new("Admin", trust(&[ME], None)).policy("all", allow(&["*"], &["*"]));
    let me = User::new("me").policy("admin", allow(&["sts:AssumeRole"], &["arn:aws:iam::222222222222:role/Admin"]));
    let me = of("user", "me").into_iter().fold(me, |me, (name, policy)| me.policy(name, policy));
    let world =
        World::new().account(Account::new("111111111111").user(me).role(role("Jump")).bucket(bucket(source))).account(
            Account::new("222222222222")
                .role(role("Copier"))
                .role(role("Batch"))
                .role(admin)
                .bucket(bucket(Bucket::new("target-data")))
                .bucket(bucket(Bucket::new("jobs"))),
        );
    let stage = Stage::of(world);
    stage.profile(ACCOUNTS);
    stage
}

const ACCOUNTS: &str = r#"
[[accounts]]
name = "one"
id = "111111111111"
source = "demo"
[[accounts.roles]]
name = "Jump"
[[accounts]]
name = "two"
id = "222222222222"
source = "demo"
[[accounts.roles]]
name = "Copier"
via = "one/Jump"
[[accounts.roles]]
name = "Admin"
"#;

const PLACES: [&str; 2] = ["s3://source-data/in/", "s3://target-data/backup/in/"];
const ROLES: [&str; 4] = ["--from", "one/Jump", "--to", "two/Copier"];
const BATCH: [&str; 5] = ["--batch", "--batch-role", "Batch", "--batch-place", "s3://jobs/here"];

fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["cp", "-r"][..], &PLACES, &ROLES, &BATCH, more].concat()
}

fn printed() -> Vec<Value> {
    let words = [&["policy", "copy", "-r", "--json"][..], &PLACES, &ROLES, &BATCH].concat();
    stage(&[]).says(words).json()["grants"].as_array().unwrap().clone()
}

fn copied(stage: &Stage) -> Vec<String> {
    let said = stage.says(["ls", "s3://target-data/", "-r", "--json", "--as", "two/Admin"]).done();
    json_lines(&said).iter().map(|line| line["key"].as_str().unwrap().to_owned()).collect()
}

/// Puts what differs from run to run out of the way.
fn plain(text: &str) -> String {
    let words = text.split_inclusive([' ', '\n', '/', '`']).map(|word| {
        let bare = word.trim_end_matches([' ', '\n', '/', '`']);
        let id = bare.strip_prefix("job-").unwrap_or(bare);
        let is_id = id.len() >= 16 && id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
        if is_id { word.replace(id, "[id]") } else { word.to_owned() }
    });
    words.collect()
}

#[test]
fn a_job_copies_under_the_printed_policies_and_the_same_command_finds_it_again() {
    let stage = stage(&printed());
    let said = stage.says(words(&[]));
    let told = plain(&said.err);
    let begin = "note: 3 objects are in the manifest, 12 B\nnote: job [id] in ap-northeast-1, account 222222222222\n";
    assert!(told.starts_with(begin) && told.ends_with("note: Complete, 3 of 3 objects\n"), "{told}");
    assert_eq!(plain(&said.done()), "[id] Complete: 3 copied, 0 failed\n");
    let expected = ["backup/in/a.txt".to_owned(), format!("backup/{HOSTILE}"), "backup/in/z.txt".to_owned()];
    assert_eq!(copied(&stage), expected);
    let admin = ["cat", "s3://target-data/backup/in/a.txt", "--as", "two/Admin"];
    assert_eq!(stage.says(admin).done(), "a\n");
    let calls = |action: &str| stage.cloud().calls(action);
    assert_eq!((calls("s3:CreateJob"), calls("batch:CopyObject")), (1, 3));
    let uploads = calls("s3:CreateMultipartUpload");

    let again = stage.says(words(&[]));
    assert!(again.err.contains("copied all of this at 20"), "{again:?}");
    assert!(again.done().ends_with("Complete: 3 copied, 0 failed\n"));
    assert_eq!((calls("s3:CreateJob"), calls("batch:CopyObject")), (1, 3), "the same job");
    assert_eq!(calls("s3:CreateMultipartUpload"), uploads, "the same manifest");

    let trail = stage.says(["history", "--json", "--event", "copy"]).done();
    let trail = json_lines(&trail);
    assert_eq!(trail.len(), 1, "one job was made: {trail:?}");
    assert_eq!(trail[0]["details"]["buckets"], json!(["source-data", "target-data"]));
    assert_eq!(trail[0]["details"]["objects"], 3);

    // Told to replace what is there, another job does it once more.
    stage.says(words(&["--force"])).done();
    assert_eq!(calls("batch:CopyObject"), 6);
    // Another object makes another manifest, beside the first one; what is there is replaced only when told so.
    assert!(stage.cloud().put_object("source-data", "in/new.txt", Object::new("new\n")));
    let refused = stage.says(words(&[])).failed(2);
    assert!(refused.contains("there are objects at s3://target-data/backup/in/ already"), "{refused}");
    stage.says(words(&["--force"])).done();
    assert_eq!(copied(&stage).len(), 4);
    let jobs = stage.says(["ls", "s3://jobs/", "-r", "--as", "two/Admin"]).done();
    assert_eq!(jobs.lines().count(), 3, "two manifests and the note of the last job: {jobs}");
}

#[test]
fn without_any_one_statement_of_the_printed_policies_something_is_refused() {
    // The first run meets one object that fails, writes a report of it and is followed by a second one that copies all
    // when it is told to replace what the first one copied. The third finds that one.
    let go = |stage: &Stage| -> [Said; 3] {
        stage.cloud().plan_for("batch:CopyObject", "source-data/in/z.txt", 1, Fault::error(500, "InternalError"));
        [&[][..], &["--force"], &[]].map(|more| stage.says(words(more)))
    };
    let is_good = |[first, second, third]: &[Said; 3]| {
        first.code == Some(1)
            && first.err.contains("1 of 3 objects could not be copied")
            && second.code == Some(0)
            && third.err.contains("copied all of this")
    };
    let all = printed();
    let stage_of_all = stage(&all);
    let good = go(&stage_of_all);
    assert!(is_good(&good), "{good:?}");
    assert!(good[0].err.contains("which ones and why is told below s3://jobs/here/xsw-copy-"), "{good:?}");
    let all_keys = stage_of_all.says(["ls", "s3://jobs/", "-r", "--json", "--as", "two/Admin"]).done();
    let keys = json_lines(&all_keys).into_iter().map(|line| format!("s3://jobs/{}", line["key"].as_str().unwrap()));
    let reports: Vec<String> = keys.filter(|key| key.contains("/results/")).collect();
    assert_eq!(reports.len(), 1, "{all_keys}");
    let report = stage_of_all.says(["cat", &reports[0], "--as", "two/Admin"]).done();
    assert_eq!(report, "source-data,in/z.txt,,failed,500,InternalError,\"The test asked for this failure.\"\n");
    let mut statements_seen = 0;
    for (place, grant) in all.iter().enumerate() {
        let statements = grant["policy"]["Statement"].as_array().unwrap();
        for index in 0..statements.len() {
            let (mut fewer, mut rest) = (all.clone(), statements.clone());
            let gone = rest.remove(index);
            match rest.is_empty() {
                true => _ = fewer.remove(place),
                false => fewer[place]["policy"]["Statement"] = Value::Array(rest),
            }
            statements_seen += 1;
            let outcome = go(&stage(&fewer));
            assert!(!is_good(&outcome), "without {gone} of {}: {outcome:?}", grant["file"]);
        }
    }
    assert!(statements_seen >= 12, "{statements_seen}");
}

#[test]
fn without_force_no_second_job_goes_over_what_is_there() {
    let stage = stage(&printed());
    let (cloud, theirs) = (stage.cloud(), "backup/in/a.txt");
    let refused = |what: &str| {
        let jobs = cloud.calls("s3:CreateJob");
        assert!(cloud.put_object("target-data", theirs, Object::new("theirs\n")));
        for more in [&[][..], &["--dry-run"]] {
            let said = stage.says(words(more)).failed(2);
            assert!(said.contains("there are objects at s3://target-data/backup/in/ already"), "{what}: {said}");
        }
        assert_eq!(cloud.object("target-data", theirs).unwrap().bytes(), "theirs\n", "{what}");
        assert_eq!(cloud.calls("s3:CreateJob"), jobs, "{what}");
    };
    cloud.plan_for("batch:CopyObject", "source-data/in/z.txt", 1, Fault::error(500, "InternalError"));
    stage.says(words(&["--on-failure", "cat > told"])).failed(1);
    let told: Value = serde_json::from_slice(&stage.read("told")).unwrap();
    let job = &told["job"];
    assert_eq!([&job["succeeded"], &job["failed"], &job["total"]], [2, 1, 3].map(Value::from).each_ref(), "{told}");
    assert!(job["job_id"].as_str().is_some_and(|id| id.len() > 4), "{told}");
    refused("the job before it failed");

    stage.says(words(&["--force"])).done();
    assert!(stage.says(words(&[])).err.contains("copied all of this"));
    // The same key and size, another object.
    assert!(cloud.put_object("source-data", "in/a.txt", Object::new("b\n")));
    refused("a source was replaced");
    stage.says(words(&["--force"])).done();
    assert_eq!(cloud.object("target-data", theirs).unwrap().bytes(), "b\n");

    let note = cloud.keys("jobs").into_iter().find(|key| key.ends_with("/job.json")).unwrap();
    let mut noted: Value = serde_json::from_slice(&cloud.object("jobs", &note).unwrap().bytes()).unwrap();
    noted["job_id"] = json!("0123456789abcdef");
    assert!(cloud.put_object("jobs", &note, Object::new(noted.to_string())));
    refused("AWS has forgotten the job");
}

#[test]
fn with_force_each_run_copies_however_many_there_were() {
    let stage = stage(&printed());
    for run in 1..=4 {
        stage.says(words(&["--force"])).done();
        assert_eq!(stage.cloud().calls("batch:CopyObject"), 3 * run);
    }
    assert_eq!(stage.cloud().calls("s3:CreateJob"), 4, "no chain is walked");
}

#[test]
fn who_may_not_make_the_job_is_told_what_prints_the_policies() {
    let mut grants = printed();
    for grant in &mut grants {
        let statements = grant["policy"]["Statement"].as_array_mut().unwrap();
        statements.retain(|statement| statement["Sid"] != "PassRole");
    }
    let refused = stage(&grants).says(words(&[])).failed(3);
    assert!(refused.contains("is not authorized to perform: iam:PassRole"), "{refused}");
    assert!(refused.contains("`xsw policy copy -r --from one/Jump --to two/Copier --batch --batch-role "), "{refused}");
}

#[test]
fn a_dry_run_prints_the_request_and_writes_nothing() {
    let stage = stage(&printed());
    let said = stage.says(words(&["--dry-run", "--encryption", "aws:kms", "--no-tags", "--include", "*.txt"]));
    assert!(said.err.starts_with("note: 3 objects would be in the manifest, 12 B\n"), "{said:?}");
    let mut request = said.json();
    let token = request["ClientRequestToken"].as_str().unwrap().len();
    assert!((1..=64).contains(&token));
    let object = request["Manifest"]["Location"]["ObjectArn"].as_str().unwrap().to_owned();
    let report = request["Report"]["Prefix"].as_str().unwrap().to_owned();
    assert_eq!(object, format!("arn:aws:s3:::jobs/{report}/manifest.csv"));
    for field in ["/ClientRequestToken", "/Manifest/Location/ObjectArn", "/Report/Prefix"] {
        *request.pointer_mut(field).unwrap() = json!("…");
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&request).unwrap());
    let writes = ["s3:CreateMultipartUpload", "s3:PutObject", "s3:UploadPart", "s3:CreateJob", "batch:CopyObject"];
    assert_eq!(writes.map(|action| stage.cloud().calls(action)), [0; 5]);
    // The manifest that is written later is the one that the request names.
    let told = stage.says(words(&["--dry-run"])).json();
    stage.says(words(&[])).done();
    let object = told["Manifest"]["Location"]["ObjectArn"].as_str().unwrap().replace("arn:aws:s3:::", "s3://");
    let listed = stage.says(["ls", &object, "--json", "--as", "two/Admin"]).done();
    let etag = json_lines(&listed)[0]["etag"].as_str().unwrap().trim_matches('"').to_owned();
    assert_eq!(told["Manifest"]["Location"]["ETag"], etag);
    let manifest = stage.says(["cat", &object, "--as", "two/Admin"]).done();
    let hostile = "source-data,in/x/a%2C%22b%22%0A100%25%2B%20%E6%97%A5%E6%9C%AC.txt\n";
    assert_eq!(manifest, format!("source-data,in/a.txt\n{hostile}source-data,in/z.txt\n"));
}

#[test]
fn what_a_job_cannot_do_is_said_with_what_can() {
    let stage = stage(&printed());
    let other = |target: &'static str, more: &[&'static str]| {
        let words = [&["cp", "-r", PLACES[0], target][..], &ROLES, &BATCH, more].concat();
        stage.says(words).failed(2)
    };
    for (target, more, part) in [
        ("s3://target-data/backup/", &[][..], "copy to s3://target-data/backup/in/, or without --batch"),
        (PLACES[1], &["--storage-class", "keep"], "gives all copies one storage class"),
        (PLACES[1], &["--storage-class", "EXPRESS_ONEZONE"], "does not copy to the storage class EXPRESS_ONEZONE"),
        (PLACES[1], &["--if-exists", "skip"], "it can skip nothing"),
    ] {
        let said = other(target, more);
        assert!(said.contains(part), "{said}");
    }
    let foreign = "arn:aws:iam::111111111111:role/Batch";
    let words =
        [&["cp", "-r"][..], &PLACES, &ROLES, &["--batch", "--batch-role", foreign, BATCH[3], BATCH[4]]].concat();
    let said = stage.says(words).failed(2);
    assert!(said.contains("is not of 222222222222, the account that the job is in"), "{said}");
    let said = stage.says(["cp", "--batch-follow", "../../x", "--to", "two/Copier"]).failed(2);
    assert!(said.contains("is no id of a job"), "{said}");
    let said = stage.says(["cp", "--batch-follow", "0123456789abcdef", "--to", "two/Copier"]).failed(1);
    assert!(said.contains("there is no job 0123456789abcdef in ap-northeast-1"), "{said}");
    assert_eq!(stage.cloud().calls("s3:CreateJob"), 0);
}

#[test]
fn large_and_archived_objects_are_not_for_the_job() {
    let stage = stage(&printed());
    stage.cloud().put_object("source-data", "in/big", Object::made((5 << 30) + 1, 1));
    stage.cloud().put_object("source-data", "in/cold", Object::new("cold").storage_class("DEEP_ARCHIVE"));
    let said = stage.says(words(&[]));
    assert!(said.err.contains("note: 1 object over 5 GiB, 5.0 GiB, are not for S3 Batch Operations"), "{said:?}");
    assert!(said.err.contains("the first is s3://source-data/in/cold"), "{said:?}");
    assert!(said.out.ends_with(" Complete: 3 copied, 0 failed\n"), "{said:?}");
    assert_eq!(copied(&stage).len(), 3);
    assert_eq!(stage.cloud().calls("batch:CopyObject"), 3);
    // The large one xsw tries itself after the job, as the roles of the command line, whose policies were for the job.
    let refused = said.failed(3);
    let own =
        "`xsw policy copy --from one/Jump --to two/Copier s3://source-data/in/big s3://target-data/backup/in/big`";
    assert!(refused.contains(own), "{refused}");
}

/// Waits for something that happens soon.
#[track_caller]
fn until(what: &str, happened: impl Fn() -> bool) {
    let began = Instant::now();
    while !happened() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_job_goes_on_without_xsw_and_is_followed_and_cancelled() {
    let stage = stage(&printed());
    // The first object takes until the test has seen what it wants to see.
    let slow = || stage.cloud().plan_for("batch:CopyObject", "source-data/in/a.txt", 1, Fault::slow(SLOW));
    const SLOW: Duration = Duration::from_secs(5);
    let interrupted = |more: &[&str]| {
        let jobs = stage.cloud().calls("s3:CreateJob") + 1;
        let mut command = stage.xsw(words(more));
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Before it makes a job it looks at the one before.
        until("the job is made", || stage.cloud().calls("s3:CreateJob") >= jobs);
        let looks = stage.cloud().calls("s3:DescribeJob") + 2;
        until("the job is followed", || stage.cloud().calls("s3:DescribeJob") >= looks);
        kill(Pid::from_raw(child.id() as i32), Signal::SIGINT).unwrap();
        let said: Said = child.wait_with_output().unwrap().into();
        let err = said.failed(130);
        let id = err.split("--batch-follow ").nth(1).unwrap_or_else(|| panic!("{err}"));
        id.split(' ').next().unwrap().to_owned()
    };
    slow();
    let id = interrupted(&[]);
    // What xsw thinks alive AWS may have ended.
    stage.cloud().expire_sessions();
    // The same command finds the job that runs; following it by its id sees its end.
    let said = run(stage.xsw(["cp", "--batch-follow", &id, "--to", "two/Copier", "--json"]));
    let lines = json_lines(&said.done());
    let last = lines.last().unwrap();
    assert_eq!((&last["status"], &last["succeeded"], &last["failed"]), (&json!("Complete"), &json!(3), &json!(0)));
    assert_eq!(last["job_id"], json!(id));

    slow();
    let id = interrupted(&["--force"]);
    stage.says(["cp", "--batch-cancel", &id, "--to", "two/Copier"]).done();
    let said = stage.says(["cp", "--batch-follow", &id, "--to", "two/Copier"]);
    assert!(said.out.contains(" Cancelled: "), "{said:?}");
    assert!(said.failed(1).contains("was cancelled"));
    let over = stage.says(["cp", "--batch-cancel", &id, "--to", "two/Copier"]).failed(1);
    assert!(over.contains("JobStatusException"), "{over}");
}
