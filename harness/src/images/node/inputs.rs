//! The files of `images/node/`.

use std::path::Path;

use include_dir::include_dir;

use crate::error::Result;
use crate::images::Key;
use crate::images::embedded::Embedded;

static NODE: Embedded = Embedded(include_dir!("$CARGO_MANIFEST_DIR/../images/node"));

/// A file's text.
pub(super) fn text(path: &str) -> &'static str {
    NODE.text(path)
}

/// All files below a directory with their paths in it.
pub(super) fn files(path: &str) -> Vec<(String, &'static [u8])> {
    NODE.files(path)
}

/// Writes a directory's files below `target`.
pub(super) fn extract(path: &str, target: &Path) -> Result<()> {
    NODE.extract(path, target)
}

/// Adds a directory's files to a key.
pub(super) fn add(key: Key, path: &str) -> Key {
    NODE.add(key, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inputs_are_embedded() {
        let names: Vec<String> =
            NODE.files("go/kubernetes").into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["go.mod", "go.sum", "netd/main.go", "pause/main.go"]);
        assert!(text("layer.sh").starts_with("#!/bin/sh"));
        assert!(text("no-such-file").is_empty());
    }

    #[test]
    fn a_key_follows_its_inputs() {
        let id = |path| add(Key::new("x"), path).id();
        assert_eq!(id("go/etcd"), id("go/etcd"));
        assert_ne!(id("go/etcd"), id("go/coredns"));
    }
}
