//! What a transfer is of, and what there is to say of a copy before it starts, row by row.
//!
//! `view` draws the rows, and `update` scrolls no further than they go.

use unicode_width::UnicodeWidthStr as _;

use super::keys::Action;
use super::labelled::{self, Row, Tone};
use super::report::{kept, way};
use super::state::copying::{CopyOption, Copying, Route};
use super::state::{Picked, State};
use crate::domain::copy::Class;
use crate::domain::role::RoleIndex;
use crate::domain::text::{bytes, count, cut, cut_start, escaped, plural};
use crate::domain::transfer::{IfExists, Listed};
use crate::domain::uri::S3Uri;
use crate::error::Error;
use crate::ops::copy::{CopyPick, Refused};
use crate::ops::policy::{self as ops, PoliciesOf, explain_command};

/// Columns of the labels.
const LABEL: usize = 9;

/// Columns and rows for the text, inside its frame and margins; the notice below stays in view.
pub(super) fn room((columns, rows): (u16, u16)) -> (usize, usize) {
    (usize::from(columns.saturating_sub(8).min(90)), usize::from(rows.saturating_sub(5)))
}

/// The rows of the last question about a copy.
pub(super) fn review(
    state: &State,
    copying: &Copying,
    (target, picks, route): (&S3Uri, &[CopyPick], &Route),
    width: usize,
) -> Vec<Row> {
    let label = |role| escaped(&state.profile.label(role)).into_owned();
    let column = (LABEL, width);
    // What cannot be seen whole at its end can be seen at its start: the beginning of a key gives way.
    let place = |role: RoleIndex, uri: &str| {
        let role = format!("{}  ", label(role));
        let uri = escaped(uri);
        let room = width.saturating_sub(LABEL + role.width());
        format!("{role}{}", cut_start(&uri, room))
    };
    let (source, lands) = match picks {
        [only] => {
            let lands = only.target_of(&only.uri().key).unwrap_or_else(|| target.clone());
            (only.uri().to_string(), lands.to_string())
        }
        _ => (picks.first().map(|pick| format!("s3://{}/", pick.uri().bucket)).unwrap_or_default(), target.to_string()),
    };
    let what = what(state, &copying.picked);
    let mut rows = labelled::rows("what", &cut(&what, width.saturating_sub(LABEL)), Tone::Plain, column);
    rows.extend(labelled::rows("from", &place(copying.from, &source), Tone::Plain, column));
    let to = copying.to.unwrap_or(copying.from);
    rows.extend(labelled::rows("to", &place(to, &lands), Tone::Plain, column));
    for option in CopyOption::ALL {
        let (name, value) = match option {
            CopyOption::IfExists => ("there", format!("objects that differ {}", kept(copying.if_exists, true))),
            CopyOption::Class => ("class", class(&copying.storage.class)),
            CopyOption::Tags => {
                ("tags", if copying.storage.without_tags { "stay behind" } else { "come along" }.to_owned())
            }
        };
        let chosen = option == copying.option;
        let tone = match (option, copying.if_exists) {
            (CopyOption::IfExists, IfExists::Overwrite) => Tone::Warn,
            _ if chosen => Tone::Title,
            _ => Tone::Plain,
        };
        let name = format!("{} {name}", if chosen { "›" } else { " " });
        rows.extend(labelled::rows(&name, &value, tone, column));
    }
    match route {
        Route::Asked(_) => rows.extend(labelled::rows("way", "trying with one object …", Tone::Busy, column)),
        Route::Open(plan) if plan.is_empty => {
            rows.extend(labelled::rows("way", "there is nothing to copy", Tone::Warn, column));
        }
        Route::Open(plan) => {
            rows.extend(labelled::rows("way", &way(&state.profile, plan), Tone::Good, column));
            for note in &plan.notes {
                rows.extend(labelled::rows("", &escaped(note), Tone::Dim, column));
            }
        }
        Route::Refused(refused) => rows.extend(why(state, (copying, picks), refused, column)),
    }
    rows
}

fn class(class: &Class) -> String {
    match class {
        Class::Standard => "STANDARD".into(),
        Class::Keep => "that of the source".into(),
        Class::Named(class) => escaped(class).into_owned(),
    }
}

