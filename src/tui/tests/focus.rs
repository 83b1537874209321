//! Which pane the keys go to, and whose session they use.

use super::*;
use crate::tui::state::Focus;

#[test]
fn esc_with_nothing_to_close_does_nothing_and_says_so() {
    let mut app = App::in_bucket();
    assert_eq!(app.press("<esc>"), []);
    assert_eq!(app.state.focus, Focus::Browser);
    assert!(app.screen().contains("nothing to close here; Backspace goes up"), "{}", app.screen());
    app.press("d<enter>T");
    let done = Summary { written: 1, ..Summary::default() };
    app.hear(Msg::Finished(JobId(4), Ok(done)));
    assert_eq!(app.press("<esc><esc>"), []);
    assert_eq!(app.state.focus, Focus::Transfers);
    assert!(app.screen().contains("has ended"), "{}", app.screen());
    app.press("T");
    assert_eq!(app.state.focus, Focus::Browser);
}

#[test]
fn s_and_w_use_the_role_under_the_cursor_among_the_roles_and_the_one_of_the_header_elsewhere() {
    let mut app = App::in_bucket();
    let assume = |ticket, role| Effect::Assume { ticket: Ticket(ticket), role, code: None, anew: false };
    assert_eq!(app.press("d<enter>").len(), 1);
    // The cursor among the roles is on Admin, the header names S3Reader.
    app.press("T<backtab><backtab>j");
    assert_eq!((app.state.focus, app.state.current), (Focus::Roles, Some(READER)));
    assert_eq!(app.press("s"), [assume(5, ADMIN)]);
    app.press("<esc><tab>");
    assert_eq!(app.press("s"), [assume(6, READER)]);
    assert_eq!(app.assumed(6, READER, 3600), [Effect::Shell { role: READER }]);
    assert_eq!(app.press("w"), [assume(7, READER)]);
    let page = ConsolePage::Bucket(uri("reports/"));
    assert_eq!(app.assumed(7, READER, 3600), [Effect::Console { role: READER, page }]);
    app.press("T");
    assert_eq!(app.press("s"), [assume(8, READER)]);
}

#[test]
fn enter_previews_an_object_and_i_tells_of_it() {
    let mut app = App::in_bucket();
    let preview = Effect::Preview { ticket: Ticket(4), role: READER, uri: uri("summary.csv"), version: None };
    assert_eq!(app.press("j<enter>"), [preview]);
    assert_eq!(app.press("<esc>"), [Effect::Cancel(Ticket(4))]);
    assert!(app.screen().contains("Enter preview") && app.screen().contains("i details"), "{}", app.screen());
    let details = Effect::Details { ticket: Ticket(5), role: READER, uri: uri("summary.csv"), version: None };
    assert_eq!(app.press("i"), [details]);
}
