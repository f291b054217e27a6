//! Writes reproducible OCI images with one layer each.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::json;
use sparkproof_base::error::{ErrorContext, Result};

use crate::config::{descriptor, digest, manifest};
use crate::entry::{Entry, Hashing};

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const WRITING: &str = "writing an OCI layout";

/// An image: its full name, its entry point, its files by path without a leading slash.
#[derive(Debug)]
pub(super) struct Image {
    pub name: String,
    pub entrypoint: String,
    pub files: std::collections::BTreeMap<String, Entry>,
}

/// A directory in the OCI image layout. The digest of a layer is known only when it is written,
/// so layers go to files first.
#[derive(Debug)]
pub(super) struct Layout {
    dir: PathBuf,
    arch: String,
    manifests: Vec<serde_json::Value>,
    /// Digests of all layers, in the order of the images.
    pub layers: Vec<String>,
}

impl Layout {
    /// An empty one for images of this architecture (as Go names it).
    pub(super) fn create(dir: &Path, arch: &str) -> Result<Self> {
        fs_err::create_dir_all(dir.join("blobs/sha256")).or_environment(WRITING)?;
        fs_err::write(dir.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#)
            .or_environment(WRITING)?;
        let (manifests, layers) = (Vec::new(), Vec::new());
        Ok(Layout { dir: dir.to_owned(), arch: arch.to_owned(), manifests, layers })
    }

    /// Adds an image.
    pub(super) fn add(&mut self, image: &Image) -> Result<()> {
        let (layer, layer_size) = self.layer(image).or_environment(WRITING)?;
        let config = json!({
            "architecture": self.arch,
            "os": "linux",
            "config": { "Entrypoint": [image.entrypoint], "Env": [PATH] },
            "rootfs": { "type": "layers", "diff_ids": [layer] },
        });
        let config = config.to_string();
        let layers = [descriptor("layer.v1.tar", &layer, layer_size)];
        let (manifest, mut named) = manifest(config.as_bytes(), &layers, &image.name);
        named["platform"] = json!({ "architecture": self.arch, "os": "linux" });
        self.blob(&config)?;
        self.blob(&manifest)?;
        self.manifests.push(named);
        self.layers.push(layer);
        Ok(())
    }

    /// Writes the index: the layout is complete.
    pub(super) fn finish(&self) -> Result<()> {
        let index = json!({ "schemaVersion": 2, "manifests": self.manifests });
        fs_err::write(self.dir.join("index.json"), index.to_string()).or_environment(WRITING)
    }

    fn blob(&self, text: &str) -> Result<()> {
        let name = digest(text.as_bytes()).replace(':', "/");
        fs_err::write(self.dir.join("blobs").join(name), text).or_environment(WRITING)
    }

    fn layer(&self, image: &Image) -> std::io::Result<(String, u64)> {
        let unnamed = self.dir.join("layer.tmp");
        let mut tar = tar::Builder::new(Hashing::new(File::create(&unnamed)?));
        for (path, entry) in &image.files {
            entry.append(&mut tar, path)?;
        }
        let (digest, size) = tar.into_inner()?.finish();
        fs_err::rename(unnamed, self.dir.join("blobs/sha256").join(&digest))?;
        Ok((format!("sha256:{digest}"), size))
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn layout(dir: &Path, content: &str) -> String {
        std::fs::write(dir.join("program"), content).expect("written");
        let files = [
            ("bin/program".to_owned(), Entry::file(dir.join("program"), 0o755)),
            ("bin/sh".to_owned(), Entry::link("program")),
            ("etc/text".to_owned(), Entry::bytes("text", 0o644)),
        ];
        let image = Image {
            name: "example.invalid/a:1".to_owned(),
            entrypoint: "/bin/program".to_owned(),
            files: files.into(),
        };
        let mut layout = Layout::create(&dir.join("oci"), "amd64").expect("layout");
        layout.add(&image).expect("image");
        layout.finish().expect("index");
        std::fs::read_to_string(dir.join("oci/index.json")).expect("index")
    }

    #[test]
    fn the_same_files_give_the_same_digests() {
        let (one, two) = (tempfile::tempdir().expect("dir"), tempfile::tempdir().expect("dir"));
        let index = layout(one.path(), "x");
        assert_eq!(index, layout(two.path(), "x"));
        assert_ne!(index, layout(two.path(), "y"), "another content, another digest");
        // A golden digest: a change makes every user's containerd unpack the images again.
        insta::assert_snapshot!(index);
    }

    #[test]
    fn blobs_are_named_by_their_content() {
        let dir = tempfile::tempdir().expect("dir");
        layout(dir.path(), "x");
        let blobs = std::fs::read_dir(dir.path().join("oci/blobs/sha256")).expect("blobs");
        let blobs: Vec<PathBuf> = blobs.map(|b| b.expect("entry").path()).collect();
        assert_eq!(blobs.len(), 3, "layer, config, manifest");
        for blob in blobs {
            let name = blob.file_name().expect("name").to_string_lossy().into_owned();
            let content = std::fs::read(&blob).expect("readable");
            assert_eq!(name, hex::encode(Sha256::digest(content)));
        }
    }
}
