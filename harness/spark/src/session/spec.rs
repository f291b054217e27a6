//! The specification of a session, and the renderer of its Spark properties.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sparkproof_base::error::Result;
use sparkproof_base::events::Secrets;
use sparkproof_base::ledger::labels;
use sparkproof_catalog::plan::conf::{REDACTION, is_secret};
use sparkproof_catalog::plan::{ClassPath, Conf, DriverPlace, FrontEnd, PodPlan, PodRole, STRICT};

use super::overlay::SessionOverlay;
use super::site::{BLOCK_MANAGER_PORT, DRIVER_PORT, DriverSite, UI_PORT, in_pod};
use super::template;

/// A fault that a front end injects, for negative controls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultInjection {
    /// A `local[*]` session is created first, as Geni does when it is loaded; the requested session
    /// then says `k8s://` but uses the first one. PySpark and Geni.
    EagerSession,
    /// Geni's own session is stopped, and reads without a session argument still use it.
    StaleDefault,
    /// Java 17 without the open packages that Spark needs. Geni only, whose JVM is not started by a
    /// launcher of Spark.
    ClosedModules,
}

impl FaultInjection {
    /// The name in driver programs.
    pub(super) fn name(self) -> &'static str {
        match self {
            FaultInjection::EagerSession => "eager-session",
            FaultInjection::StaleDefault => "stale-default",
            FaultInjection::ClosedModules => "closed-modules",
        }
    }
}

/// The specification of a session.
#[derive(Debug, Clone)]
pub struct SessionSpec {
    /// `spark.app.name`; pods are named after it.
    pub app_name: String,
    /// Executors, at least 1.
    pub executors: u32,
    /// CPU request of each executor, e.g. `300m`; each runs one task at a time in any case.
    pub executor_cpu: String,
    /// Heap of each executor, e.g. `512m`; the pod's limit is 384 MiB higher.
    pub executor_memory: String,
    /// CPU limit of each executor, e.g. `1000m`; `None`: none, as Spark's.
    pub executor_cpu_limit: Option<String>,
    /// Heap of the driver, e.g. `1024m`; `None`: Spark's default, or what `conf` says.
    pub driver_memory: Option<String>,
    /// Template of executors' pods, and whether they comply with Pod Security `restricted`.
    pub pods: PodPlan,
    /// The front end.
    pub front_end: FrontEnd,
    /// Clojure and Geni, for the front end Geni.
    pub geni: Option<ClassPath>,
    /// Where the driver runs.
    pub driver: DriverSite,
    /// The driver's address for pods; `None` for the one that it listens at.
    pub driver_host: Option<IpAddr>,
    /// The address at which a driver on this host listens; `None` for the default of
    /// [`SessionSpec::addresses`].
    pub driver_bind: Option<IpAddr>,
    /// Paths of this host that a driver in a container gets, read-only, with their paths inside.
    pub driver_mounts: Vec<(PathBuf, PathBuf)>,
    /// Further configuration; keys that contradict the fields are refused.
    pub conf: Conf,
    /// Jars for the driver and the executors, besides the probe's.
    pub jars: Vec<PathBuf>,
    /// The additions of reading strategies.
    pub added: SessionOverlay,
    /// The fault to inject.
    pub trap: Option<FaultInjection>,
    /// Dynamic allocation; `executors` is the number at the start.
    pub dynamic_allocation: bool,
    /// Retries and ignored files are off, so that a broken executor shows (see [`STRICT`]).
    pub strict: bool,
    /// Time limit from the driver's start to N registered executors.
    pub deadline: Duration,
}

