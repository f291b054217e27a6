//! Loads an image onto nodes: each gets only the layers that it lacks.

use std::collections::BTreeSet;
use std::io::BufWriter;
use std::time::{Duration, Instant};

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::OwnedResource;
use sparkproof_machine::engine::Engine;
use tokio_util::io::SyncIoBridge;

use super::archive::{Saved, full_name};
use super::config::chain_ids;
use super::containerd::Node;
use super::layer::Layer;
use super::saved;

/// Time limit of a load.
const DEADLINE: Duration = Duration::from_secs(600);

/// The result of a load.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// Layer bytes sent, the sum of all nodes.
    pub bytes_sent: u64,
    /// Duration in seconds.
    pub seconds: f64,
    /// Whether every node had the image already.
    pub already_present: bool,
    /// The image's id, the digest of its configuration (`sha256:…`), which Kubernetes reports as
    /// the `imageID` of containers.
    pub image_id: String,
}

impl std::fmt::Display for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.already_present {
            return write!(f, "already on the nodes, {:.1} s", self.seconds);
        }
        write!(f, "{} MB sent in {:.1} s", self.bytes_sent / 1_000_000, self.seconds)
    }
}

/// Loads an image of the engine onto every node, concurrently, and verifies that it is unpacked
/// there.
/// Bad input: the engine does not have the image.
pub async fn load(
    context: &Context,
    engine: &Engine,
    nodes: &[String],
    reference: &str,
) -> Result<Loaded> {
    load_layered(context, engine, nodes, reference, reference, &[]).await
}

/// Loads the engine's image `base` with these layers on top; the result exists on the nodes only,
/// as `reference`. It is removed with the run if the reference contains the run's id. Otherwise the
/// next run uses it, too, and the reference must contain a content hash.
pub async fn load_layered(
    context: &Context,
    engine: &Engine,
    nodes: &[String],
    base: &str,
    reference: &str,
    layers: &[Layer],
) -> Result<Loaded> {
    let work = context.cancel.guard(load_now(context, engine, nodes, base, reference, layers));
    tokio::time::timeout(DEADLINE, work).await.unwrap_or_else(|_| {
        let seconds = DEADLINE.as_secs();
        Err(Error::environment(format!("loading {reference} had not ended after {seconds} s")))
    })
}

async fn load_now(
    context: &Context,
    engine: &Engine,
    nodes: &[String],
    base: &str,
    reference: &str,
    layers: &[Layer],
) -> Result<Loaded> {
    let begun = Instant::now();
    let image = engine
        .docker
        .inspect_image(base)
        .await
        .or_input(format!("the image {base} is not in Docker"))?;
    let base_id = image.id.unwrap_or_default();
    let mut diff_ids = image.root_fs.and_then(|r| r.layers).unwrap_or_default();
    diff_ids.extend(layers.iter().map(|layer| layer.diff_id().to_owned()));
    let chain = chain_ids(&diff_ids);
    let index = async || saved::index(context, engine, base, &base_id).await?.with(layers);
    // The image's id is known without saving it.
    let (saved, image_id) = match layers {
        [] => (None, base_id.clone()),
        _ => {
            let saved = index().await?;
            let id = saved.config().digest();
            (Some(saved), id)
        }
    };
    let name = full_name(reference);
    let look = |container| {
        let (name, chain, image_id) = (&name, &chain, &image_id);
        async move {
            let node = Node { context, engine, container };
            let unpacked = node.unpacked().await?;
            let present = present(chain, &unpacked);
            let ready = present == chain.len() && node.has_image(name, image_id).await?;
            Ok::<_, Error>((node, present, ready))
        }
    };
    let seen = futures::future::try_join_all(nodes.iter().map(|n| look(n))).await?;
    let lacking: Vec<_> = seen.into_iter().filter(|(_, _, ready)| !ready).collect();
    if lacking.is_empty() {
        let seconds = begun.elapsed().as_secs_f64();
        return Ok(Loaded { bytes_sent: 0, seconds, already_present: true, image_id });
    }
    let saved = match saved {
        Some(saved) => saved,
        None => index().await?,
    };
    if reference.contains(context.run.id().as_str()) {
        for (node, ..) in &lacking {
            let (docker, node) = (engine.host.clone(), node.container.to_owned());
            context.run.record(OwnedResource::NodeImage { docker, node, name: name.clone() })?;
        }
    }
    let base = Base { reference: base, id: base_id };
    let image = Image { saved, base, name, id: image_id, chain };
    let send = lacking.iter().map(|(node, skip, _)| image.deliver(node, *skip));
    let sent = futures::future::try_join_all(send).await?;
    Ok(Loaded {
        bytes_sent: sent.iter().sum(),
        seconds: begun.elapsed().as_secs_f64(),
        already_present: false,
        image_id: image.id,
    })
}

