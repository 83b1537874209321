//! Transfers: how far each is, how fast, how long still, and whether the session lasts.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr as _;

use super::{cut_front, fit, fit_right, highlighted, lines, pane, span};
use crate::domain::duration::{clock, words};
use crate::domain::text::{bar, bytes, count, cut, plural};
use crate::domain::transfer::{Progress, Summary};
use crate::error::Error;
use crate::tui::keys::Action;
use crate::tui::report::objects;
use crate::tui::state::{Focus, Job, Outcome, State};
use crate::tui::theme::Theme;

/// A bar that is shorter says nothing: other columns give way first.
const SHORTEST_BAR: usize = 8;

pub(super) fn transfers(state: &State, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    if area.is_empty() {
        return;
    }
    let focused = state.focus == Focus::Transfers;
    let room = usize::from(area.width).saturating_sub(2 + " Transfers ".len());
    let block = pane(theme, focused, " Transfers ", all(state, theme, room));
    // Where to, of the one under the cursor: beside its numbers there is no room for it.
    let to = state.jobs.get(state.job_cursor.at).map(|job| {
        let target = state.shown_target(job);
        format!(" {} → {} ", cut(&job.title, room / 3), cut_front(&target, room / 2))
    });
    let block = block.title_bottom(Line::styled(to.unwrap_or_default(), theme.dim()));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let rows = state.jobs.iter().enumerate().skip(state.job_cursor.top).take(inner.height.into());
    let columns = Columns::measured(rows.clone().map(|(_, job)| job), usize::from(inner.width));
    let drawn = rows.map(|(place, job)| {
        let line = job_line(state, theme, job, &columns);
        if focused && place == state.job_cursor.at { highlighted(line, theme.selected(true)) } else { line }
    });
    lines(frame, inner, drawn);
}

/// `2 running · 1 waiting · 310 MiB/s · 12 s left, session 47:12`, of which the least important gives way.
fn all<'a>(state: &State, theme: Theme, room: usize) -> Line<'a> {
    let moving: Vec<&Job> = state.running().filter(|job| moves(job)).collect();
    let number = |of: &dyn Fn(&Job) -> bool, word: &str| {
        let number = state.jobs.iter().filter(|job| of(job)).count() as u64;
        (number > 0).then(|| format!("{} {word}", count(number)))
    };
    let lacking = number(&|job| job.lacks_session().is_some(), "without a session");
    let none = lacking.is_none().then(|| "none running".to_owned());
    let speed: f64 = moving.iter().map(|job| job.speed.bytes_per_second()).sum();
    let needed = moving.iter().map(|job| job.seconds_left()).collect::<Option<Vec<_>>>();
    let needed = needed.and_then(|needed| needed.into_iter().max());
    // The session that ends too early, else the next that ends.
    let early = moving.iter().filter_map(|job| state.ends_first(job)).min();
    let next = moving.iter().filter_map(|job| state.session_left(job)).min();
    let end = match early {
        Some(left) => Some(format!(", session only {}", clock(left))),
        None => next.map(|left| format!(", session {}", clock(left))),
    };
    // How important each is; the header tells of a session that lasts, and the rows show who waits.
    let mut parts = [
        (4, number(&moves, "running").or(none)),
        (6, lacking),
        (1, number(&|job| job.waits() && !job.held, "waiting")),
        (1, number(&|job| job.waits() && job.held, "paused")),
        (3, (speed >= 1.0).then(|| format!("{}/s", bytes(speed as u64)))),
        (5, needed.map(|needed| format!("{} left", words(needed)))),
    ];
    let mut end = (if early.is_some() { 6 } else { 2 }, end);
    let joined = |parts: &[(u8, Option<String>)]| {
        parts.iter().filter_map(|(_, part)| part.as_deref()).collect::<Vec<_>>().join(" · ")
    };
    for level in 1..=5 {
        if joined(&parts).width() + end.1.as_deref().map_or(0, str::width) + 2 <= room {
            break;
        }
        parts.iter_mut().chain([&mut end]).filter(|(important, _)| *important == level).for_each(|part| part.1 = None);
    }
    let style = if early.is_some() { theme.warn() } else { theme.dim() };
    let text = format!(" {}", joined(&parts));
    Line::from(vec![span(text, theme.dim()), span(end.1.unwrap_or_default(), style), span(" ", theme.dim())])
}

/// What is said of a transfer that moves, column by column.
struct Cells {
    percent: String,
    bytes: String,
    objects: String,
    failed: String,
    speed: String,
    left: String,
}

