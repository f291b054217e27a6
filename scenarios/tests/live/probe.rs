//! The basis of the reading proofs: reads in executors, a DataFrame, Spark's metrics.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::AttachParams;
use scenarios::frame::{Outcome, proof};
use sparkproof::catalog::plan::conf::STRICT;
use sparkproof::read::{DataSize, Dataset, Table};
use sparkproof::session::{DriverError, FileRead, ReadPart, ReadTask, Reading, Share};
use sparkproof::testbed::LiveSession;
use sparkproof::{Error, Result, checks};
use tokio::io::AsyncWriteExt;

/// A file of the image, which every executor has and the driver's host does not.
const IN_IMAGE: &str = "file:///opt/spark/RELEASE";

/// A directory of the driver's host, removed when dropped.
struct HostDir(PathBuf);

impl Drop for HostDir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Copies a directory to the same path in every executor.
async fn copy(live: &LiveSession, dir: &Path) -> Result<()> {
    let failed = |e: &dyn std::fmt::Display| Error::environment(format!("copying into pods: {e}"));
    let tar = Command::new("tar").arg("-cC").arg(dir).args(["-f", "-", "."]).output();
    let tar = tar.map_err(|e| failed(&e))?.stdout;
    let pods: Api<Pod> = Api::namespaced(live.client().clone(), &live.access().namespace);
    let command = format!("mkdir {0} && tar -xC {0}", dir.display());
    for name in live.executor_pods().keys() {
        let streams = AttachParams::default().stdin(true).stderr(true);
        let mut running =
            pods.exec(name, ["sh", "-c", &command], &streams).await.map_err(|e| failed(&e))?;
        let ended = running.take_status();
        if let Some(mut stdin) = running.stdin() {
            stdin.write_all(&tar).await.map_err(|e| failed(&e))?;
            stdin.shutdown().await.map_err(|e| failed(&e))?;
        }
        let status = match ended {
            Some(ended) => ended.await.and_then(|s| s.status).unwrap_or_default(),
            None => String::new(),
        };
        if status != "Success" {
            return Err(failed(&format!("{name}: {status}")));
        }
    }
    Ok(())
}

/// The one read of each of three executors.
fn of_three(tasks: &[ReadTask]) -> Vec<&FileRead> {
    let executors: BTreeSet<&str> = tasks.iter().map(|t| t.task.executor.as_str()).collect();
    assert_eq!((executors.len(), executors.contains("driver")), (3, false), "{tasks:?}");
    tasks.iter().map(|t| t.reads.first().expect("a read")).collect()
}

/// Reads in three executors; returns what their tasks reported.
async fn read(live: &mut LiveSession, uris: Vec<String>, how: Reading) -> Result<Vec<ReadTask>> {
    let mut parts = live.session().read(3, vec![ReadPart { uris, how }]).await?;
    Ok(parts.pop().expect("one part"))
}

async fn reads_of_the_image(live: &mut LiveSession) -> Result<()> {
    let result = read(live, vec![IN_IMAGE.into()], Reading::Hash).await?;
    let reads = of_three(&result);
    let hashes: BTreeSet<_> = reads.iter().map(|r| &r.sha256).collect();
    assert!(hashes.len() == 1 && !hashes.contains(&None), "{hashes:?}");
    for read in &reads {
        assert!(read.bytes > 0 && read.error.is_none(), "{read:?}");
        let mount = read.mount.as_ref().expect("a mount");
        assert_eq!((mount.fs_type.as_str(), mount.point.as_str()), ("overlay", "/"));
        // On Spark 3.5 it is hive-exec's `ProxyLocalFileSystem`, found by the service loader.
        assert!(read.file_system.as_ref().is_some_and(|c| c.ends_with("LocalFileSystem")));
    }
    let missing = vec!["file:///opt/spark/NONE".to_owned()];
    let result = read(live, missing, Reading::Hash).await?;
    for read in of_three(&result) {
        let error = read.error.as_ref().expect("an error");
        assert_eq!(error.class, "java.io.FileNotFoundException");
        assert!(error.message.contains("/opt/spark/NONE does not exist"), "{error}");
    }
    // The driver's host does not have it.
    let listing = live.session().list(IN_IMAGE).await?;
    let error = listing.error.expect("no such file here").to_string();
    assert!(error.contains("FileNotFoundException"), "{error}");
    Ok(())
}

