//! What a run left inside nodes that outlive it (a cluster of `up`, or of `exec`).

use std::path::Path;

use bollard::query_parameters::InspectContainerOptions;

use super::docker::gone;
use crate::context::Context;
use crate::deadlines::IN_NODE;
use crate::engine::Engine;
use crate::error::{Error, OrFail, Result};

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
pub(super) async fn remove_path(
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

fn carries(name: &str, run: &str) -> Result<()> {
    if name.contains(run) {
        return Ok(());
    }
    Err(Error::internal(format!("{name} does not contain the run's id {run}: not removed")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::fake::{Then, fake_docker, json};
    use crate::ledger::{Owned, give_back, test_context};

    async fn give_back_with_a_daemon_that_says(status: u16) -> (Result<()>, usize) {
        let (context, keep) = test_context();
        let socket = keep.path().join("docker.sock");
        let said = json(status, r#"{"message":"as the test says"}"#);
        let engine = fake_docker(&socket, move |_| Some((said.clone(), Then::Closed))).await;
        let path = format!("/var/tmp/sparkproof-{}", context.run.id()).into();
        let owned = Owned::NodePath { docker: engine.host, node: "node".into(), path };
        context.run.own(owned.clone()).expect("written");
        (give_back(&context, &owned).await, context.run.owned().len())
    }

    #[tokio::test]
    async fn a_path_of_a_node_that_is_gone_is_gone() {
        let (given, owned) = give_back_with_a_daemon_that_says(404).await;
        assert!(given.is_ok() && owned == 0);
    }

    #[tokio::test]
    async fn a_path_of_a_node_that_could_not_be_looked_at_stays_in_the_ledger() {
        let (given, owned) = give_back_with_a_daemon_that_says(500).await;
        assert!(given.is_err() && owned == 1, "the path may be there still");
    }
}
