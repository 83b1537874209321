//! What hears of a copy that nobody watches: also when the copy does not begin at all.

use serde_json::Value;

use crate::cp::{TREE, stage};

#[test]
fn the_hook_hears_of_what_fails_before_the_copy_begins() {
    let stage = stage();
    let hook = ["--on-failure", "cat > told"];
    let batch = ["--batch", "--batch-role", "Batch", "--batch-place", "s3://dst-data/jobs/"];
    let far = ["-r", "s3://src-data/in/", "s3://src-data/in/below/"];
    for (roles, words, part) in [
        (["--from", "a/Renamed", "--to", "b/Writer"], [&TREE[..], &hook].concat(), "a/Renamed"),
        (["--from", "a/Renamed", "--to", "b/Writer"], [&TREE[..], &batch, &hook].concat(), "a/Renamed"),
        (["--from", "a/Reader", "--to", "b/Writer"], [&far[..], &hook].concat(), "lies within"),
        (["--from", "a/Reader", "--to", "b/Writer"], [&far[..], &batch, &hook].concat(), "lies within"),
    ] {
        let said = stage.says([&["cp"][..], &roles, &words].concat()).failed(2);
        assert!(said.contains(part), "{said}");
        let told: Value = serde_json::from_slice(&stage.read("told")).unwrap();
        assert_eq!([&told["from"], &told["to"]], [roles[1], roles[3]].map(Value::from).each_ref(), "{told}");
        assert!(told["error"].as_str().is_some_and(|error| error.contains(part)), "{told}");
        std::fs::remove_file(stage.write("told", "")).unwrap();
    }
}
