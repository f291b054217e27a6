//! Layers of an image.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use sparkproof_base::error::{ErrorContext, Result};

use super::entry::{Entry, Hashing};

/// A layer: an uncompressed tar and its digest.
#[derive(Debug, Clone)]
pub struct Layer {
    content: LayerContent,
    diff_id: String,
    size: u64,
}

#[derive(Debug, Clone)]
enum LayerContent {
    Archive(PathBuf),
    /// Entries that are written each time, reproducibly, so that large files need no copy in a tar.
    Entries(Arc<BTreeMap<String, Entry>>),
}

/// Layers with the same content are equal.
impl PartialEq for Layer {
    fn eq(&self, other: &Self) -> bool {
        self.diff_id == other.diff_id
    }
}

impl Layer {
    /// Reads and hashes a tar file.
    pub async fn of_tar(path: PathBuf) -> Result<Self> {
        Self::from_content(LayerContent::Archive(path)).await
    }

    /// A layer of these entries by their paths in the image. Host files are hashed now and read
    /// again whenever the layer is sent; they must not change in between.
    pub async fn of_entries<P: Into<String>>(
        entries: impl IntoIterator<Item = (P, Entry)>,
    ) -> Result<Self> {
        let inside = |path: P| path.into().trim_start_matches('/').to_owned();
        let entries = entries.into_iter().map(|(path, entry)| (inside(path), entry));
        Self::from_content(LayerContent::Entries(Arc::new(entries.collect()))).await
    }

    async fn from_content(content: LayerContent) -> Result<Self> {
        tokio::task::spawn_blocking(move || {
            let mut hashing = Hashing::new(std::io::sink());
            content.write(&mut hashing).or_environment("reading a layer")?;
            let (digest, size) = hashing.finish();
            Ok(Layer { content, diff_id: format!("sha256:{digest}"), size })
        })
        .await
        .or_internal("hashing a layer")?
    }

    /// Digest of the uncompressed tar, `sha256:…`.
    pub fn diff_id(&self) -> &str {
        &self.diff_id
    }

    /// Bytes of the tar.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Paths of its entries in the image; empty for a tar file.
    pub fn paths(&self) -> Vec<&str> {
        match &self.content {
            LayerContent::Archive(_) => Vec::new(),
            LayerContent::Entries(entries) => entries.keys().map(String::as_str).collect(),
        }
    }

    /// Appends the tar as a file to an archive.
    pub(super) fn append<W: Write>(
        &self,
        archive: &mut tar::Builder<W>,
        path: &str,
    ) -> std::io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_path(path)?;
        header.set_size(self.size);
        header.set_mode(0o644);
        header.set_cksum();
        let out = archive.get_mut();
        out.write_all(header.as_bytes())?;
        self.content.write(out)?;
        // Entries begin at multiples of 512 bytes.
        let padding = self.size.next_multiple_of(512) - self.size;
        std::io::copy(&mut std::io::repeat(0).take(padding), out).map(drop)
    }
}

impl LayerContent {
    fn write(&self, to: &mut impl Write) -> std::io::Result<()> {
        match self {
            LayerContent::Archive(path) => std::io::copy(&mut File::open(path)?, to).map(drop),
            LayerContent::Entries(entries) => {
                let mut tar = tar::Builder::new(to);
                for (path, entry) in entries.iter() {
                    entry.append(&mut tar, path)?;
                }
                tar.finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_same_entries_give_the_same_layer_in_any_order() {
        let keep = tempfile::tempdir().expect("dir");
        let file = keep.path().join("host-file");
        std::fs::write(&file, "jar").expect("written");
        let entries = [
            ("/opt/data", Entry::directory(0o750).owned_by(185, 0)),
            ("/opt/data/ä b", Entry::bytes("nonce", 0o644).owned_by(185, 0)),
            ("opt/link", Entry::link("data")),
            ("opt/jar", Entry::file(&file, 0o644)),
        ];
        let layer = Layer::of_entries(entries.clone()).await.expect("hashed");
        let mut turned = entries.clone();
        turned.reverse();
        let again = Layer::of_entries(turned).await.expect("hashed");
        assert_eq!(layer.diff_id(), again.diff_id());

        let tar = keep.path().join("layer.tar");
        layer.content.write(&mut File::create(&tar).expect("created")).expect("written");
        let of_tar = Layer::of_tar(tar.clone()).await.expect("hashed");
        assert_eq!((of_tar.diff_id(), of_tar.size()), (layer.diff_id(), layer.size()));
        let mut archive = tar::Archive::new(File::open(tar).expect("opened"));
        let seen: Vec<_> = archive
            .entries()
            .expect("entries")
            .map(|entry| {
                let entry = entry.expect("entry");
                let (path, header) = (entry.path().expect("path"), entry.header());
                let numbers = (header.mode().expect("mode"), header.uid().expect("uid"));
                (path.display().to_string(), numbers, header.mtime().expect("time"))
            })
            .collect();
        let expected = [
            ("opt/data", (0o750, 185), 0),
            ("opt/data/ä b", (0o644, 185), 0),
            ("opt/jar", (0o644, 0), 0),
            ("opt/link", (0o777, 0), 0),
        ];
        assert_eq!(seen, expected.map(|(path, numbers, time)| (path.to_owned(), numbers, time)));

        std::fs::write(&file, "other").expect("written");
        let other = Layer::of_entries(entries).await.expect("hashed");
        assert_ne!(other.diff_id(), layer.diff_id(), "another content, another layer");
    }
}
