//! A driver in a pod of the cluster: client mode, with a headless Service, as the owner of its
//! executors (running-on-kubernetes.md, "Client Mode Networking").

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use k8s_openapi::api::core::v1::{Pod, Service};
use kube::api::{DeleteParams, PostParams};
use kube::{Api, ResourceExt};
use serde_json::json;
use sparkproof_base::context::Context;
use sparkproof_base::deadlines::{DRIVER_ENDS, KILLED, TERMINATED};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels;
use sparkproof_base::tar_stream::pack_as;
use sparkproof_base::verdict::Cause;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_catalog::plan::{DriverPlace, PodRole};
use sparkproof_judge::diagnosis::{Asked, DriverFacts, Evidence, diagnose};
use sparkproof_kubernetes::cluster::{Cluster, InPod, Provider};
use sparkproof_kubernetes::facts;
use sparkproof_kubernetes::observe::Pods;
use tokio_util::task::AbortOnDropHandle;

use super::files;
use super::front_end::DriverProgram;
use super::launch::{JVM_ENDED, Launch, NO_JVM};
use crate::session::evidence::{self, Place, pod_facts};
use crate::session::health::{Health, Look};
use crate::session::logs::{each_line, not_followed};
use crate::session::merge::merged;
use crate::session::site::{
    BLOCK_MANAGER_PORT, DRIVER_PORT, InPodSite, SESSION_IN_POD, UI_PORT, VOLUME_IN_POD, in_pod,
};
use crate::session::size::memory;
use crate::session::template::host_aliases;

/// Its container.
const CONTAINER: &str = "spark-kubernetes-driver";
/// Seconds until it must run; its image is on the node.
const START: u64 = 60;
/// Spark's factors of a driver's overhead: of a JVM, and of a driver that is not one
/// (`spark.kubernetes.memoryOverheadFactor`).
const OVERHEAD: f64 = 0.1;
const OVERHEAD_OF_PYTHON: f64 = 0.4;
/// The script of the main process: waits for its files, then becomes the front end.
const WAITS: &str = "mkdir \"$1\" && mkfifo \"$1/requests\" \"$1/replies\" \"$1/ready\" && \
                     read -r _ < \"$1/ready\" && cd \"$1/scratch\" && shift && exec \"$@\"";
/// Unpacks the files; the archive contains no existing directory but the session's.
const UNPACK: &str = "tar --extract --touch --no-same-owner --file - --directory / && \
                      echo > \"$1/ready\"";

/// The pod.
#[derive(Debug)]
pub(super) struct PodDriver {
    api: Api<Pod>,
    inside: InPod,
    name: String,
    pods: Pods,
    address: IpAddr,
    /// The files that it gets before it starts, with their paths in the pod.
    files: Vec<(PathBuf, PathBuf)>,
    log: Option<AbortOnDropHandle<()>>,
}

impl PodDriver {
    /// Creates Service and pod; returns when the pod runs and waits for its files.
    pub(super) async fn start(
        context: &Context,
        cluster: &Cluster,
        dir: &Path,
        launch: &Launch<'_>,
        site: &InPodSite,
        pods: &Pods,
    ) -> Result<Self> {
        if launch.front_end.is_jvm() {
            // Needs no gate: it starts when its files are there.
            sparkproof_base::dirs::private_file(&dir.join("gate"), b"\n")?;
        }
        let name = site.name(dir);
        let (client, namespace) = (&cluster.client, site.namespace.as_str());
        let what = || format!("making the driver's pod {name}");
        let service = service(context, &name).or_internal(what())?;
        let pod = pod(context, dir, launch, site, &name)?;
        let made = async {
            let services: Api<Service> = Api::namespaced(client.clone(), namespace);
            services.create(&PostParams::default(), &service).await?;
            let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
            api.create(&PostParams::default(), &pod).await.map(drop)
        };
        let failure = Failure::of(cluster, site);
        if let Err(error) = context.cancel.guard(async { Ok(made.await) }).await? {
            return Err(failure.refused(what(), error));
        }
        let mounted = launch.mounts.iter().cloned();
        let given = launch.files.iter().map(|file| (file.clone(), in_pod(file)));
        let own = (dir.to_owned(), PathBuf::from(SESSION_IN_POD));
        let address = failure.or_running(context, pods, &name).await?;
        let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
        let log = tokio::spawn(follow(api.clone(), name.clone(), dir.join("log")));
        Ok(PodDriver {
            inside: InPod::new(context, api.clone(), &name, CONTAINER),
            api,
            name,
            pods: pods.clone(),
            address,
            files: mounted.chain(given).chain([own]).collect(),
            log: Some(AbortOnDropHandle::new(log)),
        })
    }

