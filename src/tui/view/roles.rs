//! Accounts and roles, and the facts of the role under the cursor.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{fit, highlighted, lines, pane, span, spinner};
use crate::domain::duration::{clock, words};
use crate::domain::role::RoleIndex;
use crate::domain::session::seconds_left;
use crate::domain::text::{count, cut, escaped};
use crate::error::Error;
use crate::tui::state::{Focus, Modal, RoleRow, State};
use crate::tui::theme::Theme;

pub(super) fn roles(state: &State, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    if area.is_empty() {
        return;
    }
    let focused = state.focus == Focus::Roles;
    let typing = focused && matches!(state.modal, Some(Modal::Filter { .. }));
    let filter = &state.roles.filter;
    let right = match (typing, filter.is_empty()) {
        (true, _) => Line::styled(format!(" /{}▏ ", escaped(filter)), theme.accent()),
        (false, false) => Line::styled(format!(" /{} ", escaped(filter)), theme.accent()),
        (false, true) => Line::styled(format!(" {} ", count(state.profile.roles.len() as u64)), theme.dim()),
    };
    let block = pane(theme, focused, " Accounts ", right);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if state.roles.rows.is_empty() {
        // Only a sign-in brings roles to a profile file that names none.
        let none = if state.profile.roles.is_empty() { " no roles yet: `xsw login`" } else { " nothing matches" };
        frame.render_widget(Line::styled(none, theme.dim()), inner);
        return;
    }
    let width = usize::from(inner.width);
    let rows = state.roles.rows.iter().enumerate().skip(state.roles.cursor.top);
    let drawn = rows.map(|(place, row)| match row {
        RoleRow::Account(account) => {
            let account = &state.profile.accounts[*account];
            let name = fit(&escaped(&account.name), width.saturating_sub(14));
            Line::from(vec![span(name, theme.bold()), span(format!("  {}", account.id), theme.dim())])
        }
        RoleRow::Role(role) => role_line(state, theme, *role, place == state.roles.cursor.at, width),
    });
    lines(frame, inner, drawn);
}

fn role_line<'a>(state: &'a State, theme: Theme, role: RoleIndex, selected: bool, width: usize) -> Line<'a> {
    let (note, note_style) = standing(state, theme, role);
    let sign = if state.current == Some(role) { "›" } else { " " };
    let note = format!(" {note} ");
    let name = &state.profile.role(role).name;
    let alias = state.profile.role(role).alias.as_deref().filter(|alias| *alias != name);
    let name_width = width.saturating_sub(note.chars().count());
    let mut text = format!(" {sign} {name}");
    if let Some(alias) = alias.filter(|alias| text.len() + alias.len() + 3 <= name_width) {
        text += &format!("  {}", escaped(alias));
    }
    let line = Line::from(vec![span(fit(&text, name_width), Default::default()), span(note, note_style)]);
    if selected { highlighted(line, theme.selected(state.focus == Focus::Roles)) } else { line }
}

/// What stands behind a role: its time left, that it is being assumed, or why it could not be.
pub(super) fn standing(state: &State, theme: Theme, role: RoleIndex) -> (String, ratatui::style::Style) {
    if state.assuming.as_ref().is_some_and(|running| running.role == role) {
        return (spinner(state.beat).into(), theme.accent());
    }
    if let Some(error) = state.roles.failures.get(&role) {
        let word = match error {
            Error::Denied { .. } => "refused",
            Error::SignedOut { .. } => "signed out",
            Error::Network { .. } => "no answer",
            _ => "failed",
        };
        return (word.into(), theme.bad());
    }
    if let Some(life) = state.roles.lives.get(&role) {
        return match seconds_left(life.expiration, state.now) {
            0 => ("ended".into(), theme.dim()),
            left if left <= 300 => (clock(left), theme.warn()),
            left => (clock(left), theme.good()),
        };
    }
    let (settings, account) = (state.profile.role(role), state.profile.account(role));
    let mut marks = Vec::new();
    if settings.mfa_serial.is_some() {
        marks.push("mfa");
    }
    if account.confirm {
        marks.push("guarded");
    }
    (marks.join(" "), theme.dim())
}

pub(super) fn facts(state: &State, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    if area.is_empty() {
        return;
    }
    let Some(index) = state.roles.selected() else {
        frame.render_widget(pane(theme, false, " Role ", ""), area);
        return;
    };
    let role = state.profile.role(index);
    let block = pane(theme, false, format!(" {} ", role.name), "");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let width = usize::from(inner.width);
    let fact = |name: &str, value: &str| {
        let value = cut(&escaped(value), width.saturating_sub(10)).into_owned();
        Line::from(vec![span(format!(" {}", fit(name, 9)), theme.dim()), span(value, Default::default())])
    };
    let mut drawn = Vec::new();
    if let Some(error) = state.roles.failures.get(&index) {
        drawn.push(Line::styled(format!(" {}", cut(&error.to_string(), width.saturating_sub(1))), theme.bad()));
    }
    if let Some(life) = state.roles.lives.get(&index) {
        let left = seconds_left(life.expiration, state.now);
        let zoned = life.expiration.to_zoned(state.zone.clone());
        let until = zoned.strftime("%H:%M");
        let text = if left == 0 { format!("ended {until}") } else { format!("until {until}") };
        drawn.push(fact("session", &text));
    }
    // The end of an ARN tells roles apart; its beginning is the same for all.
    match role.known_arn().map(ToString::to_string) {
        Some(arn) => drawn.push(fact("role", arn.rsplit_once(":role").map_or(arn.as_str(), |(_, tail)| tail))),
        None => drawn.push(fact("role", &format!("permission set {}", role.name))),
    }
    drawn.push(match role.via {
        Some(via) => fact("via", &state.profile.label(via)),
        None => fact("source", state.profile.source_name(index)),
    });
    if let Some(serial) = &role.mfa_serial {
        drawn.push(fact("mfa", serial));
    }
    if let Some(external_id) = &role.external_id {
        drawn.push(fact("ext. id", external_id));
    }
    if let Some(duration) = role.requested_duration(&state.profile.settings).filter(|_| !role.permission_set) {
        drawn.push(fact("duration", &words(duration.as_secs())));
    }
    if role.policy.is_some() || !role.policy_arns.is_empty() {
        drawn.push(fact("policy", "narrowed by a session policy"));
    }
    if let Some(environment) = &state.profile.account(index).environment {
        drawn.push(fact("account", &format!("{}, {environment}", state.profile.account(index).name)));
    }
    lines(frame, inner, drawn);
}
