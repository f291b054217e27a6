//! Values of the configuration that Spark refuses.

use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::verdict::Cause;

use super::super::evidence::Evidence;
use super::super::finding::{Ends, Finding};
use super::said::driver_says;

/// What to do where the message says it all.
const CORRECT: &str = "correct the value in --conf";

/// Messages of exceptions, and what to do. Groups `key`, `value` are of the configuration.
const REFUSED: &[(&str, &str)] = &[
    // `ConfigBuilder`: 3.2 and later, 4.1 and later, numbers, `checkValues`.
    (r"'(?P<value>[^']*)' in (?P<key>spark\.[\w.-]+) is invalid\b.*", CORRECT),
    (r#"The value '(?P<value>.*?)' in the config "(?P<key>[^"]+)" is invalid\b.*"#, CORRECT),
    (r"The value of (?P<key>spark\.[\w.-]+) should be one of .*, but was (?P<value>.*)", CORRECT),
    (r"(?P<key>spark\.[\w.-]+) should be \w+.*, but was (?P<value>.*)", CORRECT),
    // `SparkConf.catchIllegalValue`.
    (r"Illegal value for config key (?P<key>[\w.-]+): .*", CORRECT),
    // `JavaUtils.byteStringAs`, `timeStringAs`; the value is on the next line.
    (
        r"Size must be specified as bytes .*",
        "a size is a whole number and a unit, e.g. 512m or 2g, without a blank",
    ),
    (
        r"Time must be specified as seconds .*",
        "a time is a whole number and a unit, e.g. 500ms or 30s, without a blank",
    ),
    // `UnifiedMemoryManager`, with an error class from 4.0.
    (
        r"Executor memory \S+ must be at least .*",
        "at least 450 MiB of memory for executors (--executor-memory)",
    ),
    (
        r"System memory \S+ must be at least .*",
        "at least 450 MiB of heap for this JVM (spark.driver.memory; --executor-memory if an \
         executor says so)",
    ),
    // `SparkSubmitArguments`.
    (
        r"(?:Executor memory|Driver memory|Executor cores|Number of executors|Total executor cores) must be a positive number",
        "a positive number, with a unit if it is memory",
    ),
    (r"^Error: (?P<value>Unrecognized option: .*)", "correct spark-submit's option"),
    (r"^Error: (?P<value>Missing argument for option .*)", "give spark-submit's option a value"),
    (
        r"Cluster deploy mode is (?:not applicable|currently not supported|not compatible).*",
        "use client mode (--deploy-mode client)",
    ),
    (
        r"(?:Could not parse Master URL|Master must either be|A master URL must be set).*",
        "a master of the form k8s://https://HOST:PORT",
    ),
    // `SparkContext`, `ExecutorAllocationManager`, `ResourceUtils`.
    (
        r"The number of cores per executor \(=\d+\) has to be >= .*",
        "raise spark.executor.cores, or lower spark.task.cpus",
    ),
    (
        r"Dynamic allocation of executors requires .*",
        "--conf spark.dynamicAllocation.shuffleTracking.enabled=true: Kubernetes has no external \
         shuffle service",
    ),
    (
        r"Resource: \S+ was requested, but vendor was not specified.*",
        "set spark.executor.resource.NAME.vendor, e.g. nvidia.com",
    ),
    (
        r"Codec \[?\S+\]? is not available.*",
        "correct spark.io.compression.codec: lz4, lzf, snappy or zstd",
    ),
    (
        r"startPort should be between 1024 and 65535.*",
        "a port from 1024 to 65535, or 0, in spark.*.port",
    ),
    (
        r"port number must be 0 or in \[1024, 65535\].*",
        "a port from 1024 to 65535, or 0, in spark.*.port",
    ),
    (r"Supplied level \S+ did not match one of.*", "correct spark.log.level"),
    (
        r"(?P<value>Invalid Spark URL: spark://\S+)",
        "a driver host that is a valid host name (letters, digits, '-' and '.', no '_'), or an \
         address",
    ),
    (
        r"Expected hostname .* but got .*",
        "a host name or an address in spark.driver.host, without a port",
    ),
    // Spark on Kubernetes: `KubernetesVolumeUtils`, `KubernetesUtils`, feature steps.
    (
        r"Kubernetes Volume type .\w+. is not supported.*",
        "a volume of type hostPath, emptyDir, persistentVolumeClaim or nfs, or any other by a pod \
         template (--pod-template)",
    ),
    (
        r"key not found: (?P<key>\S+\.(?:mount\.path|options\.\S+))",
        "give the volume a mount.path and its options (spark.kubernetes.executor.volumes.*)",
    ),
    (
        r"(?P<key>\S+\.options\.\S+) is required for \w+",
        "give the volume this option (spark.kubernetes.executor.volumes.*)",
    ),
    (
        r"PersistentVolumeClaims are not supported with the \w+ allocator.*",
        "leave out spark.kubernetes.allocation.pods.allocator, or the claims",
    ),
    (r"These config options are mutually exclusive: .*", "give one of them"),
    (r"Volume size .* is smaller than 1KiB.*", "give the size a unit, e.g. 10Gi"),
    (
        r"Could not load pod from template file.*",
        "correct the pod template's path, which must be readable where the driver runs, and its YAML",
    ),
    (
        r"Must specify the (?:driver |executor )?container image.*",
        "name an image (--image, spark.kubernetes.container.image)",
    ),
    (
        r"No pod was found named .* \(this was supposed to be the driver pod\.?\)",
        "correct spark.kubernetes.driver.pod.name and the namespace, or leave the key out where the \
         driver is no pod",
    ),
    (
        r"Please specify spark\.kubernetes\.file\.upload\.path property.*",
        "set spark.kubernetes.file.upload.path to a directory in a store, or name files of the \
         image by local:///",
    ),
    (
        r"cpu request .* should be less than or equal to cpu limit.*",
        "raise --executor-cpu-limit, or lower --executor-cpu",
    ),
    (
        r"Invalid quantity value passed to parse.*",
        "a quantity of Kubernetes, e.g. 500m or 1 of CPU, 10Gi of memory or disk",
    ),
    (
        r"(?P<key>spark\.[\w.-]+) is not supported in Kubernetes mode.*",
        "leave the key out: in cluster mode Spark sets it itself",
    ),
    // Others name their key.
    (
        r"(?:^|[^.\w])(?P<key>spark\.[\w.-]+)(?: \(\S+\))? (?:is not allowed|cannot be|can't be|must be|must not be|has to be|needs to be|must specify|must set) .*",
        CORRECT,
    ),
    // `SparkConf.validateSettings`, `SparkContext`, and requirements in general.
    (
        r"requirement failed: (?:.*?[^.\w])?(?P<key>spark\.[\w.-]*\w).*",
        "correct one of the values that the message names, in --conf",
    ),
    (r"Cannot specify (?:OAuth token|service account|both .*spark\.).*", "give one of them"),
];

static EXPRESSIONS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    REFUSED.iter().map(|(words, _)| Regex::new(words).expect("a valid expression")).collect()
});

