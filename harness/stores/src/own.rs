//! A user's store: it is neither created nor removed; a run's data in it is removed by prefix.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::StoreKind;
use sparkproof_catalog::plan::OwnStore;

use super::place::ServerPlace;
use super::{Credentials, Placement, Store, StoreRecord};

/// Reads its credentials from the environment.
pub(super) fn open(context: &Context, own: &OwnStore) -> Result<Store> {
    let credentials = of_environment(own.kind, |name| std::env::var(name).ok())?;
    if let Some(credentials) = &credentials {
        credentials.register(context);
    }
    let authority = own.endpoint.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split('/').next().unwrap_or_default();
    let record = StoreRecord {
        kind: own.kind,
        placement: Placement::Own,
        endpoint: own.endpoint.clone(),
        tls_endpoint: None,
        address: authority.rsplit_once(':').map_or(authority, |(host, _)| host).to_owned(),
        host: None,
        bucket: own.bucket.clone(),
        region: std::env::var("AWS_REGION").ok(),
        image: None,
        credentials: None,
        ca_certificate: None,
    };
    Ok(Store { record, credentials, place: ServerPlace::Own })
}

/// The environment variables of these clouds' own tools.
fn of_environment(
    kind: StoreKind,
    value: impl Fn(&str) -> Option<String>,
) -> Result<Option<Credentials>> {
    let names = match kind {
        StoreKind::Hdfs => return Ok(None),
        StoreKind::S3 | StoreKind::Moto => ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
        StoreKind::Azure => ["AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_KEY"],
    };
    match names.map(value) {
        [Some(account), Some(key)] => Ok(Some(Credentials::new(account, key))),
        _ => Err(Error::input(format!("there are no credentials for your {kind} store"))
            .remedy(format!("set {} and {}", names[0], names[1]))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_the_environments() {
        let none = of_environment(StoreKind::Azure, |_| None).expect_err("none set");
        assert_eq!(none.exit, sparkproof_base::Exit::BadInput);
        assert!(none.remedy.expect("a remedy").contains("AZURE_STORAGE_KEY"));
        let set = of_environment(StoreKind::S3, |name| Some(name.to_lowercase())).expect("set");
        assert_eq!(set.expect("some").key(), "aws_secret_access_key");
        assert!(of_environment(StoreKind::Hdfs, |_| None).expect("none needed").is_none());
    }
}
