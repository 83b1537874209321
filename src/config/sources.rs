//! Reads `[settings]` and `[sources.NAME]`.

use std::collections::BTreeMap;

use super::fields::{Fields, open_value};
use super::report::{Report, quoted};
use super::{keys, values};
use crate::domain::role::{PermissionSet, Settings, Source};

/// The source that is meant where a file names none.
pub(super) const DEFAULT: &str = "default";

const KINDS: &str =
    "profile = \"NAME\", environment = true, credential_source = \"…\", or sso_start_url with sso_region";

pub(super) fn settings(report: &mut Report, file: &Fields<'_>) -> Settings {
    let Some(fields) = file.table(report, "settings", &keys::SETTINGS) else { return Settings::default() };
    let own_endpoint = fields.has("endpoint_url");
    Settings {
        region: fields.parsed(report, "region", |text| values::region(text, own_endpoint)),
        duration: fields.length(report, "duration", |text| values::session_length(text, own_endpoint)),
        session_name: fields.parsed(report, "session_name", values::session_name),
        endpoint_url: fields.parsed(report, "endpoint_url", values::url),
        cache: fields.parsed(report, "cache", values::cache).unwrap_or_default(),
        renew: fields.flag(report, "renew").unwrap_or(false),
        mfa_command: fields.list(report, "mfa_command", values::word),
        on_failure: fields.list(report, "on_failure", values::word),
    }
}

/// All sources by name; without any, the AWS profile `default` under that name.
pub(super) fn sources(report: &mut Report, file: &Fields<'_>) -> BTreeMap<String, Source> {
    let mut sources = BTreeMap::new();
    for (name, value) in file.entries(report, "sources", "write [sources.NAME]") {
        if let Err(message) = values::name(name.value) {
            report.add(name.at, format!("the name of a source: {message}"));
        }
        let source = open_value(report, value, &keys::SOURCE).and_then(|fields| source(report, name.value, &fields));
        // A source with a problem is still known by its name, so that accounts that use it are not blamed too.
        sources.insert(name.value.to_owned(), source.unwrap_or(Source::Environment));
    }
    if sources.is_empty() {
        sources.insert(DEFAULT.into(), Source::AwsProfile(DEFAULT.into()));
    }
    sources
}

fn source(report: &mut Report, name: &str, fields: &Fields<'_>) -> Option<Source> {
    const REQUIRED: [&str; 2] = ["sso_start_url", "sso_region"];
    const BOTH: [&str; 2] = ["sso_account_id", "sso_role_name"];
    let profile = fields.parsed(report, "profile", values::name);
    let environment = fields.flag(report, "environment");
    if environment == Some(false) {
        report.add(fields.at("environment"), "environment: write true, or leave the key out");
        return None;
    }
    let credential_source = fields.parsed(report, "credential_source", values::credential_source);
    let start_url = fields.parsed(report, "sso_start_url", values::start_url);
    let region = fields.parsed(report, "sso_region", |text| values::region(text, false));
    let account_id = fields.parsed(report, "sso_account_id", str::parse);
    let role_name = fields.parsed(report, "sso_role_name", values::role_name);
    let session = fields.parsed(report, "sso_session", values::name);

    let identity_center = REQUIRED.iter().chain(&BOTH).chain(&["sso_session"]).any(|key| fields.has(key));
    let kinds = [fields.has("profile"), fields.has("environment"), fields.has("credential_source"), identity_center];
    match kinds {
        [true, false, false, false] => Some(Source::AwsProfile(profile?)),
        [false, true, false, false] => environment.map(|_| Source::Environment),
        [false, false, true, false] => credential_source,
        [false, false, false, true] => {
            let mut missing: Vec<&str> = REQUIRED.into_iter().filter(|key| !fields.has(key)).collect();
            if BOTH.iter().any(|key| fields.has(key)) {
                missing.extend(BOTH.into_iter().filter(|key| !fields.has(key)));
            }
            if !missing.is_empty() {
                let message = format!("the source {} lacks {}", quoted(name), missing.join(", "));
                report.add(fields.at, message);
                return None;
            }
            let permission_set = match (fields.has("sso_account_id"), account_id, role_name) {
                (false, ..) => None,
                (true, account_id, role_name) => Some(PermissionSet { account_id: account_id?, role_name: role_name? }),
            };
            Some(Source::IdentityCenter { start_url: start_url?, region: region?, session, permission_set })
        }
        [false, false, false, false] => {
            report.add(fields.at, format!("the source {} says nothing: write {KINDS}", quoted(name)));
            None
        }
        _ => {
            report.add(fields.at, format!("the source {} is of several kinds: write one of {KINDS}", quoted(name)));
            None
        }
    }
}
