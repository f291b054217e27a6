//! Data in a ConfigMap, as much as fits.

use std::collections::BTreeMap;
use std::time::Instant;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{ConfigMap, ConfigMapVolumeSource, KeyToPath, Volume};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use serde_json::{Value, json};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_catalog::Variant;

use crate::objects::{create, meta, remove};
use crate::{DataFile, DataSize, Dataset, SetupCost, StrategyContext};

/// The API server's limit on all values of a ConfigMap together, in bytes
/// (`k8s.io/kubernetes/pkg/apis/core.MaxSecretSize`).
const MOST: u64 = 1 << 20;
/// Number of small files for the comparison, if requested.
const SMALL_FILES: u64 = 30;

/// A variant's files in a ConfigMap of the session's namespace.
#[derive(Debug, Default)]
pub(super) struct VolumeContent {
    /// The files.
    pub(super) files: Vec<DataFile>,
    /// The ConfigMap without the values, to be shown.
    pub(super) shown: Option<Value>,
}

impl VolumeContent {
    /// Creates the ConfigMap.
    pub(super) async fn put(
        scene: StrategyContext<'_>,
        variant: &Variant,
        data: &Dataset,
    ) -> Result<(Self, SetupCost)> {
        let begun = Instant::now();
        let map = config_map(meta(scene, variant), data)?;
        let shown = Some(without_values(&map));
        create(scene, api(scene), map).await?;
        let setup = SetupCost {
            seconds: begun.elapsed().as_secs_f64(),
            // The kubelet fetches it for every pod.
            bytes_to_nodes: data.bytes() * u64::from(scene.executors),
            bytes_per_executor: data.bytes(),
            ..SetupCost::default()
        };
        Ok((VolumeContent { files: data.files().cloned().collect(), shown }, setup))
    }

    /// Deletes it.
    pub(super) async fn remove(scene: StrategyContext<'_>, variant: &Variant) -> Result<()> {
        remove(scene.context, api(scene), &scene.name(variant)).await
    }
}

fn api(scene: StrategyContext<'_>) -> Api<ConfigMap> {
    Api::namespaced(scene.environment.cluster.client.clone(), scene.namespace)
}

/// The largest size that fits.
pub(super) fn limit(size: DataSize) -> DataSize {
    DataSize { full: size.full, small_files: size.small_files.min(SMALL_FILES), ..DataSize::tiny() }
}

/// The files as binary values, by their keys. Immutable, so that the kubelet need not watch it.
///
/// # Errors
/// Bad input: the data is larger than a ConfigMap can be.
fn config_map(metadata: ObjectMeta, data: &Dataset) -> Result<ConfigMap> {
    let bytes = data.bytes();
    if bytes > MOST {
        let biggest = data.files().max_by_key(|file| file.bytes);
        let biggest =
            biggest.map_or(String::new(), |f| format!(", {} of them {}", f.bytes, f.path));
        return Err(Error::input(format!(
            "a ConfigMap holds {MOST} bytes, the data are {bytes}{biggest}"
        ))
        .remedy("use less data, or another volume: a claim, a directory of the node"));
    }
    let mut values = BTreeMap::new();
    for file in data.files() {
        let content = fs_err::read(data.dir.join(&file.path)).or_environment("reading the data")?;
        values.insert(file.key(), ByteString(content));
    }
    Ok(ConfigMap {
        metadata,
        binary_data: Some(values),
        immutable: Some(true),
        ..ConfigMap::default()
    })
}

fn without_values(map: &ConfigMap) -> Value {
    let mut shown = json!(map);
    for (key, value) in map.binary_data.iter().flatten() {
        shown["binaryData"][key] = json!(format!("({} bytes)", value.0.len()));
    }
    shown
}

/// A volume of the ConfigMap, with each value at its file's path.
pub(super) fn volume(volume: &str, config_map: &str, files: &[DataFile]) -> Volume {
    let item = |file: &DataFile| KeyToPath {
        key: file.key(),
        path: file.path.clone(),
        ..KeyToPath::default()
    };
    Volume {
        name: volume.to_owned(),
        config_map: Some(ConfigMapVolumeSource {
            name: config_map.to_owned(),
            items: Some(files.iter().map(item).collect()),
            ..ConfigMapVolumeSource::default()
        }),
        ..Volume::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(size: DataSize) -> (Dataset, tempfile::TempDir) {
        let keep = tempfile::tempdir().expect("a directory");
        // As long as nonces get.
        let nonce = "0123abcd-3-configmap-0123abcd";
        (Dataset::generate(&keep.path().join("d"), nonce, size).expect("generated"), keep)
    }

    #[test]
    fn the_limit_fits_and_keeps_what_is_asked_for() {
        let asked = DataSize::default().full().small_files(1000);
        let (data, _keep) = generated(limit(asked));
        assert!(data.bytes() < 900_000, "{}", data.bytes());
        assert!(data.get("csv-small").is_ok() && data.get("json").is_ok());
        assert_eq!(limit(DataSize::default()), DataSize::tiny());
        let map = config_map(ObjectMeta::default(), &data).expect("fits");
        let shown = without_values(&map);
        assert_eq!(shown["binaryData"]["empty.csv"], "(0 bytes)");
        assert_eq!(map.binary_data.map(|values| values.len()), Some(data.files().count()));
    }

    #[test]
    fn too_much_is_refused_before_the_api_server_does() {
        let (data, _keep) = generated(DataSize { csv_rows: 30_000, ..DataSize::tiny() });
        let error = config_map(ObjectMeta::default(), &data).expect_err("too much");
        assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
        let text = error.to_string();
        assert!(text.starts_with("a ConfigMap holds 1048576 bytes, the data are "), "{text}");
        assert!(text.ends_with("of them big.csv"), "{text}");
    }

    #[test]
    fn values_lie_at_their_files_paths() {
        let (data, _keep) = generated(limit(DataSize::default().full()));
        let files: Vec<DataFile> = data.files().cloned().collect();
        let volume = volume("data", "mine", &files);
        insta::assert_snapshot!(serde_json::to_string_pretty(&volume).expect("JSON"));
    }
}
