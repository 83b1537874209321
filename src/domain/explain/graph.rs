//! Who may assume what among the configured accounts, as far as it can be seen: by the profile file's own word, and by
//! the trust policies that could be read.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::words::{conditions_in_words, principal};
use crate::domain::policy::{Clause, Context, Policy, Principal, PrincipalPattern, Request, study};
use crate::domain::text::escaped;

/// Somebody who assumes, or a role that is assumed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// What tells it from others: an ARN, an account id, a source's name.
    pub id: String,
    /// As people name it.
    pub label: String,
    /// The account it is in; empty for sources, services and the like.
    pub account: String,
}

/// Why an edge is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ground {
    /// The profile file goes this way, and the trust policy could not be read.
    Configured,
    /// The trust policy says so, and the profile file does not go this way.
    Trusted,
    /// Both.
    Both,
    /// The profile file goes this way, and the trust policy does not let it.
    NotTrusted,
}

impl Ground {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Configured => "configured; trust policy not seen",
            Self::Trusted => "trusted",
            Self::Both => "configured and trusted",
            Self::NotTrusted => "configured, but not trusted",
        }
    }
}

/// Why somebody may assume a role.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Edge {
    ground: Ground,
    /// The conditions of the trust policy in words; empty where there are none.
    conditions: String,
}

impl Edge {
    fn words(&self) -> String {
        match self.conditions.as_str() {
            "" => self.ground.word().to_owned(),
            conditions => format!("{}, {conditions}", self.ground.word()),
        }
    }
}

/// Who may assume what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graph {
    nodes: BTreeMap<String, Node>,
    edges: BTreeMap<(String, String), Edge>,
    /// Account ids and their names.
    pub accounts: BTreeMap<String, String>,
    /// Roles whose trust policy could not be read, by label.
    pub unseen: Vec<String>,
}

impl Graph {
    /// Adds somebody, once.
    pub fn add(&mut self, id: &str, label: &str, account: &str) {
        let new = || Node { id: id.to_owned(), label: label.to_owned(), account: account.to_owned() };
        self.nodes.entry(id.to_owned()).or_insert_with(new);
    }

    /// The profile file assumes `to` from `from`.
    pub fn configured(&mut self, from: &str, to: &str) {
        let edge = Edge { ground: Ground::Configured, conditions: String::new() };
        self.edges.insert((from.to_owned(), to.to_owned()), edge);
    }

    /// Adds what the trust policy of the role `to` says. `from` is who assumes it by the profile file, as policies name
    /// them: the id of its node, its account, and the ARN that is its principal.
    pub fn trust(&mut self, to: &str, document: &str, from: &[(String, String, String)]) {
        let Ok(policy) = Policy::parse(document) else { return };
        let trusted = trusted(&policy, to);
        for (id, account, arn) in from {
            let names = |pattern: &PrincipalPattern| match pattern {
                PrincipalPattern::Everyone => true,
                PrincipalPattern::Account(trusted) => trusted == account,
                PrincipalPattern::Arn(trusted) => trusted == arn,
                _ => false,
            };
            let conditions = on(trusted.iter().filter(|(pattern, _)| names(pattern)));
            let edge = match conditions {
                Some(conditions) => Edge { ground: Ground::Both, conditions },
                None => Edge { ground: Ground::NotTrusted, conditions: String::new() },
            };
            self.edges.entry((id.clone(), to.to_owned())).and_modify(|known| *known = edge);
        }
        for (pattern, _) in &trusted {
            let conditions = on(trusted.iter().filter(|(other, _)| other == pattern)).unwrap_or_default();
            let (id, account) = match pattern {
                PrincipalPattern::Everyone => ("*".to_owned(), String::new()),
                PrincipalPattern::Account(account) => (account.clone(), account.clone()),
                PrincipalPattern::Arn(arn) => (arn.clone(), arn.split(':').nth(4).unwrap_or_default().to_owned()),
                PrincipalPattern::Service(name)
                | PrincipalPattern::Federated(name)
                | PrincipalPattern::Canonical(name) => (name.clone(), String::new()),
            };
            let is_configured = from.iter().any(|(node, _, arn)| *node == id || *arn == id);
            if !is_configured {
                self.add(&id, &principal(pattern), &account);
                self.edges.entry((id, to.to_owned())).or_insert(Edge { ground: Ground::Trusted, conditions });
            }
        }
    }

