//! What an inquiry says, row by row: measured here, so that `update` knows how far it scrolls and `view` only draws.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::keys::Action;
use super::labelled::{self, Row, Tone};
use super::state::inquiry::{About, Inquiry, Told};
use super::state::{State, room};
use crate::domain::duration::words;
use crate::domain::explain::{Decision, Inspection, NamedPolicy, Seen, SideAnswer, side_name};
use crate::domain::policy::least::Ordered;
use crate::domain::text::{escaped, escaped_json, escaped_lines, harmless_line};
use crate::ops::explain::{Explanation, going_on};
use crate::ops::mend::Mending;

/// Columns of the labels.
const LABEL: usize = 12;

/// From this width on, the JSON of a role stands beside what is said of it.
const WIDE: usize = 106;

/// What comes next: the command, and the policy that it attaches.
pub(super) struct Next<'a> {
    pub(super) command: String,
    pub(super) policy: Option<&'a Value>,
}

/// What comes next after an explanation.
pub(super) fn next<'a>(state: &State, inquiry: &Inquiry, explanation: &'a Explanation) -> Option<Next<'a>> {
    if let Some((_, remedy)) = explanation.remedy() {
        return Some(Next { command: harmless_line(&remedy.command), policy: remedy.policy.as_ref() });
    }
    let allowed = explanation.deciding().is_some_and(|step| step.answer.decision == Decision::Allowed);
    let label = state.profile.label(inquiry.about.role());
    let uri = match &inquiry.about {
        About::Access { uri, .. } => uri.as_ref(),
        About::Role(_) => None,
    };
    allowed.then(|| Next { command: going_on(&label, uri), policy: None })
}

/// A policy as people write it.
pub(super) fn json(policy: &Value) -> String {
    serde_json::to_string_pretty(&Ordered(policy)).unwrap_or_default()
}

/// The rows, and those that stand beside them.
pub(super) fn rows(state: &State, inquiry: &Inquiry) -> (Vec<Row>, Vec<Row>) {
    let width = usize::from(room(state.size).0);
    match &inquiry.told {
        Told::Access(explanation) => {
            let mut rows = Rows { rows: Vec::new(), width };
            rows.explanation(state, inquiry, explanation);
            (rows.rows, Vec::new())
        }
        Told::Role(inspection) => {
            let halves = width >= WIDE;
            let mut left = Rows { rows: Vec::new(), width: if halves { width / 2 - 1 } else { width } };
            left.inspection(state, inspection);
            let mut right = Rows { rows: Vec::new(), width: width - width / 2 - 1 };
            if halves {
                right.documents(inspection);
            } else {
                left.fact("", "", Tone::Plain);
                left.documents(inspection);
            }
            (left.rows, right.rows)
        }
        Told::Failed(error) => {
            let mut rows = Rows { rows: Vec::new(), width };
            rows.text(&error.to_string(), Tone::Bad);
            if let Some(hint) = super::hint::hint(&state.keys, error) {
                rows.text("", Tone::Plain);
                rows.text(&format!("hint: {hint}"), Tone::Plain);
            }
            (rows.rows, Vec::new())
        }
        Told::Asking(_) | Told::Nothing => (Vec::new(), Vec::new()),
    }
}

/// What would be written: the rows above the line in which the account's name is typed.
pub(super) fn written(state: &State, mending: &Mending) -> Vec<Row> {
    let mut rows = Rows { rows: Vec::new(), width: usize::from(room(state.size).0) };
    let account = state.profile.account(mending.by);
    rows.fact("writes", &mending.place(), Tone::Title);
    rows.fact("in", &format!("account {} ({})", escaped(&account.name), account.id), Tone::Plain);
    rows.fact("as", &escaped(&state.profile.label(mending.by)), Tone::Plain);
    rows.fact("with", mending.action(), Tone::Plain);
    let then = match mending.present {
        Some(_) => "what is there, and the statements that are missing:",
        None => "there is none yet; it is then:",
    };
    rows.fact("policy", then, Tone::Plain);
    rows.document(&mending.text());
    rows.rows
}

/// Rows of the screen for [`written`]: the last ones are the question's.
pub(super) fn room_for_document(size: (u16, u16)) -> usize {
    usize::from(room(size).1).saturating_sub(2)
}

struct Rows {
    rows: Vec<Row>,
    width: usize,
}

impl Rows {
    /// What comes from outside is escaped by the caller.
    fn fact(&mut self, label: &str, text: &str, tone: Tone) {
        self.rows.extend(labelled::rows(label, text, tone, (LABEL, self.width)));
    }

    fn text(&mut self, text: &str, tone: Tone) {
        self.rows.extend(labelled::rows("", text, tone, (0, self.width)));
    }

