//! The session's image with FUSE clients, which it has already or gets as layers.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_images::{Layer, Loaded, fuse_layers, load_layered};
use sparkproof_machine::engine::Engine;
use sparkproof_testbed::Environment;

use super::client::Client;
use crate::nodes::engine;

/// The phase of events.
const PHASE: &str = "prepare";

/// Why this client is not available here; `None` if it is.
pub(super) async fn unavailable(
    context: &Context,
    environment: &Environment,
    client: Client,
) -> Result<Option<String>> {
    let Some(engine) = &environment.engine else {
        return Ok(Some(
            "sparkproof mounts on its own nodes only, where it can unmount".to_owned(),
        ));
    };
    if client != Client::Blobfuse2 || brings(context, engine, environment, client).await? {
        return Ok(None);
    }
    Ok(Some("the image does not have blobfuse2 and fusermount3".to_owned()))
}

/// The layers with a client, lowest first; empty if the image has it.
pub(super) async fn layers(
    context: &Context,
    environment: &Environment,
    client: Client,
) -> Result<Vec<Layer>> {
    let engine = engine(environment)?;
    if brings(context, engine, environment, client).await? {
        return Ok(Vec::new());
    }
    if client == Client::Blobfuse2 {
        return Err(Error::environment("the image does not have blobfuse2")
            .remedy("name an image with blobfuse2 and fuse3 with --image"));
    }
    fuse_layers(context, engine, PHASE, &environment.image).await
}

/// Loads the image onto every node that executors can run on; returns its reference. All variants
/// of a run share it.
pub(super) async fn load(
    context: &Context,
    environment: &Environment,
    client: Client,
) -> Result<(String, Loaded)> {
    let engine = engine(environment)?;
    let layers = layers(context, environment, client).await?;
    let base = &environment.image.reference;
    let reference = match layers.as_slice() {
        [] => base.clone(),
        _ => format!("{base}-{}-fuse", context.run.id()),
    };
    let nodes = environment.cluster.executor_nodes();
    let loaded = load_layered(context, engine, &nodes, base, &reference, &layers).await?;
    Ok((reference, loaded))
}

async fn brings(
    context: &Context,
    engine: &Engine,
    environment: &Environment,
    client: Client,
) -> Result<bool> {
    let programs = [client.program(), "fusermount3"];
    engine.image_brings(context, &environment.image.reference, &programs).await
}
