//! Data in nodes that are containers in the engine.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::deadlines::IN_NODE;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::ledger::OwnedResource;
use sparkproof_base::tar_stream::pack;
use sparkproof_kubernetes::cluster::Cluster;
use sparkproof_machine::engine::Engine;

use crate::transfer::{HASH, verify};
use crate::{Dataset, StrategyContext};

/// Time limit for copying a variant's data into a node.
const PUT: Duration = Duration::from_secs(300);
/// Why images cannot get layers here; `None` if they can.
pub fn no_layers(engine: Option<&Engine>) -> Option<String> {
    let none = "the image needs layers, which sparkproof loads onto its own nodes only";
    engine.is_none().then(|| none.to_owned())
}

/// Copies the data into a node, as root, to a path that must not exist: to a temporary name, which
/// is then renamed, and hashed in the node. Returns the recorded resource.
pub(crate) async fn put(
    scene: StrategyContext<'_>,
    node: &str,
    data: &Dataset,
    path: &Path,
) -> Result<Vec<OwnedResource>> {
    let engine = scene.environment.node_engine()?;
    let half = path.with_extension("half");
    let whole = path.to_string_lossy();
    let free = ["sh", "-c", "! test -e \"$1\"", "sh", &whole];
    let context = scene.context;
    engine.exec(context, node, &free, None::<&[u8]>, IN_NODE).await.map_err(|error| {
        Error::environment(format!("{whole} exists already on {node}"))
            .with_source(error)
            .remedy("remove it if it is a leftover; sparkproof overwrites nothing")
    })?;
    let owned = [path.to_owned(), half].map(|path| on_node(engine, node, path));
    owned.iter().cloned().try_for_each(|owned| scene.context.run.record(owned))?;
    let script = format!(
        "umask 022 && mkdir \"$1.half\" && \
         tar --extract --no-same-owner --file - --directory \"$1.half\" && \
         mv \"$1.half\" \"$1\" && cd \"$1\" && {HASH}"
    );
    let (stream, packing) = pack(&data.dir);
    let command = ["sh", "-c", &script, "sh", &whole];
    let sums = packing.after(engine.exec(context, node, &command, Some(stream), PUT).await).await?;
    verify(&sums, data, &whole, &format!("on {node}"))?;
    Ok(owned.into())
}

/// Records a directory of every node that executors can run on, which the kubelet may create.
pub fn own_on_nodes(
    context: &Context,
    engine: &Engine,
    cluster: &Cluster,
    path: &Path,
) -> Result<()> {
    on_nodes(engine, cluster, path).into_iter().try_for_each(|owned| context.run.record(owned))
}

/// A directory of every node that executors can run on.
pub(crate) fn on_nodes(engine: &Engine, cluster: &Cluster, path: &Path) -> Vec<OwnedResource> {
    let nodes = cluster.executor_nodes();
    nodes.iter().map(|node| on_node(engine, node, path.to_owned())).collect()
}

/// The ledger's entry for a directory of a node.
fn on_node(engine: &Engine, node: &str, path: PathBuf) -> OwnedResource {
    OwnedResource::NodePath { docker: engine.host.clone(), node: node.to_owned(), path }
}
