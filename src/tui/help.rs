//! The help: what each key does in each pane, from the same table that binds them. The pane that has the keys comes
//! first, and in each the keys that are pressed most.

use super::keys::{Action, KeyMap};
use super::labelled::{Row, Tone, rows};
use super::state::Focus;

use Keys::{Bound, Fixed};

/// Which keys a line is about.
enum Keys {
    /// Those of some actions.
    Bound(&'static [Action]),
    /// Keys that nobody binds.
    Fixed(&'static str),
}

type Group = (&'static str, &'static [(Keys, &'static str)]);

const ROLES: Group = (
    "Accounts and roles",
    &[
        (Bound(&[Action::Open]), "assume the role, open its buckets"),
        (Bound(&[Action::Filter]), "filter by name, id, ARN"),
        (Bound(&[Action::Shell]), "a subshell with the role's session"),
        (Bound(&[Action::Console]), "the AWS web console, signed in"),
        (Bound(&[Action::Refresh]), "a new session of the role"),
        (Bound(&[Action::CopyText]), "copy the role's ARN"),
        (Bound(&[Action::Explain]), "why the role is refused, or not"),
        (Bound(&[Action::Details]), "its trust and permissions policies"),
    ],
);

const BROWSER: Group = (
    "Buckets, folders, objects",
    &[
        (Bound(&[Action::Open]), "open; preview an object"),
        (Bound(&[Action::Parent]), "one level up"),
        (Bound(&[Action::Download]), "download the marks, else the row"),
        (Bound(&[Action::Copy]), "copy them to another bucket"),
        (Bound(&[Action::Mark, Action::MarkAll]), "mark or unmark; all that is shown"),
        (Bound(&[Action::Filter]), "filter what is listed"),
        (Bound(&[Action::Find]), "find by name at every level below"),
        (Bound(&[Action::Preview]), "preview the object"),
        (Bound(&[Action::Details]), "details: size, tags, encryption, …"),
        (Bound(&[Action::Explain]), "why it is refused, what mends it"),
        (Bound(&[Action::CopyText]), "copy URI, ARN, URL, presigned URL"),
        (Bound(&[Action::Sort, Action::Reverse]), "sort by name, size, time; reverse"),
        (Bound(&[Action::Versions]), "versions and delete markers"),
        (Bound(&[Action::Flat]), "all below, or level by level"),
        (Bound(&[Action::Usage]), "count what is below, and its size"),
        (Bound(&[Action::Bookmark]), "bookmark this place, or forget it"),
        (Bound(&[Action::Shell]), "a subshell of the header's role"),
        (Bound(&[Action::Console]), "the web console, at the row"),
        (Bound(&[Action::Refresh]), "list again"),
    ],
);

const PREVIEW: Group = (
    "In a preview",
    &[
        (Fixed("Enter"), "the next way: text, hex, table"),
        (Bound(&[Action::Filter]), "search in it"),
        (Fixed("n N"), "the next hit, the one before"),
        (Fixed("w"), "wrap long lines, or cut them"),
        (Bound(&[Action::NextPane, Action::PreviousPane]), "the next object, the one before"),
    ],
);

const INQUIRY: Group = (
    "In an explanation",
    &[
        (Bound(&[Action::NextPane]), "look with another role too"),
        (Bound(&[Action::Mend]), "write the policy that is missing"),
        (Bound(&[Action::Mark]), "writing, or reading"),
        (Bound(&[Action::Parent]), "about the folder that it is in"),
        (Bound(&[Action::CopyText]), "copy the command, then the policy"),
        (Bound(&[Action::Console]), "IAM in the web console"),
    ],
);

const TRANSFERS: Group = (
    "Transfers",
    &[
        (Bound(&[Action::Open]), "what it does, what failed and why"),
        (Bound(&[Action::Mark]), "pause it, let it go on"),
        (Bound(&[Action::Close]), "cancel it"),
        (Bound(&[Action::Refresh]), "try it again"),
        (Bound(&[Action::MoveUp, Action::MoveDown]), "earlier, later, while it waits"),
        (Bound(&[Action::Remove]), "forget it, when it has ended"),
    ],
);

const EVERYWHERE: Group = (
    "Everywhere",
    &[
        (Bound(&[Action::Up, Action::Down]), "up, down"),
        (Bound(&[Action::PageUp, Action::PageDown]), "a page up, a page down"),
        (Bound(&[Action::Top, Action::Bottom]), "to the top, to the end"),
        (Bound(&[Action::NextPane, Action::PreviousPane]), "the next pane, the one before"),
        (Bound(&[Action::Transfers]), "to the transfers, and back"),
        (Bound(&[Action::Buckets]), "the buckets of the role"),
        (Bound(&[Action::GoTo]), "go to s3://…, listed or not"),
        (Bound(&[Action::Close]), "close, clear, or cancel what runs"),
        (Bound(&[Action::Help]), "this help"),
        (Bound(&[Action::Quit]), "quit"),
    ],
);

/// The groups in the order for a pane.
fn groups(focus: Focus) -> [Group; 6] {
    match focus {
        Focus::Roles => [ROLES, EVERYWHERE, INQUIRY, BROWSER, PREVIEW, TRANSFERS],
        Focus::Browser => [BROWSER, EVERYWHERE, PREVIEW, INQUIRY, TRANSFERS, ROLES],
        Focus::Transfers => [TRANSFERS, EVERYWHERE, BROWSER, PREVIEW, INQUIRY, ROLES],
    }
}

/// Columns of the keys.
const KEYS: usize = 18;

/// Columns and rows of the box's inside, as far as the screen lets it grow.
pub(super) fn room((columns, rows): (u16, u16)) -> (usize, usize) {
    (usize::from(columns.saturating_sub(8).min(70)), usize::from(rows.saturating_sub(4)))
}

/// All rows.
pub(super) fn help(keys: &KeyMap, focus: Focus, size: (u16, u16)) -> Vec<Row> {
    let (width, _) = room(size);
    let mut all = Vec::new();
    for (title, lines) in groups(focus) {
        all.extend(rows("", title, Tone::Title, (0, width)));
        for (which, does) in lines {
            let keys = match which {
                Bound(actions) => actions.iter().map(|action| keys.all_keys(*action)).collect::<Vec<_>>().join("  "),
                Fixed(keys) => (*keys).to_owned(),
            };
            all.extend(rows(&keys, does, Tone::Plain, (KEYS, width)));
        }
        all.extend(rows("", "", Tone::Plain, (0, width)));
    }
    all.extend(rows("", "The mouse: click, click again to open, wheel.", Tone::Dim, (0, width)));
    all.extend(rows("", "A keys.toml beside the profile file rebinds them.", Tone::Dim, (0, width)));
    all
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_action_of_the_table_is_told_of() {
        let told = groups(Focus::Roles).into_iter().flat_map(|(_, lines)| lines).flat_map(|(which, _)| match which {
            Bound(actions) => *actions,
            Fixed(_) => &[],
        });
        let told: BTreeSet<_> = told.copied().collect();
        assert_eq!(told, KeyMap::default().bound().collect());
    }

    #[test]
    fn each_line_is_one_row_on_the_smallest_screen() {
        let keys = KeyMap::default();
        for focus in [Focus::Roles, Focus::Browser, Focus::Transfers] {
            assert_eq!(help(&keys, focus, (60, 16)).len(), help(&keys, focus, (200, 60)).len());
        }
    }
}
