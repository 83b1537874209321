//! Keys are data: which key does what comes from a table, and the help is printed from the same one.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde::Deserialize;

use crate::error::{Error, Problem, Result};

/// Everything that a key can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    NextPane,
    PreviousPane,
    Open,
    Parent,
    Filter,
    Mark,
    MarkAll,
    Buckets,
    GoTo,
    Download,
    Copy,
    CopyText,
    Sort,
    Reverse,
    Details,
    Explain,
    Mend,
    Preview,
    Versions,
    Flat,
    Find,
    Usage,
    Bookmark,
    Shell,
    Console,
    Refresh,
    Transfers,
    MoveUp,
    MoveDown,
    Remove,
    Help,
    Close,
    Quit,
}

impl Action {
    /// The word in the footer.
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::PageUp => "page up",
            Self::PageDown => "page down",
            Self::Top => "top",
            Self::Bottom => "end",
            Self::NextPane => "next pane",
            Self::PreviousPane => "previous pane",
            Self::Open => "open",
            Self::Parent => "up",
            Self::Filter => "filter",
            Self::Mark => "mark",
            Self::MarkAll => "mark all",
            Self::Buckets => "buckets",
            Self::GoTo => "go to",
            Self::Download => "download",
            Self::Copy => "copy",
            Self::CopyText => "yank",
            Self::Sort => "sort",
            Self::Reverse => "reverse",
            Self::Details => "details",
            Self::Explain => "explain",
            Self::Mend => "mend",
            Self::Preview => "preview",
            Self::Versions => "versions",
            Self::Flat => "flat",
            Self::Find => "find",
            Self::Usage => "size",
            Self::Bookmark => "bookmark",
            Self::Shell => "shell",
            Self::Console => "console",
            Self::Refresh => "refresh",
            Self::Transfers => "transfers",
            Self::MoveUp => "earlier",
            Self::MoveDown => "later",
            Self::Remove => "forget",
            Self::Help => "help",
            Self::Close => "cancel",
            Self::Quit => "quit",
        }
    }
}

/// A key with its modifiers, in one spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key(KeyCode, KeyModifiers);

impl From<KeyEvent> for Key {
    fn from(event: KeyEvent) -> Self {
        let mut modifiers = event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT);
        let code = match event.code {
            // Terminals differ in whether shift-tab says shift.
            KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
            // The character says already whether shift was held.
            KeyCode::Char(c) if modifiers.contains(KeyModifiers::CONTROL) => KeyCode::Char(c.to_ascii_lowercase()),
            code => code,
        };
        // AltGr arrives as control and alt together, and types a character.
        if modifiers == KeyModifiers::CONTROL | KeyModifiers::ALT {
            modifiers = KeyModifiers::NONE;
        }
        Self(code, modifiers)
    }
}

impl Key {
    /// Reads a key's name as in assets/keys.toml.
    pub fn parse(name: &str) -> Option<Self> {
        let (modifiers, base) = match (name.strip_prefix("ctrl-"), name.strip_prefix("alt-")) {
            (Some(base), _) => (KeyModifiers::CONTROL, base),
            (_, Some(base)) => (KeyModifiers::ALT, base),
            _ => (KeyModifiers::NONE, name),
        };
        let code = match base {
            "space" => KeyCode::Char(' '),
            "enter" => KeyCode::Enter,
            "esc" => KeyCode::Esc,
            "tab" => KeyCode::Tab,
            "backtab" => KeyCode::BackTab,
            "backspace" => KeyCode::Backspace,
            "delete" => KeyCode::Delete,
            "up" => KeyCode::Up,
            "down" => KeyCode::Down,
            "left" => KeyCode::Left,
            "right" => KeyCode::Right,
            "home" => KeyCode::Home,
            "end" => KeyCode::End,
            "pageup" => KeyCode::PageUp,
            "pagedown" => KeyCode::PageDown,
            _ => match (base.strip_prefix('f').and_then(|number| number.parse().ok()), base.chars().count()) {
                (Some(number @ 1..=12), _) => KeyCode::F(number),
                // With ctrl, terminals do not tell capitals.
                (None, 1) if modifiers == KeyModifiers::CONTROL => {
                    KeyCode::Char(base.chars().next()?.to_ascii_lowercase())
                }
                (None, 1) => KeyCode::Char(base.chars().next()?),
                _ => return None,
            },
        };
        Some(Self(code, modifiers))
    }

    /// The key event that a terminal sends for it.
    #[cfg(test)]
    pub fn event(self) -> KeyEvent {
        KeyEvent::new(self.0, self.1)
    }
}

