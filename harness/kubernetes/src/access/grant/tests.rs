//! A mocked API server that reports what it was asked to create.

use http::{Method, Request, Response};
use kube::client::Body;
use sparkproof_base::testing::test_context;
use sparkproof_catalog::SparkVersion;
use tokio::task::JoinHandle;

use super::*;
use crate::cluster::{ClusterRecord, Provider};

#[test]
fn an_application_id_says_whose_it_is() {
    let run = "7f3a0b1c".parse().expect("an id");
    let id = application_of(&run);
    assert!(id.starts_with("spark-7f3a0b1c") && id.len() == 38, "{id}");
    assert_ne!(id, application_of(&run));
}

/// A cluster that answers with the created object; and the paths of created objects.
fn cluster() -> (Cluster, JoinHandle<Vec<String>>) {
    let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
    let served = tokio::spawn(async move {
        let mut created = Vec::new();
        while let Some((request, answer)) = handle.next_request().await {
            let path = request.uri().path().to_owned();
            let body = request.into_parts();
            assert_eq!(body.0.method, Method::POST, "{path}");
            let bytes = body.1.collect_bytes().await.expect("a body");
            created.push(path);
            answer.send_response(Response::new(Body::from(bytes.to_vec())));
        }
        created
    });
    let record = ClusterRecord {
        name: "theirs".to_owned(),
        provider: Provider::Existing,
        kubeconfig: "/theirs/kubeconfig".into(),
        context: Some("team".to_owned()),
        server: "https://theirs:6443".to_owned(),
        kubernetes_version: "v1.34.4".to_owned(),
        host_address: [192, 0, 2, 1].into(),
        node_containers: Vec::new(),
    };
    (Cluster { record, client: kube::Client::new(service, "default") }, served)
}

fn request() -> AccessRequest {
    AccessRequest {
        namespace: "team".to_owned(),
        service_account: "default".to_owned(),
        rbac: RbacChoice::Minimal,
        spark_version: SparkVersion::new(3, 5, 9),
        without: None,
        beside: Vec::new(),
        restricted: false,
    }
}

#[tokio::test]
async fn in_a_namespace_of_the_users_only_a_lease_is_made() {
    for leased in [true, false] {
        let (context, _keep) = test_context();
        let run = context.run.id().to_owned();
        let (cluster, served) = cluster();
        let identity = Identity::User { reason: "no account is named".to_owned() };
        let terms = ClusterCapabilities {
            namespace: Some("team".to_owned()),
            identity,
            shared: leased,
            ..ClusterCapabilities::default()
        };
        let access = grant(&context, &cluster, &terms, request()).await.expect("granted");
        // The driver gets the user's kubeconfig, with its context.
        assert_eq!(access.driver_kubeconfig, cluster.kubeconfig);
        assert_eq!(access.driver_context.as_deref(), Some("team"));
        let application = access.application.clone().expect("an application");
        let all: Vec<String> = context.run.owned().iter().map(ToString::to_string).collect();
        let labelled = [
            format!("objects with sparkproof.io/run={run} in namespace team"),
            format!("objects with spark-app-selector={application} in namespace team"),
        ];
        let lease = leased.then(|| format!("lease sparkproof-{run} in namespace team"));
        assert_eq!(all, lease.into_iter().chain(labelled).collect::<Vec<_>>());
        drop((access, cluster));
        let leases = "/apis/coordination.k8s.io/v1/namespaces/team/leases".to_owned();
        let expected: Vec<String> = leased.then_some(leases).into_iter().collect();
        assert_eq!(served.await.expect("served"), expected);
    }
}
