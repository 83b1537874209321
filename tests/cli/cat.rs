//! `xsw cat`: objects to stdout, exactly.

use xsw::demo::{Fault, Object};

use crate::home::run;
use crate::stage::{Stage, snapshot};

const BUCKET: &str = "s3://gautamtest-assume-role";

#[test]
fn objects_are_printed_one_after_the_other() {
    let stage = Stage::new();
    let (one, two) = (format!("{BUCKET}/test.txt"), format!("{BUCKET}/test2.txt"));
    assert_eq!(
        stage.says(["cat", &one, &two, "--as", "reader"]).done(),
        "hello from production\nhello again, production"
    );
}

#[test]
fn bytes_are_not_touched_and_a_cut_body_is_taken_up_again() {
    let stage = Stage::new();
    let bytes: Vec<u8> = (0..700_000_u32).map(|place| (place * 31 % 251) as u8).collect();
    stage.cloud().put_object("hub-artifacts", "blob", Object::new(bytes.clone()));
    stage.cloud().plan("s3:GetObject", 1, Fault::cut(100_000));
    stage.cloud().plan("s3:GetObject", 1, Fault::cut(250_001));
    let output = stage.xsw(["cat", "s3://hub-artifacts/blob", "--as", "dev"]).output().unwrap();
    assert!(output.status.success() && output.stdout == bytes, "{} bytes came", output.stdout.len());
    assert_eq!(stage.cloud().calls("s3:GetObject"), 3);
}

#[test]
fn what_cannot_be_printed_is_told() {
    let stage = Stage::new();
    snapshot!(stage, ["cat", "s3://gautamtest-assume-role/no-such.txt", "--as", "reader"], @"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: there is no s3://gautamtest-assume-role/no-such.txt
    ");
    snapshot!(stage, ["cat", "s3://gautamtest-assume-role", "--as", "reader"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: s3://gautamtest-assume-role/ names no object
    ");
    snapshot!(stage, ["cat", "s3://gautamtest-assume-role/archive-2024.tar", "--as", "reader"], @"
    success: false
    exit_code: 1
    ----- stdout -----

    ----- stderr -----
    error: s3:GetObject failed: InvalidObjectState: The operation is not valid for the object's storage class
    hint: the object is archived; restore a copy, then wait for it: aws s3api restore-object --bucket gautamtest-assume-role --key archive-2024.tar --restore-request 'Days=7,GlacierJobParameters={Tier=Standard}'
    ");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let stage = Stage::new();
    let said = stage.line(
        "xsw cat s3://gautamtest-assume-role/reports/summary.csv --as reader | head -n 1; echo \"${PIPESTATUS[@]}\"",
    );
    assert_eq!((&*said.out, &*said.err), ("id,region,amount\n0 0\n", ""));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_stdout_is_told() {
    let stage = Stage::new();
    for verb in ["cat s3://gautamtest-assume-role/reports/summary.csv", "ls s3://gautamtest-assume-role/"] {
        let err = run(stage.shell(&format!("xsw {verb} --as reader > /dev/full"))).failed(1);
        assert!(err.starts_with("error: cannot write the answer: ") && err.contains("No space left"), "{err}");
    }
}
