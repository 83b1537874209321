//! `xsw import`: a profile file from the files of the AWS CLI, that makes the same calls.

use std::fs;

use crate::home::{PROFILE_FILE, STATE, run};
use crate::login::sign_in_with;
use crate::stage::{Stage, snapshot, with_variables};

const CONFIG: &str = r#"
# a comment with hunter2 in it
[profile jump]
role_arn = arn:aws:iam::111111111111:role/Jump
source_profile = demo
region = ap-northeast-1
endpoint_url = URL

[profile reader]
role_arn = arn:aws:iam::222222222222:role/S3Reader
source_profile = jump
role_session_name = ci@desk
duration_seconds = 1800
region = ap-northeast-1
endpoint_url = URL
cli_pager = less
s3 =
  max_concurrent_requests = 5

[profile 'the "audit"']
role_arn = arn:aws:iam::333333333333:role/ReadOnly
source_profile = demo
external_id = audit-2026
region = eu-west-1
endpoint_url = URL
output = json

[profile web]
role_arn = arn:aws:iam::333333333333:role/Web
web_identity_token_file = /token
"#;

/// A home with the files of the AWS CLI and no profile file.
fn stage(config: &str) -> Stage {
    let stage = Stage::new();
    fs::remove_file(stage.path(PROFILE_FILE)).unwrap();
    stage.write(".aws/config", config.replace("URL", &stage.cloud().endpoint_url()));
    stage
}

fn profile_file(stage: &Stage) -> String {
    String::from_utf8(stage.read(PROFILE_FILE)).unwrap()
}

