//! The two files of the AWS CLI as a renewing child has to see them.
//!
//! Every SDK takes credentials of the profile `default` before it asks the endpoint: with keys there, a renewing child
//! would silently be the source user. Such a child gets stand-ins: a config file without the credentials of `default`,
//! and an empty credentials file. No secret is in either.

use std::path::Path;

use tempfile::TempDir;

use super::child_env::ChildEnv;
use super::environment::{AwsFile, Environment};
use super::files::write_private;
use crate::error::{Error, Result};

/// The keys of a profile that lead to credentials, beside all that begin with `sso_` (AWS SDKs and Tools Reference
/// Guide, "Settings reference").
const CREDENTIALS: [&str; 15] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_security_token",
    "aws_account_id",
    "aws_credential_expiration",
    "credential_process",
    "credential_source",
    "login_session",
    "role_arn",
    "role_session_name",
    "source_profile",
    "web_identity_token_file",
    "external_id",
    "mfa_serial",
];

/// The keys that are secrets themselves.
const SECRETS: [&str; 4] = ["aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_security_token"];

/// What a renewing child has to have instead of the two files.
#[derive(Debug)]
pub struct StandIns {
    config: String,
    /// Whether some profile other than `default` loses what it needs.
    others_lose: bool,
}

impl StandIns {
    /// `None` when `default` leads to no credentials: then the files may be seen as they are.
    pub fn needed(environment: &Environment) -> Result<Option<Self>> {
        let config = without_credentials(&text(&environment.aws_config())?);
        let credentials = without_credentials(&text(&environment.aws_credentials())?);
        let others_lose = config.others_lose || credentials.others_lose;
        let is_needed = config.default_loses || credentials.default_loses;
        Ok(is_needed.then_some(Self { config: config.text, others_lose }))
    }

    /// What the person should hear of it.
    pub fn note(&self) -> Option<&'static str> {
        const NOTE: &str = "the renewing child does not see the credentials of your AWS profile `default`, which every \
                            SDK would prefer; other profiles whose credentials come from it, or are keys, do not work \
                            in it either";
        self.others_lose.then_some(NOTE)
    }

    /// Writes them and names them to the child, and to xsw in it the files of before. The folder goes when it is dropped.
    pub fn write(&self, env: &mut ChildEnv, environment: &Environment) -> Result<TempDir> {
        let mut builder = tempfile::Builder::new();
        builder.prefix(AwsFile::FOLDER);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let place = std::env::temp_dir();
        let folder = builder.tempdir().map_err(Error::file("create a folder for the renewing child in", &place))?;
        for (file, name, text) in
            [(AwsFile::CONFIG, "config", self.config.as_str()), (AwsFile::CREDENTIALS, "credentials", "")]
        {
            let path = folder.path().join(name);
            write_private(&path, text.as_bytes()).map_err(Error::file("write", &path))?;
            let before = if environment.is_stand_in(&file) { file.original } else { file.variable };
            env.set(file.variable, path.to_string_lossy());
            env.set(file.original, environment.get(before).unwrap_or_default());
        }
        Ok(folder)
    }
}

/// A file that is not there is as good as an empty one.
fn text(path: &Path) -> Result<String> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(Error::file("read", path)(error)),
    }
}

/// A file, and who loses what in it.
#[derive(Debug, Default, PartialEq)]
struct Stripped {
    text: String,
    default_loses: bool,
    others_lose: bool,
}

/// The text without the credentials of `default` and without the secrets of all others; everything else stays as it is,
/// to the byte. Where readers of this format differ, more is taken away, not less.
fn without_credentials(text: &str) -> Stripped {
    let mut stripped = Stripped::default();
    let mut in_default = false;
    // How far the line was indented that was taken away last: what is indented further continues its value.
    let mut taken: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let content = line.trim_start_matches('\u{feff}').trim();
        let indent = line.len() - line.trim_start().len();
        if content.is_empty() || content.starts_with(['#', ';']) {
            let quoted = content.to_lowercase();
            if !SECRETS.iter().any(|secret| quoted.contains(secret)) {
                stripped.text.push_str(line);
            }
            continue;
        }
        if taken.is_some_and(|indent_of_taken| indent > indent_of_taken) {
            continue;
        }
        taken = None;
        if let Some(header) = content.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name) {
            in_default = is_default(header);
        } else if let Some((key, value)) = content.split_once(['=', ':']) {
            let key = key.trim().to_lowercase();
            let is_secret = SECRETS.contains(&&*key);
            if in_default && (CREDENTIALS.contains(&&*key) || key.starts_with("sso_")) {
                stripped.default_loses = true;
                taken = Some(indent);
            } else if is_secret {
                stripped.others_lose = true;
                taken = Some(indent);
            } else if key == "source_profile" && value.trim() == "default" {
                stripped.others_lose = true;
            }
        }
        if taken.is_none() {
            stripped.text.push_str(line);
        }
    }
    stripped
}

