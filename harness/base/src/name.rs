//! A user's name for a cluster or a storage server: the only type through which user input becomes
//! a state directory or a part of the name of a Docker or Kubernetes object.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The longest DNS label (RFC 1123).
const LABEL_MAX: usize = 63;
/// The longest name: with it `sparkproof-store-NAME-azure`, the host name of a server, is a DNS
/// label.
const NAME_MAX: usize = 40;

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

/// A name that a user chose with `up` or `store up`: a DNS label of at most 40 characters, which
/// cannot change the meaning of a path or a URL.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
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
}
