//! What a run left inside nodes that outlive it (a cluster of `up`, or of `exec`).

use std::path::Path;

use bollard::query_parameters::InspectContainerOptions;
use sparkproof_base::RunId;
use sparkproof_base::context::Context;
use sparkproof_base::deadlines::IN_NODE;
use sparkproof_base::error::{Error, ErrorContext, Result};

use crate::engine::{Engine, gone};

const LOOK: Option<InspectContainerOptions> = None;

/// Unmounts what lies on the path, deepest first, then removes what is the node's own.
const REMOVE: &str = r#"
awk -v p="$1" '$5 == p || index($5, p "/") == 1 {print $5}' /proc/self/mountinfo | sort -r |
    while read -r mounted; do umount --lazy "$mounted"; done
rm -rf --one-file-system "$1"
"#;

/// Removes a directory of a node with what is mounted below it; a node that is gone took it along.
///
/// # Errors
/// Environment: it is still there, or the node could not be looked at.
pub async fn remove_path(
    context: &Context,
    engine: &Engine,
    node: &str,
    path: &Path,
) -> Result<()> {
    let path = path.to_string_lossy();
    carries(&path, context.run.id())?;
    let node_is_there = gone(engine.docker.inspect_container(node, LOOK).await);
    if node_is_there.or_environment(format!("looking at node {node}"))?.is_none() {
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
