//! The id of a run: random, or a name that a user chose.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::name::Name;

/// Prefix of the runs of `store up`, so that their ids differ from those of clusters.
const STORE: &str = "store-";

/// The id of a run: 8 random hex digits, the name of a cluster (`up`), or `store-` and the name of
/// a storage server (`store up`). It is a part of paths and of names of objects, and the value of
/// a label.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(String);

impl RunId {
    /// An id that is not in use: 8 random hex digits.
    pub fn random() -> Self {
        RunId(format!("{:08x}", rand::random::<u32>()))
    }

    /// The id of the run of the storage server with this name.
    pub fn for_store(name: &Name) -> Self {
        RunId(format!("{STORE}{name}"))
    }

    /// The id of the run of the cluster with this name.
    ///
    /// # Errors
    /// Bad input: the name begins with the prefix of storage servers' runs.
    pub fn for_cluster(name: &Name) -> Result<Self> {
        let id = RunId::from(name.clone());
        match id.store() {
            None => Ok(id),
            Some(_) => Err(Error::input(format!(
                "--name {name}: names that begin with `{STORE}` are reserved for storage servers"
            ))
            .remedy("choose another --name")),
        }
    }

    /// Whether it is one of [`RunId::random`]: then names that contain it belong to that run. A
    /// name that a user chose proves nothing, because other runs may have it, too.
    pub fn is_random(&self) -> bool {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        self.0.len() == 8 && self.0.bytes().all(hex)
    }

    /// The name of the storage server, if the run has one.
    pub fn store(&self) -> Option<&str> {
        self.0.strip_prefix(STORE)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Name> for RunId {
    fn from(name: Name) -> Self {
        RunId(name.into())
    }
}

impl FromStr for RunId {
    type Err = Error;

    /// Parses a label's value or a directory's name.
    fn from_str(text: &str) -> Result<Self> {
        text.strip_prefix(STORE).unwrap_or(text).parse::<Name>()?;
        Ok(RunId(text.to_owned()))
    }
}

impl Deref for RunId {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The label of a run's Docker objects and processes: its id. A random part follows a name that a
/// user chose (`dev.7f3a0b1c`), because another state directory may have a run with that name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunLabel(String);

impl RunLabel {
    /// The id of the run, which Kubernetes objects carry.
    pub fn id(&self) -> &str {
        self.0.split_once('.').map_or(&self.0, |(id, _)| id)
    }

    /// A label that is not in use, for a run with a name that a user chose.
    pub fn for_name(id: &RunId) -> Self {
        RunLabel(format!("{id}.{}", RunId::random()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<RunId> for RunLabel {
    fn from(id: RunId) -> Self {
        RunLabel(id.0)
    }
}

impl From<RunLabel> for String {
    fn from(label: RunLabel) -> Self {
        label.0
    }
}

impl FromStr for RunLabel {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (id, random) = text.split_once('.').map_or((text, None), |(id, r)| (id, Some(r)));
        id.parse::<RunId>()?;
        match random.map(RunId::from_str).transpose()? {
            Some(random) if !random.is_random() => {
                Err(Error::input(format!("{text:?} is not the label of a run")))
            }
            _ => Ok(RunLabel(text.to_owned())),
        }
    }
}

impl Deref for RunLabel {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Exit;

    #[test]
    fn clusters_and_stores_do_not_share_an_id() {
        let name: Name = "s3".parse().expect("a name");
        let store = RunId::for_store(&name);
        assert_eq!((store.as_str(), store.store()), ("store-s3", Some("s3")));
        assert_eq!(RunId::for_cluster(&name).expect("a cluster's").store(), None);
        let taken: Name = "store-s3".parse().expect("a name");
        assert_eq!(RunId::for_cluster(&taken).expect_err("a store's").exit, Exit::BadInput);
    }

    #[test]
    fn only_a_random_id_proves_whose_something_is() {
        assert!(RunId::random().is_random());
        for chosen in ["sparkproof", "7f3a000", "7F3A0000", "store-s3", "cluster1"] {
            assert!(!chosen.parse::<RunId>().is_ok_and(|id| id.is_random()), "{chosen}");
        }
        assert!("..".parse::<RunId>().is_err() && "store-".parse::<RunId>().is_err());
    }

    #[test]
    fn a_label_is_an_id_and_perhaps_something_random() {
        let id: RunId = "dev".parse().expect("an id");
        let label = RunLabel::for_name(&id);
        assert_eq!(label.parse::<RunLabel>().expect("a label"), label);
        assert_eq!((label.id(), RunLabel::from(id).id()), ("dev", "dev"));
        for bad in ["", "dev.", "dev.x", "dev.7f3a0b1c.1", ".7f3a0b1c"] {
            assert!(bad.parse::<RunLabel>().is_err(), "{bad}");
        }
    }
}
