//! A mocked API server that holds one Lease, with the conflicts of a real one.

use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};

use super::*;
use crate::ledger::test_context;

/// The Lease, what was answered to each request, and what befalls the next ones.
#[derive(Default)]
struct Server {
    lease: Option<Value>,
    version: u32,
    renewals: usize,
    /// The next replace is committed and its answer is lost.
    lose: bool,
    /// Every request fails with 500.
    broken: bool,
}

impl Server {
    /// As `kubectl annotate`, or another holder, changes it.
    fn change(&mut self, change: impl FnOnce(&mut Value)) {
        self.version += 1;
        let version = self.version.to_string();
        let lease = self.lease.as_mut().expect("a Lease");
        change(lease);
        lease["metadata"]["resourceVersion"] = json!(version);
    }

    fn answer(&mut self, method: &Method, sent: Value) -> (u16, Value) {
        if self.broken {
            return (500, status(500));
        }
        match (method, self.lease.clone()) {
            (&Method::POST, _) => {
                self.lease = Some(sent);
                self.change(|_| {});
            }
            (&Method::PUT, Some(now))
                if now["metadata"]["resourceVersion"] != sent["metadata"]["resourceVersion"] =>
            {
                return (409, status(409));
            }
            (&Method::PUT, Some(_)) => {
                self.renewals += 1;
                self.change(|lease| lease["spec"] = sent["spec"].clone());
                if std::mem::take(&mut self.lose) {
                    return (504, status(504));
                }
            }
            (_, None) => return (404, status(404)),
            _ => {}
        }
        (200, self.lease.clone().expect("a Lease"))
    }
}

fn status(code: u16) -> Value {
    json!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "reason": "Test", "code": code, "message": format!("answer {code}") })
}

fn serve() -> (Client, Arc<Mutex<Server>>) {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let server = Arc::new(Mutex::new(Server::default()));
    let serving = Arc::clone(&server);
    tokio::spawn(async move {
        while let Some((request, answer)) = handle.next_request().await {
            let method = request.method().clone();
            let sent = request.into_body().collect_bytes().await.expect("a body");
            let sent = serde_json::from_slice(&sent).unwrap_or_default();
            let (code, body) = serving.lock().expect("serving").answer(&method, sent);
            let body = Body::from(body.to_string().into_bytes());
            let response = Response::builder().status(code).body(body).expect("an answer");
            answer.send_response(response);
        }
    });
    (Client::new(service, "default"), server)
}

/// So many renewals later, plus a moment.
async fn renewals_later(count: u64) {
    let later = Duration::from_secs(RENEW_SECONDS * count + 1);
    tokio::time::sleep_until(tokio::time::Instant::now() + later).await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_somebody_annotated_is_renewed_on() {
    let (context, _keep) = test_context();
    let (client, server) = serve();
    let _lease = Lease::take(&context, &client, "team", "mine", None).await.expect("taken");
    renewals_later(1).await;
    server.lock().expect("server").change(|lease| {
        lease["metadata"]["annotations"] = json!({ "x": "y" });
    });
    renewals_later(3).await;
    let server = server.lock().expect("server");
    assert_eq!(server.renewals, 4);
    assert_eq!(server.lease.as_ref().expect("kept")["metadata"]["annotations"]["x"], "y");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_whose_answer_was_lost_does_not_end_the_renewals() {
    let (context, _keep) = test_context();
    let (client, server) = serve();
    let _lease = Lease::take(&context, &client, "team", "mine", None).await.expect("taken");
    server.lock().expect("server").lose = true;
    renewals_later(4).await;
    assert_eq!(server.lock().expect("server").renewals, 4);
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_another_took_over_is_not_renewed() {
    let (context, _keep) = test_context();
    let (client, server) = serve();
    let _lease = Lease::take(&context, &client, "team", "mine", None).await.expect("taken");
    server.lock().expect("server").change(|lease| {
        lease["spec"]["holderIdentity"] = json!("another");
    });
    renewals_later(3).await;
    assert_eq!(server.lock().expect("server").renewals, 0);
}

#[tokio::test(start_paused = true)]
async fn an_api_server_that_fails_for_a_while_is_asked_again() {
    let (context, _keep) = test_context();
    let (client, server) = serve();
    let _lease = Lease::take(&context, &client, "team", "mine", None).await.expect("taken");
    server.lock().expect("server").broken = true;
    renewals_later(2).await;
    server.lock().expect("server").broken = false;
    renewals_later(1).await;
    assert_eq!(server.lock().expect("server").renewals, 1);
}
