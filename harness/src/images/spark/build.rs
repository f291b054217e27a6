//! Builds our image through the engine's API.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use bollard::query_parameters::BuildImageOptionsBuilder;
use futures::StreamExt;
use tokio_util::io::{ReaderStream, SyncIoBridge};

use super::Distribution;
use crate::context::Context;
use crate::engine::Engine;
use crate::error::{Error, OrFail, Result};
use crate::ledger::labels::{Lifetime, SCOPE};

/// What the Dockerfile copies, relative to the distribution.
const CONTEXT: [&str; 7] = ["jars", "bin", "sbin", "data", "examples", "RELEASE", "kubernetes"];

/// The work's result, unless the run is interrupted or the seconds pass first.
pub(super) async fn bounded<T>(
    context: &Context,
    seconds: u64,
    what: String,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let limited = tokio::time::timeout(Duration::from_secs(seconds), context.cancel.guard(work));
    limited.await.unwrap_or_else(|_| {
        Err(Error::environment(format!("{what} had not ended after {seconds} s")))
    })
}

/// Builds `reference` from a distribution and a base image.
pub(super) async fn build(
    context: &Context,
    engine: &Engine,
    distribution: &Distribution,
    base: &str,
    reference: &str,
) -> Result<()> {
    let options = BuildImageOptionsBuilder::default()
        .dockerfile("kubernetes/dockerfiles/spark/Dockerfile")
        .t(reference)
        .buildargs(&HashMap::from([("base_image", base)]))
        .labels(&HashMap::from([(SCOPE, Lifetime::Cache.as_str())]))
        .networkmode("none")
        .rm(true)
        .forcerm(true)
        .build();
    let (read, write) = tokio::io::duplex(1 << 20);
    let home = distribution.home.clone();
    let sent = tokio::task::spawn_blocking(move || {
        let mut archive = tar::Builder::new(SyncIoBridge::new(write));
        // The builder's own cache must not miss because of a time or an owner.
        archive.mode(tar::HeaderMode::Deterministic);
        for name in CONTEXT {
            let path = home.join(name);
            if path.is_dir() {
                archive.append_dir_all(name, path)?;
            } else {
                archive.append_path_with_name(path, name)?;
            }
        }
        archive.finish()
    });
    let body = bollard::body_try_stream(ReaderStream::with_capacity(read, 1 << 20));
    let what = || format!("building {reference}");
    let work = async {
        let mut progress = engine.docker.build_image(options, None, Some(body));
        while let Some(line) = progress.next().await {
            let line = line.or_environment(what())?;
            if let Some(message) = line.error_detail.and_then(|e| e.message) {
                return Err(Error::environment(format!("{}: {message}", what())));
            }
        }
        sent.await.or_internal(what())?.or_environment(what())
    };
    bounded(context, 900, what(), work).await
}
