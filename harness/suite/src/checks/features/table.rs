//! The features: how each is requested, and how it must show.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use kube::ResourceExt;

use super::seen::{SECRET_PATH, SeenExecutor};

/// A feature of executor pods.
#[derive(Debug)]
pub struct Feature {
    /// Its check is `feature.<id>`.
    pub id: &'static str,
    /// What a green verdict means.
    pub title: &'static str,
    /// The first supported Spark version that has it: major and minor.
    pub since: (u64, u64),
    /// Evidence if a pod has it, else the error.
    pub(super) holds: fn(&SeenExecutor) -> Result<String, String>,
}

pub(super) const SECRET: &str = "sparkproof-secret";
pub(super) const SECRET_KEY: &str = "key";
const SECRET_DIR: &str = "/etc/sparkproof-secret";
const SECRET_BYTES: usize = 16;
/// The longest host name (RFC 1123) and label value, in characters.
const LABEL: usize = 63;

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
        ("spark.executorEnv.SPARKPROOF_VARIABLE".into(), "a value, with \"quotes\"".into()),
        executor(&format!("secrets.{SECRET}"), SECRET_DIR),
        executor("secretKeyRef.SPARKPROOF_SECRET", &format!("{SECRET}:{SECRET_KEY}")),
        executor("node.selector.kubernetes.io/os", "linux"),
        ("spark.kubernetes.local.dirs.tmpfs".into(), "true".into()),
        ("spark.executor.memoryOverhead".into(), "400m".into()),
        ("spark.executor.extraJavaOptions".into(), "-XX:+UseSerialGC".into()),
    ]
}

/// All features.
pub const FEATURES: [Feature; 10] = [
    Feature { id: "label", title: "each pod has a user's label", since: (3, 0), holds: label },
    Feature {
        id: "annotation",
        title: "each pod has a user's annotation, with the application's id inserted",
        since: (3, 3),
        holds: annotation,
    },
    Feature {
        id: "environment",
        title: "each executor's environment has a user's variable, unchanged",
        since: (3, 0),
        holds: environment,
    },
    Feature {
        id: "secret-mounted",
        title: "a Secret is mounted at the requested path",
        since: (3, 0),
        holds: secret_mounted,
    },
    Feature {
        id: "secret-in-environment",
        title: "a key of a Secret is in each executor's environment, by reference",
        since: (3, 0),
        holds: secret_in_environment,
    },
    Feature {
        id: "node-selector",
        title: "each pod has the requested node selector",
        since: (3, 0),
        holds: node_selector,
    },
    Feature {
        id: "tmpfs-local-dirs",
        title: "Spark's local directories are in memory",
        since: (3, 0),
        holds: tmpfs,
    },
    Feature {
        id: "memory-overhead",
        title: "memory request and limit are heap and overhead",
        since: (3, 0),
        holds: overhead,
    },
    Feature {
        id: "java-options",
        title: "options for executors' JVMs are on their command lines",
        since: (3, 0),
        holds: java_options,
    },
    Feature {
        id: "long-name",
        title: "an application's name of 160 characters gives pods with valid names",
        since: (3, 3),
        holds: long_name_fits,
    },
];

/// Compares the observed value with the expected one.
fn same(seen: Option<&str>, expected: &str) -> Result<String, String> {
    match seen {
        Some(seen) if seen == expected => Ok(seen.to_owned()),
        seen => Err(format!("{expected:?} expected, {} seen", seen.unwrap_or("nothing"))),
    }
}

fn label(seen: &SeenExecutor) -> Result<String, String> {
    same(seen.pod.labels().get("sparkproof-label").map(String::as_str), "labelled")
}

fn annotation(seen: &SeenExecutor) -> Result<String, String> {
    let annotation = seen.pod.annotations().get("sparkproof-annotation");
    same(annotation.map(String::as_str), &format!("of {}", seen.application))
}

fn environment(seen: &SeenExecutor) -> Result<String, String> {
    same(seen.variable("SPARKPROOF_VARIABLE"), "a value, with \"quotes\"")
}

