//! Proof 4: the server's log shows the reads.

use std::net::IpAddr;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::ReadMetrics;
use sparkproof_base::verdict::{Findings, check, skip};
use sparkproof_catalog::StoreKind;
use sparkproof_stores::ServerRequest;

use super::subject::ReadCase;

/// Number of log lines in the evidence.
const SHOWN: usize = 12;
/// The reason to skip this for a user's store.
const NO_LOG: &str = "sparkproof cannot read the log of your store";

/// Checks that pods read every file of the variant from the server, and the driver none. Pods have
/// no address of their own there (source NAT); the nonce in the key identifies the run and the
/// variant.
pub async fn server(
    context: &Context,
    driver: IpAddr,
    subject: ReadCase<'_>,
    kind: StoreKind,
    figures: &mut ReadMetrics,
) -> Result<()> {
    let title = format!("{}: the server's log shows the reads", subject.variant.title);
    if subject.stores.get(kind).is_ok_and(|store| !store.has_log()) {
        skip(context, &subject.check_id("server"), &title, NO_LOG);
        return Ok(());
    }
    check(context, &subject.check_id("server"), &title, async |findings: &mut Findings| {
        let store = subject.stores.get(kind)?;
        let files: Vec<&str> = subject
            .tables()
            .flat_map(|table| &table.files)
            .filter(|file| file.bytes > 0)
            .map(|file| file.path.as_str())
            .collect();
        let of = |read: &ServerRequest, path: &str| read.read && key(read).ends_with(path);
        let all = |requests: &[ServerRequest]| {
            files.iter().all(|path| requests.iter().any(|read| of(read, path)))
        };
        let requests = store.requests_once(context, &subject.data.nonce, all).await?;
        figures.requests = Some(requests.len() as u64);
        let reads: Vec<_> = requests.iter().filter(|request| request.read).collect();
        let lines: Vec<String> = reads.iter().take(SHOWN).map(|read| summary(read)).collect();
        findings.add("requests", requests.len());
        findings.add("reads of bodies", reads.len());
        findings.add("the first of them", lines.join("\n"));
        let read = |path: &&str| reads.iter().any(|read| of(read, path));
        let unread: Vec<&str> = files.iter().copied().filter(|path| !read(path)).collect();
        if !unread.is_empty() {
            return Err(Error::red(format!(
                "the log shows no read of {}: another source answered",
                unread.join(", ")
            )));
        }
        let driver = driver.to_string();
        if let Some(read) = reads.iter().find(|read| read.client == driver) {
            return Err(Error::red(format!("the driver itself read a body: {}", summary(read)))
                .remedy("use an explicit schema: the driver reads files to infer one, and Parquet footers"));
        }
        Ok(())
    })
    .await
}

/// The path without its query.
fn key(request: &ServerRequest) -> &str {
    request.path.split('?').next().unwrap_or_default()
}

fn summary(request: &ServerRequest) -> String {
    let ServerRequest { method, path, client, status, .. } = request;
    format!("{client} {method} {path} {status}")
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
        made.expect("not red");
        let verdicts = context.recorder.verdicts();
        let skipped = Outcome::Skipped { reason: NO_LOG.to_owned() };
        assert_eq!(verdicts, [("read.4-hdfs.server".to_owned(), skipped)]);
    }
}
