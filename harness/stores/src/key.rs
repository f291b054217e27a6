//! Keys of what lies in a store.

/// One path of prefix and key.
pub(super) fn joined(prefix: &str, key: &str) -> String {
    match prefix.trim_matches('/') {
        "" => key.to_owned(),
        prefix => format!("{prefix}/{key}"),
    }
}