fn secret_mounted(seen: &SeenExecutor) -> Result<String, String> {
    match seen.secret_bytes {
        Some(SECRET_BYTES) => Ok(format!("{SECRET_BYTES} bytes at {SECRET_PATH}")),
        Some(other) => Err(format!("{other} bytes at {SECRET_PATH}, {SECRET_BYTES} expected")),
        None => Err(format!("no {SECRET_PATH}")),
    }
}

/// Checks the reference and the length; the value itself is not used, not even as evidence.
fn secret_in_environment(seen: &SeenExecutor) -> Result<String, String> {
    let variables = seen.container().into_iter().flat_map(|c| c.env.iter().flatten());
    let by_reference = variables.filter(|v| v.name == "SPARKPROOF_SECRET").any(|v| {
        let reference = v.value_from.as_ref().and_then(|from| from.secret_key_ref.as_ref());
        reference.is_some_and(|key| key.name == SECRET && key.key == SECRET_KEY)
    });
    match seen.variable("SPARKPROOF_SECRET").map(str::len) {
        Some(SECRET_BYTES) if by_reference => Ok(format!("{SECRET_BYTES} characters")),
        Some(_) if !by_reference => Err("the pod holds the value, not a reference".to_owned()),
        Some(other) => Err(format!("{other} characters, {SECRET_BYTES} expected")),
        None => Err("no such variable".to_owned()),
    }
}

fn node_selector(seen: &SeenExecutor) -> Result<String, String> {
    let selector = seen.pod.spec.as_ref().and_then(|spec| spec.node_selector.as_ref());
    same(selector.and_then(|s| s.get("kubernetes.io/os")).map(String::as_str), "linux")
}

/// Checks for an `emptyDir` in memory, and a `tmpfs` inside.
fn tmpfs(seen: &SeenExecutor) -> Result<String, String> {
    let in_memory = seen.volumes().any(|volume| {
        let medium = volume.empty_dir.as_ref().and_then(|empty| empty.medium.as_deref());
        volume.name.starts_with("spark-local-dir-") && medium == Some("Memory")
    });
    let dir = seen.variable("SPARK_LOCAL_DIRS").unwrap_or_default();
    let mount = seen.mounts.iter().find(|line| line.split(' ').nth(1) == Some(dir));
    match mount {
        Some(line) if in_memory && line.starts_with("tmpfs ") => Ok(line.clone()),
        Some(line) => Err(format!("a volume in memory and a tmpfs expected: {line}")),
        None => Err(format!("nothing is mounted at SPARK_LOCAL_DIRS, {dir:?}")),
    }
}

fn overhead(seen: &SeenExecutor) -> Result<String, String> {
    let heap = seen.variable("SPARK_EXECUTOR_MEMORY").unwrap_or_default();
    let heap: u64 = heap.trim_end_matches('m').parse().map_err(|_| format!("heap {heap:?}"))?;
    let expected = format!("{}Mi", heap + 400);
    let resources = seen.container().and_then(|c| c.resources.as_ref());
    let memory = |of: Option<&BTreeMap<String, Quantity>>| Some(of?.get("memory")?.0.clone());
    let request = memory(resources.and_then(|r| r.requests.as_ref()));
    let limit = memory(resources.and_then(|r| r.limits.as_ref()));
    same(request.as_deref(), &expected).and(same(limit.as_deref(), &expected))
}

fn java_options(seen: &SeenExecutor) -> Result<String, String> {
    let option = "-XX:+UseSerialGC";
    match seen.commands.contains(option) {
        true => Ok(option.to_owned()),
        false => Err(format!("no process has {option}")),
    }
}

/// Checks pod names and host names, which are derived from the application's name, and the label,
/// which is cut (SPARK-33520 and `KubernetesConf.getAppNameLabel`).
fn long_name_fits(seen: &SeenExecutor) -> Result<String, String> {
    let host = seen.pod.spec.as_ref().and_then(|spec| spec.hostname.clone()).unwrap_or_default();
    let label = seen.pod.labels().get("spark-app-name").cloned().unwrap_or_default();
    let fits = |name: &str| (1..=LABEL).contains(&name.len());
    match fits(&host) && fits(&label) && label.starts_with("longlonglong") {
        true => Ok(format!("host name {host}, label {label}")),
        false => Err(format!(
            "host name {host:?} and label {label:?}, expected at most {LABEL} characters each, of \
             the application's name"
        )),
    }
}
