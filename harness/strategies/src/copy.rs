//! Strategy 0: data copied into every pod, and to the driver.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use futures::future::{LocalBoxFuture, try_join_all};
use sparkproof_base::error::{Error, Result};
use sparkproof_base::tar_stream::pack;
use sparkproof_catalog::Variant;
use sparkproof_judge::Copies;
use sparkproof_kubernetes::access::{EXEC, Rule};
use sparkproof_kubernetes::cluster::InPod;
use sparkproof_spark::session::SessionOverlay;
use sparkproof_testbed::LiveSession;

use super::transfer::{HASH, sums};
use super::{Dataset, Location, MountKind, SetupCost, Strategy, StrategyContext};

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

    fn needs(&self) -> Vec<Rule> {
        EXEC.to_vec()
    }

    fn prepare<'a>(
        &'a mut self,
        _: StrategyContext<'a>,
        _: &'a Dataset,
    ) -> LocalBoxFuture<'a, Result<SetupCost>> {
        Box::pin(async { Ok(SetupCost::default()) })
    }

    fn contribute(&self, _: StrategyContext<'_>) -> Result<SessionOverlay> {
        Ok(SessionOverlay::default())
    }

    fn populates(&self) -> bool {
        true
    }

    fn populate<'a>(
        &'a mut self,
        scene: StrategyContext<'a>,
        data: &'a Dataset,
        live: &'a LiveSession,
    ) -> LocalBoxFuture<'a, Result<(SetupCost, Copies)>> {
        Box::pin(async move { copy_into_all(scene, data, live, &scene.path(self.variant)).await })
    }

    fn location(&self, scene: StrategyContext<'_>) -> Location {
        Location::local(scene.path(self.variant), MountKind::Root, None)
    }
}

/// How [`copy_into`] ends in a pod whose user may not write into a directory that exists: not an exit
/// code of a shell, of mkdir or of tar.
pub(super) const NOT_WRITABLE: i32 = 77;

/// Copies the data to `path` in every executor's pod, concurrently.
pub(super) async fn copy_into_all(
    scene: StrategyContext<'_>,
    data: &Dataset,
    live: &LiveSession,
    path: &Path,
) -> Result<(SetupCost, Copies)> {
    let begun = Instant::now();
    let pods = live.executor_pods();
    let copies = pods.keys().map(|pod| async {
        let begun = Instant::now();
        let files = copy_into(&live.executor(pod), data, path).await?;
        Ok::<_, Error>((pod.clone(), files, begun.elapsed().as_secs_f64()))
    });
    let made = scene.context.cancel.guard(try_join_all(copies)).await?;
    let each = made.iter().map(|(.., seconds)| seconds).sum::<f64>() / made.len().max(1) as f64;
    let (seconds, bytes) = (begun.elapsed().as_secs_f64(), data.bytes() * pods.len() as u64);
    let cost = SetupCost {
        seconds,
        bytes_to_nodes: bytes,
        seconds_per_executor: each,
        bytes_per_executor: data.bytes(),
    };
    let pods = made.into_iter().map(|(pod, files, _)| (pod, files)).collect();
    Ok((cost, Copies { pods, seconds, bytes }))
}

/// Copies the data to `path` in a pod's file system: to a temporary name, which is then renamed, so
/// that no reader sees a part of it. Returns the hashes of all files there, by path, made in the pod
/// since a copy can report success falsely (measured with `kubectl cp` into a container without
/// tar). An existing `path` may be a
/// mount, which cannot be replaced: then its content is, from a temporary name in it.
async fn copy_into(pod: &InPod, data: &Dataset, path: &Path) -> Result<BTreeMap<String, String>> {
    let whole = path.to_string_lossy();
    let unpack = format!(
        "half=\"$1.half\"; if [ -d \"$1\" ]; then half=\"$1/.half\"; \
         [ -w \"$1\" ] || {{ echo \"$1 may not be written to\" >&2; exit {NOT_WRITABLE}; }}; fi; \
         mkdir -p \"$half\" && tar --extract --no-same-owner --file - --directory \"$half\""
    );
    let (stream, packing) = pack(&data.dir);
    packing.after(pod.feed(&["sh", "-c", &unpack, "sh", &whole], stream).await).await?;
    let rename = "if [ ! -d \"$1\" ]; then mv \"$1.half\" \"$1\"; else \
                  for f in \"$1\"/.half/*; do rm -rf \"$1/${f##*/}\" && mv \"$f\" \"$1\" || exit; done; \
                  rmdir \"$1/.half\"; fi && cd \"$1\"";
    let output = pod.run(&["sh", "-c", &format!("{rename} && {HASH}"), "sh", &whole]).await?;
    Ok(sums(&output))
}
