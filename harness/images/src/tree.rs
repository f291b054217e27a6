//! Directory trees: copies, and differences from an archive of an earlier state.

use std::collections::BTreeMap;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::entry::Entry;

/// The properties by which changed entries are found. Unpacking keeps times, so content is not
/// compared.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TreeState {
    File { owner: Owner, size: u64, mtime: i64 },
    Link { target: String },
    Directory { owner: Owner },
    Other,
}

/// Mode, user, group.
type Owner = (u32, u64, u64);

/// Writes a tar of all entries in the tree `root` that the archive `base` lacks or has differently,
/// without devices and deletions.
pub(super) fn difference(base: &Path, root: &Path, to: &Path) -> std::io::Result<()> {
    let base = archived(base)?;
    let mut tar = tar::Builder::new(File::create(to)?);
    for found in walkdir::WalkDir::new(root).min_depth(1).sort_by_file_name() {
        let found = found?;
        let path = found.path().strip_prefix(root).unwrap_or(found.path());
        let path = path.to_string_lossy();
        let meta = found.metadata()?;
        let seen = seen(found.path(), &meta)?;
        if base.get(&*path) == Some(&seen) {
            continue;
        }
        let entry = match seen {
            TreeState::File { owner: (mode, uid, gid), .. } => {
                Entry::file(found.path(), mode).owned_by(uid, gid)
            }
            TreeState::Link { target } => Entry::link(target),
            TreeState::Directory { owner: (mode, uid, gid) } => {
                Entry::directory(mode).owned_by(uid, gid)
            }
            TreeState::Other => continue,
        };
        entry.append(&mut tar, &path)?;
    }
    tar.into_inner()?.sync_all()
}

/// Copies files below a directory with fresh permissions: the module cache is read-only.
pub(super) fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    for entry in walkdir::WalkDir::new(from).sort_by_file_name() {
        let entry = entry?;
        let target = to.join(entry.path().strip_prefix(from).unwrap_or(entry.path()));
        if entry.file_type().is_dir() {
            fs_err::create_dir_all(target)?;
        } else {
            fs_err::write(target, fs_err::read(entry.path())?)?;
        }
    }
    Ok(())
}

fn seen(path: &Path, meta: &Metadata) -> std::io::Result<TreeState> {
    let owner = (meta.mode() & 0o7777, meta.uid().into(), meta.gid().into());
    Ok(if meta.is_dir() {
        TreeState::Directory { owner }
    } else if meta.is_symlink() {
        TreeState::Link { target: fs_err::read_link(path)?.to_string_lossy().into_owned() }
    } else if meta.is_file() {
        TreeState::File { owner, size: meta.len(), mtime: meta.mtime() }
    } else {
        TreeState::Other
    })
}

/// The entries of an archive by path.
fn archived(archive: &Path) -> std::io::Result<BTreeMap<String, TreeState>> {
    let normal = |path: &Path| {
        let path = path.strip_prefix("./").unwrap_or(path);
        path.to_string_lossy().trim_end_matches('/').to_owned()
    };
    let mut entries = BTreeMap::new();
    let mut archive = tar::Archive::new(File::open(archive)?);
    for entry in archive.entries_with_seek()? {
        let entry = entry?;
        let header = entry.header();
        let owner = (header.mode()? & 0o7777, header.uid()?, header.gid()?);
        let kind = header.entry_type();
        let seen = if kind.is_dir() {
            TreeState::Directory { owner }
        } else if kind.is_symlink() {
            let link = entry.link_name()?.unwrap_or_default();
            TreeState::Link { target: link.to_string_lossy().into_owned() }
        } else if kind.is_hard_link() {
            // Of an entry before it.
            let target = entry.link_name()?.map(|name| normal(&name)).unwrap_or_default();
            entries.get(&target).cloned().unwrap_or(TreeState::Other)
        } else if kind.is_file() {
            let mtime = header.mtime()?.cast_signed();
            TreeState::File { owner, size: entry.size(), mtime }
        } else {
            TreeState::Other
        };
        entries.insert(normal(&entry.path()?), seen);
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn new_and_changed_entries_and_no_others() {
        let keep = tempfile::tempdir().expect("dir");
        let root = keep.path().join("root");
        let write = |path: &str, text: &str| {
            std::fs::create_dir_all(root.join(path).parent().expect("parent")).expect("made");
            std::fs::write(root.join(path), text).expect("written");
        };
        for path in ["etc/same", "etc/changed", "usr/bin/one"] {
            write(path, "old");
        }
        std::fs::hard_link(root.join("usr/bin/one"), root.join("usr/bin/two")).expect("linked");
        symlink("usr/bin", root.join("bin")).expect("linked");
        let base = keep.path().join("base.tar");
        let mut tar = tar::Builder::new(File::create(&base).expect("created"));
        tar.follow_symlinks(false);
        tar.append_dir_all(".", &root).expect("archived");
        tar.finish().expect("finished");

        write("etc/changed", "newer");
        write("opt/new/file", "new");
        symlink("file", root.join("opt/new/link")).expect("linked");
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(root.join("usr/bin"), private).expect("set");
        let layer = keep.path().join("layer.tar");
        difference(&base, &root, &layer).expect("written");
        let paths: Vec<String> = tar::Archive::new(File::open(&layer).expect("layer"))
            .entries()
            .expect("entries")
            .map(|e| e.expect("entry").path().expect("path").display().to_string())
            .collect();
        let expected = ["etc/changed", "opt", "opt/new", "opt/new/file", "opt/new/link", "usr/bin"];
        assert_eq!(paths, expected);

        let again = keep.path().join("again.tar");
        difference(&base, &root, &again).expect("written");
        assert_eq!(std::fs::read(layer).expect("one"), std::fs::read(again).expect("two"));
    }
}
