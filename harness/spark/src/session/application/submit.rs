//! Submits an application and waits for its end.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use sparkproof_base::context::Context;
use sparkproof_base::dirs::private_file;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels::KUBE_SESSION;
use sparkproof_base::verdict::Diagnosis;
use sparkproof_base::wait::{Progress, Waiting, wait};
use sparkproof_catalog::plan::DriverPlace;
use sparkproof_images::spark::SparkImage;
use sparkproof_judge::diagnosis::{Asked, DriverFacts, Evidence, PodFacts, diagnose};
use sparkproof_kubernetes::access::Access;
use sparkproof_kubernetes::cluster::{Cluster, Provider};
use sparkproof_kubernetes::observe::Pods;
use sparkproof_machine::exec::Tool;
use tokio::time::timeout;

use super::finished::{FinishedApplication, phase};
use super::spec::{ApplicationSpec, SubmissionTarget, driver_template_file};
use crate::session::agreement::is_of;
use crate::session::driver::{foreign, session_dir};
use crate::session::evidence::{self, Place, pod_facts};
use crate::session::health::{Health, Look};
use crate::session::logs::{PodLogs, sparks_container};
use crate::session::overlay::SessionOverlay;
use crate::session::spec::{masked, template_file, written};
use crate::session::template;

/// How long `spark-submit` may take: it starts a JVM and creates a few objects.
const SUBMISSION: Duration = Duration::from_secs(120);

/// How long reading the log of an interrupted application may take.
const LAST_LOG: Duration = Duration::from_secs(5);

/// A submitted application.
#[derive(Debug)]
pub struct Application {
    /// Name of the driver's pod, and of its session label.
    pub driver: String,
    asked: Asked,
    place: Place,
    deadline: Duration,
    begun: Instant,
    pods: Pods,
    logs: PodLogs,
}

impl Application {
    /// Submits with the account that the driver also uses; `pods` watches its namespace. An error
    /// includes the output of `spark-submit`.
    ///
    /// # Errors
    /// Red with a [`sparkproof_base::verdict::Diagnosis`]: `spark-submit` failed. Bad input:
    /// contradicting configuration.
    pub async fn submit(
        context: &Context,
        cluster: &Cluster,
        access: &Access,
        image: &SparkImage,
        spec: &ApplicationSpec,
        pods: &Pods,
    ) -> Result<Application> {
        spec.conf.register(context.recorder.secrets());
        spec.pods.register(context.recorder.secrets());
        let dir = session_dir(context)?;
        let name = dir.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let place = SubmissionTarget {
            server: &cluster.server,
            namespace: &access.namespace,
            service_account: &access.service_account,
            image: &image.reference,
            run: context.run.id(),
            session: &name,
            dir: dir.path(),
        };
        let properties = dir.path().join("properties");
        let wanted = spec.properties(&place)?;
        private_file(&properties, written(&wanted).as_bytes())?;
        for (template, file) in [
            (spec.merged_driver_template()?, driver_template_file(dir.path())),
            (
                template::of_executors(&spec.pods, &SessionOverlay::default())?,
                template_file(dir.path()),
            ),
        ] {
            if let Some(pod) = template {
                private_file(&file, template::render(&pod)?.as_bytes())?;
            }
        }
        let api: Api<Pod> = Api::namespaced(cluster.client.clone(), &access.namespace);
        let ours = {
            let name = name.clone();
            move |pod: &Pod| is_of(pod, &name)
        };
        let application = Application {
            asked: Asked {
                image: image.reference.clone(),
                executors: spec.executors,
                namespace: access.namespace.clone(),
                account: access.service_account.clone(),
                driver: DriverPlace::Pod,
                cluster_of_user: cluster.provider == Provider::Existing,
                conf: masked(&wanted),
                ..Asked::default()
            },
            place: Place { client: cluster.client.clone(), namespace: access.namespace.clone() },
            deadline: spec.deadline,
            begun: Instant::now(),
            pods: pods.clone(),
            logs: PodLogs::follow(api, pods, ours),
            driver: name,
        };
        let said = Arc::new(Mutex::new(String::new()));
        let submitted = spark_submit(context, dir.path(), access, image, spec, &said).await;
        let said = said.lock().map(|said| said.clone()).unwrap_or_default();
        let said = context.recorder.secrets().scrub(&said);
        let file = format!("{}/spark-submit.log", application.driver);
        context.recorder.artifact("spark-submit", &file, &said);
        match submitted {
            Ok(()) => Ok(application),
            Err(error) if error.is_interruption() => Err(error),
            Err(error) => {
                // The API's refusal precedes a long trace; the error has only the end of the trace.
                let driver = DriverFacts {
                    reason: said,
                    ended_by: error.to_string(),
                    ..DriverFacts::default()
                };
                let diagnosis = application.diagnosis(context, driver).await;
                Err(diagnosis.error("spark-submit failed"))
            }
        }
    }

