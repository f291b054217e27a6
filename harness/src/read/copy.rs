//! Strategy 0: copied into every pod, and to the driver.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use futures::future::{LocalBoxFuture, try_join_all};
use tokio_util::io::SyncIoBridge;

use super::{Dataset, InPod, Location, Mount, Scene, Setup, Strategy, Variant};
use crate::error::{Error, OrFail, Result};
use crate::proof::Live;
use crate::session::Contribution;

/// The variant `0-copy`.
#[derive(Debug)]
pub struct Copy {
    variant: &'static Variant,
}

impl Copy {
    /// Of this variant.
    pub fn new(variant: &'static Variant) -> Self {
        Copy { variant }
    }
}

impl Strategy for Copy {
    fn variant(&self) -> &'static Variant {
        self.variant
    }

    fn prepare<'a>(
        &'a mut self,
        _: Scene<'a>,
        _: &'a Dataset,
    ) -> LocalBoxFuture<'a, Result<Setup>> {
        Box::pin(async { Ok(Setup::default()) })
    }

    fn contribute(&self, _: Scene<'_>) -> Result<Contribution> {
        Ok(Contribution::default())
    }

    fn populates(&self) -> bool {
        true
    }

    fn populate<'a>(
        &'a mut self,
        scene: Scene<'a>,
        data: &'a Dataset,
        live: &'a Live,
    ) -> LocalBoxFuture<'a, Result<Setup>> {
        Box::pin(async move {
            let path = scene.path(self.variant);
            let begun = Instant::now();
            let pods = live.executor_pods();
            let copies = pods.keys().map(|pod| async {
                let begun = Instant::now();
                let pod = InPod::new(live.client(), scene.namespace, pod);
                copy_into(&pod, data, &path).await?;
                Ok::<_, Error>(begun.elapsed().as_secs_f64())
            });
            let seconds = scene.context.cancel.guard(try_join_all(copies)).await?;
            let copies = seconds.len().max(1);
            Ok(Setup {
                seconds: begun.elapsed().as_secs_f64(),
                bytes_to_nodes: data.bytes() * pods.len() as u64,
                seconds_per_executor: seconds.iter().sum::<f64>() / copies as f64,
                bytes_per_executor: data.bytes(),
            })
        })
    }

    fn location(&self, scene: Scene<'_>) -> Location {
        Location::local(scene.path(self.variant), Mount::Root, None)
    }
}

/// Copies the data to `path` in a pod's own file system: to a temporary name, renamed when whole,
/// so that no reader sees half of it, then hashed again in the pod, since a copy can claim a success
/// that it had not (measured of `kubectl cp` into a container without tar).
pub async fn copy_into(pod: &InPod, data: &Dataset, path: &Path) -> Result<()> {
    let temporary = path.with_extension("half");
    let (half, whole) = (temporary.to_string_lossy(), path.to_string_lossy());
    let script = "mkdir -p \"$1\" && tar --extract --no-same-owner --file - --directory \"$1\"";
    let (read, write) = tokio::io::duplex(1 << 20);
    let dir = data.dir.clone();
    let packed = tokio::task::spawn_blocking(move || {
        let mut archive = tar::Builder::new(SyncIoBridge::new(write));
        archive.append_dir_all(".", dir)?;
        archive.into_inner().map(drop)
    });
    let fed = pod.feed(&["sh", "-c", script, "sh", &half], read).await;
    let packed = packed.await.or_internal("packing the data")?;
    fed?;
    packed.or_environment("packing the data")?;
    // A directory that is there already may be a mount, which cannot be replaced: filled instead.
    let script = "if [ -d \"$2\" ]; then cp -R \"$1\"/. \"$2\" && rm -r \"$1\"; else mv \"$1\" \"$2\"; fi \
                  && cd \"$2\" && find . -type f -exec sha256sum {} +";
    let sums = pod.run(&["sh", "-c", script, "sh", &half, &whole]).await?;
    verify(&sums, data, &whole)
}

/// Compares what `sha256sum` printed in the pod with what was sent.
fn verify(sums: &str, data: &Dataset, path: &str) -> Result<()> {
    let seen: BTreeMap<&str, &str> = sums
        .lines()
        .filter_map(|line| line.split_once("  "))
        .map(|(sum, name)| (name.trim_start_matches("./"), sum))
        .collect();
    for file in data.files() {
        let name = &file.path;
        match seen.get(name.as_str()) {
            Some(sum) if *sum == file.sha256 => {}
            Some(sum) => {
                return Err(Error::red(format!(
                    "{path}/{name} has sha256 {sum} in the pod, {} was sent",
                    file.sha256
                )));
            }
            None => return Err(Error::red(format!("{path}/{name} is not in the pod"))),
        }
    }
    Ok(())
}
