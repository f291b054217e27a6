//! The features: how each is requested, and how it must show.

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt;
use sparkproof_judge::Must;

use super::seen::{SECRET_VARIABLE, SeenExecutor};

/// A feature of executor pods.
#[derive(Debug)]
pub struct Feature {
    /// Its check is `feature.<id>`.
    pub id: &'static str,
    /// What a green verdict means.
    pub title: &'static str,
    /// The first supported Spark version that has it: major and minor.
    pub since: (u64, u64),
    /// The values by which it shows.
    pub(super) values: &'static [Value],
}

/// A value on an executor's pod.
#[derive(Debug)]
pub(super) struct Value {
    /// What it is the value of.
    pub(super) what: &'static str,
    pub(super) seen: fn(&SeenExecutor) -> Option<String>,
    pub(super) must: fn(&Requested) -> Must,
}

/// What the expected values are made of.
#[derive(Debug)]
pub(super) struct Requested {
    /// The application's id.
    pub(super) application: String,
    /// Heap of each executor.
    pub(super) heap_mebi: u64,
    /// SHA-256 of the Secret's value.
    pub(super) secret_sha256: String,
}

pub(super) const SECRET: &str = "sparkproof-secret";
pub(super) const SECRET_KEY: &str = "key";
const SECRET_DIR: &str = "/etc/sparkproof-secret";
/// Mount path of the Secret.
pub(super) const SECRET_PATH: &str = "/etc/sparkproof-secret/key";
const OVERHEAD_MEBI: u64 = 400;
const COLLECTOR: &str = "-XX:+UseSerialGC";
const QUOTED: &str = "a value, with \"quotes\"";

/// From Spark's test (`BasicTestsSuite`, "very long application name").
pub(super) fn long_name() -> String {
    "long".repeat(40)
}

/// The settings that request all features.
pub(super) fn asked() -> Vec<(String, String)> {
    let executor =
        |key: &str, value: &str| (format!("spark.kubernetes.executor.{key}"), value.to_owned());
    vec![
        executor("label.sparkproof-label", "labelled"),
        executor("annotation.sparkproof-annotation", "of {{APP_ID}}"),
        ("spark.executorEnv.SPARKPROOF_VARIABLE".into(), QUOTED.into()),
        executor(&format!("secrets.{SECRET}"), SECRET_DIR),
        executor(&format!("secretKeyRef.{SECRET_VARIABLE}"), &format!("{SECRET}:{SECRET_KEY}")),
        executor("node.selector.kubernetes.io/os", "linux"),
        ("spark.kubernetes.local.dirs.tmpfs".into(), "true".into()),
        ("spark.executor.memoryOverhead".into(), format!("{OVERHEAD_MEBI}m")),
        ("spark.executor.extraJavaOptions".into(), COLLECTOR.into()),
    ]
}

