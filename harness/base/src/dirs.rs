//! The directories of sparkproof: state of runs, caches that outlive runs.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorContext, Result};
use crate::run_id::RunId;

/// The user's directories for sparkproof, by the XDG base directory specification.
#[derive(Debug, Clone)]
pub struct Dirs {
    /// Ledgers, locks, sockets, kubeconfigs, tokens. Mode 0700.
    pub state: PathBuf,
    /// Downloads, built parts, the data root of sparkproof's Docker daemon.
    pub cache: PathBuf,
}

impl Dirs {
    /// `$XDG_STATE_HOME/sparkproof` and `$XDG_CACHE_HOME/sparkproof`, created if missing.
    pub fn of_user() -> Result<Self> {
        use etcetera::BaseStrategy;
        let base = etcetera::base_strategy::Xdg::new()
            .map_err(|e| Error::environment("finding the home directory").with_source(e))?;
        let state = base.state_dir().unwrap_or_else(|| base.home_dir().join(".local/state"));
        Self::at(state.join("sparkproof"), base.cache_dir().join("sparkproof"))
    }

    /// Explicit directories, for tests.
    pub fn at(state: PathBuf, cache: PathBuf) -> Result<Self> {
        private_dir(&state)?;
        fs_err::create_dir_all(&cache).or_environment("making the cache directory")?;
        Ok(Dirs { state, cache })
    }

    /// The directory with one directory a run.
    pub fn runs(&self) -> PathBuf {
        self.state.join("runs")
    }

    /// The directory of a run, whether it exists or not.
    pub fn run(&self, id: &RunId) -> PathBuf {
        self.runs().join(id.as_str())
    }
}

/// Creates a directory of mode 0700, parents included.
pub fn private_dir(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .or_environment(format!("making the private directory {}", path.display()))
}

/// Removes a directory tree that is below `root`. Canonical paths are compared, so that neither
/// `..` nor a symbolic link leads elsewhere. A directory that is gone already counts as removed.
///
/// # Errors
/// Internal: it is not strictly below `root`, or not a directory; nothing was removed.
/// Environment: it could not be removed.
pub fn remove_below(root: &Path, dir: &Path) -> Result<()> {
    let what = || format!("removing {}", dir.display());
    let meta = match fs_err::symlink_metadata(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        meta => meta.or_environment(what())?,
    };
    let (root, real) = (
        fs_err::canonicalize(root).or_environment(what())?,
        fs_err::canonicalize(dir).or_environment(what())?,
    );
    if !meta.is_dir() || real == root || !real.starts_with(&root) {
        return Err(Error::internal(format!(
            "{} is no directory below {}: not removed",
            dir.display(),
            root.display()
        )));
    }
    fs_err::remove_dir_all(&real).or_environment(what())
}

/// Writes a file of mode 0600: tokens, keys, kubeconfigs, properties. Atomic: a reader sees the old
/// or the new content.
pub fn private_file(path: &Path, content: &[u8]) -> Result<()> {
    use std::io::Write;
    let what = || format!("writing {}", path.display());
    let dir = path.parent().ok_or_else(|| Error::internal(what()))?;
    // NamedTempFile creates with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(dir).or_environment(what())?;
    file.write_all(content).or_environment(what())?;
    file.persist(path).or_environment(what())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn only_what_lies_below_the_root_is_removed() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let (root, precious) = (keep.path().join("state"), keep.path().join("precious"));
        for dir in [&root.join("runs/one"), &precious] {
            std::fs::create_dir_all(dir).expect("made");
            std::fs::write(dir.join("file"), "content").expect("written");
        }
        symlink(&precious, root.join("runs/link")).expect("linked");
        symlink(keep.path(), root.join("up")).expect("linked");
        for refused in [
            precious.clone(),
            root.clone(),
            keep.path().to_owned(),
            root.join("."),
            root.join("runs/.."),
            root.join("runs/../../precious"),
            root.join("runs/link"),
            root.join("up/precious"),
            root.join("runs/one/file"),
        ] {
            let error = remove_below(&root, &refused).expect_err("refused");
            assert!(error.to_string().contains("not removed"), "{error}");
        }
        assert!(precious.join("file").exists() && root.join("runs/one/file").exists());
        remove_below(&root, &root.join("runs/one")).expect("removed");
        assert!(!root.join("runs/one").exists());
        remove_below(&root, &root.join("runs/one")).expect("gone already");
        // What a link in it points to is not in it.
        remove_below(&root, &root.join("runs")).expect("removed");
        assert!(precious.join("file").exists());
    }
}
