//! The one place where a key becomes a path on this machine.
//!
//! Keys are strangers' text: `../../.ssh/authorized_keys` is a legal key. s5cmd #872 and rclone's CVE-2026-71313
//! wrote outside the target because they joined first and looked later.

use std::path::PathBuf;

/// A name on nearly every file system has at most 255 bytes.
const LONGEST_NAME: usize = 255;

/// What the name of a file ends with that is still on its way; a key that ends so could meet another one's.
pub const PART_SUFFIX: &str = ".xsw-part";

/// Names that Windows keeps for devices, with any extension (Win32, "Naming Files, Paths, and Namespaces").
const DEVICES: [&str; 22] = [
    "con", "prn", "aux", "nul", "com1", "com2", "com3", "com4", "com5", "com6", "com7", "com8", "com9", "lpt1", "lpt2",
    "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9",
];

/// The path below the chosen folder for `key`, seen from `prefix` (what stands before it stays away).
///
/// Always relative, never with `.`, `..` or a root in it. The rules are the same on every platform, so that a folder
/// can be carried from one to the other. The error says what is wrong with the key.
pub fn local_path(prefix: &str, key: &str) -> Result<PathBuf, String> {
    let rest = key.strip_prefix(prefix).ok_or("the key does not begin with the prefix that was asked for")?;
    let mut path = PathBuf::new();
    for segment in rest.split('/') {
        check_segment(segment)?;
        path.push(segment);
    }
    Ok(path)
}

/// Where the part of `prefix` ends that names folders: `a/b/re` keeps `a/b/`, so that `re…` is part of the names.
pub fn folder_of(prefix: &str) -> &str {
    prefix.rfind('/').map_or("", |slash| &prefix[..=slash])
}

fn check_segment(segment: &str) -> Result<(), String> {
    let stem = segment.split('.').next().unwrap_or_default().trim_end().to_ascii_lowercase();
    match segment {
        "" => Err("an empty name between two slashes, or at an end, cannot be a file here".into()),
        ".." => Err("`..` would lead out of the folder".into()),
        "." => Err("`.` is the folder itself and no name".into()),
        _ if segment.contains('\0') => Err("a NUL byte cannot be in a file's name".into()),
        _ if segment.contains('\\') => Err("a backslash separates folders on some systems".into()),
        _ if segment.len() > LONGEST_NAME => {
            Err(format!("a name of {} bytes is longer than {LONGEST_NAME}", segment.len()))
        }
        // In any case: on some disks that is the same name.
        _ if segment.to_ascii_lowercase().ends_with(PART_SUFFIX) => {
            Err(format!("names in {PART_SUFFIX} are those of unfinished files here"))
        }
        _ if is_drive(segment) => Err("a drive letter would lead out of the folder".into()),
        _ if DEVICES.contains(&stem.as_str()) => Err(format!("`{segment}` is a device on some systems")),
        _ => Ok(()),
    }
}

fn is_drive(segment: &str) -> bool {
    matches!(segment.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use std::path::Component;

    use proptest::prelude::*;

    use super::*;

    /// Keys of what paths are made of, and of anything.
    fn any_key() -> impl Strategy<Value = String> {
        let segment = prop_oneof![
            4 => proptest::sample::select(vec![
                "", ".", "..", "...", "~", "a", "A", "b", " ", "con", "NUL.txt", "C:", "c:x", "\\\\host", "..\\x", "\0",
                ".a.xsw-part", "\u{1b}[2J", "\u{202e}x", "é", "e\u{301}", "%2e%2e", "-rf", "a\n",
            ])
            .prop_map(str::to_owned),
            1 => proptest::collection::vec(any::<char>(), 0..6).prop_map(|chars| chars.into_iter().collect()),
            1 => (200_usize..300).prop_map(|length| "n".repeat(length)),
        ];
        proptest::collection::vec(segment, 0..6).prop_map(|segments| segments.join("/"))
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the key: it is refused with a reason, or becomes plain names below the folder.
        #[test]
        fn any_key_stays_below_its_folder(key in any_key()) {
            let Ok(path) = local_path("", &key) else { return Ok(()) };
            let root = std::path::Path::new("/chosen/folder");
            prop_assert!(root.join(&path).starts_with(root) && path.is_relative() && !path.as_os_str().is_empty());
            for component in path.components() {
                let Component::Normal(name) = component else { panic!("{component:?} in {path:?}") };
                let name = name.to_str().unwrap();
                prop_assert!(!name.is_empty() && name.len() <= LONGEST_NAME && !name.contains(['/', '\\', '\0']));
                prop_assert!(!name.ends_with(PART_SUFFIX));
            }
            // The path is the key, so that no two keys have one path.
            prop_assert_eq!(path.to_str(), Some(&*key));
            prop_assert_eq!(path.components().count(), key.split('/').count());
        }

        /// Behind any prefix it is the rest of the key, and a key without the prefix is refused.
        #[test]
        fn any_prefix_is_taken_off_once(prefix in any_key(), key in any_key()) {
            let whole = format!("{prefix}{key}");
            prop_assert_eq!(local_path(&prefix, &whole).ok(), local_path("", &key).ok());
            if !key.starts_with(&*prefix) {
                prop_assert!(local_path(&prefix, &key).is_err());
            }
            let folder = folder_of(&whole);
            prop_assert!(whole.starts_with(folder) && (folder.is_empty() || folder.ends_with('/')));
        }
    }

    #[test]
    fn keys_become_paths_or_a_reason() {
        let long = "n".repeat(300);
        let cases: &[(&str, &str, Option<&str>)] = &[
            ("", "a/b.txt", Some("a/b.txt")),
            ("a/", "a/b.txt", Some("b.txt")),
            ("a/", "a/b/c", Some("b/c")),
            ("", "a b+c&d%2F.txt", Some("a b+c&d%2F.txt")),
            ("", "…/emoji 🦀", Some("…/emoji 🦀")),
            ("", "\x1b[2J", Some("\x1b[2J")),
            ("", "..x", Some("..x")),
            ("", "console.txt", Some("console.txt")),
            ("", "../x", None),
            ("a/", "a/../../x", None),
            ("", "..", None),
            ("", "/etc/x", None),
            ("", "a//b", None),
            ("", "a/./b", None),
            ("", "a/", None),
            ("", "a\0b", None),
            ("", "a\\b", None),
            ("", "C:x", None),
            ("", "CON", None),
            ("", "a/.b.xsw-part", None),
            ("", ".b.XSW-part", None),
            ("", "dir/nul.txt", None),
            ("", &long, None),
            ("b/", "a/b", None),
        ];
        for (prefix, key, path) in cases {
            assert_eq!(local_path(prefix, key).ok(), path.map(PathBuf::from), "{prefix:?} {key:?}");
        }
    }

    #[test]
    fn a_prefix_that_ends_inside_a_name_keeps_the_name() {
        assert_eq!(folder_of("a/b/re"), "a/b/");
        assert_eq!(folder_of("a/b/"), "a/b/");
        assert_eq!(folder_of("re"), "");
    }
}
