//! Directories of a run inside nodes that outlive it (a cluster of `up` or `exec`).

use std::path::Path;

use bollard::query_parameters::InspectContainerOptions;
use sparkproof_base::RunId;
use sparkproof_base::context::Context;
use sparkproof_base::deadlines::IN_NODE;
use sparkproof_base::error::{Error, ErrorContext, Result};

use crate::engine::{Engine, gone};

const LOOK: Option<InspectContainerOptions> = None;

/// A script that unmounts everything below the path, deepest first, then removes the path.
const REMOVE: &str = r#"
awk -v p="$1" '$5 == p || index($5, p "/") == 1 {print $5}' /proc/self/mountinfo | sort -r |
    while read -r mounted; do umount --lazy "$mounted"; done
rm -rf --one-file-system "$1"
"#;

/// Removes a directory of a node and unmounts what is mounted below it. If the node is gone, so is
/// the directory.
///
/// # Errors
/// Environment: it still exists, or the node could not be inspected.
pub async fn remove_path(
    context: &Context,
    engine: &Engine,
    node: &str,
    path: &Path,
) -> Result<()> {
    let path = path.to_string_lossy();
    carries(&path, context.run.id())?;
    let node_is_there = gone(engine.docker.inspect_container(node, LOOK).await);
    if node_is_there.or_environment(format!("inspecting node {node}"))?.is_none() {
        return Ok(());
    }
    let command = ["sh", "-c", REMOVE, "sh", &path];
    engine.exec(context, node, &command, None::<&[u8]>, IN_NODE).await.map(drop)
}

fn carries(name: &str, run: &RunId) -> Result<()> {
    if name.contains(run.as_str()) {
        return Ok(());
    }
    Err(Error::internal(format!("{name} does not contain the run's id {run}: not removed")))
}
