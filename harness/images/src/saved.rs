//! Images that Docker saved, in the cache: saving takes as long as unpacking on a node, and always
//! gives the whole image.

use std::path::{Path, PathBuf};
use std::pin::pin;

use futures::TryStreamExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_machine::engine::Engine;
use tokio::io::AsyncWriteExt;

use super::archive::Saved;
use super::cache::{Cache, Key};

/// The archive of the engine's image `reference` with this id.
pub(super) async fn archive(
    context: &Context,
    engine: &Engine,
    reference: &str,
    id: &str,
) -> Result<PathBuf> {
    let key = Key::new("saved-image").with("config", id);
    let step = StepGuard::begin(&context.recorder, "image", format!("docker save {reference}"));
    let entry = Cache::new(context)
        .entry(context, &key, step, async |dir, _| {
            save(engine, reference, &dir.join("image.tar")).await
        })
        .await?;
    Ok(entry.keep().join("image.tar"))
}

/// The index of the archive, cached separately, so that sending additional layers need not read the
/// whole archive.
pub(super) async fn index(
    context: &Context,
    engine: &Engine,
    reference: &str,
    id: &str,
) -> Result<Saved> {
    let what = || format!("indexing the saved image {reference}");
    let key = Key::new("saved-image-index").with("config", id).with("layout", "1");
    let step = StepGuard::begin(&context.recorder, "image", what());
    let entry = Cache::new(context)
        .entry(context, &key, step, async |dir, _| {
            let archive = archive(context, engine, reference, id).await?;
            let saved = tokio::task::spawn_blocking(move || Saved::index(&archive)).await;
            let saved = serde_json::to_vec(&saved.or_internal(what())??).or_internal(what())?;
            fs_err::write(dir.join("index.json"), saved).or_environment(what())
        })
        .await?;
    let text = fs_err::read(entry.join("index.json")).or_environment(what())?;
    serde_json::from_slice(&text).or_internal(what())
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
