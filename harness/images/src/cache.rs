//! The content-addressed cache: one entry for each key, built once, verified on use.

use std::fs::File;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_base::locks::{self, LockMode};

use super::entry::hash_file;

/// Seconds to wait for another process that builds an entry: the longest build.
const BUILD_SECONDS: u64 = 60 * 60;
/// Seconds to wait for the users of a changed entry: longer than a check, shorter than a run.
const USERS_SECONDS: u64 = 5;
/// How often an entry is checked.
const TRIES: u32 = 3;

/// The hash of everything that decides an entry's content.
#[derive(Debug, Clone)]
pub struct Key {
    name: String,
    hash: Sha256,
}

impl Key {
    /// A key for entries of this name, e.g. `kubernetes`.
    pub fn new(name: &str) -> Self {
        Key { name: name.to_owned(), hash: Sha256::new() }.with("name", name)
    }

    /// Adds an input, with its length, so that `("ab","c")` and `("a","bc")` differ.
    #[must_use]
    pub fn with(mut self, what: &str, bytes: impl AsRef<[u8]>) -> Self {
        for part in [what.as_bytes(), bytes.as_ref()] {
            self.hash.update((part.len() as u64).to_le_bytes());
            self.hash.update(part);
        }
        self
    }

    /// Name and 12 hex digits, e.g. `kubernetes-5c1f0a9b2d3e`.
    pub fn id(&self) -> String {
        format!("{}-{}", self.name, &hex::encode(self.hash.clone().finalize())[..12])
    }
}

/// An entry in use: as long as this value exists, `cache prune` keeps the entry.
#[derive(Debug)]
pub struct InUse {
    path: PathBuf,
    lock: File,
}

impl InUse {
    /// Its path. The entry stays in use until this process ends, for paths in properties, mounts
    /// and records.
    pub fn keep(self) -> PathBuf {
        std::mem::forget(self.lock);
        self.path
    }
}

impl std::ops::Deref for InUse {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

/// The cache directory.
#[derive(Debug, Clone)]
pub struct Cache {
    dir: PathBuf,
}

impl Cache {
    /// The user's cache.
    pub fn new(context: &Context) -> Self {
        Cache { dir: context.dirs.cache.join("entries") }
    }

    /// The entry's directory: from the cache if its digest is right, else built by `build` in a
    /// temporary directory, which is then renamed. If two processes need the same entry, the second
    /// waits for the first. After kill -9 the next builder removes the temporary directory.
    ///
    /// Users of an entry share its lock; building and removing take it exclusively.
    pub async fn entry(
        &self,
        context: &Context,
        key: &Key,
        step: StepGuard,
        build: impl AsyncFnOnce(&Path, &StepGuard) -> Result<()>,
    ) -> Result<InUse> {
        fs_err::create_dir_all(&self.dir).or_environment("making the cache directory")?;
        let id = key.id();
        let target = self.dir.join(&id);
        let lock_file = self.dir.join(format!("{id}.lock"));
        let mut build = Some(build);
        // Checked again after a build, or if another process was checking a changed entry, too.
        for _ in 0..TRIES {
            let lock = lock(context, &lock_file, LockMode::Shared, BUILD_SECONDS).await?;
            let there = target.exists();
            if there && (build.is_none() || blocking(target.clone(), verify).await?) {
                if build.is_some() {
                    step.cached();
                } else {
                    step.done(String::new());
                }
                return Ok(InUse { path: target, lock });
            }
            drop(lock);
            let seconds = if there { USERS_SECONDS } else { BUILD_SECONDS };
            let _alone = match locks::lock(context, &lock_file, LockMode::Exclusive, seconds).await
            {
                Ok(lock) => lock,
                Err(error) if there && !error.is_interruption() => continue,
                Err(error) => return Err(error),
            };
            if there && target.exists() {
                if blocking(target.clone(), verify).await? {
                    continue;
                }
                let words = format!("cache entry {id} was changed on disk: rebuilding it");
                context.recorder.warn(words);
                let removed = fs_err::tokio::remove_dir_all(&target).await;
                removed.or_environment("removing a bad entry")?;
            }
            if !target.exists()
                && let Some(build) = build.take()
                && let Err(error) = self.build(&id, &step, build).await
            {
                step.failed(&error);
                return Err(error);
            }
        }
        let error = Error::environment(format!(
            "cache entry {id} was changed or removed on disk while runs use it"
        ));
        let error = error.remedy("end those runs; the next one rebuilds it");
        step.failed(&error);
        Err(error)
    }

    /// Builds the entry; the lock is held exclusively.
    async fn build(
        &self,
        id: &str,
        step: &StepGuard,
        build: impl AsyncFnOnce(&Path, &StepGuard) -> Result<()>,
    ) -> Result<()> {
        let temporary = self.dir.join(format!("{id}.tmp"));
        if temporary.exists() {
            fs_err::tokio::remove_dir_all(&temporary)
                .await
                .or_environment("removing an incomplete cache entry")?;
        }
        fs_err::tokio::create_dir_all(&temporary).await.or_environment("making a cache entry")?;
        // Not guarded: an interruption must not drop a tool before its process group has ended.
        if let Err(error) = build(&temporary, step).await {
            let _ = fs_err::tokio::remove_dir_all(&temporary).await;
            return Err(error);
        }
        let sums = blocking(temporary.clone(), sums).await?;
        fs_err::write(self.sums_of(id), sums).or_environment("writing an entry's digests")?;
        fs_err::rename(&temporary, self.dir.join(id))
            .or_environment("moving a cache entry into place")
    }

