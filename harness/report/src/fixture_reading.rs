//! Events of a made-up run that reads by every variant, with realistic figures.

use sparkproof_base::error::Exit;
use sparkproof_base::events::{Body, Configuration, Outcome, Part, ReadMetrics, StepState};
use sparkproof_catalog::{Variant, variants};

use super::Model;
use super::fixture::{OWNER, Tape};

/// Variant, set-up seconds, MB to nodes, seconds and MB of one more executor, MB/s of a big file
/// and of small ones by executor, planning seconds, requests.
type Cost = (&'static str, f64, f64, f64, f64, [f64; 3], [f64; 3], f64, Option<u64>);

#[rustfmt::skip]
const COSTS: [Cost; 17] = [
    ("0-copy", 1.74, 39.7, 0.61, 13.2, [412.0, 396.0, 431.0], [21.4, 19.9, 22.6], 0.19, None),
    ("1-baked", 4.92, 13.3, 0.0, 0.0, [405.0, 388.0, 420.0], [22.1, 20.4, 21.7], 0.18, None),
    ("2-s3fs-node", 3.31, 0.0, 0.0, 0.0, [96.0, 88.0, 104.0], [1.2, 1.1, 1.3], 0.92, Some(4_188)),
    ("2-rclone-node", 2.87, 0.0, 0.0, 0.0, [61.0, 57.0, 66.0], [2.1, 1.9, 2.2], 0.71, Some(2_117)),
    ("2-rclone-azure-node", 3.04, 0.0, 0.0, 0.0, [83.0, 79.0, 87.0], [3.9, 3.6, 4.0], 0.66, Some(2_094)),
    ("2-blobfuse2-node", 6.80, 0.0, 0.0, 0.0, [118.0, 103.0, 125.0], [2.8, 2.4, 2.9], 0.58, Some(1_530)),
    ("2-s3fs-executor", 9.46, 104.0, 1.52, 0.0, [91.0, 84.0, 99.0], [1.1, 1.0, 1.2], 0.95, Some(4_702)),
    ("3-hostpath", 0.38, 13.2, 0.0, 0.0, [522.0, 498.0, 541.0], [24.8, 23.1, 25.5], 0.17, None),
    ("3-pvc-static", 0.52, 13.2, 0.0, 0.0, [517.0, 503.0, 530.0], [24.1, 23.4, 25.0], 0.17, None),
    ("3-pvc-dynamic", 8.11, 39.7, 2.70, 13.2, [509.0, 466.0, 523.0], [23.9, 22.0, 24.4], 0.18, None),
    ("3-emptydir", 2.26, 39.7, 0.75, 13.2, [604.0, 577.0, 619.0], [26.9, 25.1, 27.2], 0.17, None),
    ("3-configmap", 0.11, 0.7, 0.0, 0.7, [188.0, 171.0, 196.0], [25.0, 23.3, 25.8], 0.16, None),
    ("4-hdfs", 9.94, 0.0, 0.0, 0.0, [141.0, 127.0, 152.0], [6.2, 5.8, 6.6], 0.21, Some(1_066)),
    ("4-s3", 3.58, 281.0, 0.0, 0.0, [74.0, 68.0, 79.0], [3.4, 3.1, 3.6], 0.41, Some(2_241)),
    ("4-s3-moto", 4.20, 281.0, 0.0, 0.0, [52.0, 47.0, 55.0], [2.2, 2.0, 2.3], 0.55, Some(2_260)),
    ("4-wasb", 4.05, 2.9, 0.0, 0.0, [44.0, 41.0, 47.0], [1.9, 1.7, 2.0], 0.74, Some(3_310)),
    ("4-wasbs", 4.31, 2.9, 0.0, 0.0, [31.0, 28.0, 33.0], [1.4, 1.3, 1.5], 0.88, Some(3_312)),
];

/// A run that reads by every variant.
pub fn reading() -> Model {
    model(Tape::reading)
}

/// The same with one red variant.
pub fn reading_red() -> Model {
    model(Tape::reading_red)
}

fn model(write: fn(&Tape)) -> Model {
    let dir = tempfile::tempdir().expect("temporary directory");
    write(&Tape::new(dir.path()));
    Model::read(dir.path()).expect("events")
}

const NFS: &str = "this kernel has no NFS client: `nfs` is not in /proc/filesystems";

impl Tape {
    /// As declared for one node: green, one skipped, two refused.
    pub(super) fn reading(&self) {
        self.reads(None);
    }

    /// In one variant an executor has no file.
    pub(super) fn reading_red(&self) {
        self.reads(Some("3-pvc-dynamic"));
    }

    fn reads(&self, broken: Option<&str>) {
        self.set_up();
        self.phase("session", 122.6, 133.5, true, "k8s://…, 3/3 executors registered");
        self.phase("prepare", 133.5, 171.0, true, "20 of 20 variants");
        for (index, variant) in variants().iter().enumerate() {
            let took = 1.2 + 0.1 * f64::from(u32::try_from(index).expect("few"));
            let step = StepState::Done(String::new());
            self.step(134.0 + took, "prepare", &variant.id.to_string(), step, took);
        }
        let mut at = 171.0;
        for variant in variants() {
            at += 6.0;
            self.reads_by(variant, at, broken == Some(variant.id.to_string().as_str()));
        }
        let detail = "0 copy 6/6 · 1 baked 5/5 · 2 mount 31/31 · 3 volume 27/27, 1 skipped · \
                      4 remote 36/36";
        match broken {
            None => self.phase("read", 171.0, at, true, detail),
            Some(_) => {
                let reason = "2 of 3 executors read the right bytes from file:///var/tmp/sparkproof-7f3a/3-pvc-dynamic";
                self.phase("read", 171.0, at, false, reason);
            }
        }
        self.phase("teardown", at, at + 2.6, true, "0 pods after 1.3 s, inventory as before");
        let exit = if broken.is_some() { Exit::Red } else { Exit::Green };
        self.end(at + 2.7, exit, None);
    }

    fn reads_by(&self, variant: &Variant, at: f64, broken: bool) {
        let (id, title) = (&variant.id.to_string(), &variant.title);
        let check = |what: &str, says: &str, outcome: Outcome, evidence: Vec<(&str, &str)>| {
            let (id, title) = (format!("read.{id}.{what}"), format!("{title}: {says}"));
            self.verdict(OWNER, at, &id, &title, outcome, evidence);
        };
        let green = |what: &str, says: &str, evidence| check(what, says, Outcome::Green, evidence);
        if id == "3-nfs" {
            let reason = NFS.to_owned();
            return self.check(OWNER, at, "read.3-nfs", title, Outcome::Skipped { reason });
        }
        let uri = uri(id);
        self.put(OWNER, at, Body::Configuration(configuration(id, &uri)));
        let prepared = vec![("location", uri.as_str()), ("bytes", "13230157"), ("seconds", "0.38")];
        green("prepared", "its data is in place before the session", prepared);
        let refused = match id.as_str() {
            "4-abfs" => {
                Some("\"Bad Request\", 400, GET, http://ADDRESS:10000/…?resource=filesystem")
            }
            "4-http" | "4-https" => Some(
                "java.lang.UnsupportedOperationException\n  at org.apache.hadoop.fs.http.AbstractHttpFileSystem.listStatus",
            ),
            _ => None,
        };
        if let Some(says) = refused {
            return green("refused", "refused with the declared words", vec![("Spark says", says)]);
        }
        if ["0-copy", "2-s3fs-executor", "3-pvc-dynamic"].contains(&id.as_str()) {
            green("populated", "its data is in place in the pods", vec![("seconds", "1.74")]);
        }
        let table = executors(id, broken);
        let says = "each of 3 executors read every byte";
        if broken {
            let reason = format!("2 of 3 executors read the right bytes from {uri}");
            let remedy = "copy it to where this executor reads it; the pod of a replaced executor starts without copies";
            let cause = format!(
                "file-missing: the file is not there: executor 2 read {uri}/big.csv: java.io.FileNotFoundException: File {uri}/big.csv does not exist"
            );
            let outcome = Outcome::Red { reason, remedy: Some(remedy.to_owned()) };
            return check(
                "executors",
                says,
                outcome,
                vec![("executors", &table), ("cause", &cause)],
            );
        }
        green("executors", says, vec![("executors", &table)]);
        let frame = "600000 rows of 12 files, sum(id) 179999700000, sum(v) 299994600000, sum(crc32) 1288490188500000, planned in 0.17 s, 2.31 s";
        green("frame", "DataFrames give the sums known beforehand", vec![("csv-many", frame)]);
        let metrics = "executor 1: 4410053 bytes, 200000 records, 4 tasks\nexecutor 2: 4410052 bytes, 200000 records, 4 tasks\nexecutor 3: 4410052 bytes, 200000 records, 4 tasks\ndriver: 0 bytes";
        green("metrics", "Spark's metrics show who read what", vec![("csv-many", metrics)]);
        let strict = "spark.task.maxFailures=1\nspark.speculation=false";
        green(
            "strict",
            "no retry, speculation or ignored file hid anything",
            vec![("in force", strict)],
        );
        if !variant.stores.is_empty() {
            let log = "172.18.0.2 GET /data/7f3a-NONCE/many.csv/part-00.csv 206\n172.18.0.2 GET /data/7f3a-NONCE/many.csv/part-01.csv 206";
            green("server", "the server's log shows the reads", vec![("the first of them", log)]);
        }
        if id == "3-pvc-static" {
            let nodes = "sparkproof-7f3a-control-plane: exec-1, exec-2, exec-3";
            green("pinned", "all executors are on the node of the volume", vec![("nodes", nodes)]);
        }
        if let Some(cost) = COSTS.iter().find(|cost| cost.0 == id) {
            self.put(OWNER, at, Body::Reading(read_metrics(cost)));
        }
    }
}

fn read_metrics(cost: &Cost) -> ReadMetrics {
    let (id, setup, moved, seconds, bytes, big, small, planning, requests) = *cost;
    ReadMetrics {
        variant: id.to_owned(),
        setup_seconds: setup,
        bytes_to_nodes: (moved * 1e6) as u64,
        seconds_per_executor: seconds,
        bytes_per_executor: (bytes * 1e6) as u64,
        big_bytes_per_second: big.map(|mega| mega * 1e6).to_vec(),
        small_bytes_per_second: small.map(|mega| mega * 1e6).to_vec(),
        planning_seconds: planning,
        requests,
    }
}

fn uri(id: &str) -> String {
    match id {
        "4-hdfs" => "hdfs://172.18.0.4:9000/data".to_owned(),
        "4-s3" | "4-s3-moto" => "s3a://data/7f3a".to_owned(),
        "4-wasb" => "wasb://data@devstoreaccount1.azurite.test:10000/7f3a".to_owned(),
        "4-wasbs" => "wasbs://data@devstoreaccount1.blob.core.windows.net/7f3a".to_owned(),
        "4-abfs" => "abfs://data@devstoreaccount1.dfs.core.windows.net/7f3a".to_owned(),
        "4-http" => "http://172.18.0.5:7070/data/7f3a".to_owned(),
        "4-https" => "https://172.18.0.6:10443/data/7f3a".to_owned(),
        _ => format!("file:///var/tmp/sparkproof-7f3a/{id}"),
    }
}

fn configuration(id: &str, uri: &str) -> Configuration {
    let part = |name: &str, language: &str, text: &str| Part {
        name: name.to_owned(),
        language: language.to_owned(),
        text: text.to_owned(),
    };
    let mut parts = vec![part("read from", "text", &uri.replace("7f3a", "RUN"))];
    match &id[..1] {
        "3" => parts.push(part(
            "executor pod template",
            "yaml",
            "spec:\n  containers:\n  - name: spark-kubernetes-executor\n    volumeMounts:\n    - mountPath: /var/tmp/sparkproof-RUN/3\n      name: data",
        )),
        "4" => parts.push(part(
            "Spark properties",
            "properties",
            "spark.hadoop.fs.s3a.endpoint=http://ADDRESS:7070\nspark.hadoop.fs.s3a.secret.key=[secret]",
        )),
        _ => {}
    }
    Configuration { variant: id.to_owned(), spark: "3.5.9".to_owned(), parts }
}

fn executors(id: &str, broken: bool) -> String {
    let head = "EXECUTOR  POD  FILES  BYTES  CONTENT  FILE SYSTEM  ON".to_owned();
    let on = if id.starts_with('4') {
        "S3AFileSystem  s3a"
    } else {
        "LocalFileSystem  a separate mount of a disk"
    };
    let rows = (1..=3).map(|n| {
        let content = if broken && n == 2 { "0  0  failed " } else { "21  13230157  as sent" };
        format!("{n}         my-app-8c1b-exec-{n}  {content}  {on}")
    });
    std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\n")
}
