//! The commands that errors and hints name, for a person to paste: every word that is a stranger's is quoted.

use crate::domain::account::RoleArn;
use crate::domain::copy::{Encryption, Storage};
use crate::domain::policy::least::KeyArn;
use crate::domain::shell_word::quoted;
use crate::domain::uri::S3Uri;
use crate::ops::copy::CopyPick;

/// A copy whose policies are wanted.
#[derive(Clone, Copy, Debug)]
pub struct PoliciesOf<'a> {
    /// The label of the role that reads.
    pub from: &'a str,
    /// The label of the role that writes.
    pub to: &'a str,
    /// What is copied, and where to.
    pub pick: &'a CopyPick,
    /// How the copies are stored.
    pub storage: &'a Storage,
    /// Whether two sessions do it, through this machine.
    pub streamed: bool,
    /// The role of a job of S3 Batch Operations, and the folder of its manifests and reports.
    pub batch: Option<(&'a RoleArn, &'a S3Uri)>,
}

/// `xsw policy copy …`: prints what all sides of a copy need.
pub fn policy_command(of: PoliciesOf<'_>) -> String {
    let PoliciesOf { from, to, pick, storage, streamed, batch } = of;
    let mut words = vec!["xsw".to_owned(), "policy".to_owned(), "copy".to_owned()];
    let mut add = |name: &str, value: Option<&str>| {
        words.push(name.to_owned());
        words.extend(value.map(quoted));
    };
    if matches!(pick, CopyPick::Prefix { .. }) {
        add("-r", None);
    }
    add("--from", Some(from));
    add("--to", Some(to));
    if streamed {
        add("--streamed", None);
    }
    if storage.without_tags {
        add("--no-tags", None);
    }
    if matches!(pick, CopyPick::Object { version: Some(_), .. }) {
        add("--versions", None);
    }
    // An alias or a bare id is in no policy.
    if let Encryption::Kms(Some(key)) = &storage.encryption
        && key.parse::<KeyArn>().is_ok()
    {
        add("--kms", Some(key));
    }
    if let Some((role, place)) = batch {
        add("--batch", None);
        add("--batch-role", Some(&role.to_string()));
        add("--batch-place", Some(&place.to_string()));
    }
    words.extend([pick.uri(), pick.target()].map(|uri| quoted(&uri.to_string())));
    words.join(" ")
}

/// `xsw explain …`: says whether a role reaches a place, or may write there, and whose policy stands against it.
pub fn explain_command(role: &str, place: Option<&S3Uri>, write: bool) -> String {
    let mut command = format!("xsw explain {}", quoted(role));
    if let Some(place) = place {
        command = format!("{command} {}", quoted(&place.to_string()));
    }
    if write {
        command += " --write";
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "arn:aws:kms:eu-west-1:222222222222:key/0d5f3c1a-3a3f-4c3a-9a3f-0123456789ab";

    fn object(key: &str, version: Option<&str>) -> CopyPick {
        let (uri, target) = (S3Uri::new("src", key), S3Uri::new("dst", key));
        CopyPick::Object { uri, version: version.map(str::to_owned), target }
    }

    fn command(pick: &CopyPick, storage: &Storage) -> String {
        policy_command(PoliciesOf { from: "a/R", to: "b/W", pick, storage, streamed: false, batch: None })
    }

    #[test]
    fn the_command_is_about_the_same_copy() {
        let plain = Storage::default();
        let prefix = CopyPick::Prefix {
            uri: S3Uri::new("src", "reports/20"),
            strip: "reports/".into(),
            target: S3Uri::new("dst", ""),
        };
        assert_eq!(command(&prefix, &plain), "xsw policy copy -r --from a/R --to b/W s3://src/reports/20 s3://dst/");
        let kms = |key: &str| Encryption::Kms(Some(key.to_owned()));
        for (storage, version, words) in [
            (plain.clone(), None, ""),
            (plain.clone(), Some("v1"), "--versions "),
            (Storage { without_tags: true, ..plain.clone() }, None, "--no-tags "),
            (Storage { encryption: kms(KEY), ..plain.clone() }, None, &*format!("--kms {KEY} ")),
            (Storage { encryption: kms("alias/mine"), ..plain.clone() }, None, ""),
        ] {
            let expected = format!("xsw policy copy --from a/R --to b/W {words}s3://src/x s3://dst/x");
            assert_eq!(command(&object("x", version), &storage), expected);
        }
        let role: RoleArn = "arn:aws:iam::222222222222:role/Batch".parse().unwrap();
        let place = S3Uri::new("jobs", "it's here/");
        let batch = Some((&role, &place));
        let of = PoliciesOf { from: "a/R", to: "b/W", pick: &prefix, storage: &plain, streamed: true, batch };
        let expected = format!(
            "xsw policy copy -r --from a/R --to b/W --streamed --batch --batch-role {role} \
             --batch-place 's3://jobs/it'\"'\"'s here/' s3://src/reports/20 s3://dst/"
        );
        assert_eq!(policy_command(of), expected);
    }

    #[test]
    fn whatever_a_key_is_called_it_is_one_word() {
        for (key, word) in [
            ("x; reboot", "'s3://src/x; reboot'"),
            ("$(reboot)", "'s3://src/$(reboot)'"),
            ("`reboot`", "'s3://src/`reboot`'"),
            ("a\nreboot\n", r"$'s3://src/a\012reboot\012'"),
            ("\x1b]0;x\x07", r"$'s3://src/\033]0;x\007'"),
        ] {
            let target = word.replace("//src/", "//dst/");
            let copy = command(&object(key, None), &Storage::default());
            assert_eq!(copy, format!("xsw policy copy --from a/R --to b/W {word} {target}"));
            let explained = explain_command("a/R", Some(&S3Uri::new("src", key)), true);
            assert_eq!(explained, format!("xsw explain a/R {word} --write"));
        }
        assert_eq!(explain_command("a b/R", None, false), "xsw explain 'a b/R'");
    }
}