#[test]
fn what_is_imported_makes_the_same_calls() {
    let stage = stage(CONFIG);
    let env = || {
        for role in ["reader", "the \"audit\""] {
            stage.says(["env", role]).done();
        }
        fs::remove_dir_all(stage.path(STATE)).unwrap();
    };
    env();
    let before = stage.cloud().sent("sts:AssumeRole");
    assert_eq!(before.len(), 3);
    let of_reader: Vec<&(String, String)> =
        before[1].iter().filter(|(name, _)| !["Action", "Version"].contains(&name.as_str())).collect();
    let expected = [
        ("RoleArn", "arn:aws:iam::222222222222:role/S3Reader"),
        ("RoleSessionName", "ci@desk"),
        ("DurationSeconds", "1800"),
    ];
    assert_eq!(of_reader, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).each_ref());
    assert!(before[2].contains(&("ExternalId".to_owned(), "audit-2026".to_owned())));

    snapshot!(stage, ["import"], @"
    success: true
    exit_code: 0
    ----- stdout -----

    ----- stderr -----
    note: the AWS profile `web` (~/.aws/config:28) is left out: its role is assumed with a web identity, which is a source and no role: name it in [sources]
    note: not carried over, for xsw has nothing like them: cli_pager, output, s3
    note: wrote 3 accounts, 3 roles, 1 source to [config]/config.toml
    ");
    env();
    let after = &stage.cloud().sent("sts:AssumeRole")[3..];
    assert_eq!(after, before);

    let text = profile_file(&stage);
    assert!(!text.contains("hunter2") && !text.contains("AKIA"), "{text}");
    assert!(stage.says(["check"]).done().contains("config.toml: 3 accounts, 3 roles"));
    stage.filters().bind(|| {
        insta::assert_snapshot!(text, @r#"
    # The profile file of xsw, made by `xsw import` from ~/.aws/config and ~/.aws/credentials.
    # `xsw import --force` makes it anew; config.example.toml is the manual.

    [sources.demo]
    profile = "demo"

    [[accounts]]
    name = "111111111111"
    id = "111111111111"
    source = "demo"
    region = "ap-northeast-1"
    endpoint_url = "http://127.0.0.1:[port]"

      [[accounts.roles]]
      name = "Jump"
      alias = "jump"

    [[accounts]]
    name = "222222222222"
    id = "222222222222"
    source = "demo"
    region = "ap-northeast-1"
    endpoint_url = "http://127.0.0.1:[port]"

      [[accounts.roles]]
      name = "S3Reader"
      alias = "reader"
      via = "jump"
      duration = "30m"
      session_name = "ci@desk"

    [[accounts]]
    name = "333333333333"
    id = "333333333333"
    source = "demo"
    region = "eu-west-1"
    endpoint_url = "http://127.0.0.1:[port]"

      [[accounts.roles]]
      name = "ReadOnly"
      alias = "the \"audit\""
      external_id = "audit-2026"
    "#)
    });
}

/// Beside the AWS CLI itself, where it is installed: both ask STS for the same, with the names that they choose
/// themselves left out.
#[test]
fn the_aws_cli_makes_the_same_calls() {
    let stage = stage(CONFIG);
    let asked = |from: usize| {
        let chosen = |field: &(String, String)| field.0 == "RoleSessionName" && field.1 != "ci@desk";
        let calls = stage.cloud().sent("sts:AssumeRole").split_off(from);
        let sorted = |mut fields: Vec<(String, String)>| {
            fields.retain(|field| !chosen(field));
            fields.sort();
            fields
        };
        calls.into_iter().map(sorted).collect::<Vec<_>>()
    };
    for profile in ["reader", "the \"audit\""] {
        let mut aws = stage.command("aws");
        aws.args(["sts", "get-caller-identity", "--profile", profile]);
        match aws.output() {
            Ok(output) if output.status.success() => {}
            // A version manager's stand-in is none.
            Ok(output) if stage.cloud().sent("sts:AssumeRole").is_empty() && output.status.code() == Some(127) => {
                return eprintln!("SKIPPED: the AWS CLI is not installed");
            }
            Ok(output) => panic!("{output:?}"),
            Err(_) => return eprintln!("SKIPPED: the AWS CLI is not installed"),
        }
    }
    let theirs = asked(0);
    assert_eq!(theirs.len(), 3);
    stage.says(["import"]).done();
    for role in ["reader", "the \"audit\""] {
        stage.says(["env", role]).done();
    }
    assert_eq!(asked(3), theirs);
}

#[test]
fn to_stdout_nothing_is_written() {
    let stage = stage(CONFIG);
    let said = stage.says(["import", "-o", "-"]);
    assert!(said.err.contains("wrote 3 accounts, 3 roles, 1 source to stdout"), "{said:?}");
    assert!(!stage.holds(PROFILE_FILE));
    let text = said.done();
    assert!(text.contains("alias = \"the \\\"audit\\\"\""), "{text}");
    let other = stage.write("other.toml", &text);
    let named = stage.says(["--config", other.to_str().unwrap(), "accounts", "--json"]).json();
    assert_eq!(named.as_array().unwrap().len(), 3);
}

/// Nobody is there to be asked in a script, so the file stays; with --force it is kept beside the new one.
#[test]
fn a_profile_file_is_overwritten_with_consent_alone() {
    let stage = stage(CONFIG);
    stage.write(PROFILE_FILE, "# mine\n");
    snapshot!(stage, ["import"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: [config]/config.toml is there already
    hint: overwrite it with --force, which keeps the old one beside it, or name another with -o
    ");
    assert_eq!(profile_file(&stage), "# mine\n");
    snapshot!(stage, ["import", "--force"], @"
    success: true
    exit_code: 0
    ----- stdout -----

    ----- stderr -----
    note: the old file is kept as [config]/config.toml.bak
    note: the AWS profile `web` (~/.aws/config:28) is left out: its role is assumed with a web identity, which is a source and no role: name it in [sources]
    note: not carried over, for xsw has nothing like them: cli_pager, output, s3
    note: wrote 3 accounts, 3 roles, 1 source to [config]/config.toml
    ");
    let first = profile_file(&stage);
    assert!(first.contains("[[accounts]]"));
    stage.says(["import", "--force"]).done();
    assert_eq!(profile_file(&stage), first);
    assert_eq!(stage.read(&format!("{PROFILE_FILE}.bak")), b"# mine\n");
    assert_eq!(stage.read(&format!("{PROFILE_FILE}.bak2")), first.as_bytes());
    let other = stage.path("new/folder/other.toml");
    stage.says(["import", "-o", other.to_str().unwrap()]).done();
    assert!(stage.holds("new/folder/other.toml"));
}

/// Dotfiles are often links into a repository.
#[test]
fn a_link_stays_a_link() {
    let stage = stage(CONFIG);
    stage.write("dotfiles/xsw.toml", "# mine\n");
    let link = stage.path(PROFILE_FILE);
    std::os::unix::fs::symlink(stage.path("dotfiles/xsw.toml"), &link).unwrap();
    stage.says(["import", "-f"]).done();
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert!(String::from_utf8(stage.read("dotfiles/xsw.toml")).unwrap().contains("[[accounts]]"));
    assert_eq!(stage.read("dotfiles/xsw.toml.bak"), b"# mine\n");
}

#[test]
fn without_roles_there_is_nothing_to_import() {
    let stage = stage("[profile demo]\nregion = eu-west-1\n");
    snapshot!(stage, ["import"], @"
    success: false
    exit_code: 2
    ----- stdout -----

    ----- stderr -----
    error: ~/.aws/config: it has no role profiles
    hint: a role profile has role_arn with source_profile or credential_source, or sso_account_id with sso_role_name; config.example.toml is the manual for a profile file of your own
    ");
    assert!(!stage.holds(PROFILE_FILE));
    let folder = stage.path(".aws/config");
    fs::remove_file(&folder).unwrap();
    fs::create_dir(&folder).unwrap();
    assert!(stage.says(["import"]).failed(2).contains("this is a folder, not a file"));
}

/// Profiles of IAM Identity Center become permission sets; a role that starts from one is assumed by way of it.
#[test]
fn sign_ins_are_imported() {
    let stage = stage(
        "[sso-session demo]\nsso_start_url = https://demo.awsapps.com/start\nsso_region = ap-northeast-1\n\
         sso_registration_scopes = sso:account:access\n\
         [profile lab]\nsso_session = demo\nsso_account_id = 555555555555\nsso_account_name = lab\n\
         sso_role_name = Developer\n\
         [profile deploy]\nrole_arn = arn:aws:iam::555555555555:role/Deploy\nsource_profile = lab\n\
         duration_seconds = 14400\n",
    );
    let url = stage.cloud().endpoint_url();
    let xsw = |words: &[&str]| with_variables(stage.xsw(words), [("AWS_ENDPOINT_URL", url.as_str())]);
    let said = run(xsw(&["import"]));
    assert!(said.err.contains("`deploy` asks for more than the one hour"), "{said:?}");
    assert!(said.err.contains("wrote 1 account, 2 roles, 1 source to "), "{said:?}");
    insta::assert_snapshot!(profile_file(&stage).split_once("\n\n").unwrap().1, @r#"
    [sources.demo]
    sso_start_url = "https://demo.awsapps.com/start"
    sso_region = "ap-northeast-1"
    sso_session = "demo"

    [[accounts]]
    name = "lab"
    id = "555555555555"
    source = "demo"

      [[accounts.roles]]
      name = "Developer"
      alias = "lab"
      permission_set = true

      [[accounts.roles]]
      name = "Deploy"
      alias = "deploy"
      via = "lab"
      duration = "1h"
    "#);
    assert!(run(xsw(&["env", "lab"])).failed(4).contains("xsw login demo"));
    assert_eq!(sign_in_with(xsw(&["login", "demo", "--device-code"])).code, Some(0));
    let who = run(xsw(&["whoami", "lab", "--json"])).json();
    assert!(who["arn"].as_str().unwrap().contains(":assumed-role/AWSReservedSSO_Developer_"), "{who}");
    run(xsw(&["env", "deploy"])).done();
    let sent = stage.cloud().sent("sts:AssumeRole");
    assert!(sent[0].contains(&("DurationSeconds".to_owned(), "3600".to_owned())), "{sent:?}");

    // The SDK finds the same sign-in, where an AWS profile of that kind is a source.
    stage.write(
        PROFILE_FILE,
        "[sources.x]\nprofile = 'lab'\n[[accounts]]\nname = 'lab'\nid = '555555555555'\n[[accounts.roles]]\nname = 'Deploy'\n",
    );
    let who = run(xsw(&["whoami", "--source", "x", "--json"])).json();
    assert!(who["arn"].as_str().unwrap().contains(":assumed-role/AWSReservedSSO_Developer_"), "{who}");
    assert!(run(xsw(&["check"])).out.contains("(AWS profile lab: IAM Identity Center)"));
}

/// As browsers show it, with `#/` at its end: the AWS CLI names the token by all of it.
#[test]
fn a_start_url_keeps_what_names_its_token() {
    let stage = stage(
        "[profile lab]\nsso_start_url = https://demo.awsapps.com/start#/\nsso_region = ap-northeast-1\n\
         sso_account_id = 555555555555\nsso_role_name = Developer\nregion = ap-northeast-1\n",
    );
    let url = stage.cloud().endpoint_url();
    let xsw = |words: &[&str]| with_variables(stage.xsw(words), [("AWS_ENDPOINT_URL", &*url)]);
    run(xsw(&["import"])).done();
    assert!(profile_file(&stage).contains("sso_start_url = \"https://demo.awsapps.com/start#/\"\n"));
    sign_in_with(xsw(&["login", "--device-code"]));
    // sha1 of the text, as `aws sso login --profile lab` has it.
    assert!(stage.holds(".aws/sso/cache/e067ed946102c972f9ea6030b265d614a6b46f9d.json"), "{:?}", stage.files(".aws"));
    run(xsw(&["env", "lab"])).done();
    // And where the AWS profile itself is the source.
    let text = "[sources.x]\nprofile = 'lab'\n[[accounts]]\nname = 'a'\nid = '555555555555'\n\
                [[accounts.roles]]\nname = 'Deploy'\n";
    stage.write(PROFILE_FILE, text);
    assert!(run(xsw(&["login", "x"])).done().starts_with("still signed in to x"));
}
