//! Proof 4: the server's own log shows the reads.

use super::subject::Subject;
use crate::checks::check::{Findings, check};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::measure::Figures;
use crate::proof::Live;
use crate::store::{ServerRequest, StoreKind};

/// How many lines of a log are evidence.
const SHOWN: usize = 12;

/// Every file of the variant was read from the server by pods, and none by the driver. Pods cannot
/// be told apart by address (source NAT); the nonce in the key tells the run and the variant.
pub async fn server(
    context: &Context,
    live: &Live,
    subject: Subject<'_>,
    kind: StoreKind,
    figures: &mut Figures,
) -> Result<()> {
    let title = format!("{}: the server's log shows the reads", subject.variant.title);
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
        let lines: Vec<String> = reads.iter().take(SHOWN).map(|read| told(read)).collect();
        findings.add("requests", requests.len());
        findings.add("reads of bodies", reads.len());
        findings.add("the first of them", lines.join("\n"));
        let read = |path: &&str| reads.iter().any(|read| of(read, path));
        let unread: Vec<&str> = files.iter().copied().filter(|path| !read(path)).collect();
        if !unread.is_empty() {
            return Err(Error::red(format!(
                "the log shows no read of {}: something else answered",
                unread.join(", ")
            )));
        }
        let driver = live.driver_address().to_string();
        if let Some(read) = reads.iter().find(|read| read.client == driver) {
            return Err(Error::red(format!("the driver read a body itself: {}", told(read)))
                .remedy("give an explicit schema: inference and footers are read by the driver"));
        }
        Ok(())
    })
    .await
}

/// The path without its query.
fn key(request: &ServerRequest) -> &str {
    request.path.split('?').next().unwrap_or_default()
}

fn told(request: &ServerRequest) -> String {
    let ServerRequest { method, path, client, status, .. } = request;
    format!("{client} {method} {path} {status}")
}
