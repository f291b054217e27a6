//! Lists and prunes the cache.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::locks::{LockMode, try_lock};

/// An entry of the cache.
#[derive(Debug, Clone)]
pub struct CacheEntry {
    /// Name and hash, e.g. `kubernetes-5c1f0a9b2d3e`.
    pub id: String,
    /// Bytes on disk.
    pub bytes: u64,
    /// The time of the last use.
    pub last_used: SystemTime,
    path: PathBuf,
}

/// All entries, the least recently used first.
pub fn entries(dirs: &Dirs) -> Result<Vec<CacheEntry>> {
    let Ok(listed) = fs_err::read_dir(dirs.cache.join("entries")) else { return Ok(Vec::new()) };
    let mut entries = Vec::new();
    for entry in listed {
        let path = entry.or_environment("reading the cache")?.path();
        if !path.is_dir() {
            continue;
        }
        let id = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        let last_used = fs_err::metadata(lock_of(&path, &id))
            .and_then(|m| m.modified())
            .unwrap_or(SystemTime::UNIX_EPOCH);
        entries.push(CacheEntry { id, bytes: size(&path), last_used, path });
    }
    entries.sort_by_key(|e| e.last_used);
    Ok(entries)
}

/// The result of pruning.
#[derive(Debug, Default)]
pub struct Pruned {
    /// Removed entries.
    pub removed: Vec<CacheEntry>,
    /// Kept entries, which a run uses or builds now.
    pub in_use: Vec<CacheEntry>,
}

/// Removes the least recently used entries until the rest fits `limit` bytes, without entries that
/// a run uses or builds now.
pub fn prune(dirs: &Dirs, limit: u64) -> Result<Pruned> {
    let all = entries(dirs)?;
    let mut total: u64 = all.iter().map(|e| e.bytes).sum();
    let mut pruned = Pruned::default();
    for entry in all {
        if total <= limit {
            break;
        }
        let lock = lock_of(&entry.path, &entry.id);
        let Some(_lock) = try_lock(&lock, LockMode::Exclusive)? else {
            pruned.in_use.push(entry);
            continue;
        };
        fs_err::remove_dir_all(&entry.path).or_environment("removing a cache entry")?;
        let _ = fs_err::remove_file(entry.path.with_file_name(format!("{}.sums", entry.id)));
        total -= entry.bytes;
        pruned.removed.push(entry);
    }
    Ok(pruned)
}

/// The path of an entry's lock.
fn lock_of(path: &Path, id: &str) -> PathBuf {
    path.with_file_name(format!("{}.lock", id.trim_end_matches(".tmp")))
}

fn size(path: &Path) -> u64 {
    let files = walkdir::WalkDir::new(path).into_iter().filter_map(|e| e.ok());
    files.filter_map(|e| e.metadata().ok()).filter(|m| m.is_file()).map(|m| m.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_goes_first_and_a_locked_one_stays() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let dirs = Dirs::at(keep.path().join("s"), keep.path().join("c")).expect("directories");
        let base = dirs.cache.join("entries");
        let hour = |h: u64| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(h * 3600);
        for (id, age) in [("old-1", 1), ("locked-2", 2), ("new-3", 3)] {
            std::fs::create_dir_all(base.join(id)).expect("made");
            std::fs::write(base.join(id).join("f"), vec![0; 100]).expect("written");
            let lock = std::fs::File::create(base.join(format!("{id}.lock"))).expect("made");
            lock.set_modified(hour(age)).expect("set");
        }
        let held = std::fs::File::open(base.join("locked-2.lock")).expect("opened");
        rustix::fs::flock(&held, rustix::fs::FlockOperation::LockExclusive).expect("locked");
        let pruned = prune(&dirs, 150).expect("pruned");
        let ids = |of: &[CacheEntry]| of.iter().map(|e| e.id.clone()).collect::<Vec<_>>();
        assert_eq!(
            ids(&pruned.removed),
            ["old-1", "new-3"],
            "one locked entry stays, though older"
        );
        assert_eq!(ids(&pruned.in_use), ["locked-2"]);
        assert_eq!(entries(&dirs).expect("listed").len(), 1);
    }
}
