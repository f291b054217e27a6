//! An inventory, and the difference between two.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// An inventory of the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// Names by kind, e.g. `mount`, which must be the same afterwards.
    pub compared: BTreeMap<String, BTreeSet<String>>,
    /// All processes; a new one is a difference if it was left behind (see [`diff`]).
    pub processes: Vec<SeenProcess>,
    /// Names by kind of what may stay: caches, installed packages.
    pub listed: BTreeMap<String, BTreeSet<String>>,
    /// Kinds that could not be listed, with the reason.
    pub not_seen: BTreeMap<String, String>,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenProcess {
    /// Process id.
    pub pid: i32,
    /// Start time in clock ticks since boot; with the id it identifies the process.
    pub started: u64,
    /// Its name.
    pub name: String,
    /// Ids and start times of its parent, the parent's parent, and so on to the first process.
    pub ancestors: Vec<(i32, u64)>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The kind, e.g. `mount`.
    pub kind: String,
    /// The name, e.g. a path.
    pub name: String,
    /// True if it was added, false if it is missing.
    pub added: bool,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.added { '+' } else { '-' };
        write!(f, "{sign} {} {}", self.kind, self.name)
    }
}

impl Inventory {
    /// Adds names of a kind; a kind without names counts as listed, too.
    pub(super) fn add(&mut self, kind: &str, names: impl IntoIterator<Item = String>) {
        self.compared.entry(kind.to_owned()).or_default().extend(names);
    }

    /// Adds names of a kind that may stay.
    pub(super) fn list(&mut self, kind: &str, names: impl IntoIterator<Item = String>) {
        self.listed.entry(kind.to_owned()).or_default().extend(names);
    }
}

/// Kinds that cannot be compared, with the reason: only one of the inventories lists them, or one
/// of them could not list all of them.
pub fn not_compared(before: &Inventory, after: &Inventory) -> BTreeMap<String, String> {
    let both = [(before, after, "only listed now"), (after, before, "only listed before")];
    let mut all = BTreeMap::new();
    for (one, other, which) in both {
        let alone = other.compared.keys().filter(|kind| !one.compared.contains_key(*kind));
        all.extend(alone.map(|kind| (kind.clone(), which.to_owned())));
    }
    // The reason why a kind could not be listed says more.
    all.extend(before.not_seen.clone());
    all.extend(after.not_seen.clone());
    all
}

/// The differences of `after` from `before`, in kinds that both list; [`not_compared`] returns the
/// others. Empty if nothing was left and nothing is missing.
///
/// Other processes come and go. A new one counts as left behind if its parent is gone, so that it
/// is a child of the first process, or if it is a child of the caller of the inventory. A new child
/// of another earlier process does not count, nor does the end of a process.
pub fn diff(before: &Inventory, after: &Inventory) -> Vec<Change> {
    let mut changes = Vec::new();
    for (kind, was) in &before.compared {
        let Some(is) = after.compared.get(kind) else { continue };
        let change =
            |name: &String, added| Change { kind: kind.clone(), name: name.clone(), added };
        changes.extend(is.difference(was).map(|name| change(name, true)));
        changes.extend(was.difference(is).map(|name| change(name, false)));
    }
    let known: BTreeSet<(i32, u64)> = before.processes.iter().map(|p| (p.pid, p.started)).collect();
    let left = after.processes.iter().filter(|process| {
        // Without the first process, from which everything descends.
        let parents = process.ancestors.iter().filter(|(pid, _)| *pid != 1);
        !known.contains(&(process.pid, process.started))
            && !parents.into_iter().any(|parent| known.contains(parent))
    });
    changes.extend(left.map(|process| Change {
        kind: "process".to_owned(),
        name: format!("{} ({})", process.name, process.pid),
        added: true,
    }));
    changes
}
