//! Entries of a layer, written reproducibly.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

/// An entry of a layer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    content: EntryContent,
    mode: u32,
    uid: u64,
    gid: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum EntryContent {
    /// A copy of a host file.
    File(PathBuf),
    Bytes(Vec<u8>),
    Link(String),
    Directory,
}

impl Entry {
    fn new(content: EntryContent, mode: u32) -> Self {
        Entry { content, mode, uid: 0, gid: 0 }
    }

    /// A copy of a host file with this mode, owned by root.
    pub fn file(path: impl Into<PathBuf>, mode: u32) -> Self {
        Self::new(EntryContent::File(path.into()), mode)
    }

    /// A file with these bytes and this mode, owned by root.
    pub fn bytes(bytes: impl Into<Vec<u8>>, mode: u32) -> Self {
        Self::new(EntryContent::Bytes(bytes.into()), mode)
    }

    /// A symbolic link to this target, owned by root.
    pub fn link(target: impl Into<String>) -> Self {
        Self::new(EntryContent::Link(target.into()), 0o777)
    }

    /// A directory with this mode, owned by root. Needed only if a layer below does not have it
    /// like this: missing parents of a file are created with mode 755.
    pub fn directory(mode: u32) -> Self {
        Self::new(EntryContent::Directory, mode)
    }

    /// Sets the owner.
    #[must_use]
    pub fn owned_by(self, uid: u64, gid: u64) -> Self {
        Entry { uid, gid, ..self }
    }

    /// Appends it under a path without a leading slash.
    pub(super) fn append(
        &self,
        tar: &mut tar::Builder<impl Write>,
        path: &str,
    ) -> std::io::Result<()> {
        let header = |kind, size| {
            // Without times and names of owners, so that the layer is reproducible.
            let mut header = Header::new_ustar();
            header.set_entry_type(kind);
            header.set_size(size);
            header.set_mode(self.mode);
            header.set_mtime(0);
            header.set_uid(self.uid);
            header.set_gid(self.gid);
            header
        };
        match &self.content {
            EntryContent::File(from) => {
                let file = File::open(from)?;
                let size = file.metadata()?.len();
                tar.append_data(&mut header(EntryType::Regular, size), path, file.take(size))
            }
            EntryContent::Bytes(bytes) => {
                let mut header = header(EntryType::Regular, bytes.len() as u64);
                tar.append_data(&mut header, path, bytes.as_slice())
            }
            EntryContent::Link(target) => {
                tar.append_link(&mut header(EntryType::Symlink, 0), path, target)
            }
            EntryContent::Directory => {
                tar.append_data(&mut header(EntryType::Directory, 0), path, std::io::empty())
            }
        }
    }
}

/// A writer that hashes and counts the bytes.
#[derive(Debug)]
pub(super) struct Hashing<W> {
    to: W,
    hash: Sha256,
    size: u64,
}

impl<W> Hashing<W> {
    pub(super) fn new(to: W) -> Self {
        Hashing { to, hash: Sha256::new(), size: 0 }
    }

    /// Hex digest and size in bytes.
    pub(super) fn finish(self) -> (String, u64) {
        (hex::encode(self.hash.finalize()), self.size)
    }
}

/// Hex digest and size of a file's content.
pub(super) fn hash_file(path: &Path) -> std::io::Result<(String, u64)> {
    let mut hashing = Hashing::new(std::io::sink());
    std::io::copy(&mut fs_err::File::open(path)?, &mut hashing)?;
    Ok(hashing.finish())
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.to.flush()
    }
}