/// What was refused to whom, and what would tell more.
fn why(
    state: &State,
    (copying, picks): (&Copying, &[CopyPick]),
    refused: &Refused,
    column: (usize, usize),
) -> Vec<Row> {
    let label = |role| escaped(&state.profile.label(role)).into_owned();
    let told = format!("as {}: {}", label(refused.role), refused.error);
    let mut rows = labelled::rows("refused", &told, Tone::Bad, column);
    match policy_command(state, copying, picks, refused) {
        Some(command) => {
            let explain = match state.keys.key(Action::Explain) {
                Some(key) => key.to_owned(),
                None => {
                    let place = picks.first().map(|pick| refused.place(pick));
                    let role = state.profile.label(refused.role);
                    format!("`{}`", explain_command(&role, place, refused.writes()))
                }
            };
            rows.extend(labelled::rows("hint", &format!("{explain} says which side refuses"), Tone::Plain, column));
            let key = state.keys.key(Action::CopyText).unwrap_or_default();
            let text = format!("`{}` prints what it needs; {key} copies that", escaped(&command));
            rows.extend(labelled::rows("", &text, Tone::Plain, column));
        }
        None => {
            let hint = refused.error.hint();
            rows.extend(hint.into_iter().flat_map(|hint| labelled::rows("hint", &hint, Tone::Plain, column)));
        }
    }
    for (role, error) in &refused.others {
        rows.extend(labelled::rows("", &format!("as {}: {error}", label(*role)), Tone::Dim, column));
    }
    rows
}

/// The command that prints the policies of a copy that was refused; `None` where no policy would help.
pub(super) fn policy_command(
    state: &State,
    copying: &Copying,
    picks: &[CopyPick],
    refused: &Refused,
) -> Option<String> {
    let (Error::Denied { .. }, Some(pick), Some(to)) = (&refused.error, picks.first(), copying.to) else { return None };
    let (from, to) = (state.profile.label(copying.from), state.profile.label(to));
    let storage = &copying.storage;
    Some(ops::policy_command(PoliciesOf { from: &from, to: &to, pick, storage, streamed: false, batch: None }))
}

/// What a transfer is of, and how much that is as far as anybody knows.
pub(super) fn what(state: &State, picked: &[Picked]) -> String {
    let counted = |uri| state.browser.usage.get(uri).filter(|usage| !usage.runs()).map(|usage| usage.counted);
    let much = |objects, size| format!("{}, {}", plural(objects, "object"), bytes(size));
    match picked {
        [Picked { uri, listed: None, .. }] => {
            let all = match uri.key.is_empty() {
                true => format!("All of the bucket {}", escaped(&uri.bucket)),
                false => format!("All below {}", escaped(uri.name())),
            };
            match (counted(uri), state.keys.key(Action::Usage)) {
                (Some(counted), _) => format!("{all}: {}", much(counted.objects, counted.bytes)),
                (None, Some(key)) => format!("{all}; {key} on it tells beforehand how much that is"),
                (None, None) => all,
            }
        }
        [Picked { uri, listed: Some(Listed { size, .. }), version: Some(version), .. }] => {
            format!("{} of version {} ({})", escaped(uri.name()), escaped(version), bytes(*size))
        }
        [Picked { uri, listed: Some(Listed { size, .. }), .. }] => {
            format!("{} ({})", escaped(uri.name()), bytes(*size))
        }
        _ => {
            let (mut objects, mut size, mut unknown) = (0, 0, 0);
            for Picked { uri, listed: known, .. } in picked {
                match (known, counted(uri)) {
                    (Some(known), _) => (objects, size) = (objects + 1, size + known.size),
                    (None, Some(counted)) => (objects, size) = (objects + counted.objects, size + counted.bytes),
                    (None, None) => unknown += 1,
                }
            }
            let all = format!("{} marked items", count(picked.len() as u64));
            match (objects, unknown) {
                (_, 0) => format!("{all}: {}", much(objects, size)),
                (0, _) => format!("{all}: all that is below them"),
                _ => format!("{all}: {}, and all below {}", much(objects, size), plural(unknown, "folder")),
            }
        }
    }
}