/// How a key's name is shown: `Enter`, `Space`, `^C`, `↑`, `T`.
fn shown(name: &str) -> String {
    match name {
        "up" => "↑".into(),
        "down" => "↓".into(),
        "left" => "←".into(),
        "right" => "→".into(),
        "pageup" => "PgUp".into(),
        "pagedown" => "PgDn".into(),
        "backtab" => "S-Tab".into(),
        _ => match (name.strip_prefix("ctrl-"), name.chars().count()) {
            (Some(base), _) => format!("^{}", base.to_uppercase()),
            (None, 1) => name.into(),
            (None, _) => name[..1].to_uppercase() + &name[1..],
        },
    }
}

/// Which key does what.
#[derive(Clone, Debug)]
pub struct KeyMap {
    actions: HashMap<Key, Action>,
    names: BTreeMap<Action, Vec<String>>,
}

type Table = BTreeMap<Action, Vec<String>>;

impl KeyMap {
    /// The default keys with those of `path` laid over them, where that file is.
    ///
    /// # Errors
    /// [`Error::Profile`] for a file that cannot be read, an unknown key or action, or a key bound twice.
    pub fn load(path: &Path) -> Result<Self> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::with(&text).map_err(|wrong| problem(path, wrong)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(Error::file("read", path)(error)),
        }
    }

    fn with(text: &str) -> Result<Self, Problem> {
        let read = |text: &str| {
            toml::from_str::<Table>(text).map_err(|error| {
                let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
                Problem { line, message: error.message().to_owned() }
            })
        };
        let wrong = |name: &str, message: String| {
            let line = text.lines().position(|line| line.contains(&format!("\"{name}\""))).map_or(0, |line| line + 1);
            Problem { line, message }
        };
        let mut names = read(include_str!("../../assets/keys.toml"))?;
        names.extend(read(text)?);
        let mut actions = HashMap::new();
        for (action, keys) in &names {
            for name in keys {
                let key = Key::parse(name).ok_or_else(|| wrong(name, format!("there is no key {name:?}")))?;
                if let Some(other) = actions.insert(key, *action) {
                    return Err(wrong(name, format!("{name:?} is bound twice: to {other:?} and {action:?}")));
                }
            }
        }
        Ok(Self { actions, names })
    }

    /// What `event` does; `None` for a key that is not bound.
    pub fn action(&self, event: KeyEvent) -> Option<Action> {
        self.actions.get(&Key::from(event)).copied()
    }

    /// The first key of an action, as the footer shows it.
    pub fn key(&self, action: Action) -> Option<String> {
        self.names.get(&action).and_then(|names| names.first()).map(|name| shown(name))
    }

    /// All actions of the table.
    #[cfg(test)]
    pub fn bound(&self) -> impl Iterator<Item = Action> {
        self.names.keys().copied()
    }

    /// All keys of an action, as the help shows them.
    pub fn all_keys(&self, action: Action) -> String {
        let names = self.names.get(&action).into_iter().flatten();
        names.map(|name| shown(name)).collect::<Vec<_>>().join(" ")
    }
}

impl Default for KeyMap {
    fn default() -> Self {
        Self::with("").expect("assets/keys.toml is whole: a test reads it")
    }
}

fn problem(path: &Path, problem: Problem) -> Error {
    Error::Profile {
        path: Some(path.to_owned()),
        problems: vec![problem],
        hint: Some("the default keys are the manual: see assets/keys.toml in xsw's repository".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_table_is_whole_and_every_action_has_a_key() {
        let keys = KeyMap::default();
        for action in keys.bound() {
            assert!(keys.key(action).is_some(), "{action:?}");
        }
        assert_eq!(keys.action(Key::parse("G").unwrap().event()), Some(Action::Bottom));
    }

    #[test]
    fn keys_can_be_rebound_but_not_doubled() {
        let keys = KeyMap::with("quit = [\"ctrl-q\"]").unwrap();
        assert_eq!(keys.action(Key::parse("ctrl-q").unwrap().event()), Some(Action::Quit));
        assert_eq!(keys.action(Key::parse("q").unwrap().event()), None);
        for (text, what) in [
            ("quit = [\"j\"]", "bound twice"),
            ("quit = [\"hyper-x\"]", "no key"),
            ("fly = [\"f\"]", "unknown variant"),
            ("quit = 3", "invalid type"),
        ] {
            let error = KeyMap::with(text).unwrap_err();
            assert!(error.message.contains(what) && error.line == 1, "{text}: {error:?}");
        }
    }
}
