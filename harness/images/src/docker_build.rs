//! `docker build` through the engine's API.

use std::collections::HashMap;
use std::future::Future;
use std::time::Duration;

use bollard::query_parameters::BuildImageOptionsBuilder;
use futures::StreamExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels::{Lifetime, SCOPE};
use sparkproof_machine::engine::Engine;
use tokio::io::DuplexStream;
use tokio_util::io::{ReaderStream, SyncIoBridge};

/// The image to build.
#[derive(Debug, Clone, Copy)]
pub(super) struct Build<'a> {
    /// The image's name and tag.
    pub(super) reference: &'a str,
    /// Path of the Dockerfile in the build's context.
    pub(super) dockerfile: &'a str,
    /// Value of its argument `base_image`; `None` if it starts from scratch.
    pub(super) base: Option<&'a str>,
}

/// A build's context as a tar archive.
pub(super) type Archive = tar::Builder<SyncIoBridge<DuplexStream>>;

/// Adds a Dockerfile to the context, under that name.
pub(super) fn put_dockerfile(archive: &mut Archive, text: &str) -> std::io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(text.len() as u64);
    header.set_mode(0o644);
    archive.append_data(&mut header, "Dockerfile", text.as_bytes())
}

/// Waits for `work` with a time limit; an interruption ends it, too.
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

/// Builds an image without a network, from the context that `fill` writes.
pub(super) async fn docker_build(
    context: &Context,
    engine: &Engine,
    build: Build<'_>,
    fill: impl FnOnce(&mut Archive) -> std::io::Result<()> + Send + 'static,
) -> Result<()> {
    let arguments: HashMap<&str, &str> =
        build.base.iter().map(|base| ("base_image", *base)).collect();
    let options = BuildImageOptionsBuilder::default()
        .dockerfile(build.dockerfile)
        .t(build.reference)
        .buildargs(&arguments)
        .labels(&HashMap::from([(SCOPE, Lifetime::Cache.as_str())]))
        .networkmode("none")
        .rm(true)
        .forcerm(true)
        .build();
    let (read, write) = tokio::io::duplex(1 << 20);
    let sent = tokio::task::spawn_blocking(move || {
        let mut archive = tar::Builder::new(SyncIoBridge::new(write));
        // Times and owners are fixed, so that the builder's cache can hit.
        archive.mode(tar::HeaderMode::Deterministic);
        fill(&mut archive)?;
        archive.finish()
    });
    let body = bollard::body_try_stream(ReaderStream::with_capacity(read, 1 << 20));
    let what = || format!("building {}", build.reference);
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
