//! Proof 1: every executor read every byte, in this way.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Pod;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::{Looked, ReadMetrics};
use sparkproof_base::verdict::judged;
use sparkproof_catalog::Variant;
use sparkproof_judge::{
    Declared, ExpectedReads, Measured, ReadTable, Reads, SmallFiles, VolumeSource,
};
use sparkproof_spark::session::{EXECUTOR_CONTAINER, ReadPart, Reading};
use sparkproof_strategies::Table;
use sparkproof_testbed::LiveSession;

use super::subject::{ReadCase, SMALL};

/// Why nothing was measured.
const NOT_READ: &str = "a file could not be read";

/// One task on each executor reads every file to its end through Hadoop's FileSystem. Bytes, hashes,
/// the FileSystem's class and the mount must be as expected, and their table as declared. `read` is
/// what the executors have read already; otherwise they do it now.
pub async fn executors(
    context: &Context,
    live: &mut LiveSession,
    subject: ReadCase<'_>,
    read: Option<Reads>,
    figures: &mut ReadMetrics,
) -> Result<ReadTable> {
    let executors = live.executors();
    let title = format!("{}: each of {executors} executors read every byte", subject.variant.title);
    let expected = expected(executors, subject)?;
    let (id, asked) = (subject.check_id("executors"), expected.clone());
    let seen = judged(context, (&id, &title), asked, async || match read {
        Some(read) => Ok(read),
        None => {
            let read = read_all(live, &[subject]).await?.pop();
            read.ok_or_else(|| Error::internal("nothing was read"))
        }
    })
    .await?;
    figures.big_bytes_per_second = seen.big_rates();
    figures.small_bytes_per_second = seen.small_rates();
    Ok(seen.table(&expected))
}

/// What executors read of each case. All cases share two barrier stages: Spark's tasks wait for
/// each other by looking once a second. In the first, each task reads and hashes every file. In the
/// second, the throughput of what could be read is measured, without hashing: each task reads the
/// big file, and all share the small files.
pub async fn read_all(live: &mut LiveSession, cases: &[ReadCase<'_>]) -> Result<Vec<Reads>> {
    let executors = live.executors();
    let pods = live.executor_pods();
    let names: BTreeSet<String> = pods.keys().cloned().collect();
    let volumes = |case: &ReadCase<'_>| {
        let path = case.location.driver_path.as_deref();
        let of = |(name, pod): (&String, &Arc<Pod>)| Some((name.clone(), volume_of(pod, path?)?));
        pods.iter().filter_map(of).collect()
    };
    let session = live.session();
    let every =
        |case: &ReadCase<'_>| part(case.tables().flat_map(|t| uris(case, t)), Reading::Hash);
    let hashed = session.read(executors, cases.iter().map(every).collect()).await?;
    let seen = cases.iter().zip(hashed).map(|(case, tasks)| Reads {
        pods: names.clone(),
        volumes: volumes(case),
        tasks,
        measured: Looked::Unseen(NOT_READ.into()),
    });
    let mut seen: Vec<Reads> = seen.collect();
    let mut parts = Vec::new();
    let mut measured = Vec::new();
    for (reads, case) in seen.iter_mut().zip(cases).filter(|(reads, _)| reads.nothing_failed()) {
        parts.push(part(uris(case, case.data.get("csv-big")?), Reading::Plain));
        let small = small(*case).map(|table| part(uris(case, table), Reading::Share));
        measured.push((reads, small.is_some()));
        parts.extend(small);
    }
    if parts.is_empty() {
        return Ok(seen);
    }
    let mut told = match session.read(executors, parts).await {
        Ok(told) => Ok(told.into_iter()),
        Err(error) if error.is_interruption() => return Err(error),
        Err(error) => Err(error.to_string()),
    };
    for (reads, has_small) in measured {
        reads.measured = match &mut told {
            Ok(told) => {
                let big = told.next().unwrap_or_default();
                let small = has_small.then(|| told.next()).flatten().unwrap_or_default();
                Looked::Seen(Measured { big, small })
            }
            Err(error) => Looked::Unseen(error.clone()),
        };
    }
    Ok(seen)
}

fn part(uris: impl IntoIterator<Item = String>, how: Reading) -> ReadPart {
    ReadPart { uris: uris.into_iter().collect(), how }
}

fn uris(case: &ReadCase<'_>, table: &Table) -> Vec<String> {
    table.file_uris(&case.location.uri)
}