impl SessionSpec {
    /// A session of N executors of 300 millicores and 512 MiB heap, with the driver on this host.
    pub fn new(app_name: &str, executors: u32) -> Self {
        SessionSpec {
            app_name: app_name.to_owned(),
            executors,
            executor_cpu: "300m".into(),
            executor_memory: "512m".into(),
            executor_cpu_limit: None,
            driver_memory: None,
            pods: PodPlan::default(),
            front_end: FrontEnd::default(),
            geni: None,
            driver: DriverSite::Host,
            driver_host: None,
            driver_bind: None,
            driver_mounts: Vec::new(),
            conf: Conf::default(),
            jars: Vec::new(),
            added: SessionOverlay::default(),
            trap: None,
            dynamic_allocation: false,
            strict: false,
            deadline: Duration::from_secs(180),
        }
    }
}

impl SessionSpec {
    /// Whether executors' pods need a template, for what Spark's properties cannot set.
    pub(super) fn needs_template(&self) -> bool {
        self.added.needs_template() || self.pods.needs_template(PodRole::Executor)
    }

    /// Whether its driver is a JVM of this host with the jars of Spark alone, which can map an
    /// archive of their classes.
    pub(super) fn loads_archived_classes(&self) -> bool {
        self.driver.place() == DriverPlace::Host && self.front_end != FrontEnd::Geni
    }

    /// The addresses at which a driver on this host listens and that pods use. `here` is this
    /// host's address for pods. The driver listens at the address for pods if that is one of this
    /// host; it may also be the address of a gateway that forwards connections.
    pub(super) fn addresses(
        &self,
        here: IpAddr,
        is_local: impl Fn(IpAddr) -> bool,
    ) -> (IpAddr, IpAddr) {
        let advertised = self.driver_host.unwrap_or(here);
        let listened = if is_local(advertised) { advertised } else { here };
        (self.driver_bind.unwrap_or(listened), advertised)
    }

    /// The specification for a driver in a pod: files of this host have other paths there, jars of
    /// the strategies are in its image, and host names in its pod.
    pub(super) fn inside_a_pod(&self) -> Self {
        let mut spec = self.clone();
        let jars = [&mut spec.jars, &mut spec.added.shipped_jars];
        jars.into_iter().flatten().for_each(|jar| *jar = in_pod(jar));
        spec.added.driver_jars.clear();
        for file in &spec.added.driver_files {
            let (here, there) = (file.display().to_string(), in_pod(file).display().to_string());
            let options = spec.added.driver_options.iter_mut();
            options.for_each(|option| *option = option.replace(&here, &there));
        }
        spec.geni = spec.geni.map(|geni| geni.mapped(in_pod));
        spec.conf.change(|key, value| {
            let jar = |jar: &str| match local(jar) {
                Some(path) => format!("file://{}", in_pod(path).display()),
                None => jar.to_owned(),
            };
            let moved = || value.split(',').map(jar).collect::<Vec<_>>().join(",");
            (key == "spark.jars").then(moved)
        });
        spec
    }

    /// Files of this host that the driver reads, besides those in the session's directory.
    pub(super) fn files(&self, probe_jar: &Path) -> Vec<PathBuf> {
        let jars = [probe_jar].into_iter().chain(self.jars.iter().map(PathBuf::as_path));
        let mut all: Vec<PathBuf> = jars.map(Path::to_owned).collect();
        if !matches!(self.driver, DriverSite::Pod(_)) {
            all.extend(self.added.driver_jars.clone());
        }
        all.extend(self.added.driver_files.clone());
        all.extend(self.added.shipped_jars.clone());
        all.extend(self.geni.iter().flat_map(ClassPath::files));
        let jars = self.conf.get("spark.jars").unwrap_or_default();
        all.extend(jars.split(',').filter_map(local).map(Path::to_owned));
        all
    }
}

/// The path of a jar of this host, from its path or URL.
fn local(jar: &str) -> Option<&Path> {
    let path = jar.trim_start_matches("file://");
    path.starts_with('/').then_some(Path::new(path))
}

