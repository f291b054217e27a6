//! Features of applications: how each is requested, and how it must show on driver and executors.

use futures::FutureExt;
use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use kube::ResourceExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::{FirstFailure, Observation, judged, skip};
use sparkproof_catalog::SparkVersion;
use sparkproof_images::spark::{EXAMPLE_INTERPRETER, SAYS_PYTHON, SparkImage};
use sparkproof_judge::{
    DriverAddress, ExpectedMemory, ExpectedPriority, ExpectedWords, FoundLines, LoggedEverywhere,
    Memories, Priorities,
};
use sparkproof_spark::session::{ApplicationSpec, FinishedApplication};
use sparkproof_testbed::SessionBuilder;

use super::seen::{logged, memory, of_each, variable};
use super::submitted::application;

/// An application that ended, and the id and title of the check of a feature of it.
pub(super) struct Looking<'a> {
    context: &'a Context,
    id: String,
    title: &'a str,
    pub(super) spec: &'a ApplicationSpec,
    pub(super) finished: &'a FinishedApplication,
}

impl<'a> Looking<'a> {
    /// Records and judges what was seen.
    pub(super) fn judge<O>(self, expected: O::Expected, seen: O) -> BoxFuture<'a, Result<()>>
    where
        O: Observation<Expected: Send + Sync> + Send + 'a,
    {
        let judged = async move {
            judged(self.context, (&self.id, self.title), expected, async || Ok(seen)).await
        };
        judged.map(|judged| judged.map(drop)).boxed()
    }
}

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
    /// Looks whether it works.
    pub(super) check: for<'a> fn(Looking<'a>) -> BoxFuture<'a, Result<()>>,
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
        check: driver_address,
    },
    ApplicationFeature {
        id: "logging",
        title: "driver and executors log in the format of the submission's SPARK_CONF_DIR",
        // Log4j 1 in older versions.
        since: (3, 3),
        ask: |spec| {
            spec.conf_files.insert("log4j2.properties".to_owned(), log4j());
        },
        check: |looking| everywhere(looking, MARK),
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
        check: priority,
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
        check: memories,
    },
    ApplicationFeature {
        id: "interpreter",
        title: "driver and executors run the Python that PYSPARK_PYTHON names",
        since: (3, 0),
        ask: |spec| {
            let key = "spark.kubernetes.driverEnv.PYSPARK_PYTHON".to_owned();
            spec.conf.insert(key, EXAMPLE_INTERPRETER);
        },
        check: |looking| everywhere(looking, SAYS_PYTHON),
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
        let looking = Looking { context, id, title: feature.title, spec, finished };
        first.note((feature.check)(looking).await)?;
    }
    first.or(())
}

fn driver_address(looking: Looking<'_>) -> BoxFuture<'_, Result<()>> {
    let finished = looking.finished;
    let seen = DriverAddress {
        driver: finished.driver.status.as_ref().and_then(|status| status.pod_ip.clone()),
        executors: of_each(finished, |pod| variable(pod, DriverAddress::VARIABLE)),
    };
    let executors = looking.spec.executors;
    looking.judge(executors, seen)
}

/// Looks for words in the driver's log and in each executor's.
fn everywhere<'a>(looking: Looking<'a>, words: &str) -> BoxFuture<'a, Result<()>> {
    let finished = looking.finished;
    let seen = LoggedEverywhere {
        driver: FoundLines::of(&finished.log, words),
        executors: of_each(finished, |pod| logged(finished, pod, words)),
    };
    let expected = ExpectedWords { words: words.to_owned(), executors: looking.spec.executors };
    looking.judge(expected, seen)
}

fn priority(looking: Looking<'_>) -> BoxFuture<'_, Result<()>> {
    let of = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.priority);
    let finished = looking.finished;
    let seen = Priorities { driver: of(&finished.driver), executors: of_each(finished, of) };
    let expected = ExpectedPriority { driver: PRIORITY, executors: looking.spec.executors };
    looking.judge(expected, seen)
}

fn memories(looking: Looking<'_>) -> BoxFuture<'_, Result<()>> {
    let (finished, spec) = (looking.finished, looking.spec);
    // A number, because the plan gives it.
    let heap: u64 = spec.memory.trim_end_matches('m').parse().unwrap_or_default();
    let driver_mebi = heap + ((heap as f64 * FACTOR) as u64).max(LEAST_OVERHEAD_MEBI);
    let expected = ExpectedMemory {
        driver_mebi,
        executor_mebi: driver_mebi + PYSPARK_MEBI,
        executors: spec.executors,
    };
    let driver = (finished.driver.name_any(), memory(&finished.driver));
    looking.judge(expected, Memories { driver, executors: of_each(finished, memory) })
}
