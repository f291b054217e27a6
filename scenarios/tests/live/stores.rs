//! Each storage server: started beside the cluster, filled, asked for its log of requests, broken,
//! repaired, and deleted with its data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::core::v1::Namespace;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Api;
use kube::api::PostParams;
use rstest::rstest;
use scenarios::frame::{Outcome, expect_red, proof};
use sparkproof::Error;
use sparkproof::catalog::StoreKind;
use sparkproof::ledger::{OwnedResource, labels};
use sparkproof::release::release;
use sparkproof::store::{ServerRequest, Store, StoreRecord, StoreRequest};
use sparkproof::testbed::ScenarioContext;

/// Keys that have broken clients before, one larger than a block, and many small ones.
fn files(dir: &Path, nonce: &str) -> BTreeMap<String, PathBuf> {
    let mut files = BTreeMap::new();
    let mut add = |key: String, content: Vec<u8>| {
        let path = dir.join(files.len().to_string());
        std::fs::write(&path, content).expect("written");
        files.insert(key, path);
    };
    add("with space.csv".into(), nonce.into());
    add("žluťoučký/kůň.csv".into(), nonce.into());
    add("empty.csv".into(), Vec::new());
    add("large.bin".into(), vec![7; 5 << 20]);
    for i in 0..200 {
        add(format!("small/{i}.csv"), format!("{nonce},{i}\n").into());
    }
    files
}

/// Over TLS the server answers with a certificate of its own authority, for its name and for its
/// address. With Python's client, since sparkproof's client for its own stores has no TLS.
fn by_tls(endpoint: &str, host: &str, ca: &Path) -> sparkproof::Result<()> {
    let program = "import socket, ssl, sys
authority, port = sys.argv[2].removeprefix('https://').rsplit(':', 1)
trust = ssl.create_default_context(cafile=sys.argv[1])
for name in authority, sys.argv[3]:
    with socket.create_connection((authority, int(port)), 10) as plain:
        with trust.wrap_socket(plain, server_hostname=name) as s:
            s.sendall(b'GET /x/y HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')
            assert s.recv(12).startswith(b'HTTP/1.1 4'), 'no answer'
";
    let output =
        Command::new("python3").args(["-c", program]).arg(ca).args([endpoint, host]).output();
    let output = output.map_err(|e| Error::environment("running python3").with_source(e))?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::red(format!("{endpoint}: {}", String::from_utf8_lossy(&output.stderr))))
}

async fn serves(p: &ScenarioContext, kind: StoreKind) -> sparkproof::Result<()> {
    let engine = p.environment.node_engine()?;
    let network = &p.environment.cluster.name;
    let store = Store::start(&p.context, engine, network, &StoreRequest::for_kind(kind)).await?;

    let keep = tempfile::tempdir().expect("temporary directory");
    let nonce = format!("nonce-{}", p.context.run.id());
    let files = files(keep.path(), &nonce);
    let begun = std::time::Instant::now();
    store.put_all(&p.context, &nonce, &files).await?;
    let seconds = begun.elapsed().as_secs_f64();
    p.context
        .recorder
        .fact(format!("{kind}: {} files put", files.len()), format!("{seconds:.1} s"));

    // Every file is in the server's own log, by its name.
    let requests = store.requests(&p.context, &nonce).await?;
    for key in files.keys() {
        let path = format!("{nonce}/{key}");
        if !requests.iter().any(|request| request.path.contains(&path)) {
            return Err(Error::red(format!("no request for {path} among {}", requests.len())));
        }
    }
    let text = store.get(&p.context, &format!("{nonce}/žluťoučký/kůň.csv")).await?;
    assert_eq!(&text[..], nonce.as_bytes(), "what was put is what is there");
    let path = format!("{nonce}/žluťoučký/kůň.csv");
    let any = |requests: &[ServerRequest]| requests.iter().any(|request| request.read);
    let read = store.requests_once(&p.context, &path, any).await?;
    let log = store.log(&p.context).await?;
    p.context.recorder.artifact("the server's log", "store.log", &log);
    assert!(read.iter().any(|request| request.read), "no read among {read:?}");
    assert!(store.requests(&p.context, "another-nonce").await?.is_empty());

    if let (Some(tls), Some(ca)) = (&store.tls_endpoint, &store.ca_certificate) {
        by_tls(tls, store.host.as_deref().unwrap_or(&store.address), ca)?;
    }

    // As another process does it, from the record.
    let path = StoreRecord::path(p.context.run.dir(), kind.name());
    let again = StoreRecord::read(&path)?;
    let text = std::fs::read_to_string(&path).expect("readable");
    if let Some(credentials) = store.credentials() {
        assert!(!text.contains(credentials.key()), "the record holds a secret");
    }
    let again = again.open(&p.context).await?;
    again.healthy(&p.context).await?;
    again.remove(&p.context, &nonce).await?;

    // Broken so that nothing answers, then repaired.
    again.pause(&p.context).await?;
    expect_red(again.answers().await, &["did not answer in"])?;
    again.unpause(&p.context).await?;
    again.healthy(&p.context).await?;

    // The negative control of its health check: an ended server is reported as ended, and repaired.
    again.halt(&p.context).await?;
    expect_red(again.healthy(&p.context).await, &["ended with status", "the end of its log"])?;
    expect_red(again.put_all(&p.context, &nonce, &files).await, &["Connection refused"])?;
    again.resume(&p.context).await?;
    store.stop(&p.context).await
}

