//! One table of the profile file: its keys checked against those it may hold, its values read by type.

use serde_spanned::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, Keys};
use super::report::{Report, quoted};
use super::secrets::{self, WHERE_SECRETS_GO};

/// A table, and the kind of table it is.
pub(super) struct Fields<'a> {
    /// The entries that belong here: a handful, which are compared faster than a tree is searched.
    entries: Vec<(&'static str, &'a Spanned<DeValue<'a>>)>,
    /// The place of its header.
    pub(super) at: usize,
    keys: &'static Keys,
}

/// A text of the file and its place.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) value: &'a str,
    pub(super) at: usize,
}

impl<'a> Fields<'a> {
    /// Reports every key that does not belong here.
    pub(super) fn open(report: &mut Report, table: &'a DeTable<'a>, at: usize, keys: &'static Keys) -> Self {
        let mut entries = Vec::with_capacity(table.len().min(keys.keys.len()));
        for (key, value) in table {
            if let Some(known) = keys.keys.iter().find(|known| **known == &**key.get_ref()) {
                entries.push((*known, value));
                continue;
            }
            let (name, at) = (key.get_ref(), key.span().start);
            if !refuse_secret_entry(report, name, value, at) {
                let meant = meant(report, name, keys);
                report.add(at, format!("unknown key {} in {}{meant}", quoted(name), keys.title));
                refuse_secrets_within(report, value);
            }
        }
        Self { entries, at, keys }
    }

    fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        debug_assert!(self.keys.keys.contains(&key), "{key} is read but not in the key table");
        self.entries.iter().find(|(known, _)| *known == key).map(|(_, value)| *value)
    }

    /// Whether the key is there, of whatever type.
    pub(super) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The place of the key's value, else of the table.
    pub(super) fn at(&self, key: &str) -> usize {
        self.get(key).map_or(self.at, |value| value.span().start)
    }

    /// The text of `key`; another type or a secret is reported and gives nothing.
    pub(super) fn text(&self, report: &mut Report, key: &str) -> Option<Text<'a>> {
        text(report, key, self.get(key)?)
    }

    /// The text of `key` after `rule`; what breaks the rule is reported and gives nothing.
    pub(super) fn parsed<T>(
        &self,
        report: &mut Report,
        key: &str,
        rule: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let text = self.text(report, key)?;
        parsed(report, key, text, rule)
    }

    /// As [`Fields::parsed`], for lengths of time, which may be whole seconds without quotes.
    pub(super) fn length<T>(
        &self,
        report: &mut Report,
        key: &str,
        rule: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Integer(seconds) => {
                parsed(report, key, Text { value: &seconds.to_string(), at: value.span().start }, rule)
            }
            _ => self.parsed(report, key, rule),
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, report: &mut Report, key: &str) -> Option<bool> {
        let value = self.get(key)?;
        match value.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            other => {
                report.add(value.span().start, format!("{key}: write true or false, not {}", kind(other)));
                None
            }
        }
    }

    /// Whether it is there and true; what else it is, [`Fields::flag`] reports.
    pub(super) fn is_true(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| matches!(value.get_ref(), DeValue::Boolean(true)))
    }

    /// The texts of a list.
    pub(super) fn texts(&self, report: &mut Report, key: &str) -> Vec<Text<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(|item| text(report, key, item)).collect(),
            other => {
                let message = format!("{key}: write a list of texts in [ ], not {}", kind(other));
                report.add(value.span().start, message);
                Vec::new()
            }
        }
    }

    /// The texts of a list, each after `rule`.
    pub(super) fn list<T>(&self, report: &mut Report, key: &str, rule: impl Fn(&str) -> Result<T, String>) -> Vec<T> {
        let texts = self.texts(report, key);
        texts.into_iter().filter_map(|text| parsed(report, key, text, &rule)).collect()
    }

    /// The named texts of a table whose keys are free.
    pub(super) fn named_texts(&self, report: &mut Report, key: &str) -> Vec<(Text<'a>, Text<'a>)> {
        let entries = self.entries(report, key, &format!("write {{ Key = \"value\" }} for {key}"));
        let mut named = Vec::with_capacity(entries.len());
        for (name, value) in entries {
            if let Some(text) = text(report, key, value) {
                named.push((name, text));
            }
        }
        named
    }

    /// The entries of a table whose keys are free; another type is reported with `expected`.
    pub(super) fn entries(
        &self,
        report: &mut Report,
        key: &str,
        expected: &str,
    ) -> Vec<(Text<'a>, &'a Spanned<DeValue<'a>>)> {
        let Some(value) = self.get(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Table(table) => {
                let mut entries = Vec::with_capacity(table.len());
                for (name, value) in table {
                    let name = Text { value: name.get_ref(), at: name.span().start };
                    if is_secret_value(key, name.value) {
                        report.add(name.at, format!("{key}: a name here looks like a secret; {WHERE_SECRETS_GO}"));
                    } else {
                        entries.push((name, value));
                    }
                }
                entries
            }
            other => {
                report.add(value.span().start, format!("{key}: {expected}, not {}", kind(other)));
                Vec::new()
            }
        }
    }

    /// One table below this one.
    pub(super) fn table(&self, report: &mut Report, key: &str, keys: &'static Keys) -> Option<Fields<'a>> {
        open_value(report, self.get(key)?, keys)
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&self, report: &mut Report, key: &str, keys: &'static Keys) -> Vec<Fields<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        match value.get_ref() {
            DeValue::Array(items) => items.iter().filter_map(|item| open_value(report, item, keys)).collect(),
            other => {
                let message = format!("write {} with double brackets, once for each, not {}", keys.title, kind(other));
                report.add(value.span().start, message);
                refuse_secrets_within(report, value);
                Vec::new()
            }
        }
    }
}

