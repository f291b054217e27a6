//! Thin OCI archives: an image as Docker saved it, without the layers the receiver has.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::error::{Error, OrFail, Result};

/// A layer of a saved image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layer {
    /// Digest of the bytes as saved, `sha256:…`.
    pub(super) digest: String,
    /// Bytes as saved.
    pub(super) size: u64,
    offset: u64,
    compressed: bool,
}

/// A saved image, indexed.
#[derive(Debug)]
pub(super) struct Saved {
    path: PathBuf,
    config: Vec<u8>,
    /// Lowest first.
    pub(super) layers: Vec<Layer>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Manifest {
    config: String,
    layers: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Config {
    rootfs: RootFs,
}

#[derive(Debug, Deserialize)]
struct RootFs {
    diff_ids: Vec<String>,
}

impl Saved {
    /// Indexes what `docker save` wrote: the layout of Docker up to 24 (`<id>/layer.tar`, equal
    /// layers as symlinks) and the OCI one since 25 (`blobs/sha256/<digest>`).
    pub(super) fn index(path: &Path) -> Result<Self> {
        let what = || format!("reading the saved image {}", path.display());
        let mut file = File::open(path).or_environment(what())?;
        let mut places = BTreeMap::new();
        let mut links = BTreeMap::new();
        let mut archive = tar::Archive::new(&file);
        for entry in archive.entries_with_seek().or_environment(what())? {
            let entry = entry.or_environment(what())?;
            let name = normal(&entry.path().or_environment(what())?);
            if let Some(target) = entry.link_name().or_environment(what())? {
                let beside = name.parent().unwrap_or(Path::new("")).join(target);
                links.insert(name, normal(&beside));
            } else {
                places.insert(name, (entry.raw_file_position(), entry.size()));
            }
        }
        let find = |name: &str| {
            let name = normal(Path::new(name));
            let name = links.get(&name).unwrap_or(&name);
            places.get(name).copied().ok_or_else(|| {
                Error::environment(what()).because(format!("it has no {}", name.display()))
            })
        };
        let manifests: Vec<Manifest> = serde_json::from_slice(
            &read(&mut file, find("manifest.json")?).or_environment(what())?,
        )
        .or_environment(what())?;
        let manifest = manifests
            .first()
            .ok_or_else(|| Error::environment(what()).because("an empty manifest"))?;
        let config = read(&mut file, find(&manifest.config)?).or_environment(what())?;
        let diff_ids =
            serde_json::from_slice::<Config>(&config).or_environment(what())?.rootfs.diff_ids;
        if diff_ids.len() != manifest.layers.len() {
            return Err(Error::environment(what()).because(format!(
                "{} layers, but {} in its configuration",
                manifest.layers.len(),
                diff_ids.len()
            )));
        }
        let mut layers = Vec::new();
        for (name, diff_id) in manifest.layers.iter().zip(&diff_ids) {
            let (offset, size) = find(name)?;
            let mut magic = [0; 2];
            file.seek(SeekFrom::Start(offset)).or_environment(what())?;
            file.read_exact(&mut magic).or_environment(what())?;
            let digest = match name.strip_prefix("blobs/sha256/") {
                Some(hex) => format!("sha256:{hex}"),
                None => diff_id.clone(),
            };
            layers.push(Layer { digest, size, offset, compressed: magic == [0x1f, 0x8b] });
        }
        Ok(Saved { path: path.to_owned(), config, layers })
    }

    /// Writes an OCI archive with the layers from number `skip` on; the ones below are only named.
    /// `name` is the full reference (`docker.io/library/x:1`).
    pub(super) fn write(&self, name: &str, skip: usize, out: impl Write) -> std::io::Result<()> {
        let layers: Vec<_> = self
            .layers
            .iter()
            .map(|layer| {
                let packing = if layer.compressed { "+gzip" } else { "" };
                json!({
                    "mediaType": format!("application/vnd.oci.image.layer.v1.tar{packing}"),
                    "digest": layer.digest,
                    "size": layer.size,
                })
            })
            .collect();
        let manifest = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": digest(&self.config),
                "size": self.config.len(),
            },
            "layers": layers,
        }))?;
        let index = serde_json::to_vec(&json!({
            "schemaVersion": 2,
            "manifests": [{
                "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "digest": digest(&manifest),
                "size": manifest.len(),
                "annotations": { "io.containerd.image.name": name },
            }],
        }))?;
        let mut archive = tar::Builder::new(out);
        append(&mut archive, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        let mut file = File::open(&self.path)?;
        let mut written = std::collections::BTreeSet::new();
        for layer in &self.layers[skip..] {
            // Equal layers are one blob.
            if written.insert(&layer.digest) {
                file.seek(SeekFrom::Start(layer.offset))?;
                let mut header = header(layer.size);
                let path = blob(&layer.digest);
                archive.append_data(&mut header, path, (&mut file).take(layer.size))?;
            }
        }
        append(&mut archive, &blob(&digest(&self.config)), &self.config)?;
        append(&mut archive, &blob(&digest(&manifest)), &manifest)?;
        append(&mut archive, "index.json", &index)?;
        archive.finish()?;
        archive.into_inner()?.flush()
    }
}