    /// Waits until the driver's pod ended; returns what was observed meanwhile.
    ///
    /// # Errors
    /// Red with a [`sparkproof_base::verdict::Diagnosis`]: it does not end within its deadline, or
    /// cannot start.
    pub async fn end(
        self,
        context: &Context,
        cluster: &Cluster,
        access: &Access,
    ) -> Result<FinishedApplication> {
        let waiting = Waiting {
            what: format!("the end of the driver's pod {}", self.driver),
            deadline: self.deadline.saturating_sub(self.begun.elapsed()),
        };
        let mut seen = BTreeMap::<String, Arc<Pod>>::new();
        let mut stateful_sets = BTreeMap::<String, StatefulSet>::new();
        let sets: Api<StatefulSet> = Api::namespaced(cluster.client.clone(), &access.namespace);
        let mut most_running = 0;
        let mut health = Health::new(self.asked.clone(), self.place.clone());
        let ended = wait(context, waiting, self.pods.changes(), async || {
            let now = self.pods.now();
            let leaving = self.pods.any_leaves();
            let executors: Vec<&Arc<Pod>> =
                now.values().filter(|pod| self.has_executor(pod)).collect();
            let running = executors.iter().filter(|pod| phase(pod) == "Running").count();
            most_running = most_running.max(running);
            for set in executors.iter().filter_map(|pod| stateful_set_of(pod)) {
                if !stateful_sets.contains_key(set)
                    && let Ok(Some(found)) = sets.get_opt(set).await
                {
                    stateful_sets.insert(set.to_owned(), found);
                }
            }
            let started = executors.iter().filter(|pod| phase(pod) != "Pending");
            seen.extend(started.map(|pod| (pod.name_any(), Arc::clone(pod))));
            let Some(driver) = now.get(&self.driver) else {
                return self.pods.not_yet("the driver's pod does not exist");
            };
            if matches!(phase(driver), "Succeeded" | "Failed") {
                return Progress::Met(driver.clone());
            }
            let look = Look {
                pods: self.facts(),
                leaving,
                // Only the driver knows which are registered.
                registered: None,
                driver_log: self.logs.now().remove(&self.driver).unwrap_or_default(),
            };
            if let Some(words) = health.hopeless(look).await {
                return Progress::Never(Error::red(words));
            }
            let state = format!("{}, {running} executors Running", phase(driver));
            self.pods.not_yet(health.and_awaits(&state))
        })
        .await;
        match ended {
            Ok(driver) => {
                let log = self.log(cluster, access).await?;
                let log = context.recorder.secrets().scrub(&log);
                let file = format!("{}/driver.log", self.driver);
                context.recorder.artifact("driver log", &file, &log);
                let seconds = self.begun.elapsed().as_secs_f64();
                let secrets = context.recorder.secrets();
                let pod_logs = self.logs.now().into_iter();
                let pod_logs = pod_logs.map(|(pod, log)| (pod, secrets.scrub(&log))).collect();
                let diagnosis = match phase(&driver) {
                    "Succeeded" => None,
                    _ => {
                        let log = log.clone();
                        let driver = DriverFacts { log, gone: true, ..DriverFacts::default() };
                        Some(self.diagnosis(context, driver).await)
                    }
                };
                Ok(FinishedApplication {
                    diagnosis,
                    driver: Arc::unwrap_or_clone(driver),
                    executors: seen
                        .into_iter()
                        .map(|(name, pod)| (name, Arc::unwrap_or_clone(pod)))
                        .collect(),
                    stateful_sets,
                    most_running,
                    log,
                    pod_logs,
                    seconds,
                })
            }
            Err(error) if error.is_interruption() => {
                // The namespace is deleted next, and the log with it.
                if let Ok(Ok(log)) = timeout(LAST_LOG, self.log(cluster, access)).await {
                    let file = format!("{}/driver.log", self.driver);
                    context.recorder.artifact("driver log", &file, &log);
                }
                Err(error)
            }
            Err(error) => {
                let driver = DriverFacts {
                    log: self.logs.now().remove(&self.driver).unwrap_or_default(),
                    ended_by: error.to_string(),
                    ..DriverFacts::default()
                };
                let diagnosis = self.diagnosis(context, driver).await;
                Err(diagnosis.error(format!("the application did not end: {error}")))
            }
        }
    }

