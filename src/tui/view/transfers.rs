//! Transfers: how far each is, how fast, how long still, and whether the session lasts.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use unicode_width::UnicodeWidthStr as _;

use super::{bar, fit, highlighted, lines, pane, span};
use crate::domain::duration::words;
use crate::domain::session::seconds_left;
use crate::domain::text::{bytes, count, cut};
use crate::domain::transfer::Summary;
use crate::tui::state::{Focus, Job, Outcome, State};
use crate::tui::theme::Theme;

pub(super) fn transfers(state: &State, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    if area.is_empty() {
        return;
    }
    let focused = state.focus == Focus::Transfers;
    let block = pane(theme, focused, " Transfers ", Line::styled(format!(" {} ", all(state)), theme.dim()));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let width = usize::from(inner.width);
    let rows = state.jobs.iter().enumerate().skip(state.job_cursor.top);
    let drawn = rows.map(|(place, job)| {
        let line = job_line(theme, job, width);
        if focused && place == state.job_cursor.at { highlighted(line, theme.selected(true)) } else { line }
    });
    lines(frame, inner, drawn);
}

/// `2 running · 310 MiB/s · 12 s left`, and that the session ends before.
fn all(state: &State) -> String {
    let running: Vec<&Job> = state.running().collect();
    if running.is_empty() {
        return "none running".into();
    }
    let speed: f64 = running.iter().map(|job| job.speed).sum();
    let mut text = format!("{} running · {}/s", count(running.len() as u64), bytes(speed as u64));
    let left = running.iter().map(|job| job.seconds_left()).collect::<Option<Vec<_>>>();
    if let Some(left) = left.and_then(|left| left.into_iter().max()) {
        text += &format!(" · {} left", words(left));
        let lasts = |job: &&Job| {
            let life = state.roles.lives.get(&job.role);
            life.is_none_or(|life| seconds_left(life.expiration, state.now) >= left)
        };
        if !running.iter().all(lasts) {
            text += ", the session ends before";
        }
    }
    text
}

fn job_line<'a>(theme: Theme, job: &'a Job, width: usize) -> Line<'a> {
    let name_width = (width / 3).clamp(10, 28);
    let name = format!(" {} ", fit(&job.title, name_width.saturating_sub(2)));
    let rest = width.saturating_sub(name.width());
    let progress = &job.progress;
    let (text, style) = match &job.outcome {
        Outcome::Running => {
            let known = progress.total_known && progress.total_bytes > 0;
            let part = if known {
                format!(" {:>3} %", u128::from(progress.bytes) * 100 / u128::from(progress.total_bytes))
            } else {
                format!(" {}", bytes(progress.bytes))
            };
            let objects = if progress.total_objects > 1 {
                let more = if progress.total_known { "" } else { "+" };
                format!(" {}/{}{more}", count(progress.objects), count(progress.total_objects))
            } else {
                String::new()
            };
            let left = job.seconds_left().map(|left| format!(" {}", words(left))).unwrap_or_default();
            let tail = format!("{part}{objects}{left} ");
            let bar_width = rest.saturating_sub(tail.width()).min(40);
            // Of a whole that nobody knows yet there is no part.
            let done = if known { progress.bytes } else { 0 };
            (format!("{}{tail}", bar(done, progress.total_bytes.max(1), bar_width)), theme.accent())
        }
        Outcome::Done(summary) if summary.failed.is_empty() => {
            (format!("done: {}, {}", objects(summary.done.len()), bytes(summary.bytes)), theme.good())
        }
        // One object that failed is the whole story.
        Outcome::Done(Summary { done, failed, .. }) if done.is_empty() && failed.len() == 1 => {
            (failed[0].error.to_string(), theme.bad())
        }
        Outcome::Done(summary) => {
            let (failed, done) = (summary.failed.len(), summary.done.len());
            (format!("{} not written, {} written", objects(failed), count(done as u64)), theme.bad())
        }
        Outcome::Failed(error) => (error.to_string(), theme.bad()),
        Outcome::Cancelled => ("cancelled".into(), theme.dim()),
    };
    Line::from(vec![span(name, Default::default()), span(cut(&text, rest).into_owned(), style)])
}

fn objects(number: usize) -> String {
    format!("{} {}", count(number as u64), if number == 1 { "object" } else { "objects" })
}
