//! Bookmarks that were added on the screen.

use std::collections::HashMap;
use std::sync::Arc;

use super::Core;
use crate::domain::role::RoleIndex;
use crate::domain::uri::S3Uri;
use crate::error::{Error, Result};
use crate::local::bookmarks::{self, Owner};

impl Core {
    /// The bookmarks of each role. Those that cannot be read are said once and hinder nothing.
    pub fn bookmarks(&self) -> HashMap<RoleIndex, Vec<S3Uri>> {
        let directory = self.environment.state_directory();
        let mut all = bookmarks::read(&directory).unwrap_or_else(|error| {
            self.notice(format!("the bookmarks in {} cannot be read: {error}", directory.display()));
            Default::default()
        });
        self.profile.indices().filter_map(|role| Some((role, all.remove(&self.owner(role))?))).collect()
    }

    /// Keeps a bookmark of the role, or forgets it, and gives all that the role then has.
    pub async fn bookmark(self: &Arc<Self>, role: RoleIndex, uri: S3Uri, keep: bool) -> Result<Vec<S3Uri>> {
        let (owner, directory) = (self.owner(role), self.environment.state_directory());
        let place = directory.clone();
        let changed = move || bookmarks::change(&directory, &owner, &uri, keep);
        match tokio::task::spawn_blocking(changed).await {
            Ok(answer) => answer.map_err(Error::file("keep bookmarks in", &place)),
            Err(error) => Err(Error::Crashed { message: error.to_string() }),
        }
    }

    fn owner(&self, role: RoleIndex) -> Owner {
        let (account, role) = (self.profile.account(role), self.profile.role(role));
        Owner { account_id: account.id.to_string(), role: role.name.clone() }
    }
}
