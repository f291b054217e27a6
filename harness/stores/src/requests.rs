//! The requests in a server's log.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_catalog::StoreKind;
use sparkproof_judge::ServerRequest;

use super::{Store, log};

/// Seconds until a request must be in the log.
const MARK_SECONDS: u64 = 30;
/// Seconds until a DataNode must have logged a read.
const TOLD_SECONDS: u64 = 10;

impl Store {
    /// The requests so far whose path contains `needle`, oldest first. Logs are delayed, so this
    /// sends a marker request and waits for its line. A halted server shows what it logged before.
    ///
    /// # Errors
    /// Environment: its log cannot be read.
    pub async fn requests(&self, context: &Context, needle: &str) -> Result<Vec<ServerRequest>> {
        let mark = format!("sparkproof-mark-{:016x}", rand::random::<u64>());
        let marked = self.ask_for_nothing(context, &mark).await.is_ok();
        let waiting = Waiting::up_to(MARK_SECONDS, format!("{mark} in the log of {}", self.place));
        let text =
            wait(context, waiting, Source::Backoff, async || match self.log(context).await {
                Ok(text) if !marked || text.contains(&mark) => Progress::Met(text),
                Ok(_) => Progress::NotYet("not there".to_owned()),
                Err(error) => Progress::Never(error),
            })
            .await?;
        let mut requests = parse(self.record.kind, &text);
        requests.retain(|request| request.path.contains(needle));
        Ok(requests)
    }

    /// The same; for HDFS it also waits until `enough` holds, or for a limited time: a DataNode
    /// logs a read after its reader has gone, and the marker is in the NameNode's log only.
    ///
    /// # Errors
    /// Environment: its log cannot be read.
    pub async fn requests_once(
        &self,
        context: &Context,
        needle: &str,
        enough: impl Fn(&[ServerRequest]) -> bool,
    ) -> Result<Vec<ServerRequest>> {
        let mut seen = self.requests(context, needle).await?;
        if self.record.kind != StoreKind::Hdfs {
            return Ok(seen);
        }
        let waiting = Waiting::up_to(TOLD_SECONDS, format!("reads in the log of {}", self.place));
        let waited = wait(context, waiting, Source::Backoff, async || {
            if enough(&seen) {
                return Progress::Met(());
            }
            match self.requests(context, needle).await {
                Ok(now) => seen = now,
                Err(error) => return Progress::Never(error),
            }
            Progress::NotYet(format!("{} requests", seen.len()))
        })
        .await;
        match waited {
            Err(error) if error.is_interruption() => Err(error),
            // The caller judges whether they are enough.
            _ => Ok(seen),
        }
    }
}

/// All requests of a log.
fn parse(kind: StoreKind, text: &str) -> Vec<ServerRequest> {
    // moto always colours requests by their status.
    let text = &console::strip_ansi_codes(text);
    match kind {
        StoreKind::S3 => text.lines().filter_map(log::s3).collect(),
        StoreKind::Azure | StoreKind::Moto => text.lines().filter_map(log::common).collect(),
        StoreKind::Hdfs => log::hdfs(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_no_part_of_a_request() {
        let line = "172.20.0.2 - - [25/Nov/2026 04:11:07] \
                    \"\u{1b}[35m\u{1b}[1mGET /data-moto/n/big.csv HTTP/1.1\u{1b}[0m\" 206 -";
        let requests = parse(StoreKind::Moto, line);
        assert_eq!(requests[0].path, "/data-moto/n/big.csv");
        assert!(requests[0].read, "{requests:?}");
    }
}
