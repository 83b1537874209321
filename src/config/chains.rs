//! Resolves `via`, role by role, and checks what only the whole chain shows.

use std::collections::HashMap;

use super::accounts::Place;
use super::report::{Report, quoted};
use crate::domain::role::{CHAINED_DURATION, Profile, RoleIndex, Source};

/// Sets `via` of every role, reports names that fit no role or several, cycles, and sessions that are too long.
pub(super) fn resolve(report: &mut Report, profile: &mut Profile, places: &[Place<'_>]) {
    let wanted = look_up(profile, places);
    for (place, index) in places.iter().zip(0..) {
        let Some(via) = place.via else { continue };
        match wanted[via.value] {
            (Some(found), None) if found == RoleIndex(index) => {
                let label = quoted(&profile.label(found));
                report.add(via.at, format!("via: the role {label} cannot be assumed by itself"));
            }
            (Some(found), None) => profile.roles[index].via = Some(found),
            // The same name twice in one account was told already.
            (Some(first), Some(second)) if profile.label(first) == profile.label(second) => {
                profile.roles[index].via = Some(first);
            }
            (Some(first), Some(second)) => {
                let (first, second) = (quoted(&profile.label(first)), quoted(&profile.label(second)));
                let via_name = quoted(via.value);
                report.add(via.at, format!("via: {via_name} may be {first} or {second}: write account/role"));
            }
            _ => {
                let labels: Vec<String> = match report.may_guess() {
                    true => profile.indices().map(|index| profile.label(index)).collect(),
                    false => Vec::new(),
                };
                let meant = report.did_you_mean(via.value, labels.iter().map(String::as_str));
                let signs_in = profile.sources.values().any(|source| matches!(source, Source::IdentityCenter { .. }));
                // What a sign-in gives is not known while the file is checked.
                let permission_set = match signs_in && meant.is_empty() {
                    true => {
                        "; a permission set is named here only when it is a role of the file: permission_set = true"
                    }
                    false => "",
                };
                report.add(via.at, format!("via: there is no role {}{meant}{permission_set}", quoted(via.value)));
            }
        }
    }
    refuse_cycles(report, profile, places);
    check_durations(report, profile, places);
}

/// For every name in some `via`, the first two roles that have it: as account/role, id/role, alias or ARN.
fn look_up<'a>(profile: &Profile, places: &[Place<'a>]) -> HashMap<&'a str, (Option<RoleIndex>, Option<RoleIndex>)> {
    let mut wanted: HashMap<&str, (Option<RoleIndex>, Option<RoleIndex>)> =
        places.iter().filter_map(|place| place.via).map(|via| (via.value, (None, None))).collect();
    if wanted.is_empty() {
        return wanted;
    }
    let any_arn = wanted.keys().any(|name| name.starts_with("arn:"));
    let mut name = String::new();
    for index in profile.indices() {
        let (role, account) = (profile.role(index), profile.account(index));
        let mut found = |name: &str| match wanted.get_mut(name) {
            Some((first @ None, _)) => *first = Some(index),
            Some((first, second @ None)) if *first != Some(index) => *second = Some(index),
            _ => {}
        };
        for account in [account.name.as_str(), account.id.as_str()] {
            name.clear();
            name.extend([account, "/", &role.name]);
            found(&name);
        }
        if let Some(arn) = role.known_arn().filter(|_| any_arn) {
            found(&arn.to_string());
        }
        if let Some(alias) = &role.alias {
            found(alias);
        }
    }
    wanted
}

/// Reports each cycle once and cuts it, so that every chain ends.
fn refuse_cycles(report: &mut Report, profile: &mut Profile, places: &[Place<'_>]) {
    #[derive(Clone, Copy, PartialEq)]
    enum Seen {
        Not,
        /// On the walk that began at this role.
        Now(usize),
    }
    let mut seen = vec![Seen::Not; profile.roles.len()];
    for start in 0..profile.roles.len() {
        let mut at = start;
        while seen[at] == Seen::Not {
            seen[at] = Seen::Now(start);
            let Some(via) = profile.roles[at].via else { break };
            if seen[via.0] == Seen::Now(start) {
                let at_text = places[via.0].via.map_or(places[via.0].at, |text| text.at);
                let cycle = cycle(profile, via);
                report.add(at_text, format!("via: these roles assume each other in a circle: {cycle}"));
                profile.roles[at].via = None;
                break;
            }
            at = via.0;
        }
    }
}

/// `a/One via b/Two via a/One`
fn cycle(profile: &Profile, first: RoleIndex) -> String {
    /// More do not help, and a circle may have thousands.
    const SHOWN: usize = 10;
    let mut text = profile.label(first);
    let mut at = first;
    for _ in 0..SHOWN {
        let Some(via) = profile.role(at).via else { return text };
        text.push_str(" via ");
        text.push_str(&profile.label(via));
        if via == first {
            return text;
        }
        at = via;
    }
    text + " via …"
}

/// IAM User Guide, "Roles terms and concepts": role chaining limits a session to one hour. The session of an IAM
/// Identity Center permission set is a role's, so a role assumed from it is chained as well.
fn check_durations(report: &mut Report, profile: &Profile, places: &[Place<'_>]) {
    for (role, place) in profile.roles.iter().zip(places) {
        if place.own_endpoint || role.duration.is_none_or(|duration| duration <= CHAINED_DURATION) {
            continue;
        }
        let source = profile.sources.get(&profile.accounts[role.account].source);
        if place.via.is_some() {
            let message = "duration: AWS caps role chaining (via) at one hour: write 1h or less";
            report.add(place.duration_at, message);
        } else if let Some(Source::IdentityCenter { .. }) = source {
            let message = "duration: AWS caps role chaining at one hour, and a role assumed from IAM Identity Center is \
                           chained: write 1h or less";
            report.add(place.duration_at, message);
        }
    }
}