/// The results of earlier stages that a session needs.
#[derive(Debug)]
pub(super) struct SessionTarget<'a> {
    /// URL of the API server for the driver, `https://…`.
    pub(super) server: &'a str,
    /// The address the driver listens at.
    pub(super) driver: IpAddr,
    /// The address at which executors reach a driver that is not in a pod.
    pub(super) advertised: IpAddr,
    /// The driver's pod, if it is in one; its Service has the same name.
    pub(super) pod: Option<&'a str>,
    pub(super) namespace: &'a str,
    pub(super) service_account: &'a str,
    /// Context of the driver's kubeconfig; `None` for the current one.
    pub(super) kube_context: Option<&'a str>,
    /// Application id for Spark; `None` lets Spark choose.
    pub(super) application: Option<&'a str>,
    pub(super) image: &'a str,
    pub(super) probe_jar: PathBuf,
    /// The session's private directory, with the pod template and the driver's hosts file.
    pub(super) dir: &'a Path,
    pub(super) run: &'a str,
    pub(super) session: &'a str,
}

/// The properties. Bad input: the user's configuration contradicts the fields.
pub(super) fn properties(
    spec: &SessionSpec,
    place: &SessionTarget<'_>,
) -> Result<BTreeMap<String, String>> {
    let mut own = ours(spec, place);
    own.extend(spec.added.conf.iter().map(|(key, value)| (key.to_owned(), value.to_owned())));
    let mut all = spec.conf.over(own)?;
    let defaults = [
        // One task on each executor, so that a barrier of N tasks reaches N executors.
        ("spark.executor.cores", "1"),
        ("spark.kubernetes.container.image.pullPolicy", "IfNotPresent"),
        // Any free port, without a warning for each one in use.
        ("spark.ui.port", "0"),
        ("spark.ui.showConsoleProgress", "false"),
        // Without a locale, as in most images, the JVM does not find files with non-ASCII names:
        // `FileNotFoundException` for an existing file (measured, Java 17).
        ("spark.executorEnv.LC_ALL", "C.UTF-8"),
        // Since 4.3 true by default, which sends executors to the bind address (SPARK 4.3 on kind:
        // `Failed to connect to /0.0.0.0`). Unknown before 4.1 and then ignored.
        ("spark.kubernetes.executor.useDriverPodIP", "false"),
    ];
    for (key, value) in defaults {
        all.entry(key.to_owned()).or_insert_with(|| value.to_owned());
    }
    Ok(all)
}

/// Properties for evidence: values that Spark would redact are masked.
pub(super) fn masked(properties: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mask = |(key, value): (&String, &String)| {
        let shown = if is_secret(key, value) { Secrets::MASK } else { value };
        (key.clone(), shown.to_owned())
    };
    properties.iter().map(mask).collect()
}

/// The text of a properties file.
pub(super) fn written(properties: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (key, value) in properties {
        let _ = writeln!(text, "{}={}", escaped(key, true), escaped(value, false));
    }
    text
}

