//! Placeholders for values that differ between runs.

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use regex::{Captures, Regex};
use sparkproof_base::context::Context;

/// Replaces values by placeholders, in texts that should be the same for every run.
#[derive(Debug, Clone)]
pub struct Placeholders(Vec<(String, &'static str)>);

/// Filters for values that are not known beforehand.
struct Filters {
    /// Directory of a jar in the cache, which differs between machines.
    jar: Regex,
    /// Hash at the end of the name of an image or a cache entry.
    hash: Regex,
    /// IPv4 address, but not a version inside a longer word.
    address: Regex,
}

static FILTERS: LazyLock<Filters> = LazyLock::new(|| {
    let expression = |text: &str| Regex::new(text).expect("a valid expression");
    Filters {
        jar: expression(r"\bCACHE/[^\s,:]*/([^\s,:/]+\.jar)\b"),
        hash: expression(r"-[0-9a-f]{12}\b"),
        address: expression(r"(^|[^\w.-])(\d{1,3}(?:\.\d{1,3}){3})\b"),
    }
});

impl Placeholders {
    /// The placeholder of the session's private directory.
    pub const SESSION: &'static str = "SESSION";

    /// For these values, with their placeholders.
    pub fn new<V: Into<String>>(known: impl IntoIterator<Item = (V, &'static str)>) -> Self {
        let known = known.into_iter().map(|(value, name)| (value.into(), name));
        let mut known: Vec<_> = known.filter(|(value, _)| !value.is_empty()).collect();
        // The longest first, since a nonce contains the run's id.
        known.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        Placeholders(known)
    }

    /// For a run: its id, its directories, and the nonce of a variant's data.
    pub fn for_run(context: &Context, nonce: &str) -> Self {
        Self::new([
            (nonce.to_owned(), "NONCE"),
            (context.run.id().to_string(), "RUN"),
            (context.run.dir().display().to_string(), "STATE"),
            (context.dirs.cache.display().to_string(), "CACHE"),
        ])
    }

    /// The text with placeholders.
    pub fn apply(&self, text: &str) -> String {
        let Filters { jar, hash, address } = &*FILTERS;
        let known =
            |text: String, (value, name): &(String, &'static str)| text.replace(value, name);
        let text = self.0.iter().fold(text.to_owned(), known);
        let text = jar.replace_all(&text, "$1");
        let text = hash.replace_all(&text, "-HASH");
        let named = address.replace_all(&text, |found: &Captures<'_>| {
            let (before, seen) = (&found[1], &found[2]);
            match seen.parse::<Ipv4Addr>() {
                // These addresses are the same everywhere.
                Ok(ip) if ip.is_loopback() || ip.is_unspecified() => format!("{before}{seen}"),
                Ok(_) => format!("{before}ADDRESS"),
                Err(_) => found[0].to_owned(),
            }
        });
        named.into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_has_a_name_and_what_does_not_stays() {
        let placeholders =
            Placeholders::new([("7f3a0b1c", "RUN"), ("7f3a0b1c-x", "NONCE"), ("/home/x", "CACHE")]);
        let cases = [
            ("s3a://data/7f3a0b1c-x/a.csv", "s3a://data/NONCE/a.csv"),
            ("http://172.18.0.5:7070", "http://ADDRESS:7070"),
            ("127.0.0.1 0.0.0.0 10.0.0.1", "127.0.0.1 0.0.0.0 ADDRESS"),
            ("/home/x/entries/jars-0123456789ab/a-1.2.3.4.jar:/y/b.jar", "a-1.2.3.4.jar:/y/b.jar"),
            (
                "localhost/sparkproof/spark:3.5.9-013b609a74b5",
                "localhost/sparkproof/spark:3.5.9-HASH",
            ),
            ("timeout=12345678", "timeout=12345678"),
        ];
        for (text, expected) in cases {
            assert_eq!(placeholders.apply(text), expected);
        }
    }
}
