//! The FUSE clients, with their command lines and configuration.
//!
//! None of them caches content: none has a disk cache, and none keeps the kernel's cache of a file
//! over an open (blobfuse2 would by default). So each opened file is requested from the server,
//! whose log shows it. `direct_io` would also request each single read, but without the kernel's
//! read-ahead, and is not used in practice.

use std::path::Path;

use serde_json::json;
use sparkproof_catalog::StoreKind;

use super::source::MountSource;

/// Directory of the file with the keys in a pod.
pub(super) const KEYS: &str = "/etc/sparkproof";

/// A FUSE client. Each runs in the foreground, so that the container ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// s3fs-fuse, from Debian.
    S3fs,
    /// rclone, from PyPI.
    Rclone,
    /// Azure's blobfuse2.
    Blobfuse2,
}

impl Client {
    /// The type its mounts have in `/proc/self/mountinfo`.
    pub fn file_system(self) -> &'static str {
        match self {
            Client::S3fs => "fuse.s3fs",
            Client::Rclone => "fuse.rclone",
            // It is named in the mount's source, not in its type (2.5.5).
            Client::Blobfuse2 => "fuse",
        }
    }

    /// The name of its program.
    pub(super) fn program(self) -> &'static str {
        match self {
            Client::S3fs => "s3fs",
            Client::Rclone => "rclone",
            Client::Blobfuse2 => "blobfuse2",
        }
    }

    /// The command that mounts at `point` in the foreground, read-only for all users. It gives up
    /// soon if the store does not answer, since executors wait for it.
    pub(super) fn command(self, source: &MountSource, point: &Path) -> Vec<String> {
        let point = point.display();
        let MountSource { bucket, prefix, url, region, .. } = source;
        let line = match self {
            // 185 is Spark's user. The umask is for objects of other clients, which have no mode.
            Client::S3fs => format!(
                "s3fs {bucket}:/{prefix} {point} -f -o passwd_file={KEYS}/passwd,url={url},endpoint={region},\
                 use_path_request_style,ro,allow_other,uid=185,umask=0222,\
                 connect_timeout=10,readwrite_timeout=30,retries=2"
            ),
            Client::Rclone => format!(
                "rclone mount store:{bucket}/{prefix} {point} --config {KEYS}/rclone.conf \
                 --read-only --allow-other --vfs-cache-mode off --use-server-modtime \
                 --contimeout 10s --timeout 30s --low-level-retries 2"
            ),
            Client::Blobfuse2 => {
                format!(
                    "blobfuse2 mount {point} --config-file={KEYS}/blobfuse2.yaml --foreground \
                     --disable-version-check"
                )
            }
        };
        line.split(' ').map(str::to_owned).collect()
    }

    /// Name and text of the file with the keys, for a Secret, so that they are in no command line
    /// and no pod specification.
    pub(super) fn keys(self, source: &MountSource) -> (&'static str, String) {
        match self {
            Client::S3fs => ("passwd", format!("{}:{}\n", source.account, source.key)),
            Client::Rclone => ("rclone.conf", rclone(source)),
            Client::Blobfuse2 => ("blobfuse2.yaml", blobfuse2(source)),
        }
    }
}

fn rclone(source: &MountSource) -> String {
    let MountSource { url, region, account, key, .. } = source;
    if source.kind == StoreKind::Azure {
        // Not `use_emulator`, which means 127.0.0.1.
        return format!(
            "[store]\ntype = azureblob\naccount = {account}\nkey = {key}\n\
             endpoint = {url}\n"
        );
    }
    format!(
        "[store]\ntype = s3\nprovider = Other\nendpoint = {url}\nregion = {region}\n\
         access_key_id = {account}\nsecret_access_key = {key}\nforce_path_style = true\n"
    )
}

/// JSON, which is valid YAML.
fn blobfuse2(source: &MountSource) -> String {
    json!({
        "allow-other": true,
        "read-only": true,
        "disable-kernel-cache": true,
        "logging": { "type": "base", "level": "log_warning", "file-path": "/dev/stderr" },
        "components": ["libfuse", "block_cache", "attr_cache", "azstorage"],
        "libfuse": { "disable-writeback-cache": true },
        "block_cache": { "block-size-mb": 4, "mem-size-mb": 64, "prefetch": 0, "parallelism": 4 },
        "azstorage": {
            "type": "block",
            "mode": "key",
            "account-name": source.account,
            "account-key": source.key,
            "endpoint": source.url,
            "use-http": source.url.starts_with("http://"),
            "container": source.bucket,
            "subdirectory": source.prefix,
            "max-retries": 2,
        },
    })
    .to_string()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in super::super) fn source(kind: StoreKind) -> MountSource {
        MountSource {
            kind,
            url: "http://172.18.0.3:7070".into(),
            region: "us-east-1".into(),
            account: "ACCOUNT".into(),
            key: "SECRET".into(),
            bucket: "data".into(),
            prefix: "7f3a0000-2-s3fs-node-0badcafe".into(),
        }
    }

    #[test]
    fn keys_are_in_the_file_only() {
        for kind in [StoreKind::S3, StoreKind::Azure] {
            let source = source(kind);
            for client in [Client::S3fs, Client::Rclone, Client::Blobfuse2] {
                let command = client.command(&source, Path::new("/mnt/a"));
                assert_eq!(command[0], client.program());
                assert!(!command.concat().contains("SECRET"), "{command:?}");
                let (name, text) = client.keys(&source);
                assert!(command.concat().contains(&format!("{KEYS}/{name}")), "{command:?}");
                assert!(text.contains("SECRET") && text.contains("ACCOUNT"), "{text}");
            }
        }
    }

    #[test]
    fn commands_and_files_are_as_reviewed() {
        let mut all = String::new();
        for (client, kind) in [
            (Client::S3fs, StoreKind::S3),
            (Client::Rclone, StoreKind::S3),
            (Client::Rclone, StoreKind::Azure),
            (Client::Blobfuse2, StoreKind::Azure),
        ] {
            let source = source(kind);
            let (name, text) = client.keys(&source);
            let command = client.command(&source, Path::new("/mnt/a")).join(" ");
            all.push_str(&format!("$ {command}\n{name}:\n{text}\n"));
        }
        insta::assert_snapshot!(all);
    }
}
