//! What stands in front of the panes.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph, Wrap};
use tui_input::Input;

use super::{copy, labelled, lines, pane, span};
use crate::domain::text::{count, escaped, plural};
use crate::domain::transfer::IfExists;
use crate::error::Error;
use crate::tui::facts;
use crate::tui::help;
use crate::tui::hint::hint;
use crate::tui::labelled::Row;
use crate::tui::layout::report_room;
use crate::tui::msg::SignInStep;
use crate::tui::report::{kept, report};
use crate::tui::review::what;
use crate::tui::state::{Modal, SignInProgress, State, folder_named};
use crate::tui::theme::Theme;

pub(super) fn modal(state: &State, theme: Theme, frame: &mut Frame<'_>) {
    let Some(modal) = &state.modal else { return };
    match modal {
        // It is typed in the pane's own title.
        Modal::Filter { .. } => {}
        Modal::Help { top } => {
            let rows = help::help(&state.keys, state.focus, state.size);
            let room = help::room(state.size);
            scrolled(frame, theme, (" Keys ", theme.accent()), room, (rows, *top));
        }
        Modal::Transfer { job, top } => {
            let Some(job) = state.jobs.iter().find(|known| known.id == *job) else { return };
            let title = format!(" {} ", job.title);
            let room = report_room(state.size);
            scrolled(frame, theme, (&title, theme.dim()), room, (report(state, job, room.0), *top));
        }
        Modal::GoTo { input, problem, .. } => {
            let text = problem.iter().map(|problem| Line::styled(escaped(problem).into_owned(), theme.bad()));
            question(frame, theme, " Go to ", input, text.collect());
        }
        Modal::Mfa { question: device, input, note, .. } => {
            let mut text = vec![Line::from(format!("The six digits of {device}"))];
            text.extend(note.iter().map(|note| Line::styled(note.clone(), theme.accent())));
            question(frame, theme, " MFA code ", input, text);
        }
        Modal::SignIn { source, progress, .. } => sign_in(frame, theme, source, progress),
        Modal::Confirm { role, input, .. } => {
            let account = state.profile.account(*role);
            let environment = account.environment.as_deref().unwrap_or("guarded");
            let text = vec![
                Line::styled(format!("This account is {}.", escaped(environment)), theme.bad()),
                Line::from(format!(
                    "Type its name, {}, to assume {}.",
                    escaped(&account.name),
                    state.profile.role(*role).name
                )),
            ];
            question(frame, theme, " Really? ", input, text);
        }
        Modal::Download { picked, input, if_exists, problem, .. } => {
            let mut text = vec![Line::from(what(state, picked))];
            text.extend(wish(theme, *if_exists, false));
            let folder = folder_named(input.value().trim(), state.home.as_deref());
            text.push(Line::from(format!("Into the folder {}", state.shown_folder(&folder))));
            text.extend(problem.iter().map(|problem| Line::styled(problem.clone(), theme.bad())));
            question(frame, theme, " Download ", input, text);
        }
        Modal::Copying => super::copying::copying(state, theme, frame),
        Modal::Again { job, if_exists } => {
            let Some(job) = state.jobs.iter().find(|known| known.id == *job) else { return };
            let (number, folder, is_copy) = (job.stood_in_its_way(), state.shown_target(job), job.what.is_copy());
            let are = if number == 1 { "is" } else { "are" };
            let mut text = vec![Line::from(format!(
                "{} {are} in {folder} and differ{}.",
                plural(number, if is_copy { "object" } else { "file" }),
                if number == 1 { "s" } else { "" }
            ))];
            text.extend(wish(theme, *if_exists, is_copy));
            message(frame, theme, &format!(" {} again ", job.title), text);
        }
        Modal::Details { uri, version, known, answer, top } => {
            let rows = facts::rows(uri, version.as_deref(), known, answer, &state.zone, state.size);
            let room = (facts::width(state.size), facts::height(state.size));
            scrolled(frame, theme, (" Details ", theme.dim()), room, (rows, *top));
        }
        Modal::Copy { uri, version, choices, at } => {
            copy::menu(state, theme, (uri, version.as_deref()), (choices, *at), frame);
        }
        Modal::Find { below, input, problem } => {
            let mut text = vec![
                Line::from(format!("Objects below {} whose names match:", escaped(&below.to_string()))),
                Line::styled("a part of the name, or a glob such as *.csv; with a / the whole path", theme.dim()),
            ];
            text.extend(problem.iter().map(|problem| Line::styled(escaped(problem).into_owned(), theme.bad())));
            question(frame, theme, " Find ", input, text);
        }
        Modal::Preview(viewer) => super::preview::preview(state, theme, viewer, frame),
        Modal::Inquiry(asked) => super::inquiry::inquiry(state, theme, asked, frame),
        Modal::Failure { title, error, .. } => failure(state, frame, theme, title, error),
        Modal::Quit => {
            let open = state.jobs.iter().filter(|job| job.is_open()).count() as u64;
            let text = vec![
                Line::from(format!("{} not ended and would stop.", transfers(open))),
                Line::from("Asked for again, each goes on where it was."),
            ];
            message(frame, theme, " Quit? ", text);
        }
    }
}