fn ours(spec: &SessionSpec, place: &SessionTarget<'_>) -> BTreeMap<String, String> {
    let jars = std::iter::once(&place.probe_jar).chain(&spec.jars).chain(&spec.added.shipped_jars);
    let jars = jars_value(jars);
    let account = place.service_account.to_owned();
    let mut added = added(&spec.added, place.dir, place.pod.is_some());
    if spec.needs_template() {
        added.extend(template_settings(place.dir));
    }
    let label = |name: &str| format!("spark.kubernetes.executor.label.{name}");
    let mut all: BTreeMap<String, String> = [
        ("spark.master", format!("k8s://{}", place.server)),
        ("spark.submit.deployMode", "client".into()),
        ("spark.app.name", spec.app_name.clone()),
        ("spark.kubernetes.namespace", place.namespace.into()),
        ("spark.kubernetes.container.image", place.image.into()),
        // The key without `executor` has no effect on pods (SPARK-28360).
        ("spark.kubernetes.authenticate.executor.serviceAccountName", account),
        ("spark.executor.instances", spec.executors.to_string()),
        ("spark.kubernetes.executor.request.cores", spec.executor_cpu.clone()),
        ("spark.executor.memory", spec.executor_memory.clone()),
        ("spark.driver.host", reached_at(spec, place)),
        ("spark.driver.bindAddress", place.driver.to_string()),
        ("spark.dynamicAllocation.enabled", spec.dynamic_allocation.to_string()),
        ("spark.ui.enabled", "true".into()),
        ("spark.jars", jars),
        ("spark.redaction.regex", REDACTION.into()),
        (&label(labels::KUBE_RUN), place.run.into()),
        (&label(labels::KUBE_SESSION), place.session.into()),
    ]
    .map(|(key, value): (&str, String)| (key.to_owned(), value))
    .into();
    for (key, value) in [
        ("spark.kubernetes.context", place.kube_context),
        ("spark.app.id", place.application),
        ("spark.kubernetes.executor.limit.cores", spec.executor_cpu_limit.as_deref()),
        ("spark.driver.memory", spec.driver_memory.as_deref()),
    ] {
        all.extend(value.map(|value| (key.to_owned(), value.to_owned())));
    }
    all.extend(added);
    if let Some(pod) = place.pod {
        let ports = [
            ("spark.driver.port", DRIVER_PORT),
            ("spark.driver.blockManager.port", BLOCK_MANAGER_PORT),
            ("spark.ui.port", UI_PORT),
        ];
        all.extend(ports.map(|(key, port)| (key.to_owned(), port.to_string())));
        // The owner of its executors.
        all.insert("spark.kubernetes.driver.pod.name".to_owned(), pod.to_owned());
    }
    if spec.strict {
        all.extend(STRICT.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
    all
}

/// The host at which executors reach the driver.
pub(super) fn reached_at(spec: &SessionSpec, place: &SessionTarget<'_>) -> String {
    match (spec.driver_host, place.pod) {
        (Some(asked), _) => asked.to_string(),
        (None, Some(pod)) => format!("{pod}.{}.svc", place.namespace),
        (None, None) => place.advertised.to_string(),
    }
}

/// The value of `spark.jars`.
pub(super) fn jars_value<'a>(jars: impl IntoIterator<Item = &'a PathBuf>) -> String {
    let jars = jars.into_iter().map(|jar| format!("file://{}", jar.display()));
    jars.collect::<Vec<_>>().join(",")
}

/// The properties of the strategies' contribution, besides its plain configuration, with the
/// session's private directory `dir`. A driver in a pod gets host names from its pod.
pub(super) fn added(added: &SessionOverlay, dir: &Path, in_pod: bool) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut set = |key: &str, value: String| {
        if !value.is_empty() {
            all.push((key.to_owned(), value));
        }
    };
    let mut options = added.driver_options.clone();
    if !added.hosts.is_empty() && !in_pod {
        options.push(format!("-Djdk.net.hosts.file={}", hosts_file(dir).display()));
    }
    set("spark.driver.extraJavaOptions", options.join(" "));
    set("spark.executor.extraJavaOptions", added.executor_options.join(" "));
    all
}

/// The settings that name the template of executors' pods.
pub(super) fn template_settings(dir: &Path) -> [(String, String); 2] {
    let file = template_file(dir).display().to_string();
    [("File", file), ("ContainerName", template::EXECUTOR_CONTAINER.to_owned())]
        .map(|(key, value)| (format!("spark.kubernetes.executor.podTemplate{key}"), value))
}

/// Path of the pod template, which the driver reads each time it creates a pod.
pub(super) fn template_file(dir: &Path) -> PathBuf {
    dir.join("executor.json")
}

/// Path of the driver's hosts file.
pub(super) fn hosts_file(dir: &Path) -> PathBuf {
    dir.join("hosts")
}