    fn sums_of(&self, id: &str) -> PathBuf {
        self.dir.join(format!("{id}.sums"))
    }
}

async fn blocking<T: Send + 'static>(
    dir: PathBuf,
    work: impl FnOnce(&Path) -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(move || work(&dir)).await.or_internal("a cache task")?
}

/// Takes the lock of a key.
async fn lock(context: &Context, path: &Path, hold: LockMode, seconds: u64) -> Result<File> {
    let file = locks::lock(context, path, hold, seconds).await?;
    // The lock's time is that of the last use.
    file.set_modified(std::time::SystemTime::now()).or_environment("marking a cache entry")?;
    Ok(file)
}

/// `sha256  path` of every file and `link target` of every symlink, sorted.
fn sums(dir: &Path) -> Result<String> {
    let mut lines = Vec::new();
    for entry in walkdir::WalkDir::new(dir).sort_by_file_name() {
        let entry = entry.or_environment("reading a cache entry")?;
        let path = entry.path().strip_prefix(dir).unwrap_or(entry.path()).display().to_string();
        let kind = entry.file_type();
        if kind.is_symlink() {
            let to = fs_err::read_link(entry.path()).or_environment("reading a cache entry")?;
            lines.push(format!("link {}  {path}", to.display()));
        } else if kind.is_file() {
            let (digest, _) = hash_file(entry.path()).or_environment("reading a cache entry")?;
            lines.push(format!("{digest}  {path}"));
        }
    }
    Ok(lines.join("\n"))
}

fn verify(dir: &Path) -> Result<bool> {
    let expected = PathBuf::from(format!("{}.sums", dir.display()));
    let Ok(expected) = fs_err::read_to_string(expected) else { return Ok(false) };
    Ok(sums(dir)? == expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::testing::test_context;

    async fn make(context: &Context, content: &str) -> (PathBuf, bool) {
        let mut built = false;
        let step = StepGuard::begin(&context.recorder, "image", "x".into());
        let path = Cache::new(context)
            .entry(
                context,
                &Key::new("x").with("v", "1"),
                step,
                async |dir: &Path, _: &StepGuard| {
                    built = true;
                    fs_err::write(dir.join("file"), content).or_environment("writing")
                },
            )
            .await
            .expect("entry");
        (path.to_path_buf(), built)
    }

    #[tokio::test]
    async fn built_once_then_cached_and_rebuilt_when_tampered_with() {
        let (context, _keep) = test_context();
        let (path, built) = make(&context, "one").await;
        assert!(built);
        assert!(!make(&context, "two").await.1, "the second use comes from the cache");
        std::fs::write(path.join("file"), "evil").expect("written");
        assert!(make(&context, "three").await.1, "a changed entry is built again");
        assert_eq!(std::fs::read_to_string(path.join("file")).expect("readable"), "three");
    }

    #[tokio::test]
    async fn an_entry_in_use_is_not_pruned_and_can_be_used_by_others() {
        let (context, _keep) = test_context();
        let entry = async || {
            let step = StepGuard::begin(&context.recorder, "image", "x".into());
            let build = async |dir: &Path, _: &StepGuard| {
                fs_err::write(dir.join("file"), "whole").or_environment("writing")
            };
            let key = Key::new("x").with("v", "1");
            Cache::new(&context).entry(&context, &key, step, build).await.expect("entry")
        };
        let (one, other) = (entry().await, entry().await);
        let prune = || crate::prune(&context.dirs, 0).expect("pruned").removed.len();
        drop(one);
        assert_eq!(prune(), 0, "the other still reads it");
        assert!(other.join("file").exists());
        drop(other);
        assert_eq!(prune(), 1);
        let kept = entry().await.keep();
        assert_eq!(prune(), 0, "this process has its path");
        assert!(kept.join("file").exists());
    }

    #[tokio::test]
    async fn a_failed_or_killed_build_leaves_nothing_usable() {
        let (context, _keep) = test_context();
        let cache = Cache::new(&context);
        let key = Key::new("x").with("v", "1");
        // What kill -9 in the middle leaves: a temporary directory.
        let half = cache.dir.join(format!("{}.tmp", key.id()));
        std::fs::create_dir_all(&half).expect("made");
        std::fs::write(half.join("rubbish"), "half").expect("written");
        let (path, built) = make(&context, "whole").await;
        assert!(built && !path.join("rubbish").exists());
    }

    #[tokio::test]
    async fn two_builders_at_once_do_the_work_once() {
        let (context, _keep) = test_context();
        let ((one, built_one), (two, built_two)) =
            tokio::join!(make(&context, "same"), make(&context, "same"));
        assert_eq!(one, two);
        assert!(built_one ^ built_two, "one builds, the other waits for it");
    }

    #[test]
    fn inputs_do_not_run_into_each_other() {
        assert_ne!(Key::new("k").with("ab", "c").id(), Key::new("k").with("a", "bc").id());
    }
}
