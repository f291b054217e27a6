//! A Docker image of two layer files, sent to the daemon as a `docker save` archive.
//!
//! Not `docker import` or `commit`: an archive has its configuration (they refuse STOPSIGNAL), and
//! its image id is known before and checked by the daemon against what arrives.

use std::io::Write;

use bollard::Docker;
use bollard::query_parameters::ImportImageOptions;
use futures::StreamExt;
use serde_json::json;
use sha2::{Digest, Sha256};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels;
use tokio_util::io::{ReaderStream, SyncIoBridge};

use crate::Layer;
use crate::archive::append;

/// How a node starts, as in kind's images.
pub(super) const ENTRYPOINT: &[&str] = &["/usr/local/bin/entrypoint", "/sbin/init"];

/// The image's configuration; its digest is the image id.
pub(super) fn configuration(
    layers: &[Layer],
    arch: &str,
    recipe: &str,
    entrypoint: &[&str],
) -> String {
    let labels =
        json!({ labels::OWNER: "sparkproof", labels::SCOPE: "cache", labels::RECIPE: recipe });
    json!({
        "architecture": arch,
        "os": "linux",
        "config": {
            "Entrypoint": entrypoint,
            "Env": [
                "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                // Tells systemd that it runs in a container (systemd.io/CONTAINER_INTERFACE).
                "container=docker",
            ],
            "Labels": labels,
            // systemd ends on this signal; on SIGTERM it would re-execute itself.
            "StopSignal": "SIGRTMIN+3",
        },
        "rootfs": {
            "type": "layers",
            "diff_ids": layers.iter().map(Layer::diff_id).collect::<Vec<_>>(),
        },
        "history": layers.iter().map(|_| json!({ "created_by": "sparkproof" })).collect::<Vec<_>>(),
    })
    .to_string()
}

/// Sends it; returns the image id, `sha256:…`.
pub(super) async fn load(
    docker: &Docker,
    reference: &str,
    configuration: String,
    layers: Vec<Layer>,
) -> Result<String> {
    let id = hex::encode(Sha256::digest(&configuration));
    let config_name = format!("{id}.json");
    let reference = reference.to_owned();
    let (reader, writer) = tokio::io::duplex(1 << 20);
    let sender = tokio::task::spawn_blocking(move || {
        archive(SyncIoBridge::new(writer), &reference, &config_name, &configuration, &layers)
    });
    let body = bollard::body_try_stream(ReaderStream::with_capacity(reader, 1 << 20));
    let mut said =
        docker.import_image(ImportImageOptions { quiet: true, platform: None }, body, None);
    while let Some(answer) = said.next().await {
        let answer = answer.or_environment("loading the node image")?;
        if let Some(error) = answer.error_detail.and_then(|e| e.message) {
            return Err(Error::environment(format!("loading the node image: {error}")));
        }
    }
    sender.await.or_internal("sending the node image")?.or_environment("sending the node image")?;
    Ok(format!("sha256:{id}"))
}

fn archive(
    to: impl Write,
    reference: &str,
    config_name: &str,
    configuration: &str,
    layers: &[Layer],
) -> std::io::Result<()> {
    let names: Vec<String> = layers
        .iter()
        .map(|layer| format!("{}/layer.tar", layer.diff_id().trim_start_matches("sha256:")))
        .collect();
    let manifest =
        json!([{ "Config": config_name, "RepoTags": [reference], "Layers": names }]).to_string();
    let mut tar = tar::Builder::new(to);
    for (name, text) in [("manifest.json", manifest.as_str()), (config_name, configuration)] {
        append(&mut tar, name, text.as_bytes())?;
    }
    for (name, layer) in names.iter().zip(layers) {
        layer.append(&mut tar, name)?;
    }
    tar.into_inner()?.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_archive_is_what_docker_load_reads() {
        let dir = tempfile::tempdir().expect("dir");
        let path = dir.path().join("layer.tar");
        std::fs::write(&path, "layer").expect("written");
        let layer = Layer::of_tar(path).await.expect("hashed");
        let make = || configuration(std::slice::from_ref(&layer), "amd64", "node-1", ENTRYPOINT);
        let config = make();
        assert_eq!(config, make());
        let mut bytes = Vec::new();
        archive(&mut bytes, "a:1", "c.json", &config, &[layer]).expect("archived");
        let names: Vec<String> = tar::Archive::new(bytes.as_slice())
            .entries()
            .expect("entries")
            .map(|e| e.expect("entry").path().expect("path").display().to_string())
            .collect();
        let digest = hex::encode(Sha256::digest("layer"));
        assert_eq!(names, ["manifest.json".into(), "c.json".into(), format!("{digest}/layer.tar")]);
        insta::assert_snapshot!(config);
    }
}
