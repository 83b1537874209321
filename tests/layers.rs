//! The arrows of the map in src/lib.rs: which room may name which.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room with the rooms that it may name, itself left out.
const MAY_NAME: &[(&str, &[&str])] = &[
    ("error", &["domain"]),
    // An outcome holds an error, and an error's text is escaped by domain::text.
    ("domain", &["error"]),
    ("config", &["domain", "error"]),
    ("local", &["config", "domain", "error"]),
    ("aws", &["config", "domain", "error", "local"]),
    ("ops", &["aws", "config", "domain", "error", "local"]),
    ("cli", &["ops", "aws", "config", "domain", "error", "local"]),
    ("tui", &["ops", "aws", "config", "domain", "error", "local"]),
    // The embedded cloud is a world of its own; a visit to it sets up what a visitor has.
    ("demo", &["domain", "error", "local"]),
];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all() -> Vec<(String, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    sources(&root, &mut paths);
    let file = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        let room = name.split('/').next().unwrap().trim_end_matches(".rs").to_owned();
        (room, name, fs::read_to_string(path).unwrap())
    };
    paths.into_iter().map(file).collect()
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for (room, name, text) in all() {
        let Some((_, allowed)) = MAY_NAME.iter().find(|(known, _)| *known == room) else { continue };
        // Tests beside the code may use what they like to set it up.
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        if name.ends_with("tests.rs") {
            continue;
        }
        for named in code.split("crate::").skip(1) {
            let target: String = named.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let known = MAY_NAME.iter().any(|(known, _)| *known == target);
            if known && target != room && !allowed.contains(&target.as_str()) {
                wrong.push(format!("{name} names {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn only_aws_names_the_sdk_and_only_tui_the_screen() {
    let mut wrong = Vec::new();
    for (room, name, text) in all() {
        let sdk = ["aws_sdk_", "aws_config::", "aws_smithy_", "aws_credential_types"];
        if room != "aws" && sdk.iter().any(|crate_name| text.contains(crate_name)) {
            wrong.push(format!("{name} names the SDK"));
        }
        if room != "tui" && text.contains("ratatui") && room != "lib" {
            wrong.push(format!("{name} names the screen's library"));
        }
        if matches!(room.as_str(), "ops" | "aws" | "domain" | "config") && text.contains("println!") {
            wrong.push(format!("{name} prints"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_room_has_a_rule() {
    for (room, name, _) in all() {
        let known = ["main", "lib"].contains(&room.as_str()) || MAY_NAME.iter().any(|(known, _)| *known == room);
        assert!(known, "{name} is in a room without a rule");
    }
}
