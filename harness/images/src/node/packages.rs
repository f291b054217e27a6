//! Files of Debian packages inside a root file system archive: kube-proxy's image needs iptables
//! with its extensions and conntrack, and their libraries; helper pods need a shell.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use sparkproof_base::error::{Error, ErrorContext, Result};

use crate::entry::Entry;

/// `libc6` also for `libm.so.6`: without it `iptables -m statistic` fails to load, and every
/// Service with two endpoints breaks all later syncs.
const PACKAGES: &[&str] = &[
    "conntrack",
    "iptables",
    "kmod",
    "libbsd0",
    "libc6",
    "libedit2",
    "libgmp10",
    "libip4tc2",
    "libip6tc2",
    "libjansson4",
    "libkmod2",
    "liblzma5",
    "libmd0",
    "libmnl0",
    "libnetfilter-conntrack3",
    "libnfnetlink0",
    "libnftables1",
    "libnftnl11",
    "libssl3",
    "libtinfo6",
    "libxtables12",
    "libzstd1",
    "netbase",
    "nftables",
];
/// The commands that Debian's alternatives choose at installation time, outside any package.
const COMMANDS: [&str; 6] = [
    "iptables",
    "iptables-restore",
    "iptables-save",
    "ip6tables",
    "ip6tables-restore",
    "ip6tables-save",
];

const BUSYBOX: &str = "usr/bin/busybox";

/// Files for the component images from the root file system.
#[derive(Debug)]
pub(super) struct Taken {
    /// kube-proxy's packages by path, without documentation and character set converters.
    pub files: BTreeMap<String, Entry>,
    /// The static busybox.
    pub busybox: Entry,
}

/// Reads them from the archive.
pub(super) fn taken(rootfs: &Path) -> Result<Taken> {
    let mut wanted = wanted(rootfs).or_environment("reading the root file system")?;
    wanted.insert(BUSYBOX.to_owned());
    let mut files = BTreeMap::new();
    each(rootfs, |path, entry| {
        if !wanted.contains(path) {
            return Ok(());
        }
        let kind = entry.header().entry_type();
        if kind.is_symlink() {
            if let Some(target) = entry.link_name()? {
                files.insert(path.to_owned(), Entry::link(target.display().to_string()));
            }
        } else if kind.is_file() {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes)?;
            let mode = entry.header().mode()? & 0o777;
            files.insert(path.to_owned(), Entry::bytes(bytes, mode));
        }
        Ok(())
    })
    .or_environment("reading the root file system")?;
    // In the root file system these are links, too.
    for name in ["bin", "lib", "lib64", "sbin"] {
        files.insert(name.to_owned(), Entry::link(format!("usr/{name}")));
    }
    for name in COMMANDS {
        // The nft flavour, which Debian's alternatives prefer and the node's kubelet uses.
        let path = format!("usr/sbin/{name}");
        files.insert(path, Entry::link("xtables-nft-multi"));
    }
    let busybox = files
        .remove(BUSYBOX)
        .ok_or_else(|| Error::internal("no static busybox in the root file system"))?;
    Ok(Taken { files, busybox })
}

/// The paths that the packages' lists name.
fn wanted(rootfs: &Path) -> std::io::Result<BTreeSet<String>> {
    let mut wanted = BTreeSet::new();
    each(rootfs, |path, entry| {
        let list = path
            .strip_prefix("var/lib/dpkg/info/")
            .and_then(|name| name.strip_suffix(".list"))
            .and_then(|name| name.split(':').next());
        if list.is_some_and(|name| PACKAGES.contains(&name)) {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            let kept =
                |line: &&str| !["/share/", "/gconv/", "/engines-"].iter().any(|s| line.contains(s));
            wanted.extend(text.lines().filter(kept).map(merged));
        }
        Ok(())
    })?;
    Ok(wanted)
}

/// Packages list paths as before the merge of `/usr`.
fn merged(path: &str) -> String {
    let path = path.trim_start_matches('/');
    match path.split('/').next() {
        Some("bin" | "lib" | "lib64" | "sbin") => format!("usr/{path}"),
        _ => path.to_owned(),
    }
}

type Item<'a> = tar::Entry<'a, std::fs::File>;

fn each(
    archive: &Path,
    mut see: impl FnMut(&str, &mut Item<'_>) -> std::io::Result<()>,
) -> std::io::Result<()> {
    let mut archive = tar::Archive::new(std::fs::File::open(archive)?);
    // `Seek` skips the content of other files.
    for entry in archive.entries_with_seek()? {
        let mut entry = entry?;
        let path = entry.path()?.display().to_string();
        see(path.trim_start_matches("./"), &mut entry)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(files: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().expect("file");
        let mut tar = tar::Builder::new(file.reopen().expect("open"));
        for (path, content) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o755);
            tar.append_data(&mut header, path, content.as_bytes()).expect("appended");
        }
        tar.finish().expect("finished");
        file
    }

    #[test]
    fn files_of_the_packages_and_no_others() {
        let rootfs = archive(&[
            ("./usr/sbin/xtables-nft-multi", "nft"),
            ("./usr/sbin/other", "other"),
            ("./usr/bin/busybox", "box"),
            ("./usr/share/doc/iptables/copyright", "text"),
            (
                "./var/lib/dpkg/info/iptables.list",
                "/sbin/xtables-nft-multi\n/usr/share/doc/iptables/copyright\n",
            ),
            ("./var/lib/dpkg/info/other.list", "/usr/sbin/other\n"),
        ]);
        let Taken { files, busybox } = taken(rootfs.path()).expect("readable");
        assert_eq!(busybox, Entry::bytes("box", 0o755));
        assert_eq!(files["usr/sbin/xtables-nft-multi"], Entry::bytes("nft", 0o755));
        assert_eq!(files["usr/sbin/iptables"], Entry::link("xtables-nft-multi"));
        assert_eq!(files["lib64"], Entry::link("usr/lib64"));
        assert!(!files.contains_key("usr/sbin/other"));
        assert!(!files.contains_key("usr/share/doc/iptables/copyright"));
    }
}