/// The engine's image below the layers.
struct Base<'a> {
    reference: &'a str,
    id: String,
}

/// The image to send.
struct Image<'a> {
    saved: Saved,
    base: Base<'a>,
    name: String,
    id: String,
    chain: Vec<String>,
}

impl Image<'_> {
    /// Sends the layers from number `skip` on to a node; returns their size in bytes. Layers that are
    /// unpacked may belong to an image that was removed: containerd collects them when the last container
    /// of it is gone, also between the look and the import. Then they are sent, too.
    async fn deliver(&self, node: &Node<'_>, skip: usize) -> Result<u64> {
        match self.send(node, skip).await {
            Err(error) if !error.is_interruption() => {
                let left = present(&self.chain, &node.unpacked().await?);
                if left < skip { self.send(node, left).await } else { Err(error) }
            }
            sent => sent,
        }
    }

    async fn send(&self, node: &Node<'_>, skip: usize) -> Result<u64> {
        let base = &self.base;
        // Docker's archive, if the node lacks layers of it.
        let archive = match self.saved.needs_archive(skip) {
            true => {
                Some(saved::archive(node.context, node.engine, base.reference, &base.id).await?)
            }
            false => None,
        };
        let (read, write) = tokio::io::duplex(1 << 20);
        let (saved, name) = (self.saved.clone(), self.name.clone());
        let writer = tokio::task::spawn_blocking(move || {
            // Each write to the pipe waits for the other side.
            let write = BufWriter::with_capacity(1 << 20, SyncIoBridge::new(write));
            saved.write(&name, skip, archive.as_deref(), write)
        });
        node.import(&self.name, &self.id, read).await?;
        writer.await.or_internal("sending an image")?.or_environment("sending an image")?;
        // `import` also succeeds if layers that the archive lacks are not unpacked.
        if present(&self.chain, &node.unpacked().await?) < self.chain.len() {
            return Err(Error::environment(format!(
                "{} is not unpacked on {} after its import",
                self.name, node.container
            )));
        }
        Ok(self.saved.bytes(skip))
    }
}

/// The number of lowest layers that are unpacked already.
fn present(chain: &[String], unpacked: &BTreeSet<String>) -> usize {
    chain.iter().rposition(|id| unpacked.contains(id)).map_or(0, |top| top + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_below_an_unpacked_layer_is_there() {
        let chain = ["a", "b", "c"].map(str::to_owned);
        let unpacked = |ids: &[&str]| ids.iter().map(|i| (*i).to_owned()).collect();
        assert_eq!(present(&chain, &unpacked(&[])), 0);
        assert_eq!(present(&chain, &unpacked(&["a", "x"])), 1);
        assert_eq!(present(&chain, &unpacked(&["b"])), 2);
        assert_eq!(present(&chain, &unpacked(&["a", "b", "c"])), 3);
        assert_eq!(present(&[], &unpacked(&["a"])), 0);
    }
}
