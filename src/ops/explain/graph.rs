//! Who may assume what among the configured accounts: the profile file's edges, and the trust policies that somebody
//! here may read.

use super::view::Views;
use crate::domain::explain::graph::Graph;
use crate::domain::role::RoleIndex;
use crate::error::Result;
use crate::ops::Core;

impl Core {
    /// The graph, looking with the sources and with these roles.
    ///
    /// # Errors
    /// Where a role to look with has no session.
    pub async fn assume_graph(&self, with: &[RoleIndex]) -> Result<Graph> {
        let mut views = Views::default();
        let mut graph = Graph::default();
        for index in with {
            let session = self.session(*index, None).await?;
            views.add_given(self.profile.label(*index), session, *index);
        }
        for account in &self.profile.accounts {
            graph.accounts.insert(account.id.to_string(), account.name.clone());
        }
        // Each source under the name that policies give it, where it says who it is.
        let mut sources = Vec::new();
        for (name, role) in self.roles_by_source() {
            let who = self.first_caller(role, &mut views).await.ok();
            let (id, account) = match &who {
                Some(who) => (who.principal.principal_arn().to_owned(), who.principal.account.clone()),
                None => (format!("source {name}"), String::new()),
            };
            let label = match &who {
                Some(_) => format!("{} (source {name})", id.rsplit(':').next().unwrap_or(&id)),
                None => format!("source {name}"),
            };
            graph.add(&id, &label, &account);
            sources.push((name.to_owned(), id, account));
        }
        let assumed: Vec<RoleIndex> =
            self.profile.indices().filter(|index| !self.profile.role(*index).permission_set).collect();
        for index in &assumed {
            let role = self.profile.role(*index);
            graph.add(&role.arn.to_string(), &self.profile.label(*index), role.arn.account().as_str());
        }
        for index in assumed {
            let (role, label) = (self.profile.role(index), self.profile.label(index));
            let to = role.arn.to_string();
            let from = match role.via {
                Some(via) => {
                    let via_role = self.profile.role(via);
                    let (arn, account) = (via_role.arn.to_string(), via_role.arn.account().to_string());
                    Some((if via_role.permission_set { self.profile.label(via) } else { arn.clone() }, account, arn))
                }
                None => sources
                    .iter()
                    .find(|(name, ..)| *name == self.profile.source_name(index))
                    .map(|(_, id, account)| (id.clone(), account.clone(), id.clone())),
            };
            if let Some((from, account, _)) = &from {
                graph.add(from, from, account);
                graph.configured(from, &to);
            }
            let described = self.describe(&views, role.arn.account(), role.arn.name()).await;
            match described.value().and_then(Option::as_ref) {
                Some(described) => graph.trust(&to, &described.trust, from.as_slice()),
                None => graph.unseen.push(label),
            }
        }
        Ok(graph)
    }
}
