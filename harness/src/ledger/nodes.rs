//! What a run left inside nodes that outlive it (a cluster of `up`, or of `exec`).

use std::path::Path;

use bollard::query_parameters::InspectContainerOptions;

use crate::engine::Engine;
use crate::error::{Error, Result};

/// Unmounts what lies on the path, deepest first, then removes what is the node's own.
const REMOVE: &str = r#"
awk -v p="$1" '$5 == p || index($5, p "/") == 1 {print $5}' /proc/self/mountinfo | sort -r |
    while read -r mounted; do umount --lazy "$mounted"; done
rm -rf --one-file-system "$1"
"#;

/// Removes a directory of a node with what is mounted below it; a node that is gone took it along.
pub(super) async fn remove_path(engine: &Engine, node: &str, path: &Path, run: &str) -> Result<()> {
    let path = path.to_string_lossy();
    carries(&path, run)?;
    if !exists(engine, node).await {
        return Ok(());
    }
    engine.exec(node, &["sh", "-c", REMOVE, "sh", &path], None::<&[u8]>).await.map(drop)
}

async fn exists(engine: &Engine, node: &str) -> bool {
    engine.docker.inspect_container(node, None::<InspectContainerOptions>).await.is_ok()
}

fn carries(name: &str, run: &str) -> Result<()> {
    if name.contains(run) {
        return Ok(());
    }
    Err(Error::internal(format!("{name} does not contain the run's id {run}: not removed")))
}
