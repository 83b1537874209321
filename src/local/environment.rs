//! The environment variables and places that xsw reads, taken once at the start.
//!
//! It is a value and not the process's own, so that `xsw demo` and the tests can stand in a world of their own.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// The custom endpoint of every SDK.
pub const ENDPOINT_URL: &str = "AWS_ENDPOINT_URL";

/// What xsw itself set [`ENDPOINT_URL`] to.
pub const XSW_ENDPOINT_URL: &str = "XSW_ENDPOINT_URL";

/// A snapshot of the environment variables, with what xsw itself laid over them.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    overlay: Vec<(String, Option<OsString>)>,
}

// Variables may be credentials: Debug shows none.
impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Environment").field("variables", &self.variables.len()).finish_non_exhaustive()
    }
}

impl Environment {
    /// The variables of this process.
    pub fn process() -> Self {
        Self { variables: std::env::vars_os().collect(), overlay: Vec::new() }
    }

    /// Lays a variable over the process's, or takes it away; children get it too.
    pub fn overlay(&mut self, name: &str, value: Option<OsString>) {
        match &value {
            Some(value) => self.variables.insert(name.into(), value.clone()),
            None => self.variables.remove(OsStr::new(name)),
        };
        self.overlay.push((name.to_owned(), value));
    }

    /// What was laid over: a child needs it on top of the process's own environment.
    pub fn overlaid(&self) -> &[(String, Option<OsString>)] {
        &self.overlay
    }

    /// The variable when it is set, not empty, and text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(OsStr::new(name)).and_then(|value| value.to_str()).filter(|value| !value.is_empty())
    }

    /// The variable as a path, when it is set and not empty.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        self.variables.get(OsStr::new(name)).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// `$XSW_CONFIG`, which stands for `--config`.
    pub fn named_config(&self) -> Option<PathBuf> {
        self.path("XSW_CONFIG")
    }

    /// `config.toml` in the platform's configuration directory for `xsw`.
    pub fn default_config(&self) -> PathBuf {
        let directory = directories::ProjectDirs::from("", "", "xsw").map(|dirs| dirs.config_dir().to_owned());
        directory.unwrap_or_else(|| self.home().join(".config/xsw")).join("config.toml")
    }

    /// Where sessions, the log and the like are kept: `$XSW_STATE_DIR`, else the platform's place for state.
    pub fn state_directory(&self) -> PathBuf {
        self.path("XSW_STATE_DIR").unwrap_or_else(|| match directories::ProjectDirs::from("", "", "xsw") {
            Some(dirs) => dirs.state_dir().unwrap_or_else(|| dirs.cache_dir()).to_owned(),
            None => self.home().join(".local/state/xsw"),
        })
    }

    /// `$AWS_CONFIG_FILE`, else `~/.aws/config`; inside a renewing child the file that was this before.
    pub fn aws_config(&self) -> PathBuf {
        self.aws_file(&AwsFile::CONFIG).unwrap_or_else(|| self.home().join(".aws/config"))
    }

    /// `$AWS_SHARED_CREDENTIALS_FILE`, else `~/.aws/credentials`; inside a renewing child the file that was this before.
    pub fn aws_credentials(&self) -> PathBuf {
        self.aws_file(&AwsFile::CREDENTIALS).unwrap_or_else(|| self.home().join(".aws/credentials"))
    }

    fn aws_file(&self, file: &AwsFile) -> Option<PathBuf> {
        if self.is_stand_in(file) { self.path(file.original) } else { self.path(file.variable) }
    }

    /// Whether the variable names a file that stands in for another, as a renewing child has it
    /// (`aws_files::StandIns`). Somebody who gave it another value since meant that one.
    pub fn is_stand_in(&self, file: &AwsFile) -> bool {
        let folder = self.path(file.variable).and_then(|path| Some(path.parent()?.file_name()?.to_owned()));
        folder.is_some_and(|name| name.to_string_lossy().starts_with(AwsFile::FOLDER))
    }

    /// What brings back the variables of the two files, for somebody who leaves a renewing child's session: the file of
    /// before, and `None` where there was no variable. Outside of one there is nothing to bring back.
    pub fn without_stand_ins(&self) -> Vec<(&'static str, Option<String>)> {
        let mut changes = Vec::new();
        for file in [AwsFile::CONFIG, AwsFile::CREDENTIALS] {
            if self.is_stand_in(&file) {
                changes.push((file.variable, self.get(file.original).map(str::to_owned)));
            }
            if self.variables.contains_key(OsStr::new(file.original)) {
                changes.push((file.original, None));
            }
        }
        changes
    }

    /// Where the tokens of IAM Identity Center are, which xsw shares with the AWS CLI: `~/.aws/sso/cache`. The demo has
    /// a place of its own, `$XSW_SSO_CACHE`, so that it never touches a real sign-in.
    pub fn sso_cache(&self) -> PathBuf {
        self.path("XSW_SSO_CACHE").unwrap_or_else(|| self.home().join(".aws/sso/cache"))
    }

    /// The user's name for `{user}` in role session names.
    pub fn user(&self) -> Cow<'_, str> {
        let named = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| self.get(name));
        named.map(Cow::from).or_else(|| user_of_process().map(Cow::from)).unwrap_or("unknown".into())
    }

    /// The machine's name for `{host}` in role session names.
    pub fn host(&self) -> String {
        gethostname::gethostname().to_string_lossy().split('.').next().unwrap_or_default().to_owned()
    }

    /// The custom endpoint that every SDK honours: `AWS_ENDPOINT_URL_STS`, `_S3`, `_SSO` or `_SSO_OIDC`, then
    /// `AWS_ENDPOINT_URL` (AWS SDKs and Tools Reference Guide, "Service-specific endpoints").
    pub fn endpoint_url(&self, service: &str) -> Option<&str> {
        if self.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return None;
        }
        self.get(&format!("AWS_ENDPOINT_URL_{service}")).or_else(|| self.own_endpoint_url())
    }

    /// `AWS_ENDPOINT_URL`, unless it is what xsw set for the role of a subshell around: another role has another server.
    /// Somebody who gave it another value since meant that one.
    pub fn own_endpoint_url(&self) -> Option<&str> {
        self.get(ENDPOINT_URL).filter(|url| self.get(XSW_ENDPOINT_URL) != Some(url))
    }

    /// Whether a session of xsw left an endpoint here, which goes with it.
    pub fn has_marked_endpoint_url(&self) -> bool {
        self.get(XSW_ENDPOINT_URL).is_some()
    }

    /// The region that the environment names.
    pub fn region(&self) -> Option<&str> {
        self.get("AWS_REGION").or_else(|| self.get("AWS_DEFAULT_REGION"))
    }

    fn home(&self) -> PathBuf {
        self.path("HOME")
            .or_else(|| directories::BaseDirs::new().map(|dirs| dirs.home_dir().to_owned()))
            .unwrap_or_default()
    }
}