/// `value` as a table of the kind `keys`.
pub(super) fn open_value<'a>(
    report: &mut Report,
    value: &'a Spanned<DeValue<'a>>,
    keys: &'static Keys,
) -> Option<Fields<'a>> {
    match value.get_ref() {
        DeValue::Table(table) => Some(Fields::open(report, table, value.span().start, keys)),
        other => {
            report.add(value.span().start, format!("write a table {}, not {}", keys.title, kind(other)));
            None
        }
    }
}

/// Reports what breaks `rule`, with the key in front.
pub(super) fn parsed<T>(
    report: &mut Report,
    key: &str,
    text: Text<'_>,
    rule: impl FnOnce(&str) -> Result<T, String>,
) -> Option<T> {
    rule(text.value).map_err(|message| report.add(text.at, format!("{key}: {message}"))).ok()
}

fn text<'a>(report: &mut Report, key: &str, value: &'a Spanned<DeValue<'a>>) -> Option<Text<'a>> {
    let at = value.span().start;
    match value.get_ref() {
        DeValue::String(text) if is_secret_value(key, text) => {
            report.add(at, format!("{key}: this looks like a secret; {WHERE_SECRETS_GO}"));
            None
        }
        DeValue::String(text) => Some(Text { value: text, at }),
        other => {
            report.add(at, format!("{key}: write a text in quotes, not {}", kind(other)));
            None
        }
    }
}

fn is_secret_value(key: &str, text: &str) -> bool {
    // An external ID is often 40 random characters, and is no secret (IAM User Guide, "Access to AWS accounts owned
    // by third parties").
    let random_is_fine = key == "external_id";
    secrets::holds_key_id(text) || !random_is_fine && (secrets::is_secret_key(text) || secrets::is_session_token(text))
}

/// Whether an entry that is not known was refused as a secret.
fn refuse_secret_entry(report: &mut Report, name: &str, value: &Spanned<DeValue<'_>>, at: usize) -> bool {
    let refused = if is_secret_value("", name) {
        report.add(at, format!("a key here looks like a secret itself; {WHERE_SECRETS_GO}"));
        true
    } else if secrets::is_secret_name(name) {
        report.add(at, format!("{} names a secret; {WHERE_SECRETS_GO}", quoted(name)));
        true
    } else {
        false
    };
    if let (false, DeValue::String(text)) = (refused, value.get_ref())
        && is_secret_value("", text)
    {
        report.add(at, format!("the value of {} looks like a secret; {WHERE_SECRETS_GO}", quoted(name)));
        return true;
    }
    refused
}

/// Secrets in a part of the file that is wrong for another reason are told too.
fn refuse_secrets_within(report: &mut Report, value: &Spanned<DeValue<'_>>) {
    match value.get_ref() {
        DeValue::Table(table) => {
            for (key, value) in table {
                if !refuse_secret_entry(report, key.get_ref(), value, key.span().start) {
                    refuse_secrets_within(report, value);
                }
            }
        }
        DeValue::Array(items) => items.iter().for_each(|item| refuse_secrets_within(report, item)),
        DeValue::String(text) if is_secret_value("", text) => {
            report.add(value.span().start, format!("a value here looks like a secret; {WHERE_SECRETS_GO}"));
        }
        _ => {}
    }
}

/// What was perhaps meant by an unknown key: another key of this table, or a key of another table.
fn meant(report: &mut Report, name: &str, here: &'static Keys) -> String {
    let other_word = keys::OTHER_WORDS.iter().find(|(word, ours)| *word == name && here.keys.contains(ours));
    if let Some((_, ours)) = other_word {
        return format!("; did you mean `{ours}`?");
    }
    let elsewhere: Vec<_> =
        keys::ALL.iter().filter(|table| table.keys.contains(&name)).map(|table| table.title).collect();
    if !elsewhere.is_empty() {
        return format!("; it belongs in {}", elsewhere.join(" or "));
    }
    let near = report.did_you_mean(name, here.keys.iter().copied());
    if near.is_empty() { format!("; known are {}", here.keys.join(", ")) } else { near }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}
