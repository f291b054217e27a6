//! The session's image with FUSE clients on top.

use super::client::Client;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::images::{Layer, Loaded, load_layered, rclone_layer, s3fs_layer};
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

/// The phase of events.
const PHASE: &str = "prepare";

/// The layers of a client, lowest first. That of s3fs brings what all need.
pub(super) async fn layers(context: &Context, client: Client) -> Result<Vec<Layer>> {
    let mut layers = vec![s3fs_layer(context, PHASE).await?];
    match client {
        Client::S3fs => {}
        Client::Rclone => layers.push(rclone_layer(context, PHASE).await?),
        Client::Blobfuse2 => {}
    }
    Ok(layers)
}

/// Puts the image on every node that executors can run on; its reference. Variants of a run that
/// mount by the same client share it; those of others share what lies below.
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
    let reference = format!("{base}-{}-{}", context.run.id(), client.program());
    let nodes = environment.cluster.executor_nodes();
    let loaded = load_layered(context, engine, &nodes, base, &reference, &layers).await?;
    Ok((reference, loaded))
}
