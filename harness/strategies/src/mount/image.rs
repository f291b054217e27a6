//! The session's image with FUSE clients, which it has already or gets as layers.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_images::spark::SparkImage;
use sparkproof_images::{Layer, Loaded, fuse_layers, load_layered};
use sparkproof_machine::engine::Engine;

use super::client::Client;

/// The phase of events.
const PHASE: &str = "prepare";

/// Why this client is not available here; `None` if it is.
pub(super) async fn unavailable(
    context: &Context,
    engine: &Engine,
    image: &SparkImage,
    client: Client,
) -> Result<Option<String>> {
    if client != Client::Blobfuse2 || brings(context, engine, image, client).await? {
        return Ok(None);
    }
    Ok(Some("the image does not have blobfuse2 and fusermount3".to_owned()))
}

/// The layers with a client, lowest first; empty if the image has it.
pub(super) async fn layers(
    context: &Context,
    engine: &Engine,
    image: &SparkImage,
    client: Client,
) -> Result<Vec<Layer>> {
    if brings(context, engine, image, client).await? {
        return Ok(Vec::new());
    }
    if client == Client::Blobfuse2 {
        return Err(Error::environment("the image does not have blobfuse2")
            .remedy("name an image with blobfuse2 and fuse3 with --image"));
    }
    fuse_layers(context, engine, PHASE, image).await
}

/// Loads the image onto every node that executors can run on; returns its reference. All variants
/// of a run share it.
pub(super) async fn load(
    context: &Context,
    engine: &Engine,
    image: &SparkImage,
    nodes: &[String],
    client: Client,
) -> Result<(String, Loaded)> {
    let layers = layers(context, engine, image, client).await?;
    let base = &image.reference;
    let reference = match layers.as_slice() {
        [] => base.clone(),
        _ => format!("{base}-{}-fuse", context.run.id()),
    };
    let loaded = load_layered(context, engine, nodes, base, &reference, &layers).await?;
    Ok((reference, loaded))
}

async fn brings(
    context: &Context,
    engine: &Engine,
    image: &SparkImage,
    client: Client,
) -> Result<bool> {
    let programs = [client.program(), "fusermount3"];
    engine.image_brings(context, &image.reference, &programs).await
}