/// Lines that tell of an exception or of spark-submit's refusal, not of a warning about a key.
static FAILED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?:Exception|Error)(?::| in thread)|requirement failed|\[INVALID_")
        .expect("a valid expression")
});

/// Classes that say so and are none: tasks and stages of an application.
const OF_TASKS: [&str; 4] = ["Lost task", "TaskSetManager", "Job aborted", "AnalysisException"];

pub(super) fn refused(evidence: &Evidence) -> Option<Finding> {
    driver_says(evidence)
        .into_iter()
        .chain(executors_say(evidence))
        .find_map(|(name, text)| in_text(evidence, name, text))
        .or_else(|| without_driver_pod(evidence))
}

/// Executors refuse their memory themselves.
fn executors_say(evidence: &Evidence) -> impl Iterator<Item = (&str, &str)> {
    let pods = evidence.executors().filter(|pod| !pod.is_healthy() && pod.failed().is_some());
    pods.flat_map(|pod| {
        let lines = pod.log.lines().filter(|line| line.contains("memory"));
        lines.map(|line| (&*pod.name, line))
    })
}

fn in_text(evidence: &Evidence, name: &str, text: &str) -> Option<Finding> {
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if !FAILED.is_match(line) || OF_TASKS.iter().any(|word| line.contains(word)) {
            continue;
        }
        let mut rules = REFUSED.iter().zip(EXPRESSIONS.iter());
        let Some(((_, remedy), found)) =
            rules.find_map(|(rule, words)| Some((rule, words.captures(line)?)))
        else {
            continue;
        };
        // An option of a JVM.
        if found[0].contains("JavaOptions is not allowed") {
            continue;
        }
        let mut said = found[0].trim().to_owned();
        let next = lines.peek().map(|next| next.trim()).unwrap_or_default();
        let mut value = found.name("value").map(|value| value.as_str().to_owned());
        if let Some((_, string)) =
            next.split_once("Failed to parse ").and_then(|(_, rest)| rest.split_once(": "))
        {
            value = Some(string.to_owned());
            said = format!("{said} {next}");
        }
        if said.starts_with("Could not load pod") {
            let cause = lines.find(|line| line.starts_with("Caused by: "));
            said = cause.map_or(said.clone(), |cause| format!("{said}: {}", cause.trim()));
        }
        let key = found.name("key").map(|key| key.as_str()).or_else(|| {
            let mut conf = evidence.asked.conf.iter();
            conf.find(|(_, v)| Some(*v) == value.as_ref()).map(|(key, _)| &**key)
        });
        let says = match key {
            Some(key) if !said.contains(key) => format!("Spark refuses {key}: {said}"),
            _ => format!("Spark refuses its configuration: {said}"),
        };
        let remedy = match key {
            Some(key) if *remedy == CORRECT => format!("correct the value of {key} in --conf"),
            _ => (*remedy).to_owned(),
        };
        return Some(
            Finding::new(Cause::ConfigurationRefused, says, remedy)
                .because(name, line.trim())
                .ends(Ends::AtOnce),
        );
    }
    None
}

/// The allocator of StatefulSets takes the driver's pod for granted (`StatefulSetPodsAllocator`).
fn without_driver_pod(evidence: &Evidence) -> Option<Finding> {
    let conf = &evidence.asked.conf;
    let allocator = conf.get("spark.kubernetes.allocation.pods.allocator")?;
    if allocator == "direct" || conf.contains_key("spark.kubernetes.driver.pod.name") {
        return None;
    }
    let (name, line) = driver_says(evidence).into_iter().find_map(|(name, text)| {
        Some((name, text.lines().find(|line| line.contains("NoSuchElementException: None.get"))?))
    })?;
    Some(
        Finding::new(
            Cause::ConfigurationRefused,
            format!("the pods allocator {allocator} needs a driver in a pod, and its name"),
            "--driver pod with spark.kubernetes.driver.pod.name, or leave out \
             spark.kubernetes.allocation.pods.allocator",
        )
        .because(name, line.trim())
        .ends(Ends::AtOnce),
    )
}
