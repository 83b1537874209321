//! The menu of what can be copied.

use ratatui::Frame;
use ratatui::text::Line;

use super::{cut_front, fit, highlighted, modals, span};
use crate::domain::duration::words;
use crate::domain::session::seconds_left;
use crate::domain::text::{cut, escaped};
use crate::domain::uri::S3Uri;
use crate::tui::state::{Copied, State};
use crate::tui::theme::Theme;

/// Columns of the names of the choices.
const NAME: usize = 16;

pub(super) fn menu(
    state: &State,
    theme: Theme,
    (uri, version): (&S3Uri, Option<&str>),
    (choices, at): (&[Copied], usize),
    frame: &mut Frame<'_>,
) {
    let width = usize::from(frame.area().width.saturating_sub(4).min(76)).saturating_sub(4);
    let room = width.saturating_sub(NAME + 3);
    let mut text = Vec::new();
    for (place, choice) in choices.iter().enumerate() {
        let (name, value) = match choice {
            Copied::Uri => ("s3 URI", cut_front(&escaped(&uri.to_string()), room)),
            Copied::Arn => ("ARN", cut_front(&escaped(&arn(state, uri)), room)),
            Copied::Restore => ("restore command", "for the AWS CLI".into()),
            Copied::Address => ("https URL", "for whoever may read it anyway".into()),
            Copied::Presigned(Some(life)) => ("presigned URL", format!("for {}", words(life.as_secs()))),
            Copied::Presigned(None) => ("presigned URL", until_the_end(state)),
        };
        let line = Line::from(vec![
            span(format!("{} ", place + 1), theme.accent()),
            span(fit(name, NAME), theme.bold()),
            span(fit(&cut(&value, room), room), Default::default()),
        ]);
        text.push(if place == at { highlighted(line, theme.selected(true)) } else { line });
    }
    if choices.iter().any(|choice| matches!(choice, Copied::Presigned(_))) {
        text.push(Line::styled("A presigned URL lets whoever has it read the object.", theme.dim()));
    }
    let title = match version {
        Some(version) => format!(" Copy version {} ", escaped(version)),
        None => " Copy ".to_owned(),
    };
    modals::message(frame, theme, &title, text);
}

fn arn(state: &State, uri: &S3Uri) -> String {
    let partition = state.browser.role.map_or("aws", |role| state.profile.role(role).arn.partition());
    uri.arn(partition)
}

fn until_the_end(state: &State) -> String {
    let life = state.browser.role.and_then(|role| state.roles.lives.get(&role));
    let left = life.map_or(0, |life| seconds_left(life.expiration, state.now)).min(7 * 24 * 3600);
    format!("as long as the session lives: {}", words(left))
}
