//! Features of applications: how each is requested, and how it must show on driver and executors.

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use kube::ResourceExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{Findings, FirstFailure, check, skip};
use sparkproof_catalog::SparkVersion;
use sparkproof_images::spark::{EXAMPLE_INTERPRETER, SAYS_PYTHON, SparkImage};
use sparkproof_spark::session::{ApplicationSpec, FinishedApplication};
use sparkproof_testbed::SessionBuilder;

use super::submitted::application;

/// A feature of applications.
#[derive(Debug)]
pub struct ApplicationFeature {
    /// Its check is `application.<name>.<id>`.
    pub id: &'static str,
    /// What a green verdict means.
    pub title: &'static str,
    /// The first supported Spark version that has it: major and minor.
    pub since: (u64, u64),
    /// Requests it.
    pub(super) ask: fn(&mut ApplicationSpec),
    /// Evidence if it works, else the error.
    pub(super) holds: fn(&FinishedApplication, &ApplicationSpec) -> Result<String, String>,
}

impl ApplicationFeature {
    /// Why it is skipped with an older Spark version.
    pub(super) fn older(&self) -> String {
        let (major, minor) = self.since;
        format!("requested with Spark {major}.{minor} and later")
    }
}

/// Features that an application on the JVM shows.
pub const ON_JVM: [ApplicationFeature; 3] = [
    ApplicationFeature {
        id: "driver-address",
        title: "each executor has the address of the driver's pod",
        since: (3, 0),
        // The image's entry point does it without a setting (SPARK-42769).
        ask: |_| {},
        holds: driver_address,
    },
    ApplicationFeature {
        id: "logging",
        title: "driver and executors log in the format of the submission's SPARK_CONF_DIR",
        // Log4j 1 in older versions.
        since: (3, 3),
        ask: |spec| {
            spec.conf_files.insert("log4j2.properties".to_owned(), log4j());
        },
        holds: logging,
    },
    ApplicationFeature {
        id: "priority",
        title: "the driver's pod has the priority of its template, executors have none",
        since: (3, 0),
        ask: |spec| {
            let priority_class_name = Some(PRIORITY_CLASS.to_owned());
            let pod = PodSpec { priority_class_name, ..PodSpec::default() };
            spec.driver_template = Some(Pod { spec: Some(pod), ..Pod::default() });
        },
        holds: priority,
    },
];

/// Features that need Python.
pub const ON_PYTHON: [ApplicationFeature; 2] = [
    ApplicationFeature {
        id: "memory",
        title: "pods request heap and overhead by the factor, executors also PySpark's memory",
        since: (3, 0),
        ask: |spec| {
            let conf = [
                ("spark.kubernetes.memoryOverheadFactor", FACTOR.to_string()),
                ("spark.executor.pyspark.memory", format!("{PYSPARK_MEBI}m")),
            ];
            spec.conf.extend(conf);
        },
        holds: memory,
    },
    ApplicationFeature {
        id: "interpreter",
        title: "driver and executors run the Python that PYSPARK_PYTHON names",
        since: (3, 0),
        ask: |spec| {
            let key = "spark.kubernetes.driverEnv.PYSPARK_PYTHON".to_owned();
            spec.conf.insert(key, EXAMPLE_INTERPRETER);
        },
        holds: interpreter,
    },
];

/// A priority class that every cluster has, and its value; as in Spark's test (SPARK-38398).
const PRIORITY_CLASS: &str = "system-node-critical";
const PRIORITY: i32 = 2_000_001_000;
/// Overhead factor and heap, as in Spark's test; Spark's minimum overhead is 384 MiB.
const FACTOR: f64 = 0.8;
const LEAST_OVERHEAD_MEBI: u64 = 384;
const PYSPARK_MEBI: u64 = 200;
/// The end of each line in the requested log format.
const MARK: &str = "# logged as asked";

/// Spark's default format plus the mark.
fn log4j() -> String {
    let pattern = format!("%d{{yy/MM/dd HH:mm:ss}} %p %c{{1}}: %m {MARK}%n%ex");
    [
        "rootLogger.level = info",
        "rootLogger.appenderRef.stdout.ref = console",
        "appender.console.type = Console",
        "appender.console.name = console",
        "appender.console.target = SYSTEM_ERR",
        "appender.console.layout.type = PatternLayout",
        &format!("appender.console.layout.pattern = {pattern}"),
    ]
    .map(|line| format!("{line}\n"))
    .concat()
}

/// Runs SparkPi with those of the features that this Spark version has, and checks them.
pub(super) async fn shown(
    wanted: SessionBuilder<'_>,
    image: &SparkImage,
    mut spec: ApplicationSpec,
    features: &[ApplicationFeature],
) -> Result<()> {
    let context = &wanted.proof().context;
    for feature in features {
        if image.version.minor() >= feature.since {
            (feature.ask)(&mut spec);
        }
    }
    let finished = application(wanted, image, &spec, "Pi is roughly 3.1").await?;
    application_features(context, &image.version, features, &spec, &finished).await
}