    /// The pod's address.
    pub(super) fn address(&self) -> IpAddr {
        self.address
    }

    /// The pod's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// The container in which commands run.
    pub(super) fn inside(&self) -> &InPod {
        &self.inside
    }

    /// Sends it all its files, after which it starts.
    pub(super) async fn furnish(&self, context: &Context) -> Result<()> {
        let relative = |to: &PathBuf| to.strip_prefix("/").unwrap_or(to).to_owned();
        let all = self.files.iter().map(|(from, to)| (from.clone(), relative(to))).collect();
        let (stream, packing) = pack_as(all);
        let inside = self.inside.under(context);
        let unpacked = inside.feed(&["sh", "-c", UNPACK, "sh", SESSION_IN_POD], stream).await;
        packing.after(unpacked).await.map(drop)
    }

    /// Waits for its end; returns how it ended.
    pub(super) async fn ended(&self, context: &Context, deadline: Duration) -> Result<String> {
        let waiting =
            Waiting { what: format!("the end of the driver's pod {}", self.name), deadline };
        wait(context, waiting, self.pods.changes(), async || match self.end_seen() {
            Some(status) => Progress::Met(status),
            None => self.pods.not_yet("Running"),
        })
        .await
    }

    /// Sends a signal to the JVM and waits until it is gone.
    pub(super) async fn signal(&self, context: &Context, signal: &str) -> Result<()> {
        let inside = self.inside.under(context);
        let sent = inside.run(&["pkill", signal, "java"]).await;
        let what = "the end of the driver's JVM".to_owned();
        let waiting = Waiting { what, deadline: DRIVER_ENDS };
        // If the front end is the JVM, the container ends with it; else only a command inside can
        // tell.
        let gone = wait(context, waiting, Source::Backoff, async || {
            if self.end_seen().is_some() {
                return Progress::Met(());
            }
            match inside.run(&["sh", "-c", NO_JVM]).await {
                Ok(_) => Progress::Met(()),
                Err(error) => Progress::NotYet(error.to_string()),
            }
        });
        gone.await.map_err(|error| sent.err().unwrap_or(error))
    }

    /// How its pod ended, or that its JVM did; `None` while both run, or if they cannot be
    /// inspected.
    pub(super) async fn any_end_seen(&self, context: &Context) -> Option<String> {
        if let Some(how) = self.end_seen() {
            return Some(how);
        }
        let inside = self.inside.under(context);
        let look = inside.run(&["sh", "-c", NO_JVM]);
        let looked = tokio::time::timeout(TERMINATED, look).await;
        looked.is_ok_and(|jvm| jvm.is_ok()).then(|| JVM_ENDED.to_owned())
    }

    /// How its pod ended; `None` while it runs.
    fn end_seen(&self) -> Option<String> {
        let Some(pod) = self.pods.get(&self.name) else { return Some("deleted".to_owned()) };
        let phase = pod.status.as_ref().and_then(|s| s.phase.as_deref());
        matches!(phase, Some("Succeeded" | "Failed"))
            .then(|| sparkproof_kubernetes::observe::status(&pod))
    }

    /// Deletes the pod at once, with the objects that it owns.
    async fn delete(&self) -> Result<()> {
        let now = DeleteParams::background().grace_period(0);
        match tokio::time::timeout(KILLED, self.api.delete(&self.name, &now)).await {
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => Ok(()),
            Ok(deleted) => deleted.map(drop).or_environment("deleting the driver's pod"),
            Err(late) => Err(Error::environment("deleting the driver's pod").with_source(late)),
        }
    }

    /// Waits for its end, and deletes it if it does not end; otherwise the pod stays, with the
    /// objects that it owns. `notified` says whether the channel was closed, which tells it to end.
    pub(super) async fn end(&mut self, context: &Context, notified: bool) -> Result<()> {
        // SIGTERM makes Spark's shutdown hook run. Without a JVM it never started.
        let inside = self.inside.under(context);
        let hung_up = async {
            let pkill = inside.run(&["pkill", "-TERM", "java"]);
            tokio::time::timeout(TERMINATED, pkill).await.is_ok_and(|done| done.is_ok())
        };
        if !notified && !hung_up.await {
            self.delete().await?;
        }
        if let Err(error) = self.ended(context, DRIVER_ENDS).await {
            if error.is_interruption() {
                return Err(error);
            }
            context.recorder.warn(format!("the driver did not end by itself: deleted ({error})"));
            self.delete().await?;
        }
        // The log ends with the container.
        if let Some(log) = self.log.take() {
            let _ = tokio::time::timeout(KILLED, log).await;
        }
        Ok(())
    }
}

