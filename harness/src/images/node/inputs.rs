//! The files of `images/node/`, embedded: an installed binary works without the sources.

use std::path::Path;

use include_dir::{Dir, DirEntry, include_dir};

use crate::error::{OrFail, Result};
use crate::images::Key;

static NODE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../images/node");

/// A file's text.
pub(super) fn text(path: &str) -> &'static str {
    NODE.get_file(path).and_then(|file| file.contents_utf8()).unwrap_or_default()
}

/// Writes a directory's files below `target`.
pub(super) fn extract(path: &str, target: &Path) -> Result<()> {
    for (name, bytes) in files(path) {
        let file = target.join(name);
        fs_err::create_dir_all(file.parent().unwrap_or(target)).or_environment("making inputs")?;
        fs_err::write(file, bytes).or_environment("writing inputs")?;
    }
    Ok(())
}

/// Adds a directory's files to a key.
pub(super) fn add(key: Key, path: &str) -> Key {
    files(path).into_iter().fold(key, |key, (name, bytes)| key.with(&name, bytes))
}

/// All files below a directory with their paths relative to it, sorted.
fn files(path: &str) -> Vec<(String, &'static [u8])> {
    fn walk(dir: &'static Dir<'static>, found: &mut Vec<(String, &'static [u8])>) {
        for entry in dir.entries() {
            match entry {
                DirEntry::Dir(dir) => walk(dir, found),
                DirEntry::File(file) => {
                    found.push((file.path().display().to_string(), file.contents()));
                }
            }
        }
    }
    let mut found = Vec::new();
    if let Some(dir) = NODE.get_dir(path) {
        walk(dir, &mut found);
    }
    for (name, _) in &mut found {
        *name = name[path.len() + 1..].to_owned();
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inputs_are_embedded() {
        let names: Vec<String> = files("go/kubernetes").into_iter().map(|(name, _)| name).collect();
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