    /// Selects executors by role: the pods of a StatefulSet get an executor's id only once they ask for one.
    fn has_executor(&self, pod: &Pod) -> bool {
        let labels = pod.labels();
        let role = labels.get("spark-role").map(String::as_str);
        labels.get(KUBE_SESSION) == Some(&self.driver) && role == Some("executor")
    }

    /// The driver's whole log from the API: the followed log may lack its end.
    async fn log(&self, cluster: &Cluster, access: &Access) -> Result<String> {
        let api: Api<Pod> = Api::namespaced(cluster.client.clone(), &access.namespace);
        let pod = self.pods.get(&self.driver);
        let container = pod.as_deref().and_then(sparks_container);
        let whole = kube::api::LogParams { container, ..kube::api::LogParams::default() };
        api.logs(&self.driver, &whole).await.or_environment("reading the driver's log")
    }

    /// Every pod of it so far.
    fn facts(&self) -> Vec<PodFacts> {
        let ever = self.pods.ever();
        let ours = ever.iter().filter(|pod| is_of(pod, &self.driver));
        pod_facts(ours, self.logs.now(), &BTreeSet::new())
    }

    /// Why it failed, from everything that can be seen.
    async fn diagnosis(&self, context: &Context, driver: DriverFacts) -> Diagnosis {
        let evidence = Evidence {
            asked: self.asked.clone(),
            driver,
            pods: self.facts(),
            ..Evidence::default()
        };
        let evidence = evidence::complete(context, &self.place, evidence).await;
        evidence::record(context, &self.driver, &evidence);
        diagnose(&evidence)
    }
}

/// The name of the StatefulSet that made a pod.
fn stateful_set_of(pod: &Pod) -> Option<&str> {
    let mut owners = pod.owner_references().iter();
    owners.find(|owner| owner.kind == "StatefulSet").map(|owner| owner.name.as_str())
}

/// Runs `spark-submit` to its end; its output goes into `said`.
async fn spark_submit(
    context: &Context,
    dir: &Path,
    access: &Access,
    image: &SparkImage,
    spec: &ApplicationSpec,
    said: &Arc<Mutex<String>>,
) -> Result<()> {
    let class = spec.class.iter().flat_map(|class| ["--class", class]);
    let temporary = dir.join("tmp");
    fs_err::create_dir(&temporary).or_environment("preparing spark-submit")?;
    let conf = dir.join("conf");
    fs_err::create_dir(&conf).or_environment("preparing spark-submit")?;
    for (name, text) in &spec.conf_files {
        fs_err::write(conf.join(name), text).or_environment("preparing spark-submit")?;
    }
    let java = image.java_home.iter().map(|home| ("JAVA_HOME", home));
    let jars: Vec<_> = spec.class_path.iter().map(|jar| jar.display().to_string()).collect();
    let said = said.clone();
    let finished = Tool::new(image.spark_home.join("bin/spark-submit"))
        .without_env(foreign())
        .args([Path::new("--properties-file"), &dir.join("properties")])
        .args(class)
        .args([&spec.resource])
        .args(&spec.arguments)
        .env("KUBECONFIG", &access.driver_kubeconfig)
        .envs(access.proxy()?.map(|proxy| ("HTTPS_PROXY", proxy)))
        .env("SPARK_HOME", &image.spark_home)
        .envs(java)
        // The files there go into the driver's ConfigMap.
        .env("SPARK_CONF_DIR", conf)
        // For a driver in a pod, spark-submit leaves `spark.driver.extraClassPath` to the pod.
        .env("SPARK_DIST_CLASSPATH", jars.join(":"))
        .env("SPARK_SUBMIT_OPTS", format!("-Djava.io.tmpdir={}", temporary.display()))
        .dir(dir)
        .deadline(SUBMISSION)
        .on_line(move |line| {
            if let Ok(mut said) = said.lock() {
                said.push_str(line);
                said.push('\n');
            }
        })
        .run(context)
        .await;
    finished.map(drop)
}