/// Chain ids: how containerd names the unpacked stack up to each layer (OCI image specification,
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

/// A reference as containerd keeps it: with a registry and a tag, by Docker's rules.
pub(super) fn full_name(reference: &str) -> String {
    let (path, tagged) = match reference.split_once('@') {
        Some((path, _)) => (path, true),
        None => (reference, reference.rsplit('/').next().is_some_and(|last| last.contains(':'))),
    };
    let host = path.split_once('/').map(|(first, _)| first);
    let prefix = match host {
        Some(h) if h.contains('.') || h.contains(':') || h == "localhost" => "",
        Some(_) => "docker.io/",
        None => "docker.io/library/",
    };
    format!("{prefix}{reference}{}", if tagged { "" } else { ":latest" })
}

fn digest(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

fn blob(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header
}

fn append<W: Write>(
    archive: &mut tar::Builder<W>,
    path: &str,
    bytes: &[u8],
) -> std::io::Result<()> {
    archive.append_data(&mut header(bytes.len() as u64), path, bytes)
}

fn read(file: &mut File, (offset, size): (u64, u64)) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(offset))?;
    file.take(size).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::Normal(name) => out.push(name),
            _ => {}
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Docker 20.10 saves, with the third layer equal to the first.
    fn saved(dir: &Path) -> PathBuf {
        let layers: [&[u8]; 2] = [b"one-one", b"two"];
        let diff_ids = [digest(layers[0]), digest(layers[1]), digest(layers[0])];
        let config = json!({ "rootfs": { "diff_ids": diff_ids } }).to_string();
        let manifest = json!([{
            "Config": "c.json",
            "Layers": ["a/layer.tar", "b/layer.tar", "c/layer.tar"],
        }]);
        let path = dir.join("saved.tar");
        let mut archive = tar::Builder::new(File::create(&path).expect("created"));
        append(&mut archive, "b/layer.tar", layers[1]).expect("written");
        append(&mut archive, "a/layer.tar", layers[0]).expect("written");
        let mut link = tar::Header::new_gnu();
        link.set_entry_type(tar::EntryType::Symlink);
        link.set_size(0);
        archive.append_link(&mut link, "c/layer.tar", "../a/layer.tar").expect("written");
        append(&mut archive, "c.json", config.as_bytes()).expect("written");
        append(&mut archive, "manifest.json", manifest.to_string().as_bytes()).expect("written");
        archive.finish().expect("written");
        path
    }

    fn names(archive: &[u8]) -> Vec<String> {
        let mut archive = tar::Archive::new(archive);
        let entries = archive.entries().expect("an archive");
        entries.map(|e| e.expect("entry").path().expect("path").display().to_string()).collect()
    }

    #[test]
    fn a_thin_archive_names_all_layers_and_carries_the_missing_ones() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let saved = Saved::index(&saved(keep.path())).expect("indexed");
        assert_eq!(saved.layers[0].digest, saved.layers[2].digest);
        let thin = |skip| {
            let mut out = Vec::new();
            saved.write("localhost/x:1", skip, &mut out).expect("written");
            out
        };
        let whole = names(&thin(0));
        let one = blob(&saved.layers[0].digest);
        let two = blob(&saved.layers[1].digest);
        assert!(whole.contains(&one) && whole.contains(&two));
        assert_eq!(whole.iter().filter(|n| **n == one).count(), 1, "equal layers go once");
        let top = names(&thin(2));
        assert!(top.contains(&one) && !top.contains(&two));
        let none = names(&thin(3));
        assert!(!none.contains(&one) && !none.contains(&two));
        assert!(none.contains(&"index.json".to_owned()));
    }

    #[test]
    fn a_truncated_save_is_an_error() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let path = keep.path().join("x.tar");
        std::fs::write(&path, b"").expect("written");
        assert!(Saved::index(&path).expect_err("empty").to_string().contains("manifest.json"));
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
    fn references_get_their_full_name() {
        for (short, full) in [
            ("localhost/sparkproof/spark:1", "localhost/sparkproof/spark:1"),
            ("spark", "docker.io/library/spark:latest"),
            ("apache/spark:3.5.9", "docker.io/apache/spark:3.5.9"),
            ("example.org:5000/x", "example.org:5000/x:latest"),
            ("apache/spark@sha256:ab", "docker.io/apache/spark@sha256:ab"),
        ] {
            assert_eq!(full_name(short), full);
        }
    }
}
