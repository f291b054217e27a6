//! Files of `images/`, embedded: an installed binary works without the sources.

use std::path::Path;

use include_dir::{Dir, DirEntry};
use sparkproof_base::error::{ErrorContext, Result};

use super::Key;

/// A directory of `images/`.
#[derive(Debug)]
pub(super) struct Embedded(pub(super) Dir<'static>);

impl Embedded {
    /// A file's text.
    pub(super) fn text(&'static self, path: &str) -> &'static str {
        self.0.get_file(path).and_then(|file| file.contents_utf8()).unwrap_or_default()
    }

    /// Writes a directory's files below `target`.
    pub(super) fn extract(&'static self, path: &str, target: &Path) -> Result<()> {
        for (name, bytes) in self.files(path) {
            let file = target.join(name);
            let parent = file.parent().unwrap_or(target);
            fs_err::create_dir_all(parent).or_environment("making inputs")?;
            fs_err::write(file, bytes).or_environment("writing inputs")?;
        }
        Ok(())
    }

    /// Adds a directory's files to a key.
    pub(super) fn add(&'static self, key: Key, path: &str) -> Key {
        self.files(path).into_iter().fold(key, |key, (name, bytes)| key.with(&name, bytes))
    }

    /// All files below a directory with their paths relative to it, sorted.
    pub(super) fn files(&'static self, path: &str) -> Vec<(String, &'static [u8])> {
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
        if let Some(dir) = self.0.get_dir(path) {
            walk(dir, &mut found);
        }
        for (name, _) in &mut found {
            *name = name[path.len() + 1..].to_owned();
        }
        found.sort();
        found
    }
}
