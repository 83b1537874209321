//! What stands in front of the panes.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph, Wrap};
use tui_input::Input;
use unicode_width::UnicodeWidthStr as _;

use super::{fit, pane, span};
use crate::domain::object::Details;
use crate::domain::text::{bytes, count, escaped};
use crate::domain::uri::S3Uri;
use crate::error::Error;
use crate::tui::keys::{Action, HELP_LINES};
use crate::tui::msg::SignInStep;
use crate::tui::state::{Answer, Job, Modal, Outcome, SignInProgress, State};
use crate::tui::theme::Theme;

pub(super) fn modal(state: &State, theme: Theme, frame: &mut Frame<'_>) {
    let Some(modal) = &state.modal else { return };
    match modal {
        // It is typed in the pane's own title.
        Modal::Filter { .. } => {}
        Modal::Help { top } => scrolled(frame, theme, " Keys ", help(state, theme), *top),
        Modal::Transfer { job, top } => {
            let Some(job) = state.jobs.iter().find(|known| known.id == *job) else { return };
            let title = format!(" {} ", job.title);
            scrolled(frame, theme, &title, transfer(theme, job), *top);
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
        Modal::Download { picked, input, overwrite, problem, .. } => {
            let mut text = vec![Line::from(format!("{} go into this folder:", what(picked)))];
            let files = if *overwrite { "are OVERWRITTEN" } else { "are kept" };
            text.push(Line::styled(format!("Files that are there {files} (Tab changes it)."), theme.dim()));
            text.extend(problem.iter().map(|problem| Line::styled(problem.clone(), theme.bad())));
            question(frame, theme, " Download ", input, text);
        }
        Modal::Details { uri, answer } => details(frame, theme, uri, answer, &state.zone),
        Modal::Preview(viewer) => super::preview::preview(state, theme, viewer, frame),
        Modal::Failure { title, error } => failure(frame, theme, title, error),
        Modal::Quit => {
            let running = state.running().count() as u64;
            let text = vec![Line::from(format!("{} would be cancelled.", transfers(running)))];
            message(frame, theme, " Quit? ", text);
        }
    }
}

fn transfers(number: u64) -> String {
    if number == 1 { "A transfer that runs".into() } else { format!("{} transfers that run", count(number)) }
}

fn what(picked: &[(S3Uri, Option<u64>)]) -> String {
    match picked {
        [(uri, None)] if uri.key.is_empty() => format!("All of the bucket {}", escaped(&uri.bucket)),
        [(uri, None)] => format!("All below {}", escaped(uri.name())),
        [(uri, Some(size))] => format!("{} ({})", escaped(uri.name()), bytes(*size)),
        _ => format!("{} marked items", count(picked.len() as u64)),
    }
}

/// A box in the middle, cleared.
fn boxed(frame: &mut Frame<'_>, theme: Theme, title: &str, (width, height): (u16, u16)) -> Rect {
    let whole = frame.area();
    let (width, height) = (width.min(whole.width.saturating_sub(4)), height.min(whole.height.saturating_sub(2)));
    let area = Rect::new((whole.width - width) / 2, (whole.height - height) / 2, width, height);
    frame.render_widget(Clear, area);
    let block = pane(theme, true, title.to_owned(), "");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    Rect { x: inner.x + 1, width: inner.width.saturating_sub(2), ..inner }
}

fn message(frame: &mut Frame<'_>, theme: Theme, title: &str, text: Vec<Line<'_>>) {
    let width = frame.area().width.saturating_sub(4).min(76);
    let paragraph = Paragraph::new(text).wrap(Wrap { trim: false });
    let height = paragraph.line_count(width.saturating_sub(4)) as u16 + 2;
    let inner = boxed(frame, theme, title, (width, height));
    frame.render_widget(paragraph, inner);
}

fn failure(frame: &mut Frame<'_>, theme: Theme, title: &str, error: &Error) {
    let mut text: Vec<Line<'_>> =
        error.to_string().lines().map(|line| Line::styled(line.to_owned(), theme.bad())).collect();
    if let Some(hint) = error.hint() {
        text.push(Line::default());
        text.push(Line::from(format!("hint: {}", escaped(&hint))));
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
fn question(frame: &mut Frame<'_>, theme: Theme, title: &str, input: &Input, text: Vec<Line<'_>>) {
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

/// A long text, scrolled down by `top` rows.
fn scrolled(frame: &mut Frame<'_>, theme: Theme, title: &str, text: Vec<Line<'_>>, top: usize) {
    let height = u16::try_from(text.len()).unwrap_or(u16::MAX).saturating_add(2);
    let inner = boxed(frame, theme, title, (74, height));
    let paragraph = Paragraph::new(text).wrap(Wrap { trim: false });
    let hidden = paragraph.line_count(inner.width).saturating_sub(inner.height.into());
    frame.render_widget(paragraph.scroll((top.min(hidden) as u16, 0)), inner);
}

fn help(state: &State, theme: Theme) -> Vec<Line<'static>> {
    let row = |(action, does): &(Action, &'static str)| {
        Line::from(vec![span(fit(&state.keys.all_keys(*action), 16), theme.accent()), span(*does, Default::default())])
    };
    let mut text: Vec<Line<'static>> = Action::ALL.iter().map(row).collect();
    text.push(Line::default());
    text.push(Line::styled("The mouse: click, click again to open, wheel.", theme.dim()));
    text.push(Line::styled("A file keys.toml beside the profile file rebinds them.", theme.dim()));
    debug_assert_eq!(text.len(), HELP_LINES);
    text
}

fn transfer(theme: Theme, job: &Job) -> Vec<Line<'static>> {
    let progress = &job.progress;
    let mut text = vec![Line::from(format!(
        "{} of {} objects, {} of {}",
        count(progress.objects),
        count(progress.total_objects),
        bytes(progress.bytes),
        bytes(progress.total_bytes)
    ))];
    match &job.outcome {
        Outcome::Running => {
            text.push(Line::from(escaped(progress.active.first().map_or("", |active| &active.key)).into_owned()))
        }
        Outcome::Cancelled => text.push(Line::styled("cancelled", theme.dim())),
        Outcome::Failed(error) => text.push(Line::styled(error.to_string(), theme.bad())),
        Outcome::Done(summary) => {
            // A screen of a thousand names helps nobody.
            const SHOWN: usize = 100;
            let failed = &summary.failed[..summary.failed.len().min(SHOWN)];
            text.extend(failed.iter().map(|failed| Line::styled(failed.to_string(), theme.bad())));
            if summary.failed.len() > SHOWN {
                text.push(more(theme, summary.failed.len() - SHOWN));
            }
            // A hint is worth saying once, however many objects it is for.
            let hints: BTreeSet<String> = failed.iter().filter_map(|failed| failed.error.hint()).collect();
            text.extend(hints.iter().map(|hint| Line::from(format!("hint: {}", escaped(hint)))));
            for done in summary.done.iter().take(SHOWN) {
                let path = done.path.to_string_lossy();
                text.push(Line::from(format!("{:>11}  {}", bytes(done.size), escaped(&path))));
            }
            if summary.done.len() > SHOWN {
                text.push(more(theme, summary.done.len() - SHOWN));
            }
        }
    }
    text
}

fn more(theme: Theme, number: usize) -> Line<'static> {
    Line::styled(format!("… and {} more", count(number as u64)), theme.dim())
}

fn details(frame: &mut Frame<'_>, theme: Theme, uri: &S3Uri, answer: &Answer, zone: &TimeZone) {
    let mut text = vec![Line::styled(escaped(&uri.to_string()).into_owned(), theme.bold()), Line::default()];
    match answer {
        Answer::Loading(_) => text.push(Line::styled("asking …", theme.accent())),
        Answer::Failed(error) => {
            text.push(Line::styled(error.to_string(), theme.bad()));
            text.extend(error.hint().map(|hint| Line::from(format!("hint: {}", escaped(&hint)))));
        }
        Answer::Ready(details) => {
            for (name, value) in facts(details, zone) {
                let name = fit(&escaped(&name), 18.max(name.width() + 1));
                text.push(Line::from(vec![
                    span(name, theme.dim()),
                    span(escaped(&value).into_owned(), Default::default()),
                ]));
            }
        }
    }
    message(frame, theme, " Details ", text);
}

fn facts(details: &Details, zone: &TimeZone) -> Vec<(String, String)> {
    let exact = if details.size < 1024 { String::new() } else { format!(" ({} B)", count(details.size)) };
    let mut facts = vec![("size".to_owned(), format!("{}{exact}", bytes(details.size)))];
    let mut add = |name: &str, value: Option<String>| facts.extend(value.map(|value| (name.to_owned(), value)));
    let local = |time: jiff::Timestamp| time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %Z").to_string();
    add("modified", details.last_modified.map(local));
    add("storage class", Some(details.storage_class.clone()));
    add("content type", details.content_type.clone());
    add("etag", details.etag.clone());
    add("encryption", details.encryption.clone());
    add("KMS key", details.kms_key_id.clone());
    add("version", details.version_id.clone());
    facts.extend(details.checksums.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    facts.extend(details.metadata.iter().map(|(name, value)| (format!("metadata {name}"), value.clone())));
    facts
}
