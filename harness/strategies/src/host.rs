//! The driver's copy of a variant's files, at the path that executors read.

use std::path::{Path, PathBuf};

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::OwnedResource;
use sparkproof_kubernetes::release::release;

use super::Dataset;

/// A directory of this host; removed by [`HostCopy::cleanup`] or the run's teardown.
#[derive(Debug)]
pub struct HostCopy {
    path: PathBuf,
}

impl HostCopy {
    /// Copies the data to `path`. The first part of the path that contains the run's id must not
    /// exist yet: it is created, and removed later with everything in it.
    pub async fn make(context: &Context, path: &Path, data: &Dataset) -> Result<Self> {
        let run = context.run.id();
        let of_run =
            |p: &&Path| p.file_name().is_some_and(|n| n.to_string_lossy().contains(run.as_str()));
        let ours = path.ancestors().filter(of_run).last().unwrap_or(path).to_owned();
        if fs_err::symlink_metadata(&ours).is_ok() {
            return Err(Error::environment(format!("{} exists already", ours.display()))
                .remedy("remove it if it is a leftover; sparkproof does not overwrite it"));
        }
        context.run.record(OwnedResource::Path { path: ours.clone() })?;
        let (from, to) = (data.dir.clone(), path.to_owned());
        let copied = tokio::task::spawn_blocking(move || copy_tree(&from, &to));
        copied.await.or_internal("copying to the driver's host")??;
        Ok(HostCopy { path: ours })
    }

    /// Removes the copy.
    pub async fn cleanup(&self, context: &Context) -> Result<()> {
        release(context, &OwnedResource::Path { path: self.path.clone() }).await
    }
}

/// Copies files and directories, readable by every user, since executors run as another one.
fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    let what = || format!("copying {} to {}", from.display(), to.display());
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.or_environment(what())?;
        let place = to.join(entry.path().strip_prefix(from).unwrap_or(Path::new("")));
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(&place).or_environment(what())?;
        } else {
            fs_err::copy(entry.path(), &place).or_environment(what())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DataSize;
    use sparkproof_base::testing::test_context;

    #[tokio::test]
    async fn a_copy_is_made_owned_and_given_back_and_an_existing_path_is_refused() {
        let (context, keep) = test_context();
        let data = Dataset::generate(&keep.path().join("data"), "n1", DataSize::tiny());
        let data = data.expect("generated");
        let path = keep.path().join(format!("sparkproof-{}-0-copy", context.run.id()));
        let copy = HostCopy::make(&context, &path, &data).await.expect("made");
        let file = walkdir::WalkDir::new(&path).into_iter().filter_map(Result::ok);
        assert!(file.filter(|f| f.file_type().is_file()).count() > 2);
        let error = HostCopy::make(&context, &path, &data).await.expect_err("exists");
        assert!(error.to_string().contains("exists already"), "{error}");
        copy.cleanup(&context).await.expect("removed");
        assert!(!path.exists());

        let above = keep.path().join(format!("sparkproof-{}-2-mount", context.run.id()));
        let copy = HostCopy::make(&context, &above.join("mounted"), &data).await.expect("made");
        copy.cleanup(&context).await.expect("removed");
        assert!(!above.exists(), "also what was made on the way to it");
    }
}
