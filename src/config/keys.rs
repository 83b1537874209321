//! Which keys each table of the profile file may hold. The parser, its "did you mean" and the test of
//! config.example.toml all read these tables.

/// The keys of one kind of table.
pub(super) struct Keys {
    /// As the file spells the table.
    pub(super) title: &'static str,
    pub(super) keys: &'static [&'static str],
}

pub(super) const FILE: Keys = Keys { title: "the top of the file", keys: &["settings", "sources", "accounts"] };

pub(super) const SETTINGS: Keys = Keys {
    title: "[settings]",
    keys: &["region", "duration", "session_name", "endpoint_url", "cache", "renew", "mfa_command", "on_failure"],
};

pub(super) const SOURCE: Keys = Keys {
    title: "[sources.NAME]",
    keys: &[
        "profile",
        "environment",
        "credential_source",
        "sso_start_url",
        "sso_region",
        "sso_account_id",
        "sso_role_name",
        "sso_session",
    ],
};

pub(super) const ACCOUNT: Keys = Keys {
    title: "[[accounts]]",
    keys: &["name", "id", "source", "region", "environment", "color", "confirm", "endpoint_url", "path_style", "roles"],
};

pub(super) const ROLE: Keys = Keys {
    title: "[[accounts.roles]]",
    keys: &[
        "name",
        "arn",
        "alias",
        "permission_set",
        "renew",
        "via",
        "external_id",
        "mfa_serial",
        "duration",
        "session_name",
        "source_identity",
        "tags",
        "transitive_tags",
        "policy",
        "policy_arns",
        "buckets",
        "requester_pays",
    ],
};

pub(super) const ALL: [&Keys; 5] = [&FILE, &SETTINGS, &SOURCE, &ACCOUNT, &ROLE];

/// What people write who know `~/.aws/config` or the API, and our word for it.
pub(super) const OTHER_WORDS: [(&str, &str); 12] = [
    ("role_arn", "arn"),
    ("role_name", "name"),
    ("source_profile", "via"),
    ("duration_seconds", "duration"),
    ("role_session_name", "session_name"),
    ("account_id", "id"),
    ("account", "accounts"),
    ("role", "roles"),
    ("source", "sources"),
    ("colour", "color"),
    ("aws_profile", "profile"),
    ("serial_number", "mfa_serial"),
];
