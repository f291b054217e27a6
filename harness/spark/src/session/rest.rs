//! Spark's REST API on the driver's UI port.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use serde::Deserialize;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_judge::{Described, Removed};

/// Time limit of a request.
const DEADLINE: Duration = Duration::from_secs(10);

/// A registered executor, as Spark lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executor {
    /// Address of its block manager, which is the pod's.
    pub address: IpAddr,
    /// When the driver added it, in Spark's format (GMT).
    pub added: String,
    /// Number of cores.
    pub cores: u32,
    /// Number of running tasks.
    pub active_tasks: u32,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ExecutorRow {
    id: String,
    host_port: String,
    is_active: bool,
    total_cores: u32,
    #[serde(default)]
    add_time: String,
    #[serde(default)]
    active_tasks: u32,
    /// Why it was removed; only for executors that are not active.
    remove_reason: Option<String>,
    #[serde(default)]
    remove_time: String,
}

/// The API of one application.
#[derive(Debug, Clone)]
pub(super) struct Rest {
    way: Way,
    application: String,
}

/// How to reach the UI.
#[derive(Clone)]
enum Way {
    /// Directly.
    Direct(SocketAddr),
    /// Through the API server, at this path, for drivers in pods.
    Proxy(kube::Client, String),
}

impl std::fmt::Debug for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Way::Direct(at) => write!(f, "{at}"),
            Way::Proxy(_, path) => f.write_str(path),
        }
    }
}

impl Rest {
    /// For a driver that listens at this address. Of `sparkContext.uiWebUrl` only the port is used,
    /// since its host is the one that pods use.
    pub(super) fn from_described(described: &Described, address: IpAddr) -> Result<Self> {
        Rest::by(described, |port| Way::Direct(SocketAddr::new(address, port)))
    }

    /// For a driver in a pod.
    pub(super) fn of_pod(
        described: &Described,
        client: &kube::Client,
        namespace: &str,
        pod: &str,
    ) -> Result<Self> {
        Rest::by(described, |port| {
            let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy");
            Way::Proxy(client.clone(), path)
        })
    }

    fn by(described: &Described, way: impl FnOnce(u16) -> Way) -> Result<Self> {
        let ui = &described.ui;
        let port = ui.rsplit(':').next().and_then(|p| p.trim_end_matches('/').parse::<u16>().ok());
        let port =
            port.ok_or_else(|| Error::environment(format!("no port in the UI's address {ui}")))?;
        let application = described.application.clone();
        Ok(Rest { way: way(port), application })
    }

    /// Active executors by id, without the driver.
    pub(super) async fn executors(&self) -> Result<BTreeMap<u32, Executor>> {
        parse(&self.get("executors").await?).or_environment(self.asking("executors"))
    }

    /// Removed executors.
    pub(super) async fn removed(&self) -> Result<BTreeMap<u32, Removed>> {
        let all = "allexecutors";
        parse_removed(&self.get(all).await?).or_environment(self.asking(all))
    }

    /// Gets a path of the application.
    pub(super) async fn get(&self, path: &str) -> Result<String> {
        let what = || self.asking(path);
        let path = format!("/api/v1/applications/{}/{path}", self.application);
        match &self.way {
            Way::Direct(at) => {
                // Never through the user's proxy.
                let client = sparkproof_machine::http::direct().timeout(DEADLINE).build();
                let asked = client.or_internal(what())?.get(format!("http://{at}{path}")).send();
                let reply = asked.await.or_environment(what())?;
                let text = reply.error_for_status().or_environment(what())?.text().await;
                text.or_environment(what())
            }
            Way::Proxy(client, at) => {
                let request = http::Request::get(format!("{at}{path}")).body(Vec::new());
                let asked = client.request_text(request.or_internal(what())?);
                let text = tokio::time::timeout(DEADLINE, asked).await.or_environment(what())?;
                text.or_environment(what())
            }
        }
    }

    fn asking(&self, path: &str) -> String {
        format!("asking Spark's REST API for the {path} of {}", self.application)
    }
}

fn parse_removed(text: &str) -> Result<BTreeMap<u32, Removed>, String> {
    let lines: Vec<ExecutorRow> = serde_json::from_str(text).map_err(|e| e.to_string())?;
    let gone = lines.into_iter().filter(|l| !l.is_active && l.id != "driver");
    gone.map(|line| {
        let id = line.id.parse().map_err(|_| format!("executor id {}", line.id))?;
        let reason = line.remove_reason.unwrap_or_default();
        Ok((id, Removed { at: line.remove_time, reason }))
    })
    .collect()
}

fn parse(text: &str) -> Result<BTreeMap<u32, Executor>, String> {
    let lines: Vec<ExecutorRow> = serde_json::from_str(text).map_err(|e| e.to_string())?;
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
         "removeTime":"2025-01-01T00:01:00.000GMT","removeReason":"Executor killed by driver."},
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
        let (at, reason) = ("2025-01-01T00:01:00.000GMT", "Executor killed by driver.");
        let gone = Removed { at: at.to_owned(), reason: reason.to_owned() };
        assert_eq!(removed, [(2, gone)].into());
    }

    #[tokio::test]
    async fn a_driver_in_a_pod_is_asked_through_the_api_server() {
        use http::{Request, Response};
        use kube::client::Body;
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let served = tokio::spawn(async move {
            let (request, reply) = handle.next_request().await.expect("asked");
            reply.send_response(Response::new(Body::from(LIST.as_bytes().to_vec())));
            request.uri().to_string()
        });
        let described: Described = serde_json::from_value(serde_json::json!({
            "context_master": "k8s://x", "conf_master": "k8s://x", "application": "spark-1",
            "ui": "http://session-x-driver.team.svc:4040", "version": "3.5.9",
            "language": "Python", "java": "17",
        }))
        .expect("described");
        let client = kube::Client::new(service, "default");
        let rest = Rest::of_pod(&described, &client, "team", "session-x-driver").expect("a port");
        assert_eq!(rest.executors().await.expect("listed").len(), 2);
        let path = "/api/v1/namespaces/team/pods/session-x-driver:4040/proxy";
        let expected = format!("{path}/api/v1/applications/spark-1/executors");
        assert_eq!(served.await.expect("served"), expected);
    }

    #[test]
    fn what_is_no_list_is_an_error() {
        assert!(parse("<html>").is_err());
        let nameless = r#"[{"id":"1","hostPort":"host:1","isActive":true,"totalCores":1}]"#;
        assert!(parse(nameless).expect_err("no address").contains("host:1"));
    }
}