fn transfers(number: u64) -> String {
    if number == 1 { "1 transfer has".into() } else { format!("{} transfers have", count(number)) }
}

/// What happens to files or objects that are there.
fn wish<'a>(theme: Theme, if_exists: IfExists, is_copy: bool) -> [Line<'a>; 2] {
    let there = if is_copy { "Objects" } else { "Files" };
    let style = if if_exists == IfExists::Overwrite { theme.warn() } else { theme.dim() };
    [
        Line::styled(format!("{there} that differ {}.", kept(if_exists, is_copy)), style),
        Line::styled("Equal ones are skipped. Tab changes what happens to the others.", theme.dim()),
    ]
}

/// A box in the middle, cleared.
pub(super) fn boxed(frame: &mut Frame<'_>, theme: Theme, title: &str, (width, height): (u16, u16)) -> Rect {
    let whole = frame.area();
    let (width, height) = (width.min(whole.width.saturating_sub(4)), height.min(whole.height.saturating_sub(2)));
    let area = Rect::new((whole.width - width) / 2, (whole.height - height) / 2, width, height);
    frame.render_widget(Clear, area);
    let block = pane(theme, true, title.to_owned(), "");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

pub(super) fn message(frame: &mut Frame<'_>, theme: Theme, title: &str, text: Vec<Line<'_>>) {
    let width = frame.area().width.saturating_sub(4).min(76);
    let paragraph = Paragraph::new(text).wrap(Wrap { trim: false });
    let height = paragraph.line_count(width.saturating_sub(4)) as u16 + 2;
    let inner = boxed(frame, theme, title, (width, height));
    frame.render_widget(paragraph, inner);
}

fn failure(state: &State, frame: &mut Frame<'_>, theme: Theme, title: &str, error: &Error) {
    let mut text: Vec<Line<'_>> =
        error.to_string().lines().map(|line| Line::styled(line.to_owned(), theme.bad())).collect();
    if let Some(hint) = hint(&state.keys, error) {
        text.push(Line::default());
        text.push(Line::from(format!("hint: {hint}")));
    }
    message(frame, theme, &format!(" {title} "), text);
}

fn sign_in(frame: &mut Frame<'_>, theme: Theme, source: &str, progress: &SignInProgress) {
    let text = match progress {
        SignInProgress::Offered(why) => vec![
            Line::styled(escaped(why).into_owned(), theme.bad()),
            Line::default(),
            Line::from("Enter signs in, with a browser here or a code for a browser anywhere."),
        ],
        SignInProgress::Running(_, None) => vec![Line::from("Asking IAM Identity Center …")],
        SignInProgress::Running(_, Some(SignInStep { url, code: None })) => vec![
            Line::from("Sign in with the browser that has opened. If none has, open this on this machine:"),
            Line::styled(escaped(url).into_owned(), theme.accent()),
        ],
        SignInProgress::Running(_, Some(SignInStep { url, code: Some(code) })) => vec![
            Line::from("Open this with a browser on any machine:"),
            Line::styled(escaped(url).into_owned(), theme.accent()),
            Line::default(),
            Line::from(vec![
                span("and see whether it shows the code  ", Style::default()),
                span(escaped(code).into_owned(), theme.bold()),
            ]),
        ],
    };
    message(frame, theme, &format!(" Sign in to {} ", escaped(source)), text);
}

/// A question with a line to type in.
pub(super) fn question(frame: &mut Frame<'_>, theme: Theme, title: &str, input: &Input, text: Vec<Line<'_>>) {
    let width = frame.area().width.saturating_sub(4).min(72);
    let paragraph = Paragraph::new(text).wrap(Wrap { trim: true });
    let rows = paragraph.line_count(width.saturating_sub(4)) as u16;
    let inner = boxed(frame, theme, title, (width, rows + 3));
    frame.render_widget(paragraph, Rect { height: rows, ..inner });
    let row = Rect { y: inner.y + rows, height: 1, ..inner };
    let room = usize::from(row.width).saturating_sub(3);
    let scroll = input.visual_scroll(room);
    let shown: String = input.value().chars().skip(scroll).take(room).collect();
    frame.render_widget(
        Line::from(vec![span("› ", theme.accent()), span(escaped(&shown).into_owned(), theme.bold())]),
        row,
    );
    let column = input.visual_cursor().saturating_sub(scroll).min(room) as u16;
    frame.set_cursor_position(Position::new(row.x + 2 + column, row.y));
}

/// Rows in a box with so much room at most, scrolled down by `top` of them.
pub(super) fn scrolled(
    frame: &mut Frame<'_>,
    theme: Theme,
    (title, label): (&str, Style),
    (width, height): (usize, usize),
    (rows, top): (Vec<Row>, usize),
) {
    let height = height.min(rows.len());
    let top = top.min(rows.len() - height);
    // Two columns at each side are the frame and its margin.
    let inner = boxed(frame, theme, title, (width as u16 + 4, height as u16 + 2));
    lines(frame, inner, labelled(theme, label, rows.into_iter().skip(top)));
}