/// All features.
pub const FEATURES: [Feature; 10] = [
    Feature {
        id: "label",
        title: "each pod has a user's label",
        since: (3, 0),
        values: &[Value {
            what: "label sparkproof-label",
            seen: |seen| seen.pod.labels().get("sparkproof-label").cloned(),
            must: |_| be("labelled"),
        }],
    },
    Feature {
        id: "annotation",
        title: "each pod has a user's annotation, with the application's id inserted",
        since: (3, 3),
        values: &[Value {
            what: "annotation sparkproof-annotation",
            seen: |seen| seen.pod.annotations().get("sparkproof-annotation").cloned(),
            must: |asked| be(format!("of {}", asked.application)),
        }],
    },
    Feature {
        id: "environment",
        title: "each executor's environment has a user's variable, unchanged",
        since: (3, 0),
        values: &[Value {
            what: "SPARKPROOF_VARIABLE",
            seen: |seen| seen.variable("SPARKPROOF_VARIABLE").map(str::to_owned),
            must: |_| be(QUOTED),
        }],
    },
    Feature {
        id: "secret-mounted",
        title: "a Secret is mounted at the requested path",
        since: (3, 0),
        values: &[
            Value {
                what: "Secret of the volume",
                seen: |seen| seen.volume_at(SECRET_DIR)?.secret.as_ref()?.secret_name.clone(),
                must: |_| be(SECRET),
            },
            Value {
                what: "SHA-256 of the file",
                seen: |seen| seen.file_sha256.clone(),
                must: |asked| be(asked.secret_sha256.as_str()),
            },
        ],
    },
    Feature {
        id: "secret-in-environment",
        title: "a key of a Secret is in each executor's environment, by reference",
        since: (3, 0),
        values: &[
            Value {
                what: "reference of the variable",
                seen: reference,
                must: |_| be(format!("{SECRET}:{SECRET_KEY}")),
            },
            Value {
                what: "SHA-256 of the variable",
                seen: |seen| seen.variable_sha256.clone(),
                must: |asked| be(asked.secret_sha256.as_str()),
            },
        ],
    },
    Feature {
        id: "node-selector",
        title: "each pod has the requested node selector",
        since: (3, 0),
        values: &[Value {
            what: "node selector kubernetes.io/os",
            seen: |seen| {
                let selector = seen.pod.spec.as_ref()?.node_selector.as_ref()?;
                selector.get("kubernetes.io/os").cloned()
            },
            must: |_| be("linux"),
        }],
    },
    Feature {
        id: "tmpfs-local-dirs",
        title: "Spark's local directories are in memory",
        since: (3, 0),
        values: &[
            Value {
                what: "medium of the volume at SPARK_LOCAL_DIRS",
                seen: |seen| {
                    let volume = seen.volume_at(seen.variable("SPARK_LOCAL_DIRS")?)?;
                    volume.empty_dir.as_ref()?.medium.clone()
                },
                must: |_| be("Memory"),
            },
            Value {
                what: "file system at SPARK_LOCAL_DIRS",
                seen: |seen| seen.file_system_at(seen.variable("SPARK_LOCAL_DIRS")?),
                must: |_| be("tmpfs"),
            },
        ],
    },
    Feature {
        id: "memory-overhead",
        title: "memory request and limit are heap and overhead",
        since: (3, 0),
        values: &[
            Value {
                what: "memory request",
                seen: |seen| {
                    let resources = seen.container()?.resources.as_ref()?;
                    memory(resources.requests.as_ref()?.get("memory"))
                },
                must: |asked| be(mebibytes(asked.heap_mebi + OVERHEAD_MEBI)),
            },
            Value {
                what: "memory limit",
                seen: |seen| {
                    let resources = seen.container()?.resources.as_ref()?;
                    memory(resources.limits.as_ref()?.get("memory"))
                },
                must: |asked| be(mebibytes(asked.heap_mebi + OVERHEAD_MEBI)),
            },
        ],
    },
    Feature {
        id: "java-options",
        title: "options for executors' JVMs are on their command lines",
        since: (3, 0),
        values: &[Value {
            what: "garbage collector of the JVMs",
            seen: SeenExecutor::collectors,
            must: |_| be(COLLECTOR),
        }],
    },
    Feature {
        id: "long-name",
        title: "an application's name of 160 characters gives pods with valid names",
        since: (3, 3),
        // Derived from the application's name and cut (SPARK-33520, `KubernetesConf.getAppNameLabel`).
        values: &[
            Value {
                what: "host name",
                seen: |seen| seen.pod.spec.as_ref()?.hostname.clone(),
                must: |_| Must::BeName(String::new()),
            },
            Value {
                what: "label spark-app-name",
                seen: |seen| seen.pod.labels().get("spark-app-name").cloned(),
                must: |_| Must::BeName("longlonglong".to_owned()),
            },
        ],
    },
];

fn be(value: impl Into<String>) -> Must {
    Must::Be(value.into())
}

/// Secret and key that the variable refers to; `None` if the pod holds its value.
fn reference(seen: &SeenExecutor) -> Option<String> {
    let mut variables = seen.container()?.env.iter().flatten();
    let variable = variables.find(|variable| variable.name == SECRET_VARIABLE)?;
    let key = variable.value_from.as_ref()?.secret_key_ref.as_ref()?;
    Some(format!("{}:{}", key.name, key.key))
}

fn memory(quantity: Option<&Quantity>) -> Option<String> {
    quantity.map(|quantity| quantity.0.clone())
}

/// As Kubernetes shortens it.
fn mebibytes(mebi: u64) -> String {
    match mebi % 1024 {
        0 => format!("{}Gi", mebi / 1024),
        _ => format!("{mebi}Mi"),
    }
}
