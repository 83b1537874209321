//! Where one signs in for AWS profiles that lead to IAM Identity Center.

use std::collections::HashMap;

use super::ini::{self, Section};
use crate::domain::sign_in::SignIn;

/// The keys that say where.
const SIGN_IN_KEYS: [&str; 3] = ["sso_session", "sso_start_url", "sso_region"];

/// The sign-in of every AWS profile that `config`, the text of the config file, gives to IAM Identity Center: through
/// `sso_session`, or with the older keys in the profile itself.
pub fn sign_ins(config: &str) -> HashMap<String, SignIn> {
    let get = |section: &Section, key: &str| section.keys.get(key).filter(|value| !value.is_empty()).cloned();
    let sessions: HashMap<String, Section> = ini::sso_sessions(config, &SIGN_IN_KEYS).into_iter().collect();
    let sign_in = |profile: &Section| {
        let session = get(profile, "sso_session");
        let section = match &session {
            Some(session) => sessions.get(session)?,
            None => profile,
        };
        Some(SignIn { start_url: get(section, "sso_start_url")?, region: get(section, "sso_region")?, session })
    };
    let profiles = ini::profiles(config, false, &SIGN_IN_KEYS);
    profiles.into_iter().filter_map(|(name, section)| Some((name, sign_in(&section)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sign_ins_of_aws_profiles() {
        let config = "
[profile new]
sso_session = corp
sso_account_id = 111111111111
sso_role_name = Reader
[sso-session corp]
sso_start_url = https://new.awsapps.com/start
sso_region = eu-west-1
sso_registration_scopes = sso:account:access
[profile old]
sso_start_url = https://old.awsapps.com/start
sso_region = us-east-1
[profile lost]
sso_session = nowhere
[profile half]
sso_start_url = https://half.awsapps.com/start
[profile keys]
region = eu-west-1
";
        let found = sign_ins(config);
        let shown = |name: &str| {
            let sign_in = found.get(name)?;
            Some(format!("{} {} {}", sign_in.start_url, sign_in.region, sign_in.token_name()))
        };
        assert_eq!(shown("new").as_deref(), Some("https://new.awsapps.com/start eu-west-1 corp"));
        let old = "https://old.awsapps.com/start us-east-1 https://old.awsapps.com/start";
        assert_eq!(shown("old").as_deref(), Some(old));
        for name in ["lost", "half", "keys", "nobody", "corp"] {
            assert_eq!(shown(name), None, "{name}");
        }
    }
}