    fn indented(&mut self, text: &str, tone: Tone) {
        self.rows.extend(labelled::rows("", text, tone, (2, self.width)));
    }

    /// A document line by line; a line that is too long goes on below its own beginning.
    fn document(&mut self, text: &str) {
        for line in text.lines() {
            let line = escaped_json(line);
            let rest = line.trim_start();
            let indent = (line.len() - rest.len()).min(self.width / 2);
            self.rows.extend(labelled::rows("", rest, Tone::Plain, (indent, self.width)));
        }
    }

    fn explanation(&mut self, state: &State, inquiry: &Inquiry, explanation: &Explanation) {
        let who = &explanation.who;
        let arn = if who.principal.arn.is_empty() { who.name.as_str() } else { who.principal.arn.as_str() };
        self.fact("you", &escaped(arn), Tone::Plain);
        self.fact("", &format!("{}, {}", who.kind, escaped(&who.name)), Tone::Dim);
        for step in &explanation.steps {
            let answer = &step.answer;
            let text = format!("{} on {}", answer.action, escaped(&answer.resource));
            self.fact(answer.decision.word(), &text, tone(answer.decision));
        }
        let Some(step) = explanation.deciding() else { return };
        self.fact("", "", Tone::Plain);
        let whose = if step.answer.action.starts_with("s3:") { "as" } else { "of" };
        self.text(&format!("{} {whose} {}, side by side", step.answer.action, escaped(&step.role)), Tone::Title);
        match step.answer.tried() {
            Some(words) => self.indented(&escaped(&words), Tone::Good),
            None => step.answer.sides.iter().for_each(|side| self.side(state, side)),
        }
        self.fact("", "", Tone::Plain);
        self.next(state, inquiry, explanation);
    }

    fn side(&mut self, state: &State, side: &SideAnswer) {
        let place = account(state, &side.account_id);
        let sep = if place.is_empty() { "" } else { " in " };
        self.fact(side_name(side.side), &format!("{}{sep}{place}", side.decision.word()), tone(side.decision));
        self.indented(&escaped(&side.reason), Tone::Plain);
        self.indented(&escaped(&side.evidence), Tone::Dim);
    }

    fn next(&mut self, state: &State, inquiry: &Inquiry, explanation: &Explanation) {
        let Some(next) = next(state, inquiry, explanation) else {
            self.fact("next", "ask whoever looks after the account above; nothing here can mend it", Tone::Title);
            return;
        };
        let remedy = explanation.remedy();
        let place = remedy.filter(|_| next.policy.is_some()).map(|(side, _)| account(state, &side.account_id));
        let place = place.filter(|place| !place.is_empty()).map(|place| format!("in {place}: "));
        self.fact("next", &format!("{}{}", place.unwrap_or_default(), next.command), Tone::Busy);
        let key = |action| state.keys.key(action).unwrap_or_default();
        if next.policy.is_none() && next.command.contains(" --with ") {
            self.fact("", &format!("{} looks with another role here", key(Action::NextPane)), Tone::Dim);
        }
        if remedy.is_some_and(|(_, remedy)| remedy.grant.is_some()) {
            self.fact("", &format!("{} writes it here, as a role of that account", key(Action::Mend)), Tone::Dim);
        }
        if let Some(policy) = next.policy {
            let file = remedy.and_then(|(_, remedy)| remedy.file).unwrap_or("policy.json");
            self.fact(file, "", Tone::Plain);
            self.document(&json(policy));
        }
        if let Some((side, _)) = remedy
            && side.decision == Decision::Unknown
            && let Some(step) = explanation.deciding()
        {
            let unknown = step.answer.sides.iter().filter(|side| side.decision == Decision::Unknown).skip(1);
            for other in unknown.filter_map(|side| side.remedy.as_ref()) {
                self.fact("and", &harmless_line(&other.command), Tone::Busy);
            }
        }
    }