/// The volume of an executor's container in which a path lies, if in one.
fn volume_of(pod: &Pod, path: &Path) -> Option<VolumeSource> {
    let spec = pod.spec.as_ref()?;
    let container = spec.containers.iter().find(|c| c.name == EXECUTOR_CONTAINER)?;
    let mounts = container.volume_mounts.iter().flatten();
    let above = mounts.filter(|mount| path.starts_with(&mount.mount_path));
    let mount = above.max_by_key(|mount| mount.mount_path.len())?;
    let volume = spec.volumes.iter().flatten().find(|volume| volume.name == mount.name)?;
    let fields = serde_json::to_value(volume).ok()?;
    let (kind, source) = fields.as_object()?.iter().find(|(field, _)| *field != "name")?;
    let name = ["claimName", "path", "name"].iter().find_map(|field| source[field].as_str());
    Some(VolumeSource { kind: kind.clone(), name: name.unwrap_or_default().to_owned() })
}

fn small(subject: ReadCase<'_>) -> Option<&Table> {
    subject.data.tables.iter().find(|table| table.name == SMALL)
}

fn expected(executors: u32, subject: ReadCase<'_>) -> Result<ExpectedReads> {
    Ok(ExpectedReads {
        executors,
        place: subject.place(),
        nonce: subject.data.nonce.clone(),
        files: subject.tables().flat_map(|table| subject.written(table)).collect(),
        big: subject.written(subject.data.get("csv-big")?),
        small: small(subject)
            .map(|table| SmallFiles { files: table.files.len() as u64, bytes: table.bytes() }),
        declared: declared(subject.variant),
    })
}

fn declared(variant: &Variant) -> Option<Declared> {
    let reads = variant.reads.as_ref()?;
    Some(Declared { file_system: reads.file_system.clone(), on: reads.on.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use sparkproof_catalog::{Expected, variants};

    #[test]
    fn a_path_lies_in_the_volume_that_is_mounted_nearest_above_it() {
        let pod = json!({ "spec": {
            "containers": [
                { "name": "sidecar", "volumeMounts": [{ "name": "conf", "mountPath": "/data" }] },
                { "name": EXECUTOR_CONTAINER, "volumeMounts": [
                    { "name": "local", "mountPath": "/" },
                    { "name": "pvc", "mountPath": "/data" },
                    { "name": "conf", "mountPath": "/data/conf" },
                    { "name": "node", "mountPath": "/dat" }] }],
            "volumes": [
                { "name": "local", "emptyDir": {} },
                { "name": "pvc", "persistentVolumeClaim": { "claimName": "x-pvc-0" } },
                { "name": "conf", "configMap": { "name": "c", "defaultMode": 420 } },
                { "name": "node", "hostPath": { "path": "/n", "type": "" } }] } });
        let mut pod: Pod = serde_json::from_value(pod).expect("a pod");
        let mut of = |path: &str| {
            volume_of(&pod, path.as_ref()).map(|volume| format!("{} {}", volume.kind, volume.name))
        };
        let seen = ["/data/mounted", "/data/conf/x", "/dat/y", "/datum"].map(&mut of);
        let expected = ["persistentVolumeClaim x-pvc-0", "configMap c", "hostPath /n", "emptyDir "];
        assert_eq!(seen, expected.map(|words| Some(words.to_owned())));
        pod.spec.as_mut().expect("a spec").containers[1].volume_mounts = None;
        assert_eq!(volume_of(&pod, "/data".as_ref()), None);
    }

    /// What is declared is what was reviewed: each variant that is read has its snapshot, which the
    /// scenarios compare with what they see.
    #[test]
    fn the_declared_tables_are_the_reviewed_snapshots() {
        for variant in variants() {
            let read = |spark: &sparkproof_catalog::spark::SparkRelease| {
                let expected = variant.expected(&spark.version, 1).expect("declared");
                matches!(expected, Expected::Green | Expected::Pinned)
            };
            let is_proven = variant.unprovable(false).is_none()
                && sparkproof_catalog::spark::known().iter().any(read);
            if !is_proven {
                continue;
            }
            let declared = declared(variant);
            let declared = declared.unwrap_or_else(|| panic!("{} has no `reads`", variant.id));
            let file = format!("read_{}", variant.id);
            let snapshots = concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots");
            insta::with_settings!({
                snapshot_path => snapshots,
                prepend_module_to_snapshot => false,
                omit_expression => true,
            }, {
                insta::assert_snapshot!(file, declared.table(3));
            });
        }
    }
}