impl Cells {
    fn of(job: &Job) -> Self {
        let progress = &job.progress;
        let speed = job.speed.bytes_per_second();
        Self {
            percent: progress.percent().map(|percent| format!("{percent:>3} %")).unwrap_or_default(),
            bytes: if progress.total_bytes > 0 { pair(progress) } else { String::new() },
            objects: if progress.total_objects > 1 { objects(progress, "/") } else { String::new() },
            failed: if progress.failed > 0 { format!("{} failed", count(progress.failed)) } else { String::new() },
            speed: if speed >= 1.0 { format!("{}/s", bytes(speed as u64)) } else { String::new() },
            left: job.seconds_left().map(short).unwrap_or_default(),
        }
    }

    /// In the order in which they stand.
    fn shown(&self) -> [&str; 6] {
        [&self.percent, &self.bytes, &self.objects, &self.failed, &self.speed, &self.left]
    }
}

/// The place of the failures among the columns, which are red.
const FAILED: usize = 3;

/// The columns from the most important on: percent, failures, time left, objects, speed, bytes.
const IMPORTANT: [usize; 6] = [0, FAILED, 5, 2, 4, 1];

/// Numbers that change do not move the bars: columns have at least this width where anything is in them.
const LEAST: [usize; 6] = [5, 0, 0, 0, 10, 6];

/// How wide everything is; 0 is not shown.
struct Columns {
    width: usize,
    name: usize,
    bar: usize,
    cells: [usize; 6],
}

impl Columns {
    fn measured<'a>(jobs: impl Iterator<Item = &'a Job>, width: usize) -> Self {
        let mut wanted = [0; 6];
        let mut longest = 0;
        for job in jobs {
            longest = longest.max(job.title.width());
            if !moves(job) {
                continue;
            }
            for (place, text) in Cells::of(job).shown().into_iter().enumerate() {
                let least = if text.is_empty() { 0 } else { LEAST[place] };
                wanted[place] = wanted[place].max(text.width()).max(least);
            }
        }
        let name = longest.clamp(8, (width / 4).clamp(10, 30));
        // A sign before the name, and a space behind it.
        let mut room = width.saturating_sub(2 + name + 1);
        let mut cells = [0; 6];
        for place in IMPORTANT {
            let needs = wanted[place] + 1;
            if wanted[place] > 0 && room >= needs + SHORTEST_BAR {
                cells[place] = wanted[place];
                room -= needs;
            }
        }
        Self { width, name, bar: room, cells }
    }
}

/// Whether it runs and nothing holds it up.
fn moves(job: &Job) -> bool {
    job.runs() && job.lacks_session().is_none()
}

fn job_line<'a>(state: &State, theme: Theme, job: &Job, columns: &Columns) -> Line<'a> {
    let (sign, sign_style) = sign(theme, job);
    let mut drawn = vec![
        span(format!("{sign} "), sign_style),
        span(format!("{} ", fit(&job.title, columns.name)), Style::default()),
    ];
    if moves(job) {
        drawn.extend(moving(theme, job, columns));
    } else {
        let (text, style) = standing(state, theme, job);
        let room = columns.width.saturating_sub(columns.name + 3);
        drawn.push(span(cut(&text, room).into_owned(), style));
    }
    Line::from(drawn)
}

fn moving<'a>(theme: Theme, job: &Job, columns: &Columns) -> Vec<Span<'a>> {
    let progress = &job.progress;
    let known = progress.total_known && progress.total_bytes > 0;
    // Of a whole that nobody knows yet there is no part.
    let first = match known {
        true => bar(progress.bytes, progress.total_bytes, columns.bar),
        false if progress.total_objects == 0 => fit("beginning", columns.bar),
        false => fit(&format!("{} so far", bytes(progress.bytes)), columns.bar),
    };
    let mut drawn = vec![span(first, theme.accent())];
    for (place, text) in Cells::of(job).shown().into_iter().enumerate() {
        if columns.cells[place] > 0 {
            let style = if place == FAILED { theme.bad() } else { Style::default() };
            drawn.push(span(format!(" {}", fit_right(text, columns.cells[place])), style));
        }
    }
    drawn
}

fn sign(theme: Theme, job: &Job) -> (&'static str, Style) {
    match &job.outcome {
        Outcome::Running if job.lacks_session().is_some() => ("!", theme.warn()),
        Outcome::Running => ("▸", theme.accent()),
        Outcome::Queued if job.held => ("‖", theme.warn()),
        Outcome::Queued => ("·", theme.dim()),
        Outcome::Done(_) if !job.can_be_retried() => ("✓", theme.good()),
        Outcome::Done(_) | Outcome::Failed(_) => ("✗", theme.bad()),
        Outcome::Cancelled => ("-", theme.dim()),
    }
}