/// `[default]` and `[profile default]`, as any reader might take it.
fn is_default(header: &str) -> bool {
    let header = header.trim();
    let name = header.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t', '"', '\''])).unwrap_or(header);
    name.trim().trim_matches(['"', '\'']).trim().eq_ignore_ascii_case("default")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_profile_loses_its_credentials_and_nothing_else() {
        for (text, left, default_loses, others_lose) in [
            ("", "", false, false),
            ("[default]\nregion = x\noutput=json\n", "[default]\nregion = x\noutput=json\n", false, false),
            (
                "# mine\n[default]\nregion = x\naws_access_key_id = AKIA\nAWS_Secret_Access_Key: s\ns3 =\n  a = b\n",
                "# mine\n[default]\nregion = x\ns3 =\n  a = b\n",
                true,
                false,
            ),
            // Its other spellings, and the end of the section.
            (
                "[profile default]\r\nsso_session = s\r\n[profile a]\r\nsso_session = s\r\n",
                "[profile default]\r\n[profile a]\r\nsso_session = s\r\n",
                true,
                false,
            ),
            (
                "\u{feff}[ profile \"default\" ] # c\n role_arn = r\n",
                "\u{feff}[ profile \"default\" ] # c\n",
                true,
                false,
            ),
            ("[default]\ncredential_process = a\n  --b\n\n  --c\nregion = x", "[default]\n\nregion = x", true, false),
            ("[default]\nweb_identity_token_file = f", "[default]\n", true, false),
            (
                "[default]\nlogin_session = f\n[defaults]\nlogin_session = f",
                "[default]\n[defaults]\nlogin_session = f",
                true,
                false,
            ),
            ("#aws_secret_access_key = s\n; note\n[default]\n", "; note\n[default]\n", false, false),
            // Secrets of others go too, and roles that stand on `default` are worth a word.
            ("[profile a]\naws_secret_access_key = s\nregion=x", "[profile a]\nregion=x", false, true),
            ("[profile a]\nsource_profile = default\n", "[profile a]\nsource_profile = default\n", false, true),
            ("[sso-session default]\nsso_region = x\n", "[sso-session default]\nsso_region = x\n", false, false),
        ] {
            let expected = Stripped { text: left.to_owned(), default_loses, others_lose };
            assert_eq!(without_credentials(text), expected, "{text:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn stand_ins_are_ours_alone_and_go_with_the_child() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let mut environment = Environment::default();
        environment.overlay("HOME", Some(home.path().into()));
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        std::fs::write(home.path().join(".aws/config"), "[default]\nregion = x\n").unwrap();
        assert!(StandIns::needed(&environment).unwrap().is_none());
        let credentials = "[default]\naws_access_key_id = AKIA\naws_secret_access_key = very-secret\n";
        std::fs::write(home.path().join(".aws/credentials"), credentials).unwrap();

        let stand_ins = StandIns::needed(&environment).unwrap().unwrap();
        let mut env = ChildEnv::default();
        let folder = stand_ins.write(&mut env, &environment).unwrap();
        assert_eq!(stand_ins.note(), None);
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(folder.path()), 0o700);
        for name in ["config", "credentials"] {
            let file = folder.path().join(name);
            assert_eq!(mode(&file), 0o600);
            assert!(!std::fs::read_to_string(file).unwrap().contains("secret"));
        }
        // In the child they are seen through; those of a renewing child inside of it have the same originals.
        for (name, value) in env.iter() {
            environment.overlay(name, value.map(Into::into));
        }
        assert_eq!(environment.aws_credentials(), home.path().join(".aws/credentials"));
        let inner = StandIns::needed(&environment).unwrap().unwrap();
        let mut inner_env = ChildEnv::default();
        let _inner_folder = inner.write(&mut inner_env, &environment).unwrap();
        assert!(inner_env.iter().any(|change| change == ("XSW_AWS_CONFIG_FILE", Some(""))));
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }
}