/// Escapes by the rules of `java.util.Properties`, read as UTF-8.
fn escaped(text: &str, key: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' ' if key || at == 0 => out.push_str("\\ "),
            '=' | ':' | '#' | '!' if key => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::site::SESSION_IN_POD;
    use super::*;
    use sparkproof_base::Exit;
    use sparkproof_catalog::plan::conf::plan_refuses;

    fn place() -> SessionTarget<'static> {
        SessionTarget {
            server: "https://127.0.0.1:6443",
            driver: [172, 18, 0, 1].into(),
            advertised: [172, 18, 0, 1].into(),
            pod: None,
            namespace: "spark",
            service_account: "spark",
            kube_context: None,
            application: None,
            image: "localhost/sparkproof/spark:3.5.9-0123456789ab",
            probe_jar: "/cache/probe.jar".into(),
            dir: Path::new("/state/session-x"),
            run: "0123abcd",
            session: "session-x",
        }
    }

    fn render(change: impl FnOnce(&mut SessionSpec)) -> Result<String> {
        let mut spec = SessionSpec::new("My App", 3);
        change(&mut spec);
        properties(&spec, &place()).map(|all| written(&all))
    }

    #[test]
    fn in_a_namespace_of_the_users_application_and_context_are_named() {
        let place =
            SessionTarget { kube_context: Some("team"), application: Some("spark-1"), ..place() };
        let text = written(&properties(&SessionSpec::new("x", 1), &place).expect("valid"));
        for line in ["spark.kubernetes.context=team", "spark.app.id=spark-1"] {
            assert!(text.lines().any(|l| l == line), "{line} in {text}");
        }
    }

    #[test]
    fn a_plain_session() {
        insta::assert_snapshot!(render(|_| {}).expect("valid"));
    }

    #[test]
    fn the_users_configuration_is_added_and_wins_over_defaults() {
        let text = render(|spec| {
            spec.conf = Conf::from([
                ("spark.jars", "/x.jar"),
                ("spark.ui.port", "4040"),
                ("spark.executor.instances", "3"),
                ("spark.hadoop.a b=c", " C:\\x\ny"),
            ]);
        })
        .expect("valid");
        for line in [
            "spark.jars=file:///cache/probe.jar,/x.jar",
            "spark.ui.port=4040",
            "spark.executor.instances=3",
            "spark.hadoop.a\\ b\\=c=\\ C:\\\\x\\ny",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in {text}");
        }
    }

    #[test]
    fn executors_may_be_told_another_address_than_the_driver_listens_at() {
        let text = render(|spec| spec.driver_host = Some([192, 0, 2, 2].into())).expect("valid");
        assert!(text.contains("spark.driver.host=192.0.2.2\n"), "{text}");
        assert!(text.contains("spark.driver.bindAddress=172.18.0.1\n"), "{text}");
    }

    #[test]
    fn where_the_driver_listens_is_apart_from_where_it_is_told_to_be() {
        let here: IpAddr = [172, 18, 0, 1].into();
        let (mine, gateway): (IpAddr, IpAddr) = ([10, 0, 0, 5].into(), [192, 0, 2, 2].into());
        let is_local = |address| [here, mine].contains(&address);
        let addresses = |host, bind| {
            let mut spec = SessionSpec::new("x", 1);
            (spec.driver_host, spec.driver_bind) = (host, bind);
            spec.addresses(here, is_local)
        };
        assert_eq!(addresses(None, None), (here, here));
        assert_eq!(addresses(Some(mine), None), (mine, mine), "another of this host's");
        assert_eq!(addresses(Some(gateway), None), (here, gateway), "passed on to this host");
        let any: IpAddr = [0, 0, 0, 0].into();
        assert_eq!(addresses(Some(gateway), Some(any)), (any, gateway));
        assert_eq!(addresses(None, Some(any)), (any, here), "no executor can connect to 0.0.0.0");
    }

    #[test]
    fn files_that_a_driver_elsewhere_needs_are_known() {
        let mut spec = SessionSpec::new("x", 1);
        spec.jars = vec!["/more.jar".into()];
        spec.added.driver_jars = vec!["/cache/a.jar".into()];
        spec.conf = Conf::from([("spark.jars", "/x.jar,file:///y.jar,https://z/z.jar")]);
        let files = spec.files(Path::new("/probe.jar"));
        let expected = ["/probe.jar", "/more.jar", "/cache/a.jar", "/x.jar", "/y.jar"];
        assert_eq!(files, expected.map(PathBuf::from));
    }

    #[test]
    fn a_driver_in_a_pod_is_told_where_things_are_there() {
        let mut spec = SessionSpec::new("x", 1);
        spec.jars = vec!["/more.jar".into()];
        spec.conf = Conf::from([("spark.jars", "/x.jar,https://z/z.jar")]);
        spec.added.driver_jars = vec!["/cache/a.jar".into()];
        spec.added.driver_files = vec!["/state/trust.p12".into()];
        spec.added.driver_options = vec!["-Dtrust=/state/trust.p12".into()];
        spec.added.hosts.insert("store.test".into(), [10, 0, 0, 1].into());
        let place = SessionTarget {
            pod: Some("session-x-driver"),
            dir: Path::new(SESSION_IN_POD),
            probe_jar: in_pod(Path::new("/cache/probe.jar")),
            ..place()
        };
        let told = properties(&spec.inside_a_pod(), &place).expect("valid");
        insta::assert_snapshot!(written(&told));
    }

    #[test]
    fn what_strategies_add_is_in_it() {
        let text = render(|spec| {
            spec.added.conf.insert("spark.hadoop.fs.s3a.path.style.access", "true");
            spec.added.driver_options = vec!["-Da=b".into()];
            spec.added.shipped_jars = vec!["/cache/a.jar".into()];
            spec.added.hosts.insert("store.test".into(), [10, 0, 0, 1].into());
        })
        .expect("valid");
        for line in [
            "spark.hadoop.fs.s3a.path.style.access=true",
            "spark.jars=file:///cache/probe.jar,file:///cache/a.jar",
            "spark.driver.extraJavaOptions=-Da=b -Djdk.net.hosts.file=/state/session-x/hosts",
            "spark.kubernetes.executor.podTemplateFile=/state/session-x/executor.json",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in {text}");
        }
    }

    #[test]
    fn a_strict_session_hides_no_broken_executor() {
        let text = render(|spec| spec.strict = true).expect("valid");
        for (key, value) in STRICT {
            assert!(text.lines().any(|l| l == format!("{key}={value}")), "{key} in {text}");
        }
        let laxer = |spec: &mut SessionSpec| {
            spec.strict = true;
            spec.conf = Conf::from([("spark.task.maxFailures", "4")]);
        };
        assert_eq!(render(laxer).expect_err("refused").exit, Exit::BadInput);
    }

    #[test]
    fn what_a_way_of_reading_sets_is_not_contradicted() {
        let key = "spark.hadoop.fs.azure.always.use.https";
        let error = render(|spec| {
            spec.added.conf.insert(key, "false");
            spec.conf = Conf::from([(key, "true")]);
        });
        assert!(error.expect_err("refused").to_string().contains(key));
    }

    /// Else a plan with such a key would be refused only when its cluster is up.
    #[test]
    fn every_key_of_a_session_is_known_to_the_plan() {
        let mut spec = SessionSpec::new("x", 1);
        spec.added.hosts.insert("store.test".into(), [10, 0, 0, 1].into());
        spec.strict = true;
        let place = SessionTarget {
            pod: Some("p"),
            kube_context: Some("c"),
            application: Some("a"),
            ..place()
        };
        for key in ours(&spec, &place).into_keys() {
            assert!(plan_refuses(&key), "{key}");
        }
    }

    #[test]
    fn a_contradiction_is_refused_by_name() {
        for (key, value) in [
            ("spark.master", "local[*]"),
            ("spark.executor.instances", "4"),
            ("spark.kubernetes.executor.container.image", "x"),
            ("spark.dynamicAllocation.enabled", "true"),
        ] {
            let error = render(|spec| spec.conf = Conf::from([(key, value)]));
            let error = error.expect_err("refused");
            assert_eq!(error.exit, Exit::BadInput);
            assert!(error.to_string().contains(key), "{error}");
        }
    }
}
