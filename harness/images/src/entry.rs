//! Entries of a layer: the same ones give the same bytes, wherever and whenever they are written.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

/// What lies at a path of a layer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    content: Content,
    mode: u32,
    uid: u64,
    gid: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Content {
    /// A copy of a host file.
    File(PathBuf),
    Bytes(Vec<u8>),
    Link(String),
    Directory,
}

impl Entry {
    fn new(content: Content, mode: u32) -> Self {
        Entry { content, mode, uid: 0, gid: 0 }
    }

    /// A copy of a host file with this mode, of root.
    pub fn file(path: impl Into<PathBuf>, mode: u32) -> Self {
        Self::new(Content::File(path.into()), mode)
    }

    /// These bytes with this mode, of root.
    pub fn bytes(bytes: impl Into<Vec<u8>>, mode: u32) -> Self {
        Self::new(Content::Bytes(bytes.into()), mode)
    }

    /// A symbolic link to this target, of root.
    pub fn link(target: impl Into<String>) -> Self {
        Self::new(Content::Link(target.into()), 0o777)
    }

    /// A directory with this mode, of root. Only where a layer below has none, or another one:
    /// directories on the way to a file are taken from below, or made with mode 755.
    pub fn directory(mode: u32) -> Self {
        Self::new(Content::Directory, mode)
    }

    /// The same, of this user and group.
    #[must_use]
    pub fn of(self, uid: u64, gid: u64) -> Self {
        Entry { uid, gid, ..self }
    }

    /// Appends it under a path without a leading slash.
    pub(super) fn append(
        &self,
        tar: &mut tar::Builder<impl Write>,
        path: &str,
    ) -> std::io::Result<()> {
        let header = |kind, size| {
            // No time, no names of owners: the same entries give the same layer.
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
            Content::File(from) => {
                let file = File::open(from)?;
                let size = file.metadata()?.len();
                tar.append_data(&mut header(EntryType::Regular, size), path, file.take(size))
            }
            Content::Bytes(bytes) => {
                let mut header = header(EntryType::Regular, bytes.len() as u64);
                tar.append_data(&mut header, path, bytes.as_slice())
            }
            Content::Link(target) => {
                tar.append_link(&mut header(EntryType::Symlink, 0), path, target)
            }
            Content::Directory => {
                tar.append_data(&mut header(EntryType::Directory, 0), path, std::io::empty())
            }
        }
    }
}

/// Passes what is written on, and hashes and counts it.
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
