//! Buckets, prefixes and objects.

use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Paragraph, Wrap};

use super::{cut_front, fit, fit_right, highlighted, lines, pane, span, spinner};
use crate::domain::duration::ago;
use crate::domain::object::is_archived;
use crate::domain::text::{bytes, count, escaped};
use crate::tui::hint::hint;
use crate::tui::keys::Action;
use crate::tui::listing::{Kind, Order, Row};
use crate::tui::state::{Focus, Load, Modal, Place, State, Usage};
use crate::tui::theme::Theme;

/// Columns of size and time.
const SIZE: usize = 11;
const MODIFIED: usize = 11;

pub(super) fn browser(state: &State, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    if area.is_empty() {
        return;
    }
    let (browser, focused) = (&state.browser, state.focus == Focus::Browser);
    let right = counts(state);
    let room = usize::from(area.width).saturating_sub(right.chars().count() + 6);
    let title = match (&browser.place, browser.role) {
        (_, None) => "Buckets".to_owned(),
        (Place::Buckets, Some(role)) => format!("Buckets of {}", escaped(&state.profile.account(role).name)),
        (Place::Prefix(uri), Some(_)) => cut_front(&escaped(&uri.to_string()), room),
        (Place::Flat(uri), Some(_)) => cut_front(&format!("{} — all below", escaped(&uri.to_string())), room),
        (Place::Found { below, pattern }, Some(_)) => {
            cut_front(&format!("{} — find {}", escaped(&below.to_string()), escaped(pattern)), room)
        }
        (Place::Versions { uri, .. }, Some(_)) => cut_front(&format!("{} — versions", escaped(&uri.to_string())), room),
    };
    let block = pane(theme, focused, format!(" {title} "), Line::styled(format!(" {right} "), theme.dim()));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if browser.role.is_none() {
        let text = "Pick a role and press Enter: its buckets open here.";
        frame.render_widget(Paragraph::new(text).style(theme.dim()).wrap(Wrap { trim: true }), inset(inner));
        return;
    }
    let columns = Columns::new(inner.width.into(), &browser.place, !browser.usage.is_empty());
    let mut drawn = vec![columns.heading(theme, (browser.listing.order(), browser.listing.is_reversed()))];
    let height = usize::from(inner.height).saturating_sub(1);
    let shown = browser.listing.shown();
    for place in browser.cursor.top..shown.min(browser.cursor.top + height) {
        let Some(row) = browser.listing.row(place) else { break };
        // Only buckets and prefixes are counted: the URI of every other row need not be made.
        let usage = match row.kind {
            _ if browser.usage.is_empty() => None,
            Kind::Bucket | Kind::Bookmark | Kind::Prefix => browser.usage.get(&browser.uri_of(row).unwrap_or_default()),
            Kind::Object | Kind::Version | Kind::DeleteMarker => None,
        };
        let marked = browser.listing.is_marked(place) || row.kind == Kind::Bucket && has_bookmark(state, row.name);
        let line = columns.row(theme, row, (marked, usage, state.beat), state.now);
        let selected = place == browser.cursor.at;
        drawn.push(if selected { highlighted(line, theme.selected(focused)) } else { line });
    }
    let rows = drawn.len() as u16;
    lines(frame, inner, drawn);
    // An empty row between, where there is room for it.
    let rows = rows + u16::from(rows > 1 && inner.height > rows + 3);
    let below = Rect { y: inner.y + rows.min(inner.height), height: inner.height.saturating_sub(rows), ..inner };
    remark(state, theme, below, frame);
}

/// What stands below the rows: why there are none, or why they stop.
fn remark(state: &State, theme: Theme, area: Rect, frame: &mut Frame<'_>) {
    let (browser, area) = (&state.browser, inset(area));
    if area.is_empty() {
        return;
    }
    let text = match &browser.load {
        Load::Failed(error) => {
            let mut text = vec![Line::styled(error.to_string(), theme.bad())];
            text.extend(hint(&state.keys, error).map(|hint| Line::from(format!("hint: {hint}"))));
            text
        }
        Load::Stopped => {
            let key = state.keys.key(Action::Refresh).unwrap_or_default();
            vec![Line::styled(format!("stopped; {key} lists again"), theme.dim())]
        }
        Load::Loading(_) if browser.listing.shown() == 0 => {
            vec![Line::styled(format!("{} listing …", spinner(state.beat)), theme.accent())]
        }
        Load::Ready if browser.listing.is_empty() && matches!(browser.place, Place::Found { .. }) => {
            vec![Line::styled("nothing found", theme.dim())]
        }
        Load::Ready if browser.listing.is_empty() => vec![Line::styled("empty", theme.dim())],
        Load::Ready if browser.listing.shown() == 0 => vec![Line::styled("nothing matches", theme.dim())],
        _ => return,
    };
    frame.render_widget(Paragraph::new(text).wrap(Wrap { trim: true }), area);
}

/// `3 of 1,204+`, with the filter and the marks where there are any.
fn counts(state: &State) -> String {
    let listing = &state.browser.listing;
    let (shown, all, marked) = (listing.shown() as u64, listing.len() as u64, listing.marked().len() as u64);
    let more = match state.browser.load {
        Load::Loading(_) => format!("+ {}", spinner(state.beat)),
        Load::Stopped | Load::Failed(_) if all > 0 => "+".into(),
        _ => String::new(),
    };
    let mut text = String::new();
    let typing = state.focus != Focus::Roles && matches!(state.modal, Some(Modal::Filter { .. }));
    if typing || !listing.filter().is_empty() {
        text += &format!("/{}{} · {} of ", escaped(listing.filter()), if typing { "▏" } else { "" }, count(shown));
    } else if all > 0 {
        text += &format!("{} of ", count(state.browser.cursor.at as u64 + 1));
    }
    text += &count(all);
    text += &more;
    if marked > 0 {
        text += &format!(" · {} marked", count(marked));
    }
    text
}