/// One of the two files of the AWS CLI, which a renewing child has in another version.
#[derive(Clone, Copy, Debug)]
pub struct AwsFile {
    /// The variable by which every SDK finds it.
    pub variable: &'static str,
    /// The variable that keeps what was there before; empty when nothing was.
    pub original: &'static str,
}

impl AwsFile {
    /// `~/.aws/config`
    pub const CONFIG: Self = Self { variable: "AWS_CONFIG_FILE", original: "XSW_AWS_CONFIG_FILE" };
    /// `~/.aws/credentials`
    pub const CREDENTIALS: Self =
        Self { variable: "AWS_SHARED_CREDENTIALS_FILE", original: "XSW_AWS_SHARED_CREDENTIALS_FILE" };
    /// How the names of the folders begin in which the other versions are.
    pub const FOLDER: &str = "xsw-aws-";
}

/// Who runs this process, where no variable says so: in a container, from cron.
fn user_of_process() -> Option<String> {
    #[cfg(unix)]
    let name = nix::unistd::User::from_uid(nix::unistd::getuid()).ok()?.map(|user| user.name);
    #[cfg(not(unix))]
    let name = None;
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let mut environment = Environment::default();
        for (name, value) in [("HOME", "/home/me")].iter().chain(variables) {
            environment.overlay(name, Some(value.into()));
        }
        environment
    }

    #[test]
    fn in_a_renewing_child_xsw_reads_the_files_that_were_there_before() {
        for (variable, original, read, back) in [
            (None, None, "/home/me/.aws/config", vec![]),
            (Some("/mine/config"), None, "/mine/config", vec![]),
            // In a renewing child, where there was a variable before and where there was none.
            (
                Some("/tmp/xsw-aws-1/config"),
                Some("/mine/config"),
                "/mine/config",
                vec![("AWS_CONFIG_FILE", Some("/mine/config".to_owned())), ("XSW_AWS_CONFIG_FILE", None)],
            ),
            (
                Some("/tmp/xsw-aws-1/config"),
                Some(""),
                "/home/me/.aws/config",
                vec![("AWS_CONFIG_FILE", None), ("XSW_AWS_CONFIG_FILE", None)],
            ),
            // Somebody in the child names a file of their own.
            (Some("/other/config"), Some("/mine/config"), "/other/config", vec![("XSW_AWS_CONFIG_FILE", None)]),
        ] {
            let set = [("AWS_CONFIG_FILE", variable), ("XSW_AWS_CONFIG_FILE", original)];
            let set: Vec<_> = set.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            let environment = environment(&set);
            assert_eq!(environment.aws_config(), PathBuf::from(read), "{set:?}");
            assert_eq!(environment.without_stand_ins(), back, "{set:?}");
        }
    }

    #[test]
    fn an_endpoint_that_xsw_set_for_another_role_does_not_count() {
        for (url, marked, own) in [
            (None, None, None),
            (Some("http://mine"), None, Some("http://mine")),
            (Some("http://outer"), Some("http://outer"), None),
            // Somebody in the child names a server of their own.
            (Some("http://mine"), Some("http://outer"), Some("http://mine")),
            (None, Some("http://outer"), None),
        ] {
            let set = [(ENDPOINT_URL, url), (XSW_ENDPOINT_URL, marked)];
            let set: Vec<_> = set.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            let environment = environment(&set);
            assert_eq!((environment.own_endpoint_url(), environment.endpoint_url("S3")), (own, own), "{set:?}");
        }
    }
}
