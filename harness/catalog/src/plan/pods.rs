//! The flags about pods: templates, Pod Security, limits.

use serde::{Deserialize, Serialize};
use sparkproof_base::error::{Error, Result};

use crate::plan::pod_template::{PodPlan, PodRole, PodTemplate};
use crate::plan::{Conf, DriverPlace, FrontEnd, MebiBytes, MilliCpu, RawPlan, Suite};

/// The CPU limit of a driver's pod without `--driver-cpu-limit`: the core that Spark's drivers request by
/// default. A pod without a limit is refused where a quota counts limits.
const DRIVER_LIMIT: MilliCpu = MilliCpu(1000);

/// The size of a driver.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverSize {
    /// CPU request of its pod; `None`: an executor's.
    pub cpu: Option<MilliCpu>,
    /// CPU limit of its pod.
    pub cpu_limit: Option<MilliCpu>,
    /// Heap, wherever it runs; `None`: Spark's default.
    pub memory: Option<MebiBytes>,
}

impl DriverSize {
    /// The CPU limit of a pod with this request.
    pub fn limit(&self, request: MilliCpu) -> MilliCpu {
        self.cpu_limit.unwrap_or(DRIVER_LIMIT.max(request))
    }
}

/// Flags, and the settings that they set: both at once would contradict each other.
const SETTINGS: [(&str, &str); 4] = [
    ("executor-cpu-limit", "spark.kubernetes.executor.limit.cores"),
    ("driver-cpu", "spark.kubernetes.driver.request.cores"),
    ("driver-cpu-limit", "spark.kubernetes.driver.limit.cores"),
    ("driver-memory", "spark.driver.memory"),
];
/// Spark's settings for a template of its own.
const TEMPLATE: [&str; 2] = [
    "spark.kubernetes.executor.podTemplateContainerName",
    "spark.kubernetes.executor.podTemplateFile",
];
/// Types of volumes that Spark's settings can add and `restricted` forbids.
const FORBIDDEN: [&str; 2] = ["hostPath", "nfs"];

