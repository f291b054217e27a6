//! What a server's own log says of requests.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_catalog::StoreKind;

use super::{ServerRequest, Store, log};

/// The longest a line may take from a server to the log.
const MARK_SECONDS: u64 = 30;
/// The longest a DataNode may take to tell of a read.
const TOLD_SECONDS: u64 = 10;

impl Store {
    /// The requests so far whose path contains `needle`, oldest first. Logs run behind: a request
    /// of our own marks the end, and is waited for. A server that is down on purpose shows what it
    /// logged before.
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

    /// The same, of HDFS once they are `enough`, or after a while as they are: a DataNode tells of a
    /// read when its reader has gone already, and the mark stands in the NameNode's log.
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
        let told = wait(context, waiting, Source::Backoff, async || {
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
        match told {
            Err(error) if error.is_interruption() => Err(error),
            // Whether they are enough is the caller's to say.
            _ => Ok(seen),
        }
    }
}

/// All requests of a log.
fn parse(kind: StoreKind, text: &str) -> Vec<ServerRequest> {
    // moto's server colours requests by their status, whoever listens.
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
