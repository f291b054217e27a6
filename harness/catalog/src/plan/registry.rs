//! The registry that images are pushed to.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use sparkproof_base::error::{Error, Result};

/// A registry with an optional path: `registry.example.org/team`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Registry(String);

impl Registry {
    /// Checks a user's text.
    ///
    /// # Errors
    /// Bad input: Docker would not read it as a host and a path.
    pub(super) fn checked(text: &str) -> Result<Self> {
        static VALID: LazyLock<Regex> = LazyLock::new(|| {
            let valid = r"^(localhost|[a-z0-9-]+([.][a-z0-9-]+)+|[a-z0-9.-]+:[0-9]+)(:[0-9]+)?(/[a-z0-9._-]+)*$";
            Regex::new(valid).expect("a valid expression")
        });
        let text = text.trim_end_matches('/');
        if VALID.is_match(text) {
            return Ok(Registry(text.to_owned()));
        }
        Err(Error::input(format!("--registry {text}: expected a host and perhaps a path"))
            .remedy("e.g. registry.example.org/team: without scheme, name and tag"))
    }

    /// The registry's host, with its port.
    pub fn host(&self) -> &str {
        self.0.split('/').next().unwrap_or(&self.0)
    }

    /// Name and tag in this registry of a local image `localhost/sparkproof/NAME:TAG`.
    pub fn name_of(&self, local: &str) -> (String, String) {
        let name = local.strip_prefix("localhost/").unwrap_or(local);
        let (name, tag) = name.rsplit_once(':').unwrap_or((name, "latest"));
        (format!("{}/{name}", self.0), tag.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("registry.example.org/team/", "registry.example.org")]
    #[case("127.0.0.1:5000", "127.0.0.1:5000")]
    #[case("localhost:5000/a/b", "localhost:5000")]
    fn a_host_and_a_path(#[case] text: &str, #[case] host: &str) {
        assert_eq!(Registry::checked(text).expect("valid").host(), host);
    }

    #[rstest]
    #[case::scheme("https://registry.example.org")]
    #[case::no_host("team")]
    #[case::tag("registry.example.org/team/spark:3.5")]
    fn what_docker_would_read_otherwise(#[case] text: &str) {
        assert_eq!(
            Registry::checked(text).expect_err("refused").exit,
            sparkproof_base::Exit::BadInput
        );
    }

    #[test]
    fn an_image_keeps_its_name_and_its_tag() {
        let registry = Registry::checked("registry.example.org/team").expect("valid");
        let there = registry.name_of("localhost/sparkproof/spark:3.5.9-0123");
        let name = "registry.example.org/team/sparkproof/spark";
        assert_eq!(there, (name.to_owned(), "3.5.9-0123".to_owned()));
    }
}
