//! `xsw get --if-exists rename`: who gets a file under another name is told which.

use xsw::demo::Object;

use crate::stage::{Stage, snapshot};

#[test]
fn a_new_name_is_told() {
    let stage = Stage::new();
    for name in ["a.txt", "b.txt"] {
        stage.cloud().put_object("hub-artifacts", &format!("kept/{name}"), Object::new("theirs"));
    }
    stage.write("out/a.txt", "mine");
    snapshot!(stage, ["get", "-r", "s3://hub-artifacts/kept/", "out", "--as", "dev", "--if-exists", "rename"], @"
    success: true
    exit_code: 0
    ----- stdout -----

    ----- stderr -----
    note: s3://hub-artifacts/kept/a.txt goes to a (2).txt: another file has its name
    note: 2 objects written, 12 B
    ");
    // A name of the user's own is no new name, until it is taken.
    let get = ["get", "s3://hub-artifacts/kept/b.txt", "mine.txt", "--as", "dev", "--if-exists", "rename"];
    assert_eq!(stage.says(get).err, "note: 1 object written, 6 B\n");
    stage.write("mine.txt", "mine");
    assert_eq!(
        stage.says(get).err,
        "note: s3://hub-artifacts/kept/b.txt goes to mine (2).txt: another file has its name\nnote: 1 object written, 6 B\n"
    );
}
