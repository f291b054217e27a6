//! An image's configuration: its command and its layers. Its digest is the image's id.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sparkproof_base::error::{Error, ErrorContext, Result};

use super::layer::Layer;

/// A configuration, with its exact bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Config {
    text: String,
    diff_ids: Vec<String>,
}

impl Config {
    /// Parses a configuration.
    pub(super) fn parse(bytes: Vec<u8>) -> Result<Self> {
        #[derive(Deserialize)]
        struct Parts {
            rootfs: RootFs,
        }
        #[derive(Deserialize)]
        struct RootFs {
            diff_ids: Vec<String>,
        }
        let what = "reading an image's configuration";
        let text = String::from_utf8(bytes).or_environment(what)?;
        let parts: Parts = serde_json::from_str(&text).or_environment(what)?;
        Ok(Config { text, diff_ids: parts.rootfs.diff_ids })
    }

    /// Adds layers on top.
    pub(super) fn with(&self, layers: &[Layer]) -> Result<Self> {
        if layers.is_empty() {
            return Ok(self.clone());
        }
        let what = "extending an image's configuration";
        let mut value: Value = serde_json::from_str(&self.text).or_internal(what)?;
        let diff_ids = layers.iter().map(|layer| json!(layer.diff_id()));
        let list = value.pointer_mut("/rootfs/diff_ids").and_then(Value::as_array_mut);
        list.ok_or_else(|| Error::internal(what).with_source("it has no layers"))?.extend(diff_ids);
        // One history entry for each layer, if there is a history: containerd requires equal
        // numbers.
        if let Some(history) = value.get_mut("history").and_then(Value::as_array_mut) {
            history.extend(layers.iter().map(|_| json!({ "created_by": "sparkproof layer" })));
        }
        Self::parse(value.to_string().into_bytes())
    }

    /// The bytes that are stored and hashed.
    pub(super) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The image's id, `sha256:…`.
    pub(super) fn digest(&self) -> String {
        digest(self.bytes())
    }

    /// Digests of the uncompressed layers, lowest first.
    pub(super) fn diff_ids(&self) -> &[String] {
        &self.diff_ids
    }
}

/// Chain ids: containerd's names of the unpacked stack up to each layer (OCI image specification,
/// "Layer ChainID").
pub(super) fn chain_ids(diff_ids: &[String]) -> Vec<String> {
    let mut chain: Vec<String> = Vec::new();
    for diff in diff_ids {
        let next = match chain.last() {
            None => diff.clone(),
            Some(below) => digest(format!("{below} {diff}").as_bytes()),
        };
        chain.push(next);
    }
    chain
}

/// How manifests and indexes name a blob of an image: `kind` is `layer.v1.tar` or the like.
pub(super) fn descriptor(kind: &str, digest: &str, size: u64) -> Value {
    let kind = format!("application/vnd.oci.image.{kind}");
    json!({ "mediaType": kind, "digest": digest, "size": size })
}

/// The manifest of an image of this configuration and these layers, and how an index names it: by
/// `name`, `ctr images import` names the image.
pub(super) fn manifest(config: &[u8], layers: &[Value], name: &str) -> (String, Value) {
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("config.v1+json", &digest(config), config.len() as u64),
        "layers": layers,
    });
    let text = manifest.to_string();
    let mut named = descriptor("manifest.v1+json", &digest(text.as_bytes()), text.len() as u64);
    named["annotations"] = json!({ "io.containerd.image.name": name });
    (text, named)
}

/// `sha256:…` of these bytes.
pub(super) fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entry;

    #[tokio::test]
    async fn layers_are_added_and_nothing_else_changes() {
        let base = json!({
            "architecture": "amd64",
            "config": { "User": "185", "Entrypoint": ["/opt/entrypoint.sh"] },
            "history": [{ "created_by": "COPY" }, { "created_by": "ENV", "empty_layer": true }],
            "rootfs": { "type": "layers", "diff_ids": ["sha256:a"] },
        });
        let base = Config::parse(base.to_string().into_bytes()).expect("read");
        assert_eq!(base.with(&[]).expect("the same").digest(), base.digest());
        let layers = [
            Layer::of_entries([("a", Entry::bytes("one", 0o644))]).await.expect("layer"),
            Layer::of_entries([("b", Entry::bytes("two", 0o644))]).await.expect("layer"),
        ];
        let config = base.with(&layers).expect("extended");
        // Golden: a change here makes every node unpack again.
        insta::assert_snapshot!(String::from_utf8_lossy(config.bytes()));
        assert_eq!(config.diff_ids()[1..], [layers[0].diff_id(), layers[1].diff_id()]);
        assert_eq!(base.with(&layers[..1]).and_then(|c| c.with(&layers[1..])).expect("x"), config);
    }

    #[test]
    fn chains_start_with_the_lowest_layer() {
        let diffs = ["sha256:aa".to_owned(), "sha256:bb".to_owned()];
        let chain = chain_ids(&diffs);
        assert_eq!(chain[0], diffs[0]);
        assert_eq!(chain[1], digest(b"sha256:aa sha256:bb"));
        assert!(chain_ids(&[]).is_empty());
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        assert!(Config::parse(b"{}".to_vec()).is_err());
    }
}