/// Why a transfer does not move, and the key that changes it.
fn standing(state: &State, theme: Theme, job: &Job) -> (String, Style) {
    let key = |action| state.keys.key(action).unwrap_or_default();
    let progress = &job.progress;
    let at = progress.percent().map(|percent| format!(" at {percent} %")).unwrap_or_default();
    match &job.outcome {
        Outcome::Running => {
            let what = match job.lacks_session() {
                Some(Error::MfaRequired { .. }) => "needs an MFA code".to_owned(),
                Some(Error::SignedOut { .. }) => "signed out".to_owned(),
                Some(error) => error.to_string(),
                None => String::new(),
            };
            (format!("{what}; {} asks", key(Action::Mark)), theme.warn())
        }
        Outcome::Queued if job.held && job.begun.is_some() => {
            (format!("paused{at}; {} goes on", key(Action::Mark)), theme.warn())
        }
        Outcome::Queued if job.held => (format!("held back; {} lets it start", key(Action::Mark)), theme.warn()),
        Outcome::Queued => {
            let before = state.jobs.iter().take_while(|other| other.id != job.id);
            let text = match before.filter(|other| other.waits() && !other.held).count() as u64 {
                0 => format!("waiting{at}, the next in line"),
                before => format!("waiting{at}, {} before it", count(before)),
            };
            (text, theme.dim())
        }
        Outcome::Done(summary) => ended(state, theme, summary),
        Outcome::Failed(error) => (error.to_string(), theme.bad()),
        Outcome::Cancelled => (format!("cancelled{at}; {} goes on", key(Action::Refresh)), theme.dim()),
    }
}

fn ended(state: &State, theme: Theme, summary: &Summary) -> (String, Style) {
    let skipped = match summary.skipped {
        0 => String::new(),
        skipped => format!(", {} skipped", count(skipped)),
    };
    if let Some(error) = &summary.stopped {
        return (format!("stopped: {error}"), theme.bad());
    }
    match (summary.failures, summary.failed.as_slice()) {
        (0, _) => {
            let written = plural(summary.written, "object");
            (format!("done: {written}, {}{skipped}", bytes(summary.bytes)), theme.good())
        }
        // One object that failed is the whole story.
        (1, [only]) if summary.written == 0 && summary.skipped == 0 => {
            let retry = state.keys.key(Action::Refresh).unwrap_or_default();
            let asks = if matches!(only.error, Error::Exists { .. }) {
                format!("; {retry} asks what then")
            } else {
                String::new()
            };
            (format!("{}{asks}", only.error), theme.bad())
        }
        (failed, _) => {
            let retry = state.keys.key(Action::Refresh).unwrap_or_default();
            let text =
                format!("{} failed, {} written{skipped}; {retry} tries again", count(failed), count(summary.written));
            (text, theme.bad())
        }
    }
}

/// `90.0/200.0 MiB`, both in the unit of the whole.
fn pair(progress: &Progress) -> String {
    let whole = bytes(progress.total_bytes);
    let more = if progress.total_known { "" } else { "+" };
    let (number, unit) = whole.split_once(' ').unwrap_or((&whole, ""));
    let part = match number.parse::<f64>() {
        Ok(shown) if shown > 0.0 && unit != "B" => {
            let part = progress.bytes as f64 / progress.total_bytes as f64 * shown;
            // Not all of it before it is all of it.
            let most = if progress.bytes < progress.total_bytes { (shown - 0.1).max(0.0) } else { shown };
            format!("{:.1}", part.min(most))
        }
        _ => progress.bytes.to_string(),
    };
    format!("{part}/{number}{more} {unit}")
}

/// A time left in at most six columns: `45 s`, `59 min`, `1.5 h`.
fn short(seconds: u64) -> String {
    match seconds {
        0..360_000 if seconds >= 3600 => format!("{:.1} h", seconds as f64 / 3600.0),
        3600.. => format!("{} h", seconds / 3600),
        _ => words(seconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_bytes_share_a_unit() {
        for (part, whole, known, shown) in [
            (90 << 20, 200 << 20, true, "90.0/200.0 MiB"),
            (0, 1_258_291, true, "0.0/1.2 MiB"),
            (1_258_290, 1_258_291, true, "1.1/1.2 MiB"),
            (1_258_291, 1_258_291, true, "1.2/1.2 MiB"),
            (5, 22, true, "5/22 B"),
            (1 << 30, 2 << 30, false, "1.0/2.0+ GiB"),
        ] {
            let progress = Progress { bytes: part, total_bytes: whole, total_known: known, ..Progress::default() };
            assert_eq!(pair(&progress), shown);
        }
    }

    #[test]
    fn times_left_are_short() {
        for (seconds, shown) in
            [(0, "0 s"), (59, "59 s"), (3599, "59 min"), (5400, "1.5 h"), (359_999, "100.0 h"), (360_000, "100 h")]
        {
            assert_eq!(short(seconds), shown);
        }
    }
}