    /// The account from which most roles of other accounts are assumed: the hub.
    fn hub(&self) -> Option<&str> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (from, to) in self.edges.keys() {
            let (from, to) = (self.account_of(from), self.account_of(to));
            if !from.is_empty() && from != to {
                *counts.entry(from).or_default() += 1;
            }
        }
        // Of equals the first.
        let most = counts.values().max().copied()?;
        counts.into_iter().find(|(_, count)| *count == most).map(|(account, _)| account)
    }

    fn account_of(&self, id: &str) -> &str {
        self.nodes.get(id).map_or("", |node| node.account.as_str())
    }

    fn account_name(&self, id: &str) -> String {
        match self.accounts.get(id) {
            Some(name) => format!("{name} {id}"),
            None => id.to_owned(),
        }
    }

    /// The hub first, then the other accounts, last what is in none; in each, who assumes what.
    fn ordered(&self) -> Vec<(String, Vec<&Node>)> {
        let hub = self.hub();
        let mut accounts: Vec<&str> = self.nodes.values().map(|node| node.account.as_str()).collect();
        accounts.sort_unstable_by_key(|account| (account.is_empty(), Some(*account) != hub, *account));
        accounts.dedup();
        let nodes_of = |account: &str| self.nodes.values().filter(|node| node.account == account).collect();
        accounts.into_iter().map(|account| (account.to_owned(), nodes_of(account))).collect()
    }

    /// As text, the hub first.
    pub fn text(&self) -> String {
        let mut text = String::new();
        let hub = self.hub().map(str::to_owned);
        for (account, nodes) in self.ordered() {
            let assuming: Vec<&Node> =
                nodes.into_iter().filter(|node| self.edges.keys().any(|(from, _)| *from == node.id)).collect();
            if assuming.is_empty() {
                continue;
            }
            let name = if account.is_empty() { "elsewhere".into() } else { self.account_name(&account) };
            let hub = if Some(&account) == hub.as_ref() { "  (hub)" } else { "" };
            _ = writeln!(text, "{}{hub}", escaped(&name));
            for node in assuming {
                _ = writeln!(text, "  {}", escaped(&node.label));
                for ((from, to), edge) in &self.edges {
                    if *from == node.id {
                        let label = self.nodes.get(to).map_or(to.as_str(), |node| node.label.as_str());
                        _ = writeln!(text, "    -> {}  {}", escaped(label), escaped(&edge.words()));
                    }
                }
            }
        }
        text
    }

    /// In Graphviz's language, an account a cluster; `circo` and `twopi` put the hub in the middle.
    pub fn dot(&self) -> String {
        let quoted = |text: &str| format!("\"{}\"", escaped(text).replace('\\', "\\\\").replace('"', "\\\""));
        let mut dot = String::from("digraph assume {\n  rankdir=LR;\n  node [shape=box];\n");
        let hub = self.hub();
        if let Some(hub) = hub {
            let root = self.nodes.values().filter(|node| node.account == hub);
            let edges_from = |node: &&Node| self.edges.keys().filter(|(from, _)| *from == node.id).count();
            if let Some(root) = root.max_by_key(edges_from) {
                _ = writeln!(dot, "  root={};", quoted(&root.id));
            }
        }
        for (place, (account, nodes)) in self.ordered().into_iter().enumerate() {
            let inside = !account.is_empty();
            let indent = if inside { "    " } else { "  " };
            if inside {
                let style = if Some(account.as_str()) == hub { "bold" } else { "rounded" };
                _ = writeln!(dot, "  subgraph cluster_{place} {{");
                _ = writeln!(dot, "    label={}; style={style};", quoted(&self.account_name(&account)));
            }
            for node in nodes {
                _ = writeln!(dot, "{indent}{} [label={}];", quoted(&node.id), quoted(&node.label));
            }
            if inside {
                dot.push_str("  }\n");
            }
        }
        for ((from, to), edge) in &self.edges {
            let style = match edge.ground {
                Ground::Both => "solid",
                Ground::Configured => "dashed",
                Ground::Trusted => "dotted",
                Ground::NotTrusted => "dashed\", color=\"red",
            };
            let tooltip = quoted(&edge.words());
            _ = writeln!(dot, "  {} -> {} [style=\"{style}\", tooltip={tooltip}];", quoted(from), quoted(to));
        }
        dot.push_str("}\n");
        dot
    }
}

/// Whom a trust policy lets assume its role, each with the conditions of that statement in words. Other providers than
/// AWS have calls of their own for it.
fn trusted(policy: &Policy, role: &str) -> Vec<(PrincipalPattern, String)> {
    let (nobody, context) = (Principal::user("", ""), Context::new());
    let mut all = Vec::new();
    for action in ["sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity"] {
        let request = Request { principal: &nobody, action, resource: role, context: &context };
        for meeting in study(policy, &request, &|_| false).iter().filter(|one| one.is_allow() && one.action) {
            let Some(Clause::Any(patterns)) = &meeting.statement.principal else { continue };
            let conditions = conditions_in_words(&meeting.statement.conditions);
            let fits = |pattern: &&PrincipalPattern| {
                action == "sts:AssumeRole" || matches!(pattern, PrincipalPattern::Federated(_))
            };
            all.extend(patterns.iter().filter(fits).map(|pattern| (pattern.clone(), conditions.clone())));
        }
    }
    all
}

/// The conditions under which one of several statements lets in: none where one has none. `None` without a statement.
fn on<'a>(trusted: impl Iterator<Item = &'a (PrincipalPattern, String)>) -> Option<String> {
    let mut all: Vec<&str> = trusted.map(|(_, conditions)| conditions.as_str()).collect();
    all.sort_unstable();
    all.dedup();
    if all.contains(&"") {
        return Some(String::new());
    }
    (!all.is_empty()).then(|| all.join(", or "))
}
