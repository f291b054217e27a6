//! Tests whether a daemon can run privileged containers, as nodes are, by starting one.

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, CreateImageOptionsBuilder, RemoveContainerOptionsBuilder,
    RemoveImageOptions, StartContainerOptions,
};
use bytes::Bytes;
use futures::TryStreamExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::PhaseGuard;
use sparkproof_base::ledger::{OwnedResource, labels};

use super::{Capabilities, Engine};

/// Two zero blocks: an empty tar archive (tar(5)).
const EMPTY_TAR: [u8; 1024] = [0; 1024];
/// A program that the empty image does not have.
const NO_PROGRAM: &str = "/sparkproof-asks-for-privileges";

/// Starts a privileged container of an empty image. runc first takes the privileges, which may be
/// refused; then it fails for want of the program, which means that privileges work.
pub(super) async fn check(context: &Context, phase: &PhaseGuard, engine: &Engine) -> Result<()> {
    let step = phase.step("privileged containers");
    let image = format!("sparkproof/nothing:{}", context.run.id());
    let name = format!("sparkproof-{}-privileges", context.run.id());
    let owned = OwnedResource::Container { docker: engine.host.clone(), name: name.clone() };
    context.run.record(owned.clone())?;
    let said = start(context, engine, &image, &name).await;
    let gone = RemoveContainerOptionsBuilder::new().force(true).v(true).build();
    let _ = engine.docker.remove_container(&name, Some(gone)).await;
    let _ = engine.docker.remove_image(&image, None::<RemoveImageOptions>, None).await;
    context.run.released(&owned)?;
    let said = said?;
    if said.contains(NO_PROGRAM) {
        step.done("possible");
        return Ok(());
    }
    let host = Capabilities::of_this_host();
    let missing: Vec<&str> = host.missing.iter().map(String::as_str).collect();
    let error = Error::environment(format!(
        "the Docker daemon at {} cannot run privileged containers: {said} (capabilities that this \
         host lacks: {})",
        engine.host,
        if missing.is_empty() { "none".to_owned() } else { missing.join(", ") }
    ))
    .remedy(
        "stop that daemon: sparkproof then starts its own, with an OCI runtime shim; or use another host",
    );
    step.failed(&error);
    Err(error)
}

/// The daemon's error.
async fn start(context: &Context, engine: &Engine, image: &str, name: &str) -> Result<String> {
    let docker = &engine.docker;
    let (repository, tag) = image.split_once(':').unwrap_or((image, "latest"));
    let from = CreateImageOptionsBuilder::new().from_src("-").repo(repository).tag(tag).build();
    let tar = bollard::body_full(Bytes::from_static(&EMPTY_TAR));
    docker
        .create_image(Some(from), Some(tar), None)
        .try_collect::<Vec<_>>()
        .await
        .or_environment("importing an empty image")?;
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        cmd: Some(vec![NO_PROGRAM.to_owned()]),
        labels: Some(labels::docker(context.run.label(), labels::Lifetime::Run)),
        host_config: Some(HostConfig {
            privileged: Some(true),
            network_mode: Some("none".to_owned()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let options = CreateContainerOptionsBuilder::new().name(name).build();
    docker.create_container(Some(options), body).await.or_environment("creating a container")?;
    let started = docker.start_container(name, None::<StartContainerOptions>).await;
    Ok(started.map_or_else(|e| e.to_string(), |()| "it started".to_owned()))
}
