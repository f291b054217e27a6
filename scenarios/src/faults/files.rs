//! Files and stores: the session starts, and a read goes wrong.

use sparkproof::catalog::VariantId;
use sparkproof::session::SessionOverlay;
use sparkproof::verdict::Cause;

use super::fault::Change::{self, Conf};
use super::fault::{Fault, Read};

/// Sets a key of every bucket.
pub(super) fn set(added: &mut SessionOverlay, ending: &str, value: &str) {
    added.conf.change(|key, _| key.ends_with(ending).then(|| value.to_owned()));
}

pub(super) fn s3(change: fn(&mut SessionOverlay)) -> Change {
    Change::Read(Read { variant: VariantId::S3, change, bare: false, script: None, hadoop: None })
}

fn copied(script: &'static str) -> Change {
    let (variant, script) = (VariantId::Copy, Some(script));
    Change::Read(Read { variant, change: |_| {}, bare: false, script, hadoop: None })
}

/// The faults of this group.
pub fn faults() -> Vec<Fault> {
    vec![
        Fault::new("file-missing", Cause::FileMissing).with(copied("mv \"$1\" \"$1.away\"")),
        Fault::new("file-not-readable", Cause::FileNotReadable)
            .with(copied("chmod 0 \"$1\""))
            .not(Cause::FileMissing),
        Fault::new("file-cut", Cause::ContentDiffers)
            .with(copied("head -c 4 \"$1\" > \"$1.cut\" && mv \"$1.cut\" \"$1\"")),
        Fault::new("store-key-wrong", Cause::StoreDeniesAccess)
            .with(s3(|added| set(added, ".secret.key", "wrong"))),
        Fault::new("store-without-credentials", Cause::StoreNoCredentials)
            .with(s3(|added| {
                let provider = "com.amazonaws.auth.EnvironmentVariableCredentialsProvider";
                set(added, ".aws.credentials.provider", provider);
            }))
            .not(Cause::StoreDeniesAccess),
        Fault::new("store-refuses-connections", Cause::StoreUnreachable)
            .with(s3(|added| set(added, ".endpoint", "http://127.0.0.1:9")))
            .says(&["127.0.0.1:9"]),
        Fault::new("store-of-no-name", Cause::UnknownHost)
            .with(s3(|added| set(added, ".endpoint", "http://store.sparkproof.invalid:9000")))
            .says(&["store.sparkproof.invalid"])
            .not(Cause::StoreUnreachable),
        Fault::new("store-without-tls", Cause::StoreTls)
            .with(s3(|added| {
                added.conf.change(|key, value| {
                    key.ends_with(".endpoint").then(|| value.replace("http://", "https://"))
                });
                set(added, ".connection.ssl.enabled", "true");
            }))
            .not(Cause::StoreUnreachable),
        Fault::new("store-jar-missing", Cause::MissingJar)
            .with(Change::Read(Read {
                variant: VariantId::S3,
                change: |_| {},
                bare: true,
                script: None,
                hadoop: None,
            }))
            .says(&["S3AFileSystem"]),
        Fault::new("file-of-a-host-of-no-name", Cause::UnknownHost)
            .with(Conf("spark.files", "http://files.sparkproof.invalid/x.csv"))
            .says(&["files.sparkproof.invalid"])
            .not(Cause::DriverEnded),
    ]
}
