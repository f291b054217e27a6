//! Each storage server: started beside the cluster, filled, asked for its requests, broken, healed,
//! and gone with all it had.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rstest::rstest;
use sparkproof::Error;
use sparkproof::proof::Proof;
use sparkproof::store::{Store, StoreKind, StoreRecord, StoreRequest};

use crate::frame::{Outcome, expect_red, proof};

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

async fn serves(p: &Proof, kind: StoreKind) -> sparkproof::Result<()> {
    let engine = p.environment.engine.as_ref();
    let engine = engine.ok_or_else(|| Error::environment("no engine to run a server in"))?;
    let network = &p.environment.cluster.name;
    let store = Store::start(&p.context, engine, network, &StoreRequest::of(kind)).await?;

    let keep = tempfile::tempdir().expect("temporary directory");
    let nonce = format!("nonce-{}", p.context.run.id());
    let files = files(keep.path(), &nonce);
    let begun = std::time::Instant::now();
    store.put_all(&p.context, &nonce, &files).await?;
    let seconds = begun.elapsed().as_secs_f64();
    p.context
        .recorder
        .fact(format!("{kind}: {} files put", files.len()), format!("{seconds:.1} s"));

    // Every file in its own log, by the name it was given.
    let requests = store.requests(&p.context, &nonce).await?;
    for key in files.keys() {
        let path = format!("{nonce}/{key}");
        if !requests.iter().any(|request| request.path.contains(&path)) {
            let log = store.log().await?;
            p.context.recorder.artifact("the server's log", "store.log", &log);
            return Err(Error::red(format!("no request for {path} among {}", requests.len())));
        }
    }
    assert!(store.requests(&p.context, "another-nonce").await?.is_empty());

    // Another process would do the same: from the file.
    let path = StoreRecord::path(p.context.run.dir(), kind.name());
    let again = StoreRecord::read(&path)?;
    let text = std::fs::read_to_string(&path).expect("readable");
    if let Some(credentials) = store.credentials() {
        assert!(!text.contains(&credentials.key), "the record holds a secret");
    }
    let again = again.open(&p.context).await?;
    again.healthy(&p.context).await?;
    again.remove(&p.context, &nonce).await?;

    // The negative control of its health: what ended is said to have ended, and heals.
    again.halt().await?;
    expect_red(again.healthy(&p.context).await, &["ended with status", "the end of its log"])?;
    again.resume(&p.context).await?;
    store.stop(&p.context).await
}

#[rstest]
#[case(StoreKind::S3)]
#[case(StoreKind::Hdfs)]
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
