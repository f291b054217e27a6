//! A Spark version, parsed and ordered.

use std::fmt;
use std::str::FromStr;

use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};
use sparkproof_base::error::Error;

/// A version of Spark: three numbers and an optional suffix of a vendor (`3.5.1-amzn-0`,
/// `3.3.2.3.3.7190.0-91`). Ordered by the numbers, then by the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SparkVersion {
    numbers: (u64, u64, u64),
    text: String,
}

impl SparkVersion {
    /// A version of Apache Spark.
    pub fn new(major: u64, minor: u64, patch: u64) -> Self {
        SparkVersion { numbers: (major, minor, patch), text: format!("{major}.{minor}.{patch}") }
    }

    /// Major and minor number, which decide its features.
    pub fn minor(&self) -> (u64, u64) {
        (self.numbers.0, self.numbers.1)
    }

    /// Whether its numbers are within a range such as `>=3.5, <4`. A vendor's suffix does not make it a
    /// pre-release.
    pub fn is_in(&self, range: &VersionReq) -> bool {
        let (major, minor, patch) = self.numbers;
        range.matches(&Version::new(major, minor, patch))
    }
}

impl FromStr for SparkVersion {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut parts = text.split(['.', '-']).map(|part| part.parse().ok());
        let mut next = || parts.next().flatten();
        match (next(), next(), next()) {
            (Some(major), Some(minor), Some(patch)) => {
                Ok(SparkVersion { numbers: (major, minor, patch), text: text.to_owned() })
            }
            _ => {
                let error = format!("{text:?} is no version of Spark: expected three numbers");
                Err(Error::input(error).remedy("for example 3.5.9"))
            }
        }
    }
}

impl TryFrom<String> for SparkVersion {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<SparkVersion> for String {
    fn from(version: SparkVersion) -> String {
        version.text
    }
}

impl fmt::Display for SparkVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // `pad` keeps widths that a caller asks for.
        f.pad(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> SparkVersion {
        text.parse().expect("a version")
    }

    #[test]
    fn versions_are_ordered_by_number() {
        let mut all = ["3.5.10", "4.1.0", "3.5.9", "3.5.9-amzn-0", "3.10.0"].map(version);
        all.sort();
        let all = all.map(|version| version.to_string());
        assert_eq!(all, ["3.5.9", "3.5.9-amzn-0", "3.5.10", "3.10.0", "4.1.0"]);
        assert_eq!(version("3.5.9"), SparkVersion::new(3, 5, 9));
    }

    #[test]
    fn a_vendors_version_is_in_the_range_of_its_numbers() {
        let range = VersionReq::parse(">=3.3, <4").expect("a range");
        assert!(version("3.3.2.3.3.7190.0-91").is_in(&range));
        assert!(version("3.5.1-amzn-0").is_in(&range), "semver would call it a pre-release");
        assert!(!version("4.0.0").is_in(&range));
    }

    #[test]
    fn a_text_that_is_no_version_is_bad_input() {
        for text in ["", "3", "3.5", "3.5.x", "v3.5.9", "latest", "3.-5.9"] {
            let error = text.parse::<SparkVersion>().expect_err(text);
            assert_eq!(error.exit, sparkproof_base::Exit::BadInput, "{text}");
        }
        assert!(serde_json::from_str::<SparkVersion>("\"3.5\"").is_err());
    }
}
