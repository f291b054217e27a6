//! Keys in a store.

/// Joins prefix and key to a path.
pub(super) fn joined(prefix: &str, key: &str) -> String {
    match prefix.trim_matches('/') {
        "" => key.to_owned(),
        prefix => format!("{prefix}/{key}"),
    }
}
