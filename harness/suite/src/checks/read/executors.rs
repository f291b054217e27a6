//! Proof 1: every executor read every byte, in this way.

use std::path::Path;

use k8s_openapi::api::core::v1::Pod;
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::events::{ReadMetrics, RunListing};
use sparkproof_base::verdict::judged;
use sparkproof_catalog::Variant;
use sparkproof_judge::{
    Declared, ExpectedReads, Measured, ReadTable, Reads, SmallFiles, VolumeSource,
};
use sparkproof_spark::session::{EXECUTOR_CONTAINER, Reading, Session};
use sparkproof_strategies::Table;
use sparkproof_testbed::LiveSession;

use super::subject::{ReadCase, SMALL};

/// Why nothing was measured.
const NOT_READ: &str = "a file could not be read";

/// A barrier stage runs one task on each executor, which reads every file to its end through
/// Hadoop's FileSystem. Bytes, hashes, the FileSystem's class and the mount must be as expected,
/// and their table as declared. Then the throughput is measured: all executors read the big file at
/// once, without hashing, and share the small files.
pub async fn executors(
    context: &Context,
    live: &mut LiveSession,
    subject: ReadCase<'_>,
    figures: &mut ReadMetrics,
) -> Result<ReadTable> {
    let executors = live.executors();
    let title = format!("{}: each of {executors} executors read every byte", subject.variant.title);
    let expected = expected(executors, subject)?;
    let (id, asked) = (subject.check_id("executors"), expected.clone());
    let seen = judged(context, (&id, &title), asked, async || {
        let pods = live.executor_pods();
        let volumes = pods.iter().filter_map(|(name, pod)| {
            Some((name.clone(), volume_of(pod, subject.location.driver_path.as_deref()?)?))
        });
        let (volumes, pods) = (volumes.collect(), pods.keys().cloned().collect());
        let session = live.session();
        let uris = expected.files.iter().map(|file| file.uri.clone()).collect();
        let tasks = session.read(executors, uris, Reading::Hash).await?.tasks;
        let mut seen =
            Reads { pods, volumes, tasks, measured: RunListing::Unseen(NOT_READ.into()) };
        if seen.nothing_failed() {
            seen.measured = match measure(session, executors, &expected, subject).await {
                Ok(measured) => RunListing::Seen(measured),
                Err(error) if error.is_interruption() => return Err(error),
                Err(error) => RunListing::Unseen(error.to_string()),
            };
        }
        Ok(seen)
    })
    .await?;
    figures.big_bytes_per_second = seen.big_rates();
    figures.small_bytes_per_second = seen.small_rates();
    Ok(seen.table(&expected))
}

async fn measure(
    session: &mut Session,
    executors: u32,
    expected: &ExpectedReads,
    subject: ReadCase<'_>,
) -> Result<Measured> {
    let uris = expected.big.iter().map(|file| file.uri.clone()).collect();
    let big = session.read(executors, uris, Reading::Plain).await?.tasks;
    let small = match small(subject) {
        None => Vec::new(),
        Some(table) => {
            let uris = table.file_uris(&subject.location.uri);
            session.read(executors, uris, Reading::Share).await?.tasks
        }
    };
    Ok(Measured { big, small })
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
