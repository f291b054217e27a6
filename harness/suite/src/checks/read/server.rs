//! Proof 4: the server's log shows the reads.

use std::net::IpAddr;

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::events::ReadMetrics;
use sparkproof_base::verdict::{judged, skip};
use sparkproof_catalog::StoreKind;
use sparkproof_judge::{ExpectedLog, ServerLog, ServerRequest};

use super::subject::ReadCase;

/// The reason to skip this for a user's store.
const NO_LOG: &str = "sparkproof cannot read the log of your store";

/// Checks that pods read every file of the variant from the server, and the driver none. Pods have
/// no address of their own there (source NAT); the nonce in the key identifies the run and the
/// variant. Returns the requests, or nothing if there is no log to read.
pub async fn server(
    context: &Context,
    driver: IpAddr,
    subject: ReadCase<'_>,
    kind: StoreKind,
    figures: &mut ReadMetrics,
) -> Result<Option<ServerLog>> {
    let title = format!("{}: the server's log shows the reads", subject.variant.title);
    let id = subject.check_id("server");
    if subject.stores.get(kind).is_ok_and(|store| !store.has_log()) {
        skip(context, &id, &title, NO_LOG);
        return Ok(None);
    }
    let files = subject.tables().flat_map(|table| &table.files).filter(|file| file.bytes > 0);
    let expected = ExpectedLog {
        nonce: subject.data.nonce.clone(),
        files: files.map(|file| file.path.clone()).collect(),
        driver: driver.to_string(),
    };
    let log = judged(context, (&id, &title), expected.clone(), async || {
        let store = subject.stores.get(kind)?;
        let all = |seen: &[ServerRequest]| ServerLog(seen.to_vec()).unread(&expected).is_empty();
        store.requests_once(context, &expected.nonce, all).await.map(ServerLog)
    })
    .await?;
    figures.requests = Some(log.0.len() as u64);
    Ok(Some(log))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use sparkproof_base::events::Outcome;
    use sparkproof_base::testing::test_context;
    use sparkproof_catalog::{Variant, VariantId};
    use sparkproof_stores::{StoreRecord, Stores};
    use sparkproof_strategies::{Dataset, Location};

    #[tokio::test]
    async fn of_a_store_of_the_users_the_check_of_its_requests_is_skipped() {
        let (context, _keep) = test_context();
        let record = json!({ "kind": "hdfs", "placement": { "placement": "own" }, "endpoint": "hdfs://nn:8020",
            "tls_endpoint": null, "address": "nn", "host": null, "bucket": "/user/me",
            "region": null, "image": null, "credentials": null, "ca_certificate": null });
        let record: StoreRecord = serde_json::from_value(record).expect("a record");
        let stores =
            Stores::open(&context, vec![record], BTreeMap::default()).await.expect("opened");
        let location = Location::remote(
            "hdfs://nn:8020/user/me/x".to_owned(),
            "DistributedFileSystem",
            StoreKind::Hdfs,
        );
        let data = Dataset { nonce: "x".to_owned(), dir: "/".into(), tables: Vec::new() };
        let variant = Variant::get(VariantId::Hdfs);
        let subject = ReadCase { variant, location: &location, data: &data, stores: &stores };
        let driver = IpAddr::from([127, 0, 0, 1]);
        let mut figures = sparkproof_strategies::SetupCost::default().figures(variant);
        let made = server(&context, driver, subject, StoreKind::Hdfs, &mut figures).await;
        assert_eq!(made.expect("not red"), None);
        let verdicts = context.recorder.verdicts();
        let skipped = Outcome::Skipped { reason: NO_LOG.to_owned() };
        assert_eq!(verdicts, [("read.4-hdfs.server".to_owned(), skipped)]);
    }
}
