//! Spark's REST API on the driver's UI port.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;

use super::protocol::Described;
use crate::error::{Error, OrFail, Result};

/// A registered executor, as Spark lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executor {
    /// Address of its block manager: the pod's.
    pub address: IpAddr,
    /// When the driver added it, in Spark's words (GMT).
    pub added: String,
    /// Cores.
    pub cores: u32,
    /// Tasks it runs now.
    pub active_tasks: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    id: String,
    host_port: String,
    is_active: bool,
    total_cores: u32,
    #[serde(default)]
    add_time: String,
    #[serde(default)]
    active_tasks: u32,
    /// Of one that is not active.
    remove_reason: Option<String>,
}

/// The API of one application.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    at: SocketAddr,
    application: String,
}

impl Rest {
    /// Of a driver that listens at this address. Of the UI's own (`sparkContext.uiWebUrl`) only the
    /// port counts: its host is what pods reach the driver by.
    pub(super) fn of(described: &Described, address: IpAddr) -> Result<Self> {
        let ui = &described.ui;
        let port = ui.rsplit(':').next().and_then(|p| p.trim_end_matches('/').parse::<u16>().ok());
        let port =
            port.ok_or_else(|| Error::environment(format!("no port in the UI's address {ui}")))?;
        let application = described.application.clone();
        Ok(Rest { at: SocketAddr::new(address, port), application })
    }

    /// Active executors by id, the driver left out.
    pub(super) async fn executors(&self) -> Result<BTreeMap<u32, Executor>> {
        parse(&self.get("executors").await?).or_environment(self.asking("executors"))
    }

    /// Executors that are not active any more, with the reason, empty when Spark gave none.
    pub(super) async fn removed(&self) -> Result<BTreeMap<u32, String>> {
        let all = "allexecutors";
        parse_removed(&self.get(all).await?).or_environment(self.asking(all))
    }

    /// What the API has at a path of the application.
    pub(super) async fn get(&self, path: &str) -> Result<String> {
        let what = || self.asking(path);
        // Not through the user's proxy.
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build();
        let url = format!("http://{}/api/v1/applications/{}/{path}", self.at, self.application);
        let reply = client.or_internal(what())?.get(url).send().await.or_environment(what())?;
        let text = reply.error_for_status().or_environment(what())?.text().await;
        text.or_environment(what())
    }

    fn asking(&self, path: &str) -> String {
        format!("asking Spark's REST API for the {path} of {}", self.application)
    }
}

fn parse_removed(text: &str) -> Result<BTreeMap<u32, String>, String> {
    let lines: Vec<Line> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let gone = lines.into_iter().filter(|l| !l.is_active && l.id != "driver");
    gone.map(|line| {
        let id = line.id.parse().map_err(|_| format!("executor id {}", line.id))?;
        Ok((id, line.remove_reason.unwrap_or_default()))
    })
    .collect()
}

fn parse(text: &str) -> Result<BTreeMap<u32, Executor>, String> {
    let lines: Vec<Line> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let mut executors = BTreeMap::new();
    for line in lines.into_iter().filter(|l| l.is_active && l.id != "driver") {
        let id = line.id.parse().map_err(|_| format!("executor id {}", line.id))?;
        let host = line.host_port.rsplit_once(':').map_or(line.host_port.as_str(), |(h, _)| h);
        let address = host
            .trim_matches(['[', ']'])
            .parse()
            .map_err(|_| format!("address {} of executor {id}", line.host_port))?;
        executors.insert(
            id,
            Executor {
                address,
                added: line.add_time,
                cores: line.total_cores,
                active_tasks: line.active_tasks,
            },
        );
    }
    Ok(executors)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = r#"[
        {"id":"driver","hostPort":"172.18.0.1:1","isActive":true,"totalCores":0},
        {"id":"1","hostPort":"10.244.0.7:39999","isActive":true,"totalCores":1,
         "addTime":"2025-01-01T00:00:00.000GMT","memoryUsed":1,"activeTasks":1},
        {"id":"2","hostPort":"10.244.0.8:39999","isActive":false,"totalCores":1,
         "removeReason":"Executor killed by driver."},
        {"id":"3","hostPort":"[fd00::7]:39999","isActive":true,"totalCores":1}]"#;

    #[test]
    fn active_executors_without_the_driver() {
        let executors = parse(LIST).expect("a list");
        assert_eq!(executors.keys().copied().collect::<Vec<_>>(), [1, 3]);
        assert_eq!(executors[&1].address.to_string(), "10.244.0.7");
        assert_eq!(executors[&1].added, "2025-01-01T00:00:00.000GMT");
        assert_eq!(executors[&3].address.to_string(), "fd00::7");
        assert_eq!((executors[&1].active_tasks, executors[&3].active_tasks), (1, 0));
    }

    #[test]
    fn of_those_that_went_spark_says_why() {
        let removed = parse_removed(LIST).expect("a list");
        assert_eq!(removed, [(2, "Executor killed by driver.".to_owned())].into());
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        assert!(parse("<html>").is_err());
        let nameless = r#"[{"id":"1","hostPort":"host:1","isActive":true,"totalCores":1}]"#;
        assert!(parse(nameless).expect_err("no address").contains("host:1"));
    }
}
