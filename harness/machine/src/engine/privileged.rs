//! Whether a daemon can run privileged containers, which nodes are, found by starting one.

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

/// Two zero blocks: a tar archive of nothing (tar(5)).
const EMPTY_TAR: [u8; 1024] = [0; 1024];
/// A program that an image of nothing does not have.
const NO_PROGRAM: &str = "/sparkproof-asks-for-privileges";

/// Asks a daemon for a privileged container with nothing in it: runc takes the privileges first and
/// then misses the program, or it is refused the privileges.
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
        "stop that daemon: we then start one of ours with an OCI runtime shim; or use another host",
    );
    step.failed(&error);
    Err(error)
}

/// What the daemon says to it.
async fn start(context: &Context, engine: &Engine, image: &str, name: &str) -> Result<String> {
    let docker = &engine.docker;
    let (repository, tag) = image.split_once(':').unwrap_or((image, "latest"));
    let from = CreateImageOptionsBuilder::new().from_src("-").repo(repository).tag(tag).build();
    let tar = bollard::body_full(Bytes::from_static(&EMPTY_TAR));
    docker
        .create_image(Some(from), Some(tar), None)
        .try_collect::<Vec<_>>()
        .await
        .or_environment("importing an image of nothing")?;
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
    docker.create_container(Some(options), body).await.or_environment("making a container")?;
    let started = docker.start_container(name, None::<StartContainerOptions>).await;
    Ok(started.map_or_else(|e| e.to_string(), |()| "it started".to_owned()))
}