fn inset(area: Rect) -> Rect {
    Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area }
}

/// Up where the least comes first, as in every list that people sort.
fn arrow(order: Order, reversed: bool) -> &'static str {
    // Names begin with the least, sizes and times with the most.
    if (order == Order::Name) != reversed { "↑" } else { "↓" }
}

/// How wide each column is; what does not fit is left out, the name last.
struct Columns {
    name: usize,
    size: usize,
    modified: usize,
    class: usize,
    buckets: bool,
    versions: bool,
}

impl Columns {
    fn new(width: usize, place: &Place, has_usage: bool) -> Self {
        let (buckets, versions) = (*place == Place::Buckets, matches!(place, Place::Versions { .. }));
        let size = if buckets && !has_usage { 0 } else { SIZE };
        // Buckets have the longest names, and nobody picks one by its age.
        let class = if width >= if buckets { 56 + size } else { 66 } { 16 } else { 0 };
        // An id has 32 characters, of which the first ones tell versions apart.
        let class = if versions { (width / 3).clamp(9, 42) } else { class };
        let modified = if width >= if buckets { 72 + size } else { 40 } { MODIFIED } else { 0 };
        Self { name: width.saturating_sub(3 + size + modified + class), size, modified, class, buckets, versions }
    }

    fn heading(&self, theme: Theme, (order, reversed): (Order, bool)) -> Line<'static> {
        let arrow = arrow(order, reversed);
        let sorted = |name: &str, this: Order| if order == this { format!("{name} {arrow}") } else { name.to_owned() };
        let mut text = format!("   {}", fit(&sorted("NAME", Order::Name), self.name));
        if self.size > 0 {
            text += &fit_right(&sorted("SIZE", Order::Size), self.size);
        }
        if self.modified > 0 {
            let name = if self.buckets { "CREATED" } else { "MODIFIED" };
            text += &fit_right(&sorted(name, Order::Modified), self.modified);
        }
        if self.class > 0 {
            let name = match (self.buckets, self.versions) {
                (true, _) => "  REGION",
                (_, true) => "  VERSION",
                _ => "  CLASS",
            };
            text += &fit(name, self.class);
        }
        Line::styled(text, theme.dim())
    }

    fn row<'a>(
        &self,
        theme: Theme,
        row: Row<'a>,
        (marked, usage, beat): (bool, Option<&Usage>, usize),
        now: Timestamp,
    ) -> Line<'a> {
        let (sign, style) = match (marked, row.kind) {
            (_, Kind::Bookmark) => ("★", theme.accent()),
            (true, Kind::Bucket) => ("★", theme.accent()),
            (true, _) => ("●", theme.warn()),
            (false, Kind::DeleteMarker) => ("✗", theme.bad()),
            (false, _) => (" ", theme.dim()),
        };
        let name_style = match row.kind {
            Kind::Object | Kind::Version => Default::default(),
            Kind::DeleteMarker => theme.dim(),
            Kind::Bookmark | Kind::Bucket | Kind::Prefix => theme.accent(),
        };
        let mut spans = vec![span(format!(" {sign} "), style), span(fit(&escaped(row.name), self.name), name_style)];
        if self.size > 0 {
            let size = match (row.kind, usage) {
                (Kind::Object | Kind::Version, _) => bytes(row.size),
                (Kind::DeleteMarker, _) => "deleted".into(),
                (_, Some(usage)) if usage.runs() => format!("{} {}", spinner(beat), bytes(usage.counted.bytes)),
                (_, Some(usage)) => bytes(usage.counted.bytes),
                (_, None) if self.buckets => String::new(),
                (_, None) => "—".into(),
            };
            spans.push(span(fit_right(&size, self.size), Default::default()));
        }
        if self.modified > 0 {
            let when = match usage {
                Some(usage) => objects(usage.counted.objects, self.modified),
                None => row.modified.map(|time| ago(now.duration_since(time).as_secs())).unwrap_or_default(),
            };
            spans.push(span(fit_right(&when, self.modified), theme.dim()));
        }
        if self.class > 0 {
            let style = if is_archived(row.class) { theme.warn() } else { theme.dim() };
            let class = match row.version {
                Some(version) if row.latest => format!("latest {}", escaped(version)),
                Some(version) => escaped(version).into_owned(),
                None => escaped(row.class).into_owned(),
            };
            spans.push(span(fit(&format!("  {class}"), self.class), style));
        }
        Line::from(spans)
    }
}

/// `1,204 obj`, as long as the word fits beside the number.
fn objects(number: u64, width: usize) -> String {
    let number = count(number);
    if number.len() + 5 <= width { format!("{number} obj") } else { number }
}

/// Whether the whole bucket is a bookmark that was added here.
fn has_bookmark(state: &State, bucket: &str) -> bool {
    let added = state.browser.role.and_then(|role| state.bookmarks.get(&role));
    added.is_some_and(|added| added.iter().any(|uri| uri.key.is_empty() && uri.bucket == bucket))
}
