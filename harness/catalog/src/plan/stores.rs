//! The user's stores, used instead of sparkproof's own servers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::error::{Error, Result};

use crate::StoreKind;
use crate::plan::RawPlan;

/// A store of the user. Its credentials are in environment variables, never in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnStore {
    /// Its protocol.
    pub kind: StoreKind,
    /// URL by which driver and pods both reach it, e.g. `https://s3.example.org`, `hdfs://namenode:8020`.
    pub endpoint: String,
    /// Bucket, container or directory, which must exist.
    pub bucket: String,
}

/// The stores that a raw plan names.
///
/// # Errors
/// Bad input: an endpoint without its bucket or container (or the reverse), or a wrong scheme.
pub(super) fn of(raw: &RawPlan) -> Result<Vec<OwnStore>> {
    let mut stores = Vec::new();
    for (kind, place, endpoint, bucket) in [
        (StoreKind::S3, "bucket", &raw.store_s3_endpoint, &raw.store_s3_bucket),
        (StoreKind::Azure, "container", &raw.store_azure_endpoint, &raw.store_azure_container),
    ] {
        match (endpoint, bucket) {
            (None, None) => {}
            (Some(endpoint), Some(bucket)) => {
                let flag = format!("--store-{kind}-endpoint");
                let endpoint = with_scheme(&flag, endpoint, &["http", "https"])?;
                stores.push(OwnStore { kind, endpoint, bucket: bucket.clone() });
            }
            _ => {
                return Err(Error::input(format!(
                    "--store-{kind}-endpoint and --store-{kind}-{place} belong together"
                )));
            }
        }
    }
    if let Some(uri) = &raw.store_hdfs_uri {
        let uri = with_scheme("--store-hdfs-uri", uri, &["hdfs"])?;
        let (authority, directory) = uri["hdfs://".len()..].split_once('/').unwrap_or_default();
        if authority.is_empty() || directory.is_empty() {
            return Err(Error::input(format!("--store-hdfs-uri {uri}: names no directory"))
                .remedy("hdfs://NAMENODE:PORT/a/directory/to/write/in"));
        }
        stores.push(OwnStore {
            kind: StoreKind::Hdfs,
            endpoint: format!("hdfs://{authority}"),
            bucket: directory.to_owned(),
        });
    }
    Ok(stores)
}

/// Images of servers to run in pods, by kind.
///
/// # Errors
/// Bad input: not `KIND=REF`, or the plan already has the user's store of this kind.
pub(super) fn images(raw: &RawPlan, own: &[OwnStore]) -> Result<BTreeMap<StoreKind, String>> {
    let mut images = BTreeMap::new();
    for text in &raw.store_image {
        let kinds = "expected s3=REF, moto=REF or azure=REF";
        let wrong = |why: &str| Error::input(format!("--store-image {text}: {why}"));
        let (kind, image) = text.split_once('=').ok_or_else(|| wrong(kinds))?;
        let found = StoreKind::ALL.into_iter().find(|known| known.name() == kind);
        let kind = found.filter(|_| !image.is_empty()).ok_or_else(|| wrong(kinds))?;
        if kind == StoreKind::Hdfs {
            return Err(wrong(
                "only pods can reach HDFS in a pod: its clients connect to the DataNode at the pod's \
                 own address",
            )
            .remedy("name your HDFS by --store-hdfs-uri"));
        }
        if own.iter().any(|own| own.kind == kind) {
            return Err(
                wrong("another option names your own store of this kind").remedy("leave out one")
            );
        }
        images.insert(kind, image.to_owned());
    }
    Ok(images)
}

/// Checks the URL's scheme; returns the URL without a slash at its end.
fn with_scheme(flag: &str, url: &str, schemes: &[&str]) -> Result<String> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    if rest.split('/').next().is_some_and(|authority| authority.contains('@')) {
        return Err(Error::input(format!("{flag}: names a user or a password in the URL"))
            .remedy("leave that out: keys are taken from the environment (docs/stores.md)"));
    }
    if schemes.contains(&scheme) {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    Err(Error::input(format!("{flag} {url}: expected {}://…", schemes.join(":// or "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_a_namenode_and_a_directory() {
        let raw = |uri: &str| RawPlan { store_hdfs_uri: Some(uri.into()), ..RawPlan::default() };
        let stores = of(&raw("hdfs://nn:8020/user/me/")).expect("valid");
        assert_eq!(
            (stores[0].endpoint.as_str(), stores[0].bucket.as_str()),
            ("hdfs://nn:8020", "user/me")
        );
        for bad in ["hdfs://nn:8020", "http://nn/x", "nn/x"] {
            assert_eq!(of(&raw(bad)).expect_err(bad).exit, sparkproof_base::Exit::BadInput);
        }
    }

    #[test]
    fn a_password_in_a_url_is_refused_and_not_shown() {
        for url in ["http://me:hunter2@h", "https://me:hunter2@h/x", "me:hunter2@h"] {
            let s3 = (Some(url.into()), Some("b".into()));
            let azure = s3.clone();
            let of_s3 =
                RawPlan { store_s3_endpoint: s3.0, store_s3_bucket: s3.1, ..RawPlan::default() };
            let of_azure = RawPlan {
                store_azure_endpoint: azure.0,
                store_azure_container: azure.1,
                ..RawPlan::default()
            };
            let hdfs = Some(url.replace("http:", "hdfs:"));
            let of_hdfs = RawPlan { store_hdfs_uri: hdfs, ..RawPlan::default() };
            for raw in [of_s3, of_azure, of_hdfs] {
                let error = of(&raw).expect_err(url);
                assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
                assert!(!error.summary().contains("hunter2"), "{}", error.summary());
                assert!(error.to_string().starts_with("--store-"), "{error}");
            }
        }
    }

    #[test]
    fn an_image_is_of_one_kind_of_server() {
        let raw = |text: &str| RawPlan { store_image: vec![text.into()], ..RawPlan::default() };
        let found = images(&raw("s3=registry:5000/s3:1"), &[]).expect("valid");
        assert_eq!(found, [(StoreKind::S3, "registry:5000/s3:1".to_owned())].into());
        for bad in ["s3", "s3=", "nfs=x", "hdfs=x"] {
            assert_eq!(
                images(&raw(bad), &[]).expect_err(bad).exit,
                sparkproof_base::Exit::BadInput
            );
        }
        let own = OwnStore { kind: StoreKind::S3, endpoint: "http://x".into(), bucket: "b".into() };
        assert!(images(&raw("s3=x"), &[own]).is_err());
    }

    #[test]
    fn an_endpoint_has_a_bucket() {
        let mut raw = RawPlan { store_s3_endpoint: Some("http://x/".into()), ..RawPlan::default() };
        assert!(of(&raw).expect_err("half").to_string().contains("--store-s3-bucket"));
        raw.store_s3_bucket = Some("b".into());
        assert_eq!(of(&raw).expect("valid")[0].endpoint, "http://x");
    }
}