/// Barrier read, listing, DataFrame and metrics of one table agree with what was generated.
async fn reads_of_a_table(live: &mut LiveSession, base: &str, table: &Table) -> Result<()> {
    let uris = table.file_uris(base);
    let result = read(live, uris.clone(), Reading::Hash).await?;
    let stated: Vec<_> =
        table.files.iter().map(|f| (f.bytes, Some(f.sha256.clone()), None)).collect();
    for task in &result {
        let read: Vec<_> =
            task.reads.iter().map(|r| (r.bytes, r.sha256.clone(), r.error.clone())).collect();
        assert_eq!(read, stated, "{} on {}", table.name, task.task.host);
    }
    let mut listing = live.session().list(&table.uri(base)).await?;
    listing.files.sort();
    let listed: Vec<_> = listing.files.iter().map(|f| (f.path.clone(), f.bytes)).collect();
    let path = |uri: &String| uri.trim_start_matches("file://").to_owned();
    let stated: Vec<_> = uris.iter().map(path).zip(table.files.iter().map(|f| f.bytes)).collect();
    assert_eq!((listed, listing.error), (stated, None), "{}", table.name);

    // One file of text in one piece: to the byte.
    let partitions = if table.name == "text" { 1 } else { 3 };
    let frame = live.session().frame(&table.frame(base, partitions, table.name)).await?;
    let sums = (frame.rows, frame.sum_id, frame.sum_v, frame.crc);
    assert_eq!(sums, (table.rows, table.sum_id, table.sum_v, table.crc), "{}", table.name);
    let from: Vec<_> = frame.files.iter().map(|f| (path(&f.uri), f.rows)).collect();
    let stated = uris.iter().map(path).zip(table.files.iter().map(|f| f.rows));
    let stated: Vec<_> = stated.filter(|(_, rows)| *rows > 0).collect();
    assert_eq!(from, stated, "{}", table.name);
    assert_eq!((frame.planned_files, frame.schemes), (uris.len() as u64, vec!["file".to_owned()]));
    if table.rows == 0 {
        return Ok(());
    }
    let metrics = live.session().metrics(&[table.name]).await?.remove(0);
    let (bytes, stated) = (metrics.input_bytes(), table.input_bytes(partitions));
    assert!(stated.contains(&bytes), "{}: {bytes} bytes, expected {stated:?}", table.name);
    assert_eq!(metrics.input_records(), table.rows, "{}", table.name);
    assert_eq!((metrics.lost_tasks(), metrics.driver_input_bytes()), (0, 0));
    let reading = metrics.executors.values().filter(|e| e.reading_tasks > 0).count();
    assert!(reading == 3 || table.name != "csv-big", "{metrics:?}");
    Ok(())
}

/// A file that only the driver has, and one that does not exist.
async fn reads_that_fail(live: &mut LiveSession, base: &str, table: &Table) -> Result<()> {
    let mut failed = async |base: &str, group: &str| {
        let error = live.session().frame(&table.frame(base, 3, group)).await.expect_err("no file");
        DriverError::from_error(&error).cloned().ok_or(error)
    };
    let error = failed(base, "driver-only").await?;
    let words = format!("{}/{} does not exist", base.trim_start_matches("file://"), table.path);
    let java: Vec<_> = error.java.iter().filter(|j| j.message.contains(&words)).collect();
    assert!(java.iter().any(|j| j.class.ends_with("FileNotFoundException")), "{error:?}");
    let error = failed("file:///none", "none").await?;
    assert_eq!(error.java[0].class, "org.apache.spark.sql.AnalysisException");
    assert!(error.message.starts_with("[PATH_NOT_FOUND]"), "{error}");
    let metrics = live.session().metrics(&["driver-only"]).await?.remove(0);
    assert!(metrics.failed_jobs == 1 && metrics.lost_tasks() > 0, "{metrics:?}");
    Ok(())
}

/// Many files shared out: each is read once.
async fn shares(live: &mut LiveSession, base: &str, table: &Table) -> Result<()> {
    let mut uris = table.file_uris(base);
    uris.push("file:///none".into());
    let result = read(live, uris, Reading::Share).await?;
    let shares: Vec<_> = result.into_iter().filter_map(|t| t.share).collect();
    let sum = |of: fn(&Share) -> u64| shares.iter().map(of).sum::<u64>();
    let stated = (3, table.files.len() as u64, table.bytes(), 1);
    assert_eq!((shares.len(), sum(|s| s.files), sum(|s| s.bytes), sum(|s| s.failed)), stated);
    let errors: Vec<_> = shares.iter().flat_map(|s| &s.errors).collect();
    assert!(errors.len() == 1 && errors[0].uri == "file:///none", "{errors:?}");
    Ok(())
}

#[tokio::test]
#[ignore = "full: 94 s; every variant is read by the same program in ci"]
async fn what_is_read_is_told_in_full() -> Outcome {
    proof("what_is_read_is_told_in_full", async |p| {
        let run = p.context.run.id();
        let host = HostDir(format!("/var/tmp/sparkproof-{run}-probe").into());
        let data = Dataset::generate(&host.0, run, DataSize::tiny().full().small_files(7))?;
        let base = format!("file://{}", host.0.display());
        let mut live = p.session().executors(3).strict(true).start().await?;
        let conf = live.session().conf(&STRICT.map(|(key, _)| key)).await?;
        for (key, value) in STRICT {
            assert_eq!(conf[key].as_deref(), Some(value), "{key}");
        }
        reads_of_the_image(&mut live).await?;
        reads_that_fail(&mut live, &base, data.get("csv-big")?).await?;
        copy(&live, &host.0).await?;
        for table in &data.tables {
            reads_of_a_table(&mut live, &base, table).await?;
        }
        shares(&mut live, &base, data.get("csv-small")?).await?;
        let ended = live.stop().await?;
        checks::nothing_left(&p.context, &ended).await
    })
    .await
}
