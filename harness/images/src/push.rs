//! Pushes images to a registry, for clusters that sparkproof did not make.

use bollard::query_parameters::{
    PushImageOptionsBuilder, RemoveImageOptions, TagImageOptionsBuilder,
};
use futures::TryStreamExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_catalog::plan::Registry;
use sparkproof_machine::engine::Engine;

use super::credentials::credentials;

/// Pushes `localhost/sparkproof/NAME:TAG` as `REGISTRY/sparkproof/NAME:TAG`, with the credentials
/// that `docker login` stored for the registry; returns its reference by digest. The pushed image
/// stays: deleting it is up to the user.
///
/// # Errors
/// Environment: the registry cannot be reached, or refuses.
pub async fn push(
    context: &Context,
    engine: &Engine,
    phase: &str,
    local: &str,
    registry: &Registry,
) -> Result<String> {
    let (name, tag) = registry.name_of(local);
    let step = StepGuard::begin(&context.recorder, phase, format!("push {name}:{tag}"));
    let pushed =
        context.cancel.guard(push_now(context, engine, local, registry, &name, &tag)).await;
    match &pushed {
        Ok(_) => step.done(""),
        Err(error) => step.failed(error),
    }
    pushed
}

async fn push_now(
    context: &Context,
    engine: &Engine,
    local: &str,
    registry: &Registry,
    name: &str,
    tag: &str,
) -> Result<String> {
    let what = || format!("pushing {name}:{tag}");
    let host = registry.host();
    let credentials = credentials(context, host).await?;
    if credentials.is_none() {
        context.recorder.info(format!("no credentials stored for {host}: pushing anonymously"));
    }
    let options = TagImageOptionsBuilder::default().repo(name).tag(tag).build();
    engine.docker.tag_image(local, Some(options)).await.or_environment(what())?;
    let options = PushImageOptionsBuilder::default().tag(tag).build();
    let pushed = engine.docker.push_image(name, Some(options), credentials).try_collect::<Vec<_>>();
    let pushed = pushed.await.map_err(|e| {
        Error::environment(what()).with_source(e).remedy(format!(
            "`docker login {}` with an account that may push there, or --image with an image that \
             is there already",
            registry.host()
        ))
    });
    let digest = match &pushed {
        Ok(_) => digest_of(engine, name, tag).await,
        Err(_) => Ok(None),
    };
    // The image stays in the engine under its own name.
    let reference = format!("{name}:{tag}");
    let untagged = engine.docker.remove_image(&reference, None::<RemoveImageOptions>, None).await;
    untagged.or_environment(what())?;
    pushed?;
    Ok(digest?.map_or(reference, |digest| format!("{name}@{digest}")))
}

/// The digest in the registry's answer.
async fn digest_of(engine: &Engine, name: &str, tag: &str) -> Result<Option<String>> {
    let image = engine.image(&format!("{name}:{tag}")).await?;
    let digests = image.and_then(|image| image.repo_digests).unwrap_or_default();
    let of_name = |digest: &String| digest.strip_prefix(&format!("{name}@")).map(str::to_owned);
    Ok(digests.iter().find_map(of_name))
}