/// Checks each feature on an application that ended.
pub async fn application_features(
    context: &Context,
    spark: &SparkVersion,
    features: &[ApplicationFeature],
    spec: &ApplicationSpec,
    finished: &FinishedApplication,
) -> Result<()> {
    let mut first = FirstFailure::default();
    for feature in features {
        let id = spec.check_id(feature.id);
        if spark.minor() < feature.since {
            skip(context, &id, feature.title, &feature.older());
            continue;
        }
        let holds = check(context, &id, feature.title, async |findings: &mut Findings| {
            findings.add("seen", (feature.holds)(finished, spec).map_err(Error::red)?);
            Ok(())
        });
        first.note(holds.await)?;
    }
    first.or(())
}

fn driver_address(finished: &FinishedApplication, _: &ApplicationSpec) -> Result<String, String> {
    let variable = "SPARK_DRIVER_POD_IP";
    let driver = finished.driver.status.as_ref().and_then(|status| status.pod_ip.as_deref());
    let variable_of = |pod: &Pod| {
        let containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let mut variables = containers.flat_map(|c| c.env.iter().flatten());
        variables.find(|v| v.name == variable).and_then(|v| v.value.clone())
    };
    for (name, pod) in &finished.executors {
        let value = variable_of(pod);
        if driver.is_none() || value.as_deref() != driver {
            return Err(format!("{name}: {variable} is {value:?}, the driver's pod at {driver:?}"));
        }
    }
    Ok(format!("{variable}={}", driver.unwrap_or_default()))
}

fn logging(finished: &FinishedApplication, _: &ApplicationSpec) -> Result<String, String> {
    everywhere(finished, MARK)
}

fn interpreter(finished: &FinishedApplication, _: &ApplicationSpec) -> Result<String, String> {
    everywhere(finished, SAYS_PYTHON)
}

/// The first line with these words in the driver's log; each executor's log must have one, too.
fn everywhere(finished: &FinishedApplication, words: &str) -> Result<String, String> {
    let line = finished.log.lines().find(|line| line.contains(words));
    let line = line.ok_or_else(|| format!("the driver's log has no `{words}`"))?;
    for name in finished.executors.keys() {
        if !finished.pod_logs.get(name).is_some_and(|log| log.contains(words)) {
            return Err(format!("the log of {name} has no `{words}`"));
        }
    }
    Ok(line.to_owned())
}

fn priority(finished: &FinishedApplication, _: &ApplicationSpec) -> Result<String, String> {
    let of = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.priority);
    let driver = of(&finished.driver);
    let executors: Vec<_> = finished.executors.values().map(of).collect();
    match driver == Some(PRIORITY) && executors.iter().all(|priority| *priority == Some(0)) {
        true => Ok(format!("driver {PRIORITY}, executors 0")),
        false => Err(format!(
            "priority {PRIORITY} of the driver and 0 of executors expected, seen: {driver:?} and \
             {executors:?}"
        )),
    }
}

fn memory(finished: &FinishedApplication, spec: &ApplicationSpec) -> Result<String, String> {
    let heap = spec.memory.trim_end_matches('m');
    let heap: u64 = heap.parse().map_err(|_| format!("heap {heap:?}"))?;
    let overhead = ((heap as f64 * FACTOR) as u64).max(LEAST_OVERHEAD_MEBI);
    let mut lines = Vec::new();
    let executors = finished.executors.values().map(|pod| (pod, PYSPARK_MEBI));
    for (pod, beside) in std::iter::once((&finished.driver, 0)).chain(executors) {
        let expected = heap + overhead + beside;
        let (request, limit) = memory_of(pod);
        let name = pod.name_any();
        if request != Some(expected) || limit != Some(expected) {
            return Err(format!(
                "{name}: {expected} MiB expected, request {request:?} and limit {limit:?} seen"
            ));
        }
        lines.push(format!("{name}: {expected} MiB"));
    }
    Ok(lines.join("\n"))
}

/// Request and limit of a pod's first container in MiB.
fn memory_of(pod: &Pod) -> (Option<u64>, Option<u64>) {
    let container = pod.spec.as_ref().and_then(|spec| spec.containers.first());
    let resources = container.and_then(|container| container.resources.clone()).unwrap_or_default();
    let mebi = |quantities: Option<std::collections::BTreeMap<_, _>>| {
        let quantity = quantities?.remove("memory")?;
        mebibytes(&quantity)
    };
    (mebi(resources.requests), mebi(resources.limits))
}

fn mebibytes(quantity: &k8s_openapi::apimachinery::pkg::api::resource::Quantity) -> Option<u64> {
    let text = &quantity.0;
    match (text.strip_suffix("Mi"), text.strip_suffix("Gi")) {
        (Some(mebi), _) => mebi.parse().ok(),
        (_, Some(gibi)) => Some(gibi.parse::<u64>().ok()? * 1024),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(memory: &str, priority: i32) -> Pod {
        let memory = json!({ "memory": memory });
        let pod = json!({ "metadata": { "name": "x" }, "spec": {
            "priority": priority,
            "containers": [{ "name": "c", "resources": { "requests": memory, "limits": memory } }],
        }});
        serde_json::from_value(pod).expect("a pod")
    }

    #[test]
    fn gibibytes_are_read_as_kubernetes_shortens_them() {
        assert_eq!(memory_of(&pod("921Mi", 0)), (Some(921), Some(921)));
        assert_eq!(memory_of(&pod("1Gi", 0)).0, Some(1024));
        assert_eq!(memory_of(&pod("1000000000", 0)).0, None);
    }
}
