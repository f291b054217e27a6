//! A mocked API server that holds one Lease, with the conflicts of a real one.

use std::sync::{Arc, Mutex};

use http::{Method, Request, Response};
use kube::client::Body;
use serde_json::{Value, json};
use sparkproof_base::testing::test_context;

use super::*;

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
    /// No request is answered.
    hangs: bool,
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
        let mut unanswered = Vec::new();
        while let Some((request, answer)) = handle.next_request().await {
            if serving.lock().expect("serving").hangs {
                unanswered.push(answer);
                continue;
            }
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

#[tokio::test(start_paused = true)]
async fn two_renewals_that_hang_leave_time_for_the_third() {
    let (context, _keep) = test_context();
    let (client, server) = serve();
    let _lease = Lease::take(&context, &client, "team", "mine", None).await.expect("taken");
    server.lock().expect("server").hangs = true;
    // The one at 15 s and the one at 30 s begin, and are given up.
    renewals_later(2).await;
    server.lock().expect("server").hangs = false;
    renewals_later(1).await;
    assert_eq!(server.lock().expect("server").renewals, 1, "at 45 s, by the clock");
    let third = Duration::from_secs(3 * RENEW_SECONDS) + ROUND;
    let lasts = Duration::from_secs(u64::try_from(DURATION_SECONDS).expect("positive"));
    assert!(third < lasts, "the third renewal ends before the Lease does");
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_the_api_server_does_not_answer_for_is_not_waited_for_without_end() {
    let (context, _keep) = test_context();
    let (client, server) = serve();
    server.lock().expect("server").hangs = true;
    let begun = Instant::now();
    let error = Lease::take(&context, &client, "team", "mine", None).await.expect_err("no answer");
    assert!(error.to_string().contains("no answer within 10 s"), "{error}");
    assert_eq!(begun.elapsed().as_secs(), 10);
}
