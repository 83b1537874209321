//! The profile file through its front door: `config::load` over folders made for each test.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use xsw::Error;
use xsw::config::{Config, Origin, Places, load};
use xsw::domain::role::Source;

/// A home with the files that a test writes into it.
struct Home(TempDir);

impl Home {
    fn new(files: &[(&str, &str)]) -> Self {
        let home = Self(TempDir::new().unwrap());
        for (name, text) in files {
            home.write(name, text.as_bytes());
        }
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), bytes).unwrap();
    }

    fn places(&self, named: Option<&str>) -> Places {
        Places {
            named: named.map(|name| self.path(name)),
            default_file: self.path("xsw/config.toml"),
            aws_config: self.path("aws/config"),
            aws_credentials: self.path("aws/credentials"),
            snapshot: None,
        }
    }

    fn load(&self) -> xsw::Result<Config> {
        load(&self.places(None))
    }

    /// The error and its hint, without the folder's own name.
    fn error(&self, named: Option<&str>) -> String {
        let error = load(&self.places(named)).unwrap_err();
        assert!(matches!(error, Error::Profile { .. }), "{error:?}");
        assert_eq!(error.kind(), "profile");
        let hint = error.hint().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        self.shortened(&format!("{error}{hint}"))
    }

    fn shortened(&self, text: &str) -> String {
        text.replace(&*self.0.path().to_string_lossy(), "~")
    }
}

const SMALL: &str = "[[accounts]]\nname = 'a'\nid = '111111111111'\n[[accounts.roles]]\nname = 'R'\n";

#[test]
fn the_example_loads() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.example.toml");
    let places = Places { named: Some(path.clone()), ..Home::new(&[]).places(None) };
    let config = load(&places).unwrap();
    assert_eq!(config.origin, Origin::File(path));
    let profile = config.profile;
    let reader = profile.find("reader").unwrap();
    assert_eq!(profile.label(reader), "prod/S3Reader");
    assert_eq!(profile.chain(reader), [profile.find("hub/Jump").unwrap(), reader]);
    assert_eq!(profile.sources["corp"], Source::AwsProfile("default".into()));
    assert_eq!(profile.role(reader).transitive_tags, ["Project"]);
}

#[test]
fn the_named_file_comes_before_the_default_and_that_before_aws() {
    let home = Home::new(&[
        ("named.toml", &SMALL.replace("'a'", "'named'")),
        ("xsw/config.toml", SMALL),
        ("aws/config", "[profile x]\nrole_arn = arn:aws:iam::222222222222:role/X\ncredential_source = Environment"),
    ]);
    let named = load(&home.places(Some("named.toml"))).unwrap();
    assert_eq!(named.profile.accounts[0].name, "named");
    let default = home.load().unwrap();
    assert_eq!(default.origin, Origin::File(home.path("xsw/config.toml")));
    fs::remove_file(home.path("xsw/config.toml")).unwrap();
    let aws = home.load().unwrap();
    assert_eq!(aws.origin, Origin::AwsConfig(home.path("aws/config")));
    assert_eq!(aws.profile.label(aws.profile.find("x").unwrap()), "222222222222/X");
}