#[rstest]
#[case(StoreKind::S3)]
#[ignore = "full: two servers are in ci"]
#[case(StoreKind::Moto)]
#[case(StoreKind::Hdfs)]
#[ignore = "full: all variants of Azure are read in ci"]
#[case(StoreKind::Azure)]
#[tokio::test]
async fn a_store_serves_and_leaves_nothing(#[case] kind: StoreKind) -> Outcome {
    proof(&format!("the_{kind}_store_serves_and_leaves_nothing"), async |p| {
        serves(p, kind).await?;
        // Nothing of it is in the ledger, so nothing is left for the teardown.
        let owned = p.context.run.owned();
        assert!(owned.is_empty(), "still owned: {owned:?}");
        Ok(())
    })
    .await
}

/// Where no container can join the cluster's network: the driver on this host and pods reach the
/// same node port.
#[rstest]
#[case(StoreKind::S3)]
#[case(StoreKind::Azure)]
#[tokio::test]
#[ignore = "full: stores beside the cluster are in ci"]
async fn a_store_in_a_pod_is_reached_from_outside(#[case] kind: StoreKind) -> Outcome {
    proof(&format!("the_{kind}_store_in_a_pod_is_reached_from_outside"), async |p| {
        let engine = p.environment.node_engine()?;
        let cluster = &p.environment.cluster;
        let namespace = format!("stores-{}", p.context.run.id());
        let owned = OwnedResource::Namespace {
            kubeconfig: cluster.kubeconfig.clone(),
            context: cluster.context.clone(),
            name: namespace.clone(),
        };
        p.context.run.record(owned.clone())?;
        let labels = labels::kube(p.context.run.id(), labels::Lifetime::Run);
        let metadata = ObjectMeta {
            name: Some(namespace.clone()),
            labels: Some(labels),
            ..Default::default()
        };
        Api::all(p.client().clone())
            .create(&PostParams::default(), &Namespace { metadata, ..Default::default() })
            .await
            .map_err(|e| Error::environment("creating a namespace").with_source(e))?;
        let request = StoreRequest::for_kind(kind);
        let store =
            Store::start_in_cluster(&p.context, engine, cluster, &namespace, &request).await?;

        let keep = tempfile::tempdir().expect("temporary directory");
        let file = keep.path().join("x");
        std::fs::write(&file, "in a pod").expect("written");
        let files = BTreeMap::from([("with space.csv".to_owned(), file)]);
        store.put_all(&p.context, "n1", &files).await?;
        assert_eq!(&store.get(&p.context, "n1/with space.csv").await?[..], b"in a pod");
        let requests = store.requests(&p.context, "n1/with space.csv").await?;
        assert!(requests.iter().any(|request| request.read), "no read among {requests:?}");
        if let (Some(tls), Some(ca)) = (&store.tls_endpoint, &store.ca_certificate) {
            by_tls(tls, &store.address, ca)?;
        }
        store.stop(&p.context).await?;
        release(&p.context, &owned).await
    })
    .await
}
