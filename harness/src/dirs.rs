//! Where things lie: state that a run owns, caches that outlive runs.

use std::path::{Path, PathBuf};

use crate::error::{Error, OrFail, Result};

/// The user's directories for sparkproof, by the XDG base directory specification.
#[derive(Debug, Clone)]
pub struct Dirs {
    /// Ledgers, locks, sockets, kubeconfigs, tokens. Mode 0700.
    pub state: PathBuf,
    /// Downloads, built parts, the data root of a Docker daemon of ours.
    pub cache: PathBuf,
}

impl Dirs {
    /// `$XDG_STATE_HOME/sparkproof` and `$XDG_CACHE_HOME/sparkproof`, made when missing.
    pub fn of_user() -> Result<Self> {
        use etcetera::BaseStrategy;
        let base = etcetera::base_strategy::Xdg::new()
            .map_err(|e| Error::environment("finding the home directory").because(e))?;
        let state = base.state_dir().unwrap_or_else(|| base.home_dir().join(".local/state"));
        Self::at(state.join("sparkproof"), base.cache_dir().join("sparkproof"))
    }

    /// Explicit places, for tests.
    pub fn at(state: PathBuf, cache: PathBuf) -> Result<Self> {
        private_dir(&state)?;
        fs_err::create_dir_all(&cache).or_environment("making the cache directory")?;
        Ok(Dirs { state, cache })
    }

    /// One directory a run.
    pub fn runs(&self) -> PathBuf {
        self.state.join("runs")
    }
}

/// Makes a directory that only the user can enter (0700), parents included.
pub fn private_dir(path: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .or_environment(format!("making the private directory {}", path.display()))
}

/// Writes a file that only the user can read (0600): tokens, keys, kubeconfigs, properties.
/// Atomic: a reader sees the old or the new content.
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