/// What explains why the pod does not run.
struct Failure {
    asked: Asked,
    place: Place,
}

impl Failure {
    fn of(cluster: &Cluster, site: &InPodSite) -> Self {
        let asked = Asked {
            image: site.image.clone(),
            executors: 1,
            namespace: site.namespace.clone(),
            account: site.service_account.clone(),
            driver: DriverPlace::Pod,
            cluster_of_user: cluster.provider == Provider::Existing,
            ..Asked::default()
        };
        let place = Place { client: cluster.client.clone(), namespace: site.namespace.clone() };
        Failure { asked, place }
    }

    /// The API server refuses to create it: red with the cause, if a rule knows it.
    fn refused(self, what: String, error: kube::Error) -> Error {
        let refusals = match &error {
            kube::Error::Api(status) => {
                vec![facts::refusal(status, "create the driver's Service and pod")]
            }
            _ => Vec::new(),
        };
        let evidence = Evidence { asked: self.asked, refusals, ..Evidence::default() };
        let diagnosis = diagnose(&evidence);
        match diagnosis.cause {
            Cause::Unknown => Error::environment(what).with_source(error),
            _ => diagnosis.error(what),
        }
    }

    /// Waits until the pod runs; returns its address. Otherwise red with the cause.
    async fn or_running(self, context: &Context, pods: &Pods, name: &str) -> Result<IpAddr> {
        let error = match runs(context, pods, name, &self).await {
            Err(error) if !error.is_interruption() => error,
            ended => return ended,
        };
        let ever = pods.ever();
        let seen = pod_facts(
            ever.iter().filter(|pod| pod.name_any() == name),
            BTreeMap::new(),
            &BTreeSet::new(),
        );
        let driver = DriverFacts { ended_by: error.to_string(), ..DriverFacts::default() };
        let evidence = Evidence { asked: self.asked, driver, pods: seen, ..Evidence::default() };
        let evidence = evidence::complete(context, &self.place, evidence).await;
        evidence::record(context, name, &evidence);
        let diagnosis = diagnose(&evidence);
        Err(match diagnosis.cause {
            Cause::Unknown => error,
            _ => diagnosis.error(format!("the driver's pod {name} does not run")),
        })
    }
}

/// Waits until the pod runs; returns its address.
async fn runs(context: &Context, pods: &Pods, name: &str, failure: &Failure) -> Result<IpAddr> {
    let mut health = Health::new(failure.asked.clone(), failure.place.clone());
    let waiting = Waiting::up_to(START, format!("the driver's pod {name} to run"));
    wait(context, waiting, pods.changes(), async || {
        let Some(pod) = pods.get(name) else {
            return pods.not_yet("it does not exist yet");
        };
        let look = Look {
            pods: pod_facts([&pod], BTreeMap::new(), &BTreeSet::new()),
            leaving: pods.any_leaves(),
            ..Look::default()
        };
        if let Some(words) = health.hopeless(look).await {
            return Progress::Never(Error::environment(words));
        }
        let status = pod.status.clone().unwrap_or_default();
        let address = status.pod_ip.and_then(|ip| ip.parse().ok());
        match (status.phase.as_deref(), address) {
            (Some("Running"), Some(address)) => Progress::Met(address),
            (Some("Succeeded" | "Failed"), _) => Progress::Never(Error::environment(format!(
                "the driver's pod {name} ended at once"
            ))),
            _ => pods.not_yet(sparkproof_kubernetes::observe::status(&pod)),
        }
    })
    .await
}

/// Copies a pod's log to a file, until its end.
async fn follow(api: Api<Pod>, name: String, path: PathBuf) {
    let Ok(file) = fs_err::File::create(&path) else { return };
    let add = |line: &str| (&file).write_all(format!("{line}\n").as_bytes()).is_ok();
    if let Err(error) = each_line(&api, (&name, Some(CONTAINER)), add).await {
        add(&not_followed(&error));
    }
}

