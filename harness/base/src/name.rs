//! The name of a run: the only type through which user input becomes a state directory or a part of
//! the name of a Docker or Kubernetes object.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The longest DNS label (RFC 1123).
const LABEL_MAX: usize = 63;
/// The longest name: with it `sparkproof-store-NAME-azure`, the host name of a server, is a DNS
/// label.
const NAME_MAX: usize = 40;
/// Prefix of the runs of `store up`, so that their names differ from those of clusters.
const STORE: &str = "store-";

/// Whether a text is a DNS label (RFC 1123): 1 to 63 lower case letters, digits and `-`, a letter
/// or digit at either end.
pub fn is_dns_label(text: &str) -> bool {
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.len() <= LABEL_MAX
        && text.starts_with(edge)
        && text.ends_with(edge)
        && text.chars().all(|c| edge(c) || c == '-')
}

/// Whether a text is a DNS subdomain (RFC 1123), the name of a Kubernetes object: labels with dots
/// between them, at most 253 characters.
pub fn is_dns_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns_label)
}

/// A name that a user chose with `up` or `store up`, or a random one: a DNS label of at most 40
/// characters, which cannot change the meaning of a path or a URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// A name that is not in use: 8 random hex digits.
    pub fn random() -> Self {
        Name(format!("{:08x}", rand::random::<u32>()))
    }

    /// Whether a run's id is one of [`Name::random`]: then names that contain it belong to that
    /// run.
    pub fn is_random(run: &str) -> bool {
        run.len() == 8
            && run.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    }

    /// The name of the run of the storage server with this name.
    #[must_use]
    pub fn of_store(&self) -> Self {
        Name(format!("{STORE}{self}"))
    }

    /// The name of the storage server, if the run with this id has one.
    pub fn store_of(run: &str) -> Option<&str> {
        run.strip_prefix(STORE)
    }

    /// Whether a run can have this id.
    pub fn is_of_run(id: &str) -> bool {
        Self::store_of(id).unwrap_or(id).parse::<Name>().is_ok()
    }

    /// Checks that a cluster of `up` may have this name.
    ///
    /// # Errors
    /// Bad input: the name begins with the prefix of storage servers' runs.
    pub fn for_cluster(&self) -> Result<()> {
        match Self::store_of(&self.0) {
            None => Ok(()),
            Some(_) => Err(Error::input(format!(
                "--name {self}: names that begin with `{STORE}` are reserved for storage servers"
            ))
            .remedy("choose another --name")),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match is_dns_label(text) && text.len() <= NAME_MAX {
            true => Ok(Name(text.to_owned())),
            false => Err(Error::input(format!(
                "expected 1 to {NAME_MAX} lower case letters, digits and `-`, with a letter or \
                 digit at either end"
            ))),
        }
    }
}

impl TryFrom<String> for Name {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Exit;

    #[test]
    fn a_name_is_a_dns_label_and_nothing_that_leads_out_of_a_directory() {
        let longest = "a".repeat(NAME_MAX);
        for good in ["sparkproof", "m", "my-cluster-2", "7f3a0000", &longest] {
            assert_eq!(good.parse::<Name>().expect(good).as_str(), good);
        }
        let (long, nul) = ("a".repeat(NAME_MAX + 1), "a\0");
        for bad in [
            "", ".", "..", "../x", "a/b", "/etc", "a.b", "a_b", "Mine", "-a", "a-", "a b", "a\n",
            "ä", "%2e%2e", &long, nul,
        ] {
            let error = bad.parse::<Name>().expect_err(bad);
            assert_eq!(error.exit, Exit::BadInput);
            assert!(serde_json::from_value::<Name>(bad.into()).is_err(), "{bad}");
        }
    }

    #[test]
    fn clusters_and_stores_do_not_share_a_name() {
        let name: Name = "s3".parse().expect("a name");
        let store = name.of_store();
        assert_eq!(store.as_str(), "store-s3");
        assert_eq!(Name::store_of("store-s3"), Some("s3"));
        assert!(name.for_cluster().is_ok());
        assert_eq!(store.for_cluster().expect_err("a store's").exit, Exit::BadInput);
    }
}
