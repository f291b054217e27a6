//! The session's image with FUSE clients on top.

use super::client::Client;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::images::{Layer, Loaded, load_layered};
use crate::proof::Environment;

/// Why this client cannot be had here, found by looking; `None` when it can.
pub(super) async fn unavailable(
    environment: &Environment,
    client: Client,
) -> Result<Option<String>> {
    let _ = client;
    Ok(environment.engine.is_none().then(|| {
        "needs FUSE clients in an image on the nodes, which sparkproof gives only to its own".into()
    }))
}

/// The clients' layers.
pub(super) async fn layers(context: &Context, client: Client) -> Result<Vec<Layer>> {
    let _ = (context, client);
    Ok(vec![])
}

/// Puts the image on every node that executors can run on; its reference. The same for all
/// variants of a run, which share it.
pub(super) async fn load(
    context: &Context,
    environment: &Environment,
    client: Client,
) -> Result<(String, Loaded)> {
    let engine = environment.engine.as_ref().ok_or_else(|| {
        Error::environment("FUSE clients can only be given to nodes of ours, which this has not")
    })?;
    let layers = layers(context, client).await?;
    let base = &environment.image.reference;
    let reference = format!("{base}-{}-fuse", context.run.id());
    let nodes = environment.cluster.executor_nodes();
    let loaded = load_layered(context, engine, &nodes, base, &reference, &layers).await?;
    Ok((reference, loaded))
}
