//! The world of `xsw demo`: a hub, a production and an audit account, as `assets/demo/config.toml` describes them,
//! two accounts that an IAM Identity Center sign-in opens, one that lets the hub read if it pays, and one where access
//! fails in every way that `xsw explain` tells apart.

use jiff::civil::date;
use serde_json::json;

use super::bucket::{Bucket, Object, Series, ago};
use super::hostile;
use super::samples;
use super::world::{Account, IdentityCenter, PermissionSet, Role, User, World, allow, trust};

const HUB: &str = "111111111111";
const PROD: &str = "222222222222";
const AUDIT: &str = "333333333333";
const LAB: &str = "555555555555";
const SANDBOX: &str = "666666666666";
const OPEN_DATA: &str = "777777777777";
const DATA: &str = "888888888888";
const ME: &str = "arn:aws:iam::111111111111:user/me";
const JUMP: &str = "arn:aws:iam::111111111111:role/Jump";

const ARTIFACTS: [&str; 2] = ["arn:aws:s3:::hub-artifacts", "arn:aws:s3:::hub-artifacts/*"];

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const MIB: u64 = 1024 * 1024;

impl World {
    /// The world of `xsw demo`. The keys of its visitor are new every time.
    pub fn demo() -> World {
        let accounts = World::new().account(hub()).account(prod()).account(audit());
        let accounts = accounts.account(lab()).account(sandbox()).account(open_data()).account(data());
        accounts.identity_center(staff())
    }
}

/// Whom the source `staff` signs in to.
fn staff() -> IdentityCenter {
    let developer = PermissionSet::new("Developer")
        .sessions_of(4 * 3600)
        .policy("AllOfS3", allow(&["s3:*"], &["*"]))
        .policy("Deploy", allow(&["sts:AssumeRole"], &["arn:aws:iam::555555555555:role/Deploy"]));
    let read_only = PermissionSet::new("ReadOnly").policy("ReadAll", allow(&["s3:List*", "s3:Get*"], &["*"]));
    IdentityCenter::new("https://demo.awsapps.com/start", "ap-northeast-1", "me@example.com")
        .permission_set(developer, &[LAB, SANDBOX])
        .permission_set(read_only, &[LAB])
}

fn lab() -> Account {
    let deploy =
        Role::new("Deploy", trust(&[LAB], None)).max_session(12 * 3600).policy("Data", allow(&["s3:*"], &["*"]));
    let results = Object::new("run,score\n1,0.93\n2,0.95\n").aged(DAY).content_type("text/csv");
    Account::new(LAB).named("Laboratory").role(deploy).bucket(Bucket::new("lab-data").object("results.csv", results))
}

fn sandbox() -> Account {
    let note = Object::new("Whatever you like.\n").aged(2 * DAY).content_type("text/plain");
    Account::new(SANDBOX).named("Sandbox").bucket(Bucket::new("sandbox-scratch").object("note.txt", note))
}

