//! The grants of a copy by S3 Batch Operations: enough, and no more.

use serde_json::json;

use super::enough::{Call, JUMP, ME, ONE, READER, TWO, assumes, call, exactly, objects, parsed, party, reads, role};
use crate::domain::batch::SERVICE;
use crate::domain::policy::Principal;
use crate::domain::policy::least::{Batch, Copy, CopyForm, Grant, Naming, NoPolicy, Trust, batch_copy};

const JOB: &str = "arn:aws:iam::222222222222:role/jobs/Batch";
const RUNS: &str = "arn:aws:s3:eu-west-1:222222222222:job/0d5f3c1a-3a3f-4c3a-9a3f-0123456789ab";

fn wish(tags: bool, naming: Naming, keys: &[&str]) -> Copy {
    Copy {
        source: objects("s3://src/in/", true, ONE),
        target: objects("s3://dst/out/", true, TWO),
        from: party(JUMP),
        to: party(READER),
        from_caller: Some((party(ME), Trust::default())),
        to_caller: Some((party(JUMP), Trust::default())),
        form: CopyForm::OneRole,
        tags,
        versions: false,
        keys: keys.iter().map(|key| key.parse().unwrap()).collect(),
        naming,
    }
}

fn batch(place_owner: &str) -> Batch {
    Batch { role: role(JOB), place: objects("s3://jobs/here/", true, place_owner) }
}

/// S3 assumes the job's role for this account.
fn service(account: &str) -> Call {
    let mut assuming = assumes(ME, JOB, &[("aws:SourceAccount", account)]);
    assuming.who = Principal::service(SERVICE);
    assuming
}

/// Every call of a copy, in the order in which they are made.
fn calls(tags: bool, place_owner: &str, keys: &[&str]) -> Vec<Call> {
    let mut calls = vec![assumes(ME, JUMP, &[]), assumes(JUMP, READER, &[])];
    calls.push(call(JUMP, "s3:ListBucket", "arn:aws:s3:::src", &[("s3:prefix", "in/x")]).owned_by(ONE));
    calls.push(call(READER, "s3:ListBucket", "arn:aws:s3:::dst", &[("s3:prefix", "out/")]).owned_by(TWO));
    let at_place = |who: &str, action: &str, key: &str| {
        call(who, action, &format!("arn:aws:s3:::jobs/here/{key}"), &[]).owned_by(place_owner)
    };
    for action in ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"] {
        calls.push(at_place(READER, action, "xsw-copy-1/manifest.csv"));
    }
    calls.push(call(READER, "s3:CreateJob", "*:::::", &[]).owned_by(TWO));
    calls.push(call(READER, "iam:PassRole", JOB, &[("iam:PassedToService", SERVICE)]).owned_by(TWO));
    calls.push(call(READER, "s3:DescribeJob", RUNS, &[]).owned_by(TWO));
    calls.push(call(READER, "s3:UpdateJobStatus", RUNS, &[]).owned_by(TWO));
    calls.push(service(TWO));
    calls.push(at_place(JOB, "s3:GetObject", "xsw-copy-1/manifest.csv"));
    calls.push(at_place(JOB, "s3:PutObject", "xsw-copy-1/job-1/results/1.csv"));
    let extra: &[&str] = if tags { &["s3:GetObjectTagging"] } else { &[] };
    calls.extend(reads(JOB, "src", ONE, None, "in/x", extra));
    let writes = ["s3:PutObject"].into_iter().chain(tags.then_some("s3:PutObjectTagging"));
    calls.extend(writes.map(|action| call(JOB, action, "arn:aws:s3:::dst/out/x", &[]).owned_by(TWO)));
    let via = ("kms:ViaService", "s3.eu-west-1.amazonaws.com");
    for key in keys {
        let action = if key.contains(ONE) { "kms:Decrypt" } else { "kms:GenerateDataKey" };
        calls.push(call(JOB, action, key, &[via]));
    }
    calls
}

#[test]
fn a_job_takes_every_side_and_no_more() {
    let keys = ["arn:aws:kms:eu-west-1:111111111111:key/s", "arn:aws:kms:eu-west-1:222222222222:key/t"];
    for tags in [false, true] {
        for naming in [Naming::Exactly, Naming::Account] {
            for place_owner in [TWO, ONE] {
                for keys in [&[][..], &keys] {
                    let grants = batch_copy(&wish(tags, naming, keys), &batch(place_owner)).unwrap();
                    exactly(&grants, &calls(tags, place_owner, keys));
                }
            }
        }
    }
}

#[test]
fn nobody_else_is_let_in() {
    let grants = batch_copy(&wish(true, Naming::Exactly, &[]), &batch(TWO)).unwrap();
    let files: Vec<String> = grants.iter().map(Grant::file_name).collect();
    assert_eq!(
        files,
        [
            // Within one account a trust policy that names the caller is enough.
            "trust-111111111111-Jump.json",
            "role-111111111111-Jump.json",
            "trust-222222222222-S3Reader.json",
            "role-222222222222-S3Reader.json",
            "trust-222222222222-Batch.json",
            "role-222222222222-Batch.json",
            "bucket-111111111111-src.json",
        ]
    );
    let grants = parsed(&grants);
    for (call, what) in [
        (service(ONE), "a job of another account"),
        (assumes(READER, JOB, &[("aws:SourceAccount", TWO)]), "whoever makes the job"),
        (call(READER, "iam:PassRole", JOB, &[("iam:PassedToService", "lambda.amazonaws.com")]), "another service"),
        (call(READER, "iam:PassRole", READER, &[("iam:PassedToService", SERVICE)]), "another role"),
        (call(READER, "s3:GetObject", "arn:aws:s3:::src/in/x", &[]).owned_by(ONE), "the sources to who makes the job"),
        (call(READER, "s3:PutObject", "arn:aws:s3:::dst/out/x", &[]).owned_by(TWO), "the target to who makes the job"),
        (call(JOB, "s3:ListBucket", "arn:aws:s3:::src", &[("s3:prefix", "in/")]).owned_by(ONE), "a listing to the job"),
        (call(JOB, "s3:GetObject", "arn:aws:s3:::src/other/x", &[]).owned_by(ONE), "another prefix"),
        (call(JOB, "s3:PutObject", "arn:aws:s3:::dst/x", &[]).owned_by(TWO), "another place"),
    ] {
        assert!(!call.verdict(&grants).is_allowed(), "{what}");
    }
}

#[test]
fn keys_of_third_accounts_are_refused() {
    let foreign = "arn:aws:kms:eu-west-1:333333333333:key/x";
    let refused = batch_copy(&wish(false, Naming::Exactly, &[foreign]), &batch(TWO));
    assert!(matches!(refused, Err(NoPolicy::ForeignKey { .. })), "{refused:?}");
}

#[test]
fn the_trust_policy_names_the_service_and_the_account() {
    let grants = batch_copy(&wish(false, Naming::Exactly, &[]), &batch(TWO)).unwrap();
    let trust = grants.iter().find(|grant| grant.file_name() == "trust-222222222222-Batch.json").unwrap();
    assert_eq!(
        trust.policy,
        json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "TrustBatchOperations",
                "Effect": "Allow",
                "Principal": { "Service": SERVICE },
                "Action": "sts:AssumeRole",
                "Condition": { "StringEquals": { "aws:SourceAccount": TWO } },
            }],
        })
    );
}