/// The headless Service by whose name executors reach the driver.
fn service(context: &Context, name: &str) -> serde_json::Result<Service> {
    let port = |name: &str, port: u16| json!({ "name": name, "port": port });
    serde_json::from_value(json!({
        "metadata": { "name": name, "labels": labels::kube(context.run.id(), labels::Lifetime::Run) },
        "spec": {
            "clusterIP": "None",
            "selector": { labels::KUBE_DRIVER: name },
            "ports": [
                port("driver-rpc-port", DRIVER_PORT),
                port("blockmanager", BLOCK_MANAGER_PORT),
                port("spark-ui", UI_PORT),
            ],
        },
    }))
}

fn pod(
    context: &Context,
    dir: &Path,
    launch: &Launch<'_>,
    site: &InPodSite,
    name: &str,
) -> Result<Pod> {
    let inside = Path::new(SESSION_IN_POD);
    let mut command = ["sh", "-c", WAITS, "sh", SESSION_IN_POD].map(str::to_owned).to_vec();
    command.extend(files::contained(dir, inside, launch)?);
    let factor = if launch.front_end.is_jvm() { OVERHEAD } else { OVERHEAD_OF_PYTHON };
    let memory = memory(site.heap.as_deref(), site.overhead.as_deref(), factor);
    let memory = format!("{memory}Mi");
    let environment: Vec<_> = files::environment(context, inside, launch)?
        .into_iter()
        .map(|(key, value)| json!({ "name": key, "value": value.to_string_lossy() }))
        .collect();
    let mut pod: Pod = serde_json::from_value(json!({
        "metadata": { "name": name },
        "spec": {
            "serviceAccountName": site.service_account,
            "restartPolicy": "Never",
            "imagePullSecrets": site.pull_secret.iter().map(|s| json!({ "name": s })).collect::<Vec<_>>(),
            "containers": [{
                "name": CONTAINER,
                "image": site.image,
                "imagePullPolicy": "IfNotPresent",
                "command": command,
                "env": environment,
                "volumeMounts": [{ "name": "files", "mountPath": VOLUME_IN_POD }],
                "resources": {
                    "requests": { "cpu": site.cpu, "memory": memory },
                    "limits": { "cpu": site.cpu_limit, "memory": memory },
                },
            }],
            "volumes": [{ "name": "files", "emptyDir": {} }],
        },
    }))
    .or_internal("writing the driver's pod")?;
    let labels = pod.labels_mut();
    labels.extend(labels::kube(context.run.id(), labels::Lifetime::Run));
    labels.extend([
        (labels::KUBE_DRIVER.to_owned(), name.to_owned()),
        ("spark-role".to_owned(), "driver".to_owned()),
    ]);
    if let Some(spec) = &mut pod.spec {
        spec.host_aliases = host_aliases(launch.hosts);
    }
    merged(PodRole::Driver, &site.pods, pod)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::testing::test_context;
    use sparkproof_catalog::plan::{FrontEnd, PodPlan};

    #[test]
    fn a_pod_gets_its_files_before_it_starts_and_knows_hosts_by_name() {
        let (context, keep) = test_context();
        let launch = Launch {
            front_end: FrontEnd::SparkShell,
            geni: None,
            trap: None,
            app_name: "x",
            java_home: Some(Path::new("/cache/java-11")),
            archive: None,
            jars: &[],
            spark_home: keep.path(),
            kubeconfig: Path::new("/state/kubeconfig"),
            proxy: None,
            files: &[],
            mounts: &[("/state/data".into(), "/var/tmp/sparkproof-x-0-copy".into())],
            hosts: &[("store.test".to_owned(), [10, 0, 0, 1].into())].into(),
            in_image: true,
        };
        let site = InPodSite {
            namespace: "team".into(),
            service_account: "spark".into(),
            image: "spark:1".into(),
            pull_secret: Some("key".into()),
            cpu: "250m".into(),
            cpu_limit: "1000m".into(),
            heap: Some("5g".into()),
            overhead: None,
            pods: PodPlan { restricted: true, ..PodPlan::default() },
        };
        let made = pod(&context, keep.path(), &launch, &site, "session-x-driver").expect("a pod");
        insta::with_settings!({ filters => [
            (r#""sparkproof.io/(run|owner|created-at)": ".*""#, r#""sparkproof.io/$1": "[ID]""#),
            (r#"(?s)"name": "SPARKPROOF_OWNER_RUN",\s*"value": "[0-9a-f]+""#,
             r#""name": "SPARKPROOF_OWNER_RUN", "value": "[ID]""#),
        ]}, {
            insta::assert_json_snapshot!(made);
        });
    }
}
