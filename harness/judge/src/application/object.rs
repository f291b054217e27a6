//! Objects in Kubernetes and their owners.

use serde::{Deserialize, Serialize};

/// An object, and the uids of its owners.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Uids of its owners: it is deleted with them.
    pub owners: Vec<String>,
}

impl Object {
    /// Whether it is deleted with `owner`.
    pub(crate) fn is_owned_by(&self, owner: &Object) -> bool {
        !owner.uid.is_empty() && self.owners.contains(&owner.uid)
    }

    /// For controls: an object whose uid is its name.
    pub(crate) fn named(name: &str, owners: &[&str]) -> Self {
        let owners = owners.iter().map(|&owner| owner.to_owned()).collect();
        Object { name: name.to_owned(), uid: name.to_owned(), owners }
    }
}
