//! Checks that a server serves, by a real request of its protocol.

use http::Method;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_catalog::StoreKind;

use super::Store;
use super::hadoop::Hdfs;
use super::http::{Http, refused};
use super::serving::NAMENODE_HTTP;
use super::upload::ANSWER;

/// Seconds for a start: two JVMs on a busy machine.
const SECONDS: u64 = 120;
/// Lines of the log in an error.
const LINES: u32 = 15;

impl Store {
    /// Waits until the server serves.
    ///
    /// # Errors
    /// Environment: the server ended or does not serve in time, with the end of its log.
    pub async fn healthy(&self, context: &Context) -> Result<()> {
        let http = Http::to(&self.record)?;
        let what = format!("the {} store at {}", self.record.kind, self.record.endpoint);
        let waiting = Waiting::up_to(SECONDS, format!("{what} to serve"));
        let waited =
            wait(context, waiting, Source::Backoff, async || match self.asked(&http).await {
                Ok(()) => Progress::Met(()),
                Err(error) => match self.place.ended(context).await {
                    Ok(None) => Progress::NotYet(error.to_string()),
                    Ok(Some(how)) => Progress::Never(Error::environment(format!("{what} {how}"))),
                    Err(error) => Progress::Never(error),
                },
            })
            .await;
        let Err(error) = waited else { return Ok(()) };
        if error.is_interruption() {
            return Err(error);
        }
        if !self.has_log() {
            return Err(error);
        }
        let log = self.place.log(context, Some(LINES)).await.unwrap_or_default();
        let log = context.recorder.secrets().scrub(log.trim());
        Err(Error::environment(format!("{error}; the end of its log:\n{log}")))
    }

    /// Checks that the server serves now.
    ///
    /// # Errors
    /// Environment: it does not, with its answer.
    pub async fn answers(&self) -> Result<()> {
        let http = Http::to(&self.record)?;
        let asked = tokio::time::timeout(ANSWER, self.asked(&http));
        asked.await.unwrap_or_else(|_| {
            let endpoint = &self.record.endpoint;
            Err(Error::environment(format!("{endpoint} did not answer in {} s", ANSWER.as_secs())))
        })
    }

    /// One request.
    async fn asked(&self, http: &Http) -> Result<()> {
        match (self.record.kind, &self.credentials) {
            // The user's web port is not known, so the directory is checked.
            (StoreKind::Hdfs, _) if !self.has_log() => Hdfs::connect(self)?.check().await,
            (StoreKind::Hdfs, _) => {
                let query = "Hadoop:service=NameNode,name=FSNamesystemState";
                let address = &self.record.address;
                let url = format!("http://{address}:{NAMENODE_HTTP}/jmx?qry={query}");
                is_operational(&http.get(&url).await?)
            }
            (kind, Some(credentials)) => {
                let endpoint = &self.record.endpoint;
                let url = match kind {
                    StoreKind::Azure => {
                        format!("{}?comp=list", self.record.account_url(&credentials.account))
                    }
                    _ => format!("{endpoint}/"),
                };
                let list = http.signed(&self.record, credentials, Method::GET, &url);
                let (status, text) = list.await?;
                let expected = match kind {
                    StoreKind::Azure => "EnumerationResults",
                    _ => "ListAllMyBucketsResult",
                };
                if status == 200 && text.contains(expected) {
                    return Ok(());
                }
                Err(refused("listing its buckets", status, &text))
            }
            (kind, None) => Err(Error::internal(format!("{kind} without credentials"))),
        }
    }
}

/// Checks that safe mode is off and a DataNode is live, by the NameNode's JMX bean.
fn is_operational(text: &str) -> Result<()> {
    let json: serde_json::Value = serde_json::from_str(text).or_environment("reading JMX")?;
    let bean = &json["beans"][0];
    let state = bean["FSState"].as_str().unwrap_or("no state");
    let live = bean["NumLiveDataNodes"].as_u64().unwrap_or_default();
    if state == "Operational" && live > 0 {
        return Ok(());
    }
    Err(Error::environment(format!("NameNode: {state}, {live} live DataNodes")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namenode_without_datanode_does_not_serve_yet() {
        let bean = |state: &str, live: u32| {
            format!(r#"{{"beans":[{{"FSState":"{state}","NumLiveDataNodes":{live}}}]}}"#)
        };
        assert!(is_operational(&bean("Operational", 1)).is_ok());
        let error = is_operational(&bean("Operational", 0)).expect_err("none alive");
        assert_eq!(error.to_string(), "NameNode: Operational, 0 live DataNodes");
        assert!(is_operational(&bean("safeMode", 1)).is_err());
        assert!(is_operational(r#"{"beans":[]}"#).is_err());
    }
}
