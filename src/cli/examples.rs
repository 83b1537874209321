//! What stands below the help of a verb: the calls that people make most, each with its meaning.

pub(super) const ALL: &str = "\
ROLE is account/role (prod/S3Reader), a role's alias, a role ARN, or any text that matches exactly one role.

First steps:
  xsw demo                                    look around without an AWS account
  xsw import                                  a profile file from ~/.aws/config
  xsw check                                   see whether all is in order

Examples:
  xsw                                         the screen
  xsw accounts                                the roles, and which have a session
  xsw shell prod/S3Reader                     a subshell that holds the role's session
  xsw exec reader -- aws s3 ls                one command with it
  xsw ls s3://bucket/reports/ --as reader     look into a bucket
  xsw get s3://bucket/a.csv . --as reader     download an object; of a folder everything: -r
  xsw get --help                              more examples, as for every verb";

#[cfg(feature = "demo")]
pub(super) const DEMO: &str = "\
Examples:
  xsw demo                                    the screen
  xsw demo accounts                           the demo's roles
  xsw demo ls s3://hub-artifacts/ --as hub/Developer";

pub(super) const ENV: &str = "\
Examples:
  eval \"$(xsw env reader)\"                    this shell has the session
  eval \"$(xsw env --unset)\"                   and has it no more
  xsw env reader --format fish | source       fish
  xsw env reader --format dotenv > .env       a file that other tools read; it is a secret";

pub(super) const EXEC: &str = "\
Examples:
  xsw exec reader -- aws s3 ls
  xsw exec prod/Admin --renew -- terraform apply";

pub(super) const LS: &str = "\
Examples:
  xsw ls --as reader                          the buckets
  xsw ls s3://bucket/logs/ --as reader        one level of a bucket
  xsw ls -r s3://bucket/logs/ --summarize     all objects below it, and their size
  xsw ls --versions s3://bucket/a.csv         the versions of an object";

pub(super) const FIND: &str = "\
Examples:
  xsw find s3://bucket/ --name '*.csv' --size +1MiB --newer 7d --as reader
  xsw find s3://bucket/logs/ --name '2025/*/*.gz'
  xsw find s3://bucket/ --name '*.txt' --uri -0 | xargs -0 xsw cat";

pub(super) const GET: &str = "\
Where the files go:
  xsw get s3://b/logs/a.gz DEST               DEST, or DEST/a.gz where DEST is a folder or ends in /
  xsw get -r s3://b/logs/ DEST                DEST/a.gz, DEST/2025/b.gz, …: no folder logs in between
  xsw get -r s3://b/logs/ .                   ./a.gz, ./2025/b.gz, …: straight into this folder
  xsw get -r s3://b/logs/                     ./logs/a.gz, …; of a whole bucket ./b/…

Examples:
  xsw get s3://b/a.csv s3://b/b.csv out/ --as reader
  xsw get -r s3://b/logs/ out --include '*.gz' --newer 7d
  xsw get -r s3://b/logs/ out --dry-run       see what would be written, and where
  xsw get -r s3://b/logs/ out                 again: only what is new or has changed

A download that was interrupted goes on where it was when the same command is given again.
A glob is for --include: a * in s3://b/*.gz is taken as a part of the key.";

pub(super) const CAT: &str = "\
Examples:
  xsw cat s3://bucket/a.csv --as reader | head
  xsw cat s3://bucket/a.json.gz | gunzip | jq .";

pub(super) const PRESIGN: &str = "\
Examples:
  xsw presign s3://bucket/a.csv --as reader --expires 15m
  curl -O \"$(xsw presign s3://bucket/a.csv)\"

AWS takes seven days at most, and an address ends with the session that signed it: an hour, where
`duration` in the profile file says no other.";

pub(super) const CP: &str = "\
Where one role may read the source and write the target, S3 copies by itself; else the bytes go through this machine,
read by --from and written by --to. Which way is said before it starts, and proved with the first object: an upload is
begun in the target and given up. What was copied before is not copied again, large objects go on where they were.
Headers, metadata and tags go along; ACLs and object locks stay behind, and so does a website redirect where S3 copies.

Examples:
  xsw cp -r s3://data/2026/ s3://archive/2026/ --to backup/Writer
  xsw cp -r s3://theirs/ s3://ours/theirs/ --from partner/Reader --to prod/Writer --dry-run
  xsw cp -r s3://a/ s3://b/ --to nightly --json --on-failure ./alarm";

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use crate::cli::Arguments;

    /// The words of a line of shell, as far as these examples go.
    fn words(line: &str) -> Vec<String> {
        let line = line.split(['|', '>']).next().unwrap_or_default().split("   ").next().unwrap_or_default();
        line.split_whitespace().map(|word| word.trim_matches('\'').to_owned()).collect()
    }

    /// Whatever the help shows can be typed.
    #[test]
    fn every_example_is_taken() {
        let mut command = Arguments::command();
        let texts: Vec<String> = std::iter::once(command.render_long_help().to_string())
            .chain(command.get_subcommands_mut().map(|verb| verb.render_long_help().to_string()))
            .collect();
        let mut number = 0;
        for line in texts.iter().flat_map(|text| text.lines()).filter_map(|line| line.strip_prefix("  xsw")) {
            let words = words(&format!("xsw{line}"));
            match Arguments::try_parse_from(&words) {
                Ok(_) => number += 1,
                Err(error) if error.kind() == clap::error::ErrorKind::DisplayHelp => {}
                Err(error) => panic!("{words:?}: {error}"),
            }
        }
        assert!(number > 25, "{number}");
    }
}
