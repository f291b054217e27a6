//! Gives nodes an image: each gets only the layers it lacks.

use std::collections::BTreeSet;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt;
use tokio::io::AsyncWriteExt;
use tokio_util::io::SyncIoBridge;

use super::archive::{Saved, chain_ids, full_name};
use super::cache::{Cache, Key};
use super::containerd::Node;
use crate::context::Context;
use crate::engine::Engine;
use crate::error::{Error, OrFail, Result};
use crate::events::StepGuard;

/// The longest a load may take.
const DEADLINE: Duration = Duration::from_secs(600);

/// What a load did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Loaded {
    /// Layer bytes sent, of all nodes.
    pub bytes_sent: u64,
    /// Wall clock.
    pub seconds: f64,
    /// Whether every node had it before.
    pub already_present: bool,
}

impl std::fmt::Display for Loaded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.already_present {
            return write!(f, "on the nodes already, {:.1} s", self.seconds);
        }
        write!(f, "{} MB sent in {:.1} s", self.bytes_sent / 1_000_000, self.seconds)
    }
}

/// Makes an image of the engine's available on every node container, side by side, and verifies
/// that it is unpacked there. Bad input when the engine has no such image.
pub async fn load(
    context: &Context,
    engine: &Engine,
    nodes: &[String],
    reference: &str,
) -> Result<Loaded> {
    let work = context.cancel.guard(load_now(context, engine, nodes, reference));
    tokio::time::timeout(DEADLINE, work).await.unwrap_or_else(|_| {
        let seconds = DEADLINE.as_secs();
        Err(Error::environment(format!("loading {reference} had not ended after {seconds} s")))
    })
}

async fn load_now(
    context: &Context,
    engine: &Engine,
    nodes: &[String],
    reference: &str,
) -> Result<Loaded> {
    let begun = Instant::now();
    let image = engine
        .docker
        .inspect_image(reference)
        .await
        .or_input(format!("the image {reference} is not in Docker"))?;
    let config = image.id.unwrap_or_default();
    let chain = chain_ids(&image.root_fs.and_then(|r| r.layers).unwrap_or_default());
    let name = full_name(reference);
    let look = |container| {
        let (name, chain, config) = (&name, &chain, &config);
        async move {
            let node = Node { engine, container };
            let unpacked = node.unpacked().await?;
            let present = present(chain, &unpacked);
            let ready = present == chain.len() && node.has_image(name, config).await?;
            Ok::<_, Error>((node, present, ready))
        }
    };
    let seen = futures::future::try_join_all(nodes.iter().map(|n| look(n))).await?;
    let lacking: Vec<_> = seen.into_iter().filter(|(_, _, ready)| !ready).collect();
    if lacking.is_empty() {
        let seconds = begun.elapsed().as_secs_f64();
        return Ok(Loaded { bytes_sent: 0, seconds, already_present: true });
    }
    // Docker takes as long to save an image as a node takes to unpack it, and gives it whole: kept
    // for the next cluster.
    let key = Key::new("saved-image").with("config", &config);
    let step = StepGuard::begin(&context.recorder, "image", format!("docker save {reference}"));
    let entry = Cache::of(context)
        .entry(context, &key, step, async |dir, _| {
            save(engine, reference, &dir.join("image.tar")).await
        })
        .await?;
    let saved = tokio::task::spawn_blocking(move || Saved::index(&entry.join("image.tar"))).await;
    let saved = Arc::new(saved.or_internal("indexing an image")??);
    let image = Image { saved, name, config, chain };
    let send = lacking.iter().map(|(node, skip, _)| image.send(node, *skip));
    let sent = futures::future::try_join_all(send).await?;
    Ok(Loaded {
        bytes_sent: sent.iter().sum(),
        seconds: begun.elapsed().as_secs_f64(),
        already_present: false,
    })
}

/// What is sent.
struct Image {
    saved: Arc<Saved>,
    name: String,
    config: String,
    chain: Vec<String>,
}

impl Image {
    /// Sends a node the layers from number `skip` on; how many bytes they have.
    async fn send(&self, node: &Node<'_>, skip: usize) -> Result<u64> {
        let (read, write) = tokio::io::duplex(1 << 20);
        let (saved, name) = (self.saved.clone(), self.name.clone());
        let writer =
            tokio::task::spawn_blocking(move || saved.write(&name, skip, SyncIoBridge::new(write)));
        node.import(&self.name, &self.config, read).await?;
        writer.await.or_internal("sending an image")?.or_environment("sending an image")?;
        // `import` succeeds for an archive whose missing layers are not unpacked, too.
        if present(&self.chain, &node.unpacked().await?) < self.chain.len() {
            return Err(Error::environment(format!(
                "{} is not unpacked on {} after its import",
                self.name, node.container
            )));
        }
        Ok(self.saved.layers[skip..].iter().map(|l| l.size).sum())
    }
}

/// How many of the lowest layers are unpacked.
fn present(chain: &[String], unpacked: &BTreeSet<String>) -> usize {
    chain.iter().rposition(|id| unpacked.contains(id)).map_or(0, |top| top + 1)
}

async fn save(engine: &Engine, reference: &str, to: &Path) -> Result<()> {
    let what = || format!("saving {reference}");
    let mut file = tokio::fs::File::create(to).await.or_environment(what())?;
    let mut chunks = pin!(engine.docker.export_image(reference));
    while let Some(chunk) = chunks.try_next().await.or_environment(what())? {
        file.write_all(&chunk).await.or_environment(what())?;
    }
    file.flush().await.or_environment(what())
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
