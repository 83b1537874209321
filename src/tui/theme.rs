//! Colours by what they mean: the sixteen of the terminal, so that light and dark ones both keep their own.

use ratatui::style::{Color as Ansi, Modifier, Style};

use crate::domain::role::{Account, Color};
use crate::ops::preview::text::Class;

/// The styles of the screen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Theme {
    colors: bool,
}

impl Theme {
    /// Without colours (no-color.org) all is said by bold, dim and reverse.
    pub(super) fn new(colors: bool) -> Self {
        Self { colors }
    }

    fn color(self, color: Ansi) -> Style {
        if self.colors { Style::new().fg(color) } else { Style::new() }
    }

    pub(super) fn dim(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(super) fn bold(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    pub(super) fn good(self) -> Style {
        self.color(Ansi::Green)
    }

    pub(super) fn warn(self) -> Style {
        // Yellow text cannot be read on a light terminal.
        self.color(Ansi::Magenta).add_modifier(Modifier::BOLD)
    }

    pub(super) fn bad(self) -> Style {
        self.color(Ansi::Red).add_modifier(Modifier::BOLD)
    }

    pub(super) fn accent(self) -> Style {
        self.color(Ansi::Blue).add_modifier(Modifier::BOLD)
    }

    pub(super) fn border(self, focused: bool) -> Style {
        if focused { self.color(Ansi::Blue).add_modifier(Modifier::BOLD) } else { self.dim() }
    }

    /// A part of a text. No yellow and no white: one of light and dark terminals could not show them.
    pub(super) fn class(self, class: Class) -> Style {
        match class {
            Class::Plain | Class::Punctuation => Style::new(),
            Class::Keyword => self.color(Ansi::Magenta),
            Class::Name | Class::Function => self.color(Ansi::Blue),
            Class::String | Class::Added => self.color(Ansi::Green),
            Class::Number | Class::Constant | Class::Type => self.color(Ansi::Cyan),
            Class::Removed => self.color(Ansi::Red),
            Class::Comment => self.dim(),
            Class::Heading => self.bold(),
            Class::Hidden => self.color(Ansi::Red).add_modifier(Modifier::UNDERLINED),
        }
    }

    /// The row under the cursor: plain where another pane has the keys.
    pub(super) fn selected(self, focused: bool) -> Style {
        if focused { Style::new().add_modifier(Modifier::REVERSED) } else { Style::new().add_modifier(Modifier::BOLD) }
    }

    /// An account's colour as a background: its own, else its environment's.
    pub(super) fn account(self, account: &Account) -> Style {
        let environment = account.environment.as_deref().unwrap_or_default().to_lowercase();
        let color = account.color.unwrap_or(match environment.as_str() {
            name if name.starts_with("prod") => Color::Red,
            name if name.starts_with("stag") || name.starts_with("pre") => Color::Yellow,
            name if name.starts_with("dev") || name.starts_with("test") || name.starts_with("sand") => Color::Green,
            _ => Color::Blue,
        });
        if !self.colors {
            return Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
        }
        let (back, text) = match color {
            Color::Black => (Ansi::Black, Ansi::White),
            Color::Red => (Ansi::Red, Ansi::White),
            Color::Green => (Ansi::Green, Ansi::Black),
            Color::Yellow => (Ansi::Yellow, Ansi::Black),
            Color::Blue => (Ansi::Blue, Ansi::White),
            Color::Magenta => (Ansi::Magenta, Ansi::White),
            Color::Cyan => (Ansi::Cyan, Ansi::Black),
            Color::Gray => (Ansi::Gray, Ansi::Black),
            Color::White => (Ansi::White, Ansi::Black),
        };
        Style::new().bg(back).fg(text).add_modifier(Modifier::BOLD)
    }
}
