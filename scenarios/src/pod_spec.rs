//! An executor's pod for review: the part that Spark specifies, without what differs between runs.

use k8s_openapi::api::core::v1::Pod;
use serde_json::Value;
use sparkproof::catalog::SparkVersion;
use sparkproof::ledger::labels;
use sparkproof::testbed::LiveSession;

use crate::assert_snapshot_of;

/// Compares each executor's pod with the reviewed snapshot of this Spark version. There is one
/// snapshot a version, so that a reviewer sees what changed between versions.
pub fn as_reviewed(live: &LiveSession, version: &SparkVersion) {
    for pod in live.executor_pods().values() {
        let run = format!(r#"("{}": )"[0-9a-f]+""#, labels::KUBE_RUN);
        let filters = FILTERS.into_iter().chain([(run.as_str(), "$1\"[RUN]\"")]);
        insta::with_settings!({ filters => filters }, {
            assert_snapshot_of!(format!("executor_pod_{version}"), summary(pod));
        });
    }
}

/// Filters for what differs between runs.
const FILTERS: [(&str, &str); 9] = [
    (r"\bsession-[0-9a-f]{8}\b", "[SESSION]"),
    (r"spark-(application-[0-9]{13}|[0-9a-f]{32})", "[APPLICATION]"),
    (r"spark-exec-[0-9a-f]{16}", "spark-exec-[HEX]"),
    (r"-[0-9a-f]{16}-exec-", "-[APP]-exec-"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "[UUID]"),
    (r"@[0-9.]+:[0-9]+", "@[DRIVER]"),
    (r"-Dspark.driver.port=[0-9]+", "-Dspark.driver.port=[PORT]"),
    (r"(localhost/sparkproof/spark:[0-9.]+)-[0-9a-f]+", "$1-[CONTENT]"),
    (r#"("name": "SPARK_USER",\s*"value": )"[^"]+""#, "$1\"[USER]\""),
];

/// Labels and specification, without what the API server and the scheduler fill in.
fn summary(pod: &Pod) -> String {
    let mut pod = serde_json::to_value(pod).unwrap_or_default();
    let labels = pod["metadata"]["labels"].take();
    let mut spec = pod["spec"].take();
    for key in ["nodeName", "tolerations", "priority", "preemptionPolicy", "enableServiceLinks"] {
        remove(&mut spec, key);
    }
    without_account_token(&mut spec["volumes"]);
    for container in spec["containers"].as_array_mut().into_iter().flatten() {
        without_account_token(&mut container["volumeMounts"]);
        // Spark 4 has no stable order of environment variables.
        if let Some(env) = container["env"].as_array_mut() {
            sort_options(env);
            env.sort_by_key(|variable| variable["name"].to_string());
        }
    }
    let reviewed = serde_json::json!({ "labels": labels, "spec": spec });
    serde_json::to_string_pretty(&reviewed).unwrap_or_default()
}

/// Sorts JVM options, which Spark numbers in no stable order.
fn sort_options(env: &mut [Value]) {
    let number = |variable: &Value| -> Option<u32> {
        variable["name"].as_str()?.strip_prefix("SPARK_JAVA_OPT_")?.parse().ok()
    };
    let mut options: Vec<&mut Value> = env.iter_mut().filter(|v| number(v).is_some()).collect();
    options.sort_by_key(|variable| number(variable));
    // Without the port, which differs between runs.
    let text =
        |value: &Value| value.as_str().map(|t| t.trim_end_matches(char::is_numeric).to_owned());
    let mut values: Vec<Value> = options.iter().map(|variable| variable["value"].clone()).collect();
    values.sort_by_key(text);
    for (variable, value) in options.into_iter().zip(values) {
        variable["value"] = value;
    }
}

fn remove(of: &mut Value, key: &str) {
    of.as_object_mut().map(|map| map.remove(key));
}

fn without_account_token(volumes: &mut Value) {
    let ours = |volume: &Value| {
        !volume["name"].as_str().is_some_and(|name| name.starts_with("kube-api-access-"))
    };
    if let Some(volumes) = volumes.as_array_mut() {
        volumes.retain(ours);
    }
}