fn hub() -> Account {
    let roles = ["arn:aws:iam::*:role/*"];
    let me = User::new("me")
        .with_mfa()
        .tag("team", "platform")
        .policy("AssumeRoles", allow(&["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], &roles));
    let onwards = ["arn:aws:iam::222222222222:role/*", "arn:aws:iam::333333333333:role/*"];
    let jump = Role::new("Jump", trust(&[ME], None))
        .policy("Onwards", allow(&["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], &onwards));
    let developer =
        Role::new("Developer", trust(&[ME], None)).max_session(12 * 3600).policy("Artifacts", allow(&["s3:*"], &["*"]));
    let developer = developer.policy("Keys", allow(&["kms:Decrypt"], &[samples::KEY]));
    let account = Account::new(HUB).user(me).role(jump).role(developer).bucket(artifacts()).bucket(million());
    account.bucket(samples::samples()).bucket(samples::versions()).bucket(samples::europe())
}

/// Somebody else's account, with a bucket that the hub may read if it pays.
fn open_data() -> Account {
    Account::new(OPEN_DATA).named("Open data").bucket(samples::paid())
}

fn prod() -> Account {
    let reports = ["arn:aws:s3:::gautamtest-assume-role", "arn:aws:s3:::gautamtest-assume-role/*"];
    let reader = Role::new("S3Reader", trust(&[JUMP], None)).policy(
        "ReadReports",
        allow(&["s3:ListBucket", "s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectTagging"], &reports),
    );
    let with_mfa = json!({ "Bool": { "aws:MultiFactorAuthPresent": "true" } });
    let admin = Role::new("Admin", trust(&[ME], Some(with_mfa))).policy("AllOfS3", allow(&["s3:*"], &["*"]));
    let sprint = Role::new("Sprint", trust(&[ME], None))
        .cut_sessions(60)
        .policy("ReadAll", allow(&["s3:List*", "s3:Get*"], &["*"]));
    Account::new(PROD).role(reader).role(admin).role(sprint).bucket(reports_bucket()).bucket(hostile_keys())
}

fn audit() -> Account {
    let external_id = json!({ "StringEquals": { "sts:ExternalId": "audit-2026" } });
    let read = allow(&["s3:List*", "s3:Get*"], &["*"]);
    let read_only = Role::new("ReadOnly", trust(&[ME], Some(external_id))).policy("ReadAll", read.clone());
    let partner = Role::new("Partner", trust(&["444444444444"], None)).policy("ReadAll", read);
    Account::new(AUDIT).role(read_only).role(partner).bucket(audit_logs())
}

/// Where access fails: each role for a reason of its own, and two who can see it, one of whom can mend it.
fn data() -> Account {
    let lake = ["arn:aws:s3:::data-lake", "arn:aws:s3:::data-lake/*"];
    // It may list what it may not read: the statement with s3:GetObject is missing.
    let analyst = Role::new("Analyst", trust(&[ME], None))
        .description("Reads the lake")
        .policy("ReadLake", allow(&["s3:ListBucket", "s3:GetBucketLocation"], &lake));
    let reader = Role::new("Lake", trust(&[ME], None)).policy("ReadLake", allow(&["s3:Get*", "s3:List*"], &lake));
    // The profile file has another external ID.
    let external_id = json!({ "StringEquals": { "sts:ExternalId": "lake-7f3a" } });
    let vendor =
        Role::new("Vendor", trust(&[HUB], Some(external_id))).managed("LakeOfVendors", allow(&["s3:Get*"], &lake));
    let copier = Role::new("Copier", trust(&[ME], None))
        .description("Brings the hub's artifacts here")
        .policy("From", allow(&["s3:ListBucket", "s3:GetObject", "s3:GetObjectTagging"], &ARTIFACTS))
        .policy("To", allow(&["s3:PutObject", "s3:PutObjectTagging"], &["arn:aws:s3:::data-landing/*"]))
        .policy(
            "Look",
            allow(&["s3:ListBucket", "s3:GetObject"], &["arn:aws:s3:::data-landing", "arn:aws:s3:::data-landing/*"]),
        )
        .policy(
            "Resume",
            allow(&["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"], &["arn:aws:s3:::data-landing/*"]),
        );
    let auditor = Role::new("Auditor", trust(&[ME], None)).attach("arn:aws:iam::aws:policy/SecurityAudit");
    let owner = Role::new("Owner", trust(&[ME], None))
        .description("Mends what the others report")
        .policy("Everything", allow(&["iam:*", "s3:*"], &["*"]));
    let account = Account::new(DATA).role(analyst).role(reader).role(vendor).role(copier).role(auditor).role(owner);
    account.bucket(data_lake()).bucket(Bucket::new("data-landing"))
}

/// Its policy knows Jump of the hub and not Developer, and keeps everybody but the owner out of `restricted/`.
fn data_lake() -> Bucket {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "LetJumpRead",
                "Effect": "Allow",
                "Principal": { "AWS": JUMP },
                "Action": ["s3:GetObject", "s3:ListBucket"],
                "Resource": ["arn:aws:s3:::data-lake", "arn:aws:s3:::data-lake/*"],
            },
            {
                "Sid": "RestrictedToOwner",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": "arn:aws:s3:::data-lake/restricted/*",
                "Condition": { "ArnNotEquals": { "aws:PrincipalArn": "arn:aws:iam::888888888888:role/Owner" } },
            },
        ],
    });
    let mut bucket = Bucket::new("data-lake").policy(policy);
    for day in 1..=14 {
        let rows = format!("day,orders\n2026-03-{day:02},{}\n", day * 811 % 977);
        let key = format!("orders/2026-03-{day:02}.csv");
        bucket = bucket.object(key, Object::new(rows).aged((30 - day) * DAY).content_type("text/csv"));
    }
    let salaries = Object::new("name,salary\nAiko,\n").aged(9 * DAY).content_type("text/csv");
    bucket.object("restricted/salaries.csv", salaries)
}

fn artifacts() -> Bucket {
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "LetCopierRead",
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::888888888888:role/Copier" },
            "Action": ["s3:ListBucket", "s3:GetObject", "s3:GetObjectTagging"],
            "Resource": ARTIFACTS,
        }],
    });
    let text = |text: &str| Object::new(text.to_owned());
    let mut bucket = Bucket::new("hub-artifacts")
        .policy(policy)
        .object(
            "README.md",
            text("# Artifacts\n\nWhat the builds leave behind.\n").aged(40 * DAY).content_type("text/markdown"),
        )
        .object(
            "config/app.json",
            text("{\n  \"name\": \"demo\",\n  \"replicas\": 3\n}\n").aged(9 * DAY).content_type("application/json"),
        )
        .object(
            "config/limits.csv",
            text("region,limit\nap-northeast-1,40\neu-west-1,12\n").aged(9 * DAY).content_type("text/csv"),
        )
        .object("images/disk.img", Object::made(200 * MIB, 1).paced(8 * MIB).aged(2 * DAY))
        .object("images/small.img", Object::made(3 * MIB + 17, 2).aged(3 * DAY).tag("retain", "yes"))
        .object("archive/2023.tar", Object::made(4096 * MIB, 3).storage_class("GLACIER").aged(400 * DAY))
        .object("archive/2024.tar", Object::made(900 * MIB, 4).storage_class("DEEP_ARCHIVE").aged(300 * DAY));
    for release in 0..36 {
        let folder = format!("releases/v1.{release}.0");
        let age = (40 - release) * 7 * DAY;
        bucket = bucket
            .object(
                format!("{folder}/notes.md"),
                text(&format!("# v1.{release}.0\n\n- small repairs\n")).aged(age).content_type("text/markdown"),
            )
            .object(
                format!("{folder}/app-linux.tar.gz"),
                Object::made(40_000 + release * 4099, 100 + release).aged(age),
            )
            .object(
                format!("{folder}/app-macos.tar.gz"),
                Object::made(41_000 + release * 5003, 200 + release).aged(age),
            );
    }
    bucket
}

fn million() -> Bucket {
    Bucket::new("hub-million")
        .object("README.txt", Object::new("Below events/ are a million objects.\n").aged(30 * DAY))
        .series(Series {
            prefix: "events/".to_owned(),
            count: 1_000_000,
            digits: 7,
            suffix: ".json".to_owned(),
            size: 128,
            modified: ago(12 * HOUR),
        })
}

fn reports_bucket() -> Bucket {
    let mut bucket = Bucket::new("gautamtest-assume-role")
        .object("test.txt", Object::new("hello from production\n").aged(3 * DAY).content_type("text/plain"))
        .object("test2.txt", Object::new("hello again, production").aged(3 * DAY).content_type("text/plain"))
        .object("big.bin", Object::made(24 * MIB, 5).paced(4 * MIB).aged(5 * DAY))
        .object("archive-2024.tar", Object::made(4096 * MIB, 6).storage_class("GLACIER").aged(380 * DAY));
    let rows = (1..=30_000).map(|row| format!("{row},ap-northeast-1,{}\n", row * 37 % 9973));
    let summary = std::iter::once("id,region,amount\n".to_owned()).chain(rows).collect::<String>();
    bucket = bucket.object("reports/summary.csv", Object::new(summary).aged(2 * HOUR).content_type("text/csv"));
    for month in 1..=12 {
        let key = format!("reports/2025/{month:02}/report.csv");
        let report = format!("month,total\n2025-{month:02},{}\n", month * 1009);
        bucket = bucket.object(key, Object::new(report).aged((13 - month) * 30 * DAY).content_type("text/csv"));
    }
    bucket
}

fn hostile_keys() -> Bucket {
    let mut bucket = Bucket::new("prod-hostile-keys")
        .object("harmless.txt", Object::new("Nothing wrong with this one.\n").aged(DAY))
        .object("n".repeat(300), Object::new("A name that no file can have.\n").aged(DAY));
    for keys in [hostile::PATH_TRICKS, hostile::TERMINAL_TRICKS, hostile::ENCODING_TRICKS] {
        for key in keys {
            let text = format!("The key of this object is {key:?}.\n");
            bucket = bucket.object(*key, Object::new(text).aged(DAY));
        }
    }
    bucket
}

fn audit_logs() -> Bucket {
    let mut bucket = Bucket::new("audit-logs").region("eu-west-1");
    let today = jiff::Timestamp::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let first = date(2026, 1, 1).max(today.saturating_sub(jiff::Span::new().days(45)));
    let days = first.series(jiff::Span::new().days(1)).take_while(|day| *day <= today);
    for (index, day) in days.enumerate() {
        let folder = format!("{:04}/{:02}/{:02}", day.year(), day.month(), day.day());
        let age = u64::from((today - day).get_days().unsigned_abs()) * DAY + 600;
        for account in [HUB, PROD, AUDIT] {
            let key = format!("AWSLogs/{account}/CloudTrail/ap-northeast-1/{folder}/trail-{index:04}.json");
            let log = json!({ "Records": [{ "eventName": "AssumeRole", "recipientAccountId": account }] });
            bucket = bucket.object(key, Object::new(log.to_string()).aged(age).content_type("application/json"));
        }
    }
    bucket
}
