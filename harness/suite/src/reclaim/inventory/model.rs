//! What was seen, and how two looks differ.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// One look at the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// Names by kind, e.g. `mount`: must be the same afterwards.
    pub compared: BTreeMap<String, BTreeSet<String>>,
    /// Every process; a new one counts when it was left behind (see [`diff`]).
    pub processes: Vec<Seen>,
    /// Names by kind that stay by design: caches, installed packages.
    pub listed: BTreeMap<String, BTreeSet<String>>,
    /// Kinds that could not be looked at, with the reason.
    pub not_seen: BTreeMap<String, String>,
}

/// A process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its id.
    pub pid: i32,
    /// Its start, in clock ticks since boot: with the id it is one process for ever.
    pub started: u64,
    /// Its name.
    pub name: String,
    /// Id and start of its parent, the parent's parent, and so on to the first process.
    pub ancestors: Vec<(i32, u64)>,
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// E.g. `mount`.
    pub kind: String,
    /// What it is, e.g. its path.
    pub name: String,
    /// There now and not before; else the other way round.
    pub added: bool,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.added { '+' } else { '-' };
        write!(f, "{sign} {} {}", self.kind, self.name)
    }
}

impl Inventory {
    /// Adds things of a kind; a kind with nothing in it has still been looked at.
    pub(super) fn add(&mut self, kind: &str, names: impl IntoIterator<Item = String>) {
        self.compared.entry(kind.to_owned()).or_default().extend(names);
    }

    /// Adds things of a kind that stays.
    pub(super) fn list(&mut self, kind: &str, names: impl IntoIterator<Item = String>) {
        self.listed.entry(kind.to_owned()).or_default().extend(names);
    }
}

/// Kinds that cannot be compared, with the reason: what only one of two looks saw, or neither.
pub fn not_compared(before: &Inventory, after: &Inventory) -> BTreeMap<String, String> {
    let looks = [(before, after, "only looked at now"), (after, before, "only looked at before")];
    let mut all = BTreeMap::new();
    for (one, other, which) in looks {
        let alone = other.compared.keys().filter(|kind| !one.compared.contains_key(*kind));
        all.extend(alone.map(|kind| (kind.clone(), which.to_owned())));
    }
    // The reason of a look that failed says more.
    all.extend(before.not_seen.clone());
    all.extend(after.not_seen.clone());
    all
}

/// How `after` differs from `before`, in kinds that both looked at; of others [`not_compared`] tells.
/// Empty: nothing was left and nothing is missing.
///
/// Processes come and go without us. A new one counts as left behind when it is nobody's but the
/// first process's (its parent is gone), or belongs to whoever took the inventory; one with a parent
/// that was there before is that parent's business. Ended ones do not count.
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
        // Without its own first process: everything descends from that one.
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
