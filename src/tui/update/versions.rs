//! Versions and delete markers.

use super::browser;
use crate::aws::s3::Of;
use crate::domain::uri::S3Uri;
use crate::tui::effect::Effect;
use crate::tui::listing::Kind;
use crate::tui::state::{Place, State};

/// The versions of the object under the cursor; elsewhere of everything at this level, because what was deleted has no
/// row of its own.
pub(super) fn open(state: &mut State, effects: &mut Vec<Effect>) {
    let browser = &state.browser;
    let row = browser.listing.row(browser.cursor.at);
    let place = match (&browser.place, row.map(|row| row.kind)) {
        (_, Some(Kind::Object | Kind::Version | Kind::DeleteMarker)) => {
            let Some(uri) = browser.selected_uri() else { return };
            Place::Versions { uri, of: Of::Object }
        }
        (Place::Buckets, _) => {
            let Some(uri) = browser.selected_uri() else { return };
            Place::Versions { uri, of: Of::Level }
        }
        (place, _) => {
            let Some(uri) = place.uri() else { return };
            Place::Versions { uri: S3Uri::new(&uri.bucket, place.base()), of: Of::Level }
        }
    };
    if browser.place != place {
        browser::enter(state, place, effects);
    }
}
