//! Thin OCI archives: an image as Docker saved it, without the layers that the receiver has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sparkproof_base::error::{Error, ErrorContext, Result};

use super::config::{Config, descriptor, digest, manifest};
use super::layer::Layer;

/// A layer in an archive that Docker saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Blob {
    /// Digest of the bytes as saved, `sha256:…`.
    digest: String,
    /// Bytes as saved.
    size: u64,
    offset: u64,
    compressed: bool,
}

/// An indexed saved image, with additional layers on top.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Saved {
    config: Config,
    /// Its layers, lowest first.
    blobs: Vec<Blob>,
    /// Additional layers, lowest first.
    #[serde(skip)]
    layers: Vec<Layer>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Manifest {
    config: String,
    layers: Vec<String>,
}

impl Saved {
    /// Indexes the output of `docker save`: the layout of Docker up to 24 (`<id>/layer.tar`, equal
    /// layers as symlinks) and the OCI one since 25 (`blobs/sha256/<digest>`).
    pub fn index(path: &Path) -> Result<Self> {
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
                Error::environment(what()).with_source(format!("it has no {}", name.display()))
            })
        };
        let manifests: Vec<Manifest> = serde_json::from_slice(
            &read(&mut file, find("manifest.json")?).or_environment(what())?,
        )
        .or_environment(what())?;
        let manifest = manifests
            .first()
            .ok_or_else(|| Error::environment(what()).with_source("an empty manifest"))?;
        let config = read(&mut file, find(&manifest.config)?).or_environment(what())?;
        let config = Config::parse(config)?;
        let diff_ids = config.diff_ids();
        if diff_ids.len() != manifest.layers.len() {
            return Err(Error::environment(what()).with_source(format!(
                "{} layers, but {} in its configuration",
                manifest.layers.len(),
                diff_ids.len()
            )));
        }
        let mut blobs = Vec::new();
        for (name, diff_id) in manifest.layers.iter().zip(diff_ids) {
            let (offset, size) = find(name)?;
            let mut magic = [0; 2];
            file.seek(SeekFrom::Start(offset)).or_environment(what())?;
            file.read_exact(&mut magic).or_environment(what())?;
            let digest = match name.strip_prefix("blobs/sha256/") {
                Some(hex) => format!("sha256:{hex}"),
                None => diff_id.clone(),
            };
            blobs.push(Blob { digest, size, offset, compressed: magic == [0x1f, 0x8b] });
        }
        Ok(Saved { config, blobs, layers: Vec::new() })
    }

    /// Adds layers on top, which makes another image of the same archive.
    pub fn with(self, layers: &[Layer]) -> Result<Self> {
        let config = self.config.with(layers)?;
        Ok(Saved { config, blobs: self.blobs, layers: [self.layers, layers.to_vec()].concat() })
    }

    /// Its configuration.
    pub(super) fn config(&self) -> &Config {
        &self.config
    }

    /// Whether any layer from number `skip` on is in Docker's archive.
    pub(super) fn needs_archive(&self, skip: usize) -> bool {
        skip < self.blobs.len()
    }

    /// Bytes of the layers from number `skip` on.
    pub(super) fn bytes(&self, skip: usize) -> u64 {
        let blobs = self.blobs.iter().map(|blob| blob.size);
        blobs.chain(self.layers.iter().map(Layer::size)).skip(skip).sum()
    }

    /// Writes an OCI archive with the layers from number `skip` on; the ones below are only named.
    /// `name` is the full reference (`docker.io/library/x:1`); `saved` is what was indexed, needed
    /// when [`Saved::needs_archive`].
    pub fn write(
        &self,
        name: &str,
        skip: usize,
        saved: Option<&Path>,
        out: impl Write,
    ) -> std::io::Result<()> {
        let blobs = self.blobs.iter().map(|blob| {
            let kind = if blob.compressed { "layer.v1.tar+gzip" } else { "layer.v1.tar" };
            descriptor(kind, &blob.digest, blob.size)
        });
        let ours = self.layers.iter();
        let ours = ours.map(|layer| descriptor("layer.v1.tar", layer.diff_id(), layer.size()));
        let config = self.config.bytes();
        let (manifest, named) = manifest(config, &blobs.chain(ours).collect::<Vec<_>>(), name);
        let index = json!({ "schemaVersion": 2, "manifests": [named] }).to_string();
        let mut archive = tar::Builder::new(out);
        append(&mut archive, "oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        // Equal layers share one blob.
        let mut written = BTreeSet::new();
        for lower in self.blobs.iter().skip(skip).filter(|b| written.insert(b.digest.as_str())) {
            let saved = saved.ok_or_else(|| std::io::Error::other("the saved image is missing"))?;
            let mut file = File::open(saved)?;
            file.seek(SeekFrom::Start(lower.offset))?;
            let (mut header, path) = (header(lower.size), blob(&lower.digest));
            archive.append_data(&mut header, path, file.take(lower.size))?;
        }
        let ours = self.layers.iter().skip(skip.saturating_sub(self.blobs.len()));
        for layer in ours.filter(|layer| written.insert(layer.diff_id())) {
            layer.append(&mut archive, &blob(layer.diff_id()))?;
        }
        append(&mut archive, &blob(&self.config.digest()), config)?;
        append(&mut archive, &blob(&digest(manifest.as_bytes())), manifest.as_bytes())?;
        append(&mut archive, "index.json", index.as_bytes())?;
        archive.finish()?;
        archive.into_inner()?.flush()
    }
}