    fn inspection(&mut self, state: &State, inspection: &Inspection) {
        let time = |time: jiff::Timestamp| on_day(time, &state.zone);
        match &inspection.role {
            Seen::Yes { value: Some(role), .. } => {
                self.fact("role", &escaped(&role.arn), Tone::Title);
                if let Some(text) = &role.description {
                    self.fact("", &escaped(text), Tone::Dim);
                }
                for (place, line) in inspection.trust_in_words.iter().enumerate() {
                    self.fact(if place == 0 { "trusts" } else { "" }, &escaped(line), Tone::Plain);
                }
                let longest = role.max_session_seconds.map(words).unwrap_or_else(|| "1h".into());
                self.fact("sessions", &format!("up to {longest}"), Tone::Plain);
                if let Some(created) = role.created {
                    self.fact("created", &time(created), Tone::Plain);
                }
                let last = match &role.last_used {
                    Some(used) => {
                        let region = used.region.as_deref().map(|region| format!(" in {}", escaped(region)));
                        format!("{}{}", time(used.time), region.unwrap_or_default())
                    }
                    None => "not in the last 400 days, as far as IAM knows".into(),
                };
                self.fact("last used", &last, Tone::Plain);
                for (key, value) in &role.tags {
                    self.fact("tag", &format!("{} = {}", escaped(key), escaped(value)), Tone::Plain);
                }
            }
            Seen::Yes { value: None, by } => {
                self.fact("role", "there is no role of that name", Tone::Bad);
                self.indented(&escaped(by), Tone::Dim);
            }
            other => self.unseen("role", &other.told(), state),
        }
        match &inspection.policies {
            Seen::Yes { value, .. } if value.is_empty() => self.fact("policies", "none: it may do nothing", Tone::Warn),
            Seen::Yes { value, .. } => {
                for (place, policy) in value.iter().enumerate() {
                    self.fact(if place == 0 { "policies" } else { "" }, &named(policy), Tone::Plain);
                }
            }
            other => self.unseen("policies", &other.told(), state),
        }
        match &inspection.boundary {
            Seen::Yes { value: Some(policy), .. } => self.fact("boundary", &named(policy), Tone::Plain),
            Seen::Yes { value: None, .. } => self.fact("boundary", "none", Tone::Plain),
            other => self.unseen("boundary", &other.told(), state),
        }
        self.fact("", "", Tone::Plain);
        for (place, by) in seen_by(inspection).iter().enumerate() {
            self.fact(if place == 0 { "seen by" } else { "" }, &escaped(by), Tone::Dim);
        }
    }

    /// A part that nobody here may see, in its own line.
    fn unseen(&mut self, label: &str, why: &str, state: &State) {
        self.fact(label, &format!("not seen: {}", escaped(why)), Tone::Bad);
        let key = state.keys.key(Action::NextPane).unwrap_or_default();
        if label == "role" {
            self.fact("", &format!("{key} looks with another role"), Tone::Dim);
        }
    }

    fn documents(&mut self, inspection: &Inspection) {
        for (title, document) in documents(inspection) {
            self.text(&escaped(&title), Tone::Title);
            let pretty = serde_json::from_str::<Value>(&document).map(|value| json(&value));
            self.document(&pretty.unwrap_or_else(|_| escaped_lines(&document)));
            self.text("", Tone::Plain);
        }
    }
}

/// Every document of a role with its name.
pub(super) fn documents(inspection: &Inspection) -> Vec<(String, String)> {
    let trust = inspection.role.value().and_then(Option::as_ref);
    let trust = trust.map(|role| ("trust policy".to_owned(), role.trust.clone()));
    let policies = inspection.policies.value().into_iter().flatten();
    let boundary = inspection.boundary.value().and_then(Option::as_ref).map(|policy| ("permissions boundary ", policy));
    let all = policies.map(|policy| ("", policy)).chain(boundary);
    trust
        .into_iter()
        .chain(
            all.map(|(what, policy)| {
                (format!("{what}{} ({})", policy.name, policy.kept_by()), policy.document.clone())
            }),
        )
        .collect()
}

/// The calls by which the parts were seen, each once.
fn seen_by(inspection: &Inspection) -> Vec<String> {
    let parts = [
        (inspection.role.told(), inspection.role.value().is_some()),
        (inspection.policies.told(), inspection.policies.value().is_some()),
        (inspection.boundary.told(), inspection.boundary.value().is_some()),
    ];
    let mut all: Vec<String> = Vec::new();
    for (told, _) in parts.into_iter().filter(|(_, seen)| *seen) {
        if !all.contains(&told) {
            all.push(told);
        }
    }
    all
}

fn named(policy: &NamedPolicy) -> String {
    format!("{}, {}", escaped(&policy.name), policy.kept_by())
}

fn tone(decision: Decision) -> Tone {
    match decision {
        Decision::Allowed => Tone::Good,
        Decision::Denied => Tone::Bad,
        Decision::Unknown => Tone::Warn,
    }
}

/// An account by its id, with the name that it has in the profile file.
fn account(state: &State, id: &str) -> String {
    let known = state.profile.accounts.iter().find(|account| account.id.as_str() == id);
    match known {
        Some(account) => format!("account {} ({})", escaped(&account.name), account.id),
        None if id.is_empty() => String::new(),
        None => format!("account {}", escaped(id)),
    }
}

fn on_day(time: jiff::Timestamp, zone: &TimeZone) -> String {
    time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M %Z").to_string()
}
