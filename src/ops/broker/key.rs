//! Under which key a session rests: a hash of all that changes it.

use crate::domain::role::{Role, RoleIndex, Settings, Source};
use crate::local::cache::CacheKey;
use crate::ops::Core;

impl Core {
    /// All that changes the session: two roles that differ in any of it never share one.
    pub(in crate::ops) fn cache_key(&self, role: RoleIndex) -> CacheKey {
        let mut parts = self.source_parts(role);
        for link in self.profile.chain(role) {
            let role = self.profile.role(link);
            let endpoint = self.endpoint(link, "STS");
            // A permission set may have the name of a role.
            parts.push(format!("{}{}", role.arn, if role.permission_set { " permission set" } else { "" }));
            parts.push(format!("{:?}", (&endpoint.url, &role.external_id, &role.mfa_serial, &role.source_identity)));
            parts.push(format!("{:?}", (&role.tags, &role.transitive_tags, &role.policy, &role.policy_arns)));
            parts.push(format!("{:?}", role.requested_duration(&self.profile.settings)));
            parts.push(self.session_name(role));
        }
        CacheKey::new(parts.iter().map(String::as_str))
    }

    /// The key of what GetSessionToken gave the source of `role` for a code of the device `serial`. Every role of that
    /// source shares it.
    pub(super) fn mfa_key(&self, role: RoleIndex, serial: &str) -> CacheKey {
        let mut parts = self.source_parts(role);
        parts.push(format!("GetSessionToken {:?}", (&self.endpoint(role, "STS").url, serial)));
        CacheKey::new(parts.iter().map(String::as_str))
    }

    /// Who the source credentials are, as far as it can be told without fetching them.
    fn source_parts(&self, role: RoleIndex) -> Vec<String> {
        match self.profile.sources.get(self.profile.source_name(role)) {
            // Other keys in the environment are another person; without keys, another token or address is.
            Some(Source::Environment) => {
                let get = |name: &str| self.environment.get(name);
                let names = ["AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"];
                match (get("AWS_ACCESS_KEY_ID"), names.map(get), get("AWS_CONTAINER_CREDENTIALS_FULL_URI")) {
                    (None, [None, None, None], None) => vec!["environment".into()],
                    (None, given, address) => vec![format!("environment {given:?} {address:?}")],
                    (Some(id), ..) => vec![format!("environment {id}")],
                }
            }
            Some(Source::AwsProfile(profile)) => vec![
                format!("profile {profile}"),
                self.environment.aws_config().to_string_lossy().into_owned(),
                self.environment.aws_credentials().to_string_lossy().into_owned(),
            ],
            source => vec![format!("{source:?}")],
        }
    }

    pub(in crate::ops) fn session_name(&self, role: &Role) -> String {
        let template = role.session_name.as_deref().or(self.profile.settings.session_name.as_deref());
        session_name(
            template.unwrap_or(Settings::DEFAULT_SESSION_NAME),
            &self.environment.user(),
            &self.environment.host(),
        )
    }
}

/// Fills the template; what STS does not take becomes `-` (AWS STS API Reference: 2 to 64 of `[\w+=,.@-]`).
fn session_name(template: &str, user: &str, host: &str) -> String {
    let filled = template.replace("{user}", user).replace("{host}", host);
    let allowed = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    let mut name: String = filled.chars().map(allowed).take(64).collect();
    while name.len() < 2 {
        name.push('-');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_names_are_what_sts_takes() {
        assert_eq!(session_name("{user}@{host}", "me", "laptop"), "me@laptop");
        assert_eq!(session_name("{user}", "Ünal Öz", ""), "-nal--z");
        assert_eq!(session_name("", "", ""), "--");
        assert_eq!(session_name(&"x".repeat(90), "", "").len(), 64);
    }
}