/// How pods and the driver must be, and notes for the user.
///
/// # Errors
/// Bad input: a template that is none or that is refused, flags that contradict each other or a setting,
/// a flag about a driver's pod where there is none.
pub(super) fn planned(raw: &RawPlan, conf: &Conf) -> Result<(PodPlan, DriverSize, Vec<String>)> {
    let given = raw.table()?;
    for (key, setting) in SETTINGS {
        if given.contains_key(key) && conf.get(setting).is_some() {
            return Err(twice(raw, key, setting));
        }
    }
    // `--suite full` submits applications.
    let in_pod = raw.driver.unwrap_or_default() == DriverPlace::Pod;
    let driver_pods = in_pod || raw.suite.unwrap_or_default() == Suite::Full;
    for key in ["driver-pod-template", "driver-cpu", "driver-cpu-limit"] {
        if given.contains_key(key) && !driver_pods {
            let named = raw.named(key);
            return Err(Error::input(format!("{named} has no effect: no driver is in a pod"))
                .remedy(format!("add --driver pod, or leave out {named}")));
        }
    }
    if raw.driver_memory.is_some() && raw.front_end == Some(FrontEnd::Geni) {
        let named = raw.named("driver-memory");
        return Err(Error::input(format!(
            "{named} has no effect: Geni's JVM is started by java, which reads no property of Spark"
        ))
        .remedy(format!("leave out {named}; JAVA_TOOL_OPTIONS=-Xmx… sets the heap of every JVM")));
    }
    for (request, limit, of) in [
        (raw.executor_cpu, raw.executor_cpu_limit, "executor"),
        (raw.driver_cpu, raw.driver_cpu_limit, "driver"),
    ] {
        if let (Some(request), Some(limit)) = (request, limit)
            && request > limit
        {
            return Err(Error::input(format!(
                "--{of}-cpu {request} is more than --{of}-cpu-limit {limit}"
            ))
            .remedy("a pod may use at least what it requests"));
        }
    }
    let restricted = raw.restricted == Some(true);
    if restricted || raw.pod_template.is_some() {
        let key = if restricted { "restricted" } else { "pod-template" };
        if let Some(setting) = TEMPLATE.into_iter().find(|setting| conf.get(setting).is_some()) {
            return Err(twice(raw, key, setting));
        }
    }
    if restricted && let Some((key, kind)) = forbidden(conf) {
        return Err(Error::input(format!(
            "--conf {key}: {} forbids volumes of type {kind}",
            raw.named("restricted")
        ))
        .remedy("use a claim, or leave out one of the two"));
    }
    let mut notes = Vec::new();
    let mut template = |key: &str, role| -> Result<Option<PodTemplate>> {
        let file = match key {
            "pod-template" => &raw.pod_template,
            _ => &raw.driver_pod_template,
        };
        let Some(file) = file else { return Ok(None) };
        let named = raw.named(key);
        let template = PodTemplate::read(&named, file)?;
        template.check(&named, role, restricted)?;
        for note in template.notes(&named, role) {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        Ok(Some(template))
    };
    let executor = template("pod-template", PodRole::Executor)?;
    let of_driver =
        if raw.driver_pod_template.is_some() { "driver-pod-template" } else { "pod-template" };
    let driver = if driver_pods { template(of_driver, PodRole::Driver)? } else { None };
    let size = DriverSize {
        cpu: raw.driver_cpu,
        cpu_limit: raw.driver_cpu_limit,
        memory: raw.driver_memory,
    };
    Ok((PodPlan { executor, driver, restricted }, size, notes))
}

fn twice(raw: &RawPlan, key: &str, setting: &str) -> Error {
    let named = raw.named(key);
    Error::input(format!("{named} sets what --conf {setting} sets, too"))
        .remedy(format!("leave out {named} or the setting"))
}

/// A setting that adds a volume of a forbidden type.
fn forbidden(conf: &Conf) -> Option<(&str, &'static str)> {
    conf.iter().find_map(|(key, _)| {
        let rest = key.strip_prefix("spark.kubernetes.")?;
        let (_, volume) = rest.split_once(".volumes.")?;
        let kind = FORBIDDEN.into_iter().find(|kind| volume.starts_with(&format!("{kind}.")))?;
        Some((key, kind))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use sparkproof_base::Exit;

    fn of(change: impl FnOnce(&mut RawPlan)) -> Result<(PodPlan, DriverSize, Vec<String>)> {
        let mut raw = RawPlan::default();
        change(&mut raw);
        planned(&raw, &Conf::parsed(&raw.conf)?)
    }

    fn file(text: &str) -> tempfile::TempPath {
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), text).expect("written");
        file.into_temp_path()
    }

    #[test]
    fn one_file_is_for_executors_and_for_a_drivers_pod() {
        let one = file("metadata: {name: x, labels: {of: both}}");
        let other = file("metadata: {labels: {of: driver}}");
        let label = |template: Option<PodTemplate>| {
            template.and_then(|t| t.pod().metadata.labels.clone()).map(|all| all["of"].clone())
        };
        let named = |raw: &mut RawPlan| raw.pod_template = Some(one.to_path_buf());
        let (pods, _, notes) = of(named).expect("valid");
        assert_eq!((label(pods.executor).as_deref(), pods.driver.is_none()), (Some("both"), true));
        assert_eq!(notes.len(), 1, "{notes:?}");
        let (pods, _, notes) = of(|raw| {
            named(raw);
            raw.driver = Some(DriverPlace::Pod);
        })
        .expect("valid");
        assert_eq!(label(pods.driver).as_deref(), Some("both"));
        assert_eq!(notes.len(), 1, "one file, one note: {notes:?}");
        let (pods, ..) = of(|raw| {
            named(raw);
            raw.suite = Some(Suite::Full);
            raw.driver_pod_template = Some(other.to_path_buf());
        })
        .expect("valid");
        assert_eq!(label(pods.driver).as_deref(), Some("driver"));
        assert_eq!(label(pods.executor).as_deref(), Some("both"));
    }

    #[test]
    fn a_drivers_pod_always_has_a_limit() {
        let size = DriverSize::default();
        assert_eq!(size.limit(MilliCpu(300)), MilliCpu(1000));
        assert_eq!(size.limit(MilliCpu(2000)), MilliCpu(2000));
        let size = DriverSize { cpu_limit: Some(MilliCpu(500)), ..size };
        assert_eq!(size.limit(MilliCpu(300)), MilliCpu(500));
    }

    #[rstest]
    #[case::a_limit_twice(|raw: &mut RawPlan| {
        raw.executor_cpu_limit = Some(MilliCpu(500));
        raw.conf = vec!["spark.kubernetes.executor.limit.cores=1".to_owned().into()];
    }, "limit.cores")]
    #[case::a_heap_twice(|raw: &mut RawPlan| {
        raw.driver_memory = Some(MebiBytes(500));
        raw.conf = vec!["spark.driver.memory=1g".to_owned().into()];
    }, "spark.driver.memory")]
    #[case::a_heap_of_geni(|raw: &mut RawPlan| {
        (raw.driver_memory, raw.front_end) = (Some(MebiBytes(500)), Some(FrontEnd::Geni));
    }, "started by java")]
    #[case::less_than_it_requests(|raw: &mut RawPlan| {
        (raw.executor_cpu, raw.executor_cpu_limit) = (Some(MilliCpu(500)), Some(MilliCpu(400)));
    }, "more than --executor-cpu-limit")]
    #[case::no_drivers_pod(|raw: &mut RawPlan| raw.driver_cpu = Some(MilliCpu(500)), "no driver is in a pod")]
    #[case::two_templates(|raw: &mut RawPlan| {
        raw.restricted = Some(true);
        raw.conf = vec!["spark.kubernetes.executor.podTemplateFile=/x".to_owned().into()];
    }, "podTemplateFile")]
    #[case::a_forbidden_volume(|raw: &mut RawPlan| {
        raw.restricted = Some(true);
        let key = "spark.kubernetes.executor.volumes.hostPath.d.mount.path=/x";
        raw.conf = vec![key.to_owned().into()];
    }, "type hostPath")]
    fn contradictions_are_refused(#[case] change: fn(&mut RawPlan), #[case] words: &str) {
        let error = of(change).expect_err(words);
        assert_eq!(error.exit, Exit::BadInput);
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.remedy.is_some());
    }
}