/// A reference in containerd's form: with a registry and a tag, by Docker's rules.
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

fn blob(digest: &str) -> String {
    format!("blobs/{}", digest.replace(':', "/"))
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header
}

/// Appends a file.
pub(super) fn append<W: Write>(
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

/// Normalises a path: removes `.` and `..`.
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
    use crate::Entry;

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
        let path = saved(keep.path());
        let saved = Saved::index(&path).expect("indexed");
        assert_eq!(saved.blobs[0].digest, saved.blobs[2].digest);
        let thin = |skip| {
            let mut out = Vec::new();
            saved.write("localhost/x:1", skip, Some(&path), &mut out).expect("written");
            out
        };
        let whole = names(&thin(0));
        let one = blob(&saved.blobs[0].digest);
        let two = blob(&saved.blobs[1].digest);
        assert!(whole.contains(&one) && whole.contains(&two));
        assert_eq!(whole.iter().filter(|n| **n == one).count(), 1, "equal layers go once");
        let top = names(&thin(2));
        assert!(top.contains(&one) && !top.contains(&two));
        let none = names(&thin(3));
        assert!(!none.contains(&one) && !none.contains(&two));
        assert!(none.contains(&"index.json".to_owned()));
    }

    #[tokio::test]
    async fn layers_on_top_travel_without_the_saved_image() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let path = saved(keep.path());
        let saved = Saved::index(&path).expect("indexed");
        let content = [0u8; 700];
        let layer = Layer::of_entries([("data", Entry::bytes(content, 0o644))]).await;
        let layer = layer.expect("layer");
        let image = saved.clone().with(std::slice::from_ref(&layer)).expect("extended");
        assert_ne!(image.config().digest(), saved.config().digest());
        assert_eq!(image.bytes(3), layer.size());
        assert_eq!(image.bytes(0), saved.bytes(0) + layer.size());
        assert!(image.needs_archive(2) && !image.needs_archive(3));

        let mut out = Vec::new();
        image.write("localhost/x:1", 3, None, &mut out).expect("written");
        let digests = image.config().diff_ids();
        let has = |digest: &str| names(&out).contains(&blob(digest));
        assert!(!has(&digests[0]) && !has(&digests[1]) && has(&digests[3]));
        // The blob is the layer, and what follows it is still an archive.
        let mut archive = tar::Archive::new(out.as_slice());
        for entry in archive.entries().expect("an archive") {
            let mut entry = entry.expect("entry");
            let path = entry.path().expect("path").display().to_string();
            let Some(hex) = path.strip_prefix("blobs/sha256/") else { continue };
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).expect("read");
            assert_eq!(digest(&bytes), format!("sha256:{hex}"));
        }
        let none = image.write("localhost/x:1", 2, None, std::io::sink());
        assert!(
            none.expect_err("needs the archive").to_string().contains("saved image is missing")
        );
    }

    #[test]
    fn a_truncated_save_is_an_error() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let path = keep.path().join("x.tar");
        std::fs::write(&path, b"").expect("written");
        assert!(Saved::index(&path).expect_err("empty").to_string().contains("manifest.json"));
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