#[test]
fn files_that_give_no_text() {
    let home = Home::new(&[("empty.toml", ""), ("folder/x", "")]);
    home.write("latin1.toml", b"# one\n# two \xe9\n");
    home.write("utf16.toml", b"\xff\xfe[\0");
    home.write("huge.toml", &vec![b'#'; 4 * 1024 * 1024 + 1]);
    home.write("bom.toml", format!("\u{feff}{}", SMALL.replace('\n', "\r\n")).as_bytes());
    insta::assert_snapshot!(home.error(Some("missing.toml")), @"
    ~/missing.toml: there is no such file
    hint: check the path given with --config or $XSW_CONFIG
    ");
    insta::assert_snapshot!(home.error(Some("empty.toml")), @"~/empty.toml: no accounts: write [[accounts]] with a name and an id, and [[accounts.roles]] below it");
    insta::assert_snapshot!(home.error(Some("folder")), @"
    ~/folder: this is a folder, not a file
    hint: name the file in it
    ");
    insta::assert_snapshot!(home.error(Some("latin1.toml")), @"
    ~/latin1.toml:2: a byte here is no UTF-8
    hint: save it as UTF-8
    ");
    insta::assert_snapshot!(home.error(Some("utf16.toml")), @"
    ~/utf16.toml: it is UTF-16
    hint: save it as UTF-8
    ");
    insta::assert_snapshot!(home.error(Some("huge.toml")), @"~/huge.toml: it is larger than 4 MiB, so it is no profile file");
    assert!(load(&home.places(Some("bom.toml"))).is_ok());
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new(&[("xsw/config.toml", SMALL)]);
    fs::set_permissions(home.path("xsw/config.toml"), fs::Permissions::from_mode(0o000)).unwrap();
    // Root reads everything.
    if fs::read(home.path("xsw/config.toml")).is_ok() {
        return;
    }
    insta::assert_snapshot!(home.error(None), @"
    ~/xsw/config.toml: it may not be read
    hint: make it yours: chown, then chmod 600
    ");
}

#[test]
fn without_any_file_it_says_what_to_do_next() {
    insta::assert_snapshot!(Home::new(&[]).error(None), @"
    ~/xsw/config.toml: there is none, and ~/aws/config has no role profiles
    hint: write ~/xsw/config.toml, for which config.example.toml is the manual, or look around with `xsw demo`
    ");
    let home = Home::new(&[("aws/config", "[profile x]\nrole_arn = arn:aws:iam::222222222222:role/X\n")]);
    insta::assert_snapshot!(home.error(None), @"
    ~/xsw/config.toml: there is none, and ~/aws/config has no role profiles that xsw can use: the AWS profile `x` (~/aws/config:1) is left out: it has neither source_profile nor credential_source
    hint: write ~/xsw/config.toml, for which config.example.toml is the manual, or look around with `xsw demo`
    ");
}

#[test]
fn every_kind_of_problem_at_once() {
    let home = Home::new(&[("policies/broken.json", "{ \"Statement\": [ }"), ("all.toml", ALL_WRONG)]);
    insta::assert_snapshot!(home.error(Some("all.toml")));
}

#[test]
fn a_policy_file_is_read_from_the_profile_files_folder() {
    let home = Home::new(&[
        ("xsw/config.toml", &format!("{SMALL}policy = 'policies/read.json'\n")),
        ("xsw/policies/read.json", "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": []\n}\n"),
    ]);
    let profile = home.load().unwrap().profile;
    assert_eq!(profile.roles[0].policy.as_deref(), Some(r#"{"Version":"2012-10-17","Statement":[]}"#));
    fs::write(home.path("xsw/policies/read.json"), [b'{'; 100_000]).unwrap();
    assert!(home.error(None).contains("this is far more"));
    fs::remove_file(home.path("xsw/policies/read.json")).unwrap();
    fs::create_dir(home.path("xsw/policies/read.json")).unwrap();
    assert!(home.error(None).contains("is no file"));
}

const AWS_CONFIG: &str = r#"
[default]
region = eu-west-1

[profile corp]
sso_session = corp
s3 =
    role_arn = arn:aws:iam::999999999999:role/Nested

[profile reader]
role_arn = arn:aws:iam::222222222222:role/team/S3Reader
source_profile = corp
external_id = Example-1234
mfa_serial = arn:aws:iam::111111111111:mfa/me
duration_seconds = 1800
role_session_name = ci
region = ap-northeast-1

[profile chained]
role_arn = arn:aws:iam::333333333333:role/ReadOnly   # by way of reader
source_profile = reader

[profile "same role"]
role_arn = arn:aws:iam::222222222222:role/team/S3Reader
source_profile = corp
region = ap-northeast-1

[profile same-account]
role_arn = arn:aws:iam::222222222222:role/Other
source_profile = keys

[profile ci]
role_arn = arn:aws:iam::222222222222:role/Ci
credential_source = Environment

[profile ec2]
role_arn = arn:aws:iam::222222222222:role/X
credential_source = Ec2InstanceMetadata

[profile a]
role_arn = arn:aws:iam::222222222222:role/A
source_profile = b

[profile b]
role_arn = arn:aws:iam::222222222222:role/B
source_profile = a

[profile self]
role_arn = arn:aws:iam::222222222222:role/Self
source_profile = self

[profile into-circle]
role_arn = arn:aws:iam::222222222222:role/C
source_profile = a

[profile lost]
role_arn = arn:aws:iam::222222222222:role/Lost
source_profile = nowhere

[profile broken]
role_arn = arn:aws:iam:222222222222:role/Broken
source_profile = corp

[profile web]
role_arn = arn:aws:iam::222222222222:role/Web
web_identity_token_file = /token

[profile after-both]
role_arn = arn:aws:iam::222222222222:role/AfterBoth
source_profile = both

[profile long]
role_arn = arn:aws:iam::222222222222:role/Long
source_profile = corp
duration_seconds = 99999
"#;

const AWS_CREDENTIALS: &str = "
[keys]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY

[both]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
role_arn = arn:aws:iam::222222222222:role/Both
source_profile = keys

[in-credentials]
role_arn = arn:aws:iam::444444444444:role/InCredentials
source_profile = keys
";

#[test]
fn role_profiles_of_the_aws_cli() {
    let home = Home::new(&[("aws/config", AWS_CONFIG), ("aws/credentials", AWS_CREDENTIALS)]);
    let Config { profile, notes, .. } = home.load().unwrap();
    let mut shown = Vec::new();
    for index in profile.indices() {
        let role = profile.role(index);
        let chain: Vec<String> = profile.chain(index).iter().map(|index| profile.label(*index)).collect();
        let source = profile.source_name(index);
        shown.push(format!(
            "{} = {} from {source} ({:?}) in {}, account source {}",
            role.alias.as_deref().unwrap_or_default(),
            chain.join(" -> "),
            profile.sources[source],
            profile.region(index).unwrap_or("any region"),
            profile.account(index).source,
        ));
    }
    insta::assert_snapshot!(shown.join("\n"));
    insta::assert_snapshot!("left_out_of_aws_config", home.shortened(&notes.join("\n")));

    let reader = profile.role(profile.find("reader").unwrap());
    assert_eq!(reader.external_id.as_deref(), Some("Example-1234"));
    assert_eq!(reader.mfa_serial.as_deref(), Some("arn:aws:iam::111111111111:mfa/me"));
    assert_eq!(reader.duration.map(|duration| duration.as_secs()), Some(1800));
    assert_eq!(reader.session_name.as_deref(), Some("ci"));
    let error = profile.find("arn:aws:iam::222222222222:role/team/S3Reader").unwrap_err();
    insta::assert_snapshot!(error, @"`arn:aws:iam::222222222222:role/team/S3Reader` matches 2 roles: 222222222222/S3Reader, 222222222222@2/S3Reader");
}

#[test]
fn thousands_of_accounts_and_roles_load() {
    let mut text = String::from("[sources.corp]\nprofile = 'corp'\n");
    for account in 0..500 {
        text += &format!("[[accounts]]\nname = 'account-{account}'\nid = '{:012}'\n", account + 1);
        for role in 0..10 {
            text += &format!("[[accounts.roles]]\nname = 'Role{role}'\nalias = 'alias-{account}-{role}'\n");
            if role > 0 {
                text += "via = 'account-0/Role0'\n";
            }
        }
    }
    let home = Home::new(&[("xsw/config.toml", &text)]);
    let profile = home.load().unwrap().profile;
    assert_eq!(profile.roles.len(), 5_000);
    assert_eq!(profile.chain(profile.find("alias-499-9").unwrap()).len(), 2);
}

const ALL_WRONG: &str = r#"
verbose = true

[settings]
regoin = "eu-west-1"
region = "eu-west-1b"
duration = "5m"
session_name = "{usr}"

[sources.keys]
profile = "default"
aws_access_key_id = "AKIAIOSFODNN7EXAMPLE"
aws_secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

[sources.none]

[sources.both]
profile = "default"
environment = true

[sources.sso]
sso_start_url = "http://example.com"
sso_account_id = "12345"

[[accounts]]
name = "hub"
id = "1111111"
source = "keyes"
color = "pink"
confirm = "yes"
enviroment = "production"

  [[accounts.roles]]
  name = "Jump"
  via = "prod/Admin"

  [[accounts.roles]]
  name = "Jump"

[[accounts]]
name = "prod"
id = "222222222222"

  [[accounts.roles]]
  name = "Admin"
  alias = "admin"
  via = "hub/Jump"
  duration = "4h"

  [[accounts.roles]]
  alias = "admin"

  [[accounts.roles]]
  name = "Self"
  via = "prod/Self"
  region = "eu-west-1"

  [[accounts.roles]]
  arn = "arn:aws:iam:333333333333:role/Broken"

  [[accounts.roles]]
  arn = "arn:aws:iam::333333333333:role/Elsewhere"

  [[accounts.roles]]
  name = "Writer"
  arn = "arn:aws:iam::222222222222:role/Reader"

  [[accounts.roles]]
  name = "Everything"
  alias = "prod/Writer"
  via = "prod/Amdin"
  external_id = "a b"
  mfa_serial = "arn:aws:iam::111111111111:u2f/user/me"
  duration = "13h"
  session_name = "a/b"
  source_identity = "x"
  session_token = "whatever"
  tags = { "aws:Team" = "x", Size = 3, Colour = "a*b" }
  transitive_tags = ["Color", 1]
  policy = "policies/broken.json"
  policy_arns = ["ReadOnlyAccess"]
  buckets = ["s3://ok-bucket/", "bucket", "s3://a b/"]

[[accounts]]
name = "prod"
id = "444444444444"
source = "keys"
endpoint_url = "http://me:hunter2@localhost"
roles = "Admin"

[[accounts]]
name = "lab"
id = "111111111111"
source = "keys"
endpoint_url = "localhost:9000"

  [[accounts.roles]]
  name = "Jump"

  [[accounts.roles]]
  name = "Unclear"
  via = "111111111111/Jump"

[[accounts]]
name = "audit"
id = "111111111111"
source = "keys"

  [[accounts.roles]]
  name = "Jump"
"#;
