//! A live session and the ways to end it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use sparkproof_base::error::{Error, Result};
use sparkproof_base::ledger::labels;
use sparkproof_catalog::plan::{DriverPlace, FrontEnd, RbacChoice};
use sparkproof_judge::{Agreement, PodList};
use sparkproof_kubernetes::access::{Access, AccessRequest, IN_POD, grant, needed};
use sparkproof_kubernetes::cluster::{Cluster, InPod};
use sparkproof_kubernetes::observe::{LeftoverQuery, Pods, pod_list};
use sparkproof_spark::session::{EXECUTOR_CONTAINER, Session, SessionOverlay, SessionSpec};

use super::driver_site::driver_site;
use super::{can_i, started};
use crate::{EndKind, EndedSession, ScenarioContext, SessionBuilder};

/// A started session: all executors registered.
#[derive(Debug)]
pub struct LiveSession {
    cluster: Cluster,
    access: Access,
    pods: Pods,
    session: Session,
    executors: u32,
    unseen: Vec<String>,
}

/// A session with access granted but not started yet: a scenario can create objects in its namespace.
#[derive(Debug)]
pub struct PreparedSession<'a> {
    wanted: SessionBuilder<'a>,
    access: Access,
    pods: Pods,
    driver_mounts: Vec<(PathBuf, PathBuf)>,
}

impl<'a> SessionBuilder<'a> {
    /// Grants access only, so that a scenario can create objects in the namespace before the start.
    pub async fn grant(self) -> Result<PreparedSession<'a>> {
        Box::pin(PreparedSession::grant(self)).await
    }

    /// Grants access and starts the session; returns when all executors are registered.
    pub async fn start(self) -> Result<LiveSession> {
        // On the heap, because the future is large and scenarios nest it.
        Box::pin(async { PreparedSession::grant(self).await?.start().await }).await
    }
}

impl<'a> PreparedSession<'a> {
    pub(super) async fn grant(mut wanted: SessionBuilder<'a>) -> Result<Self> {
        let proof = wanted.proof;
        let known = needed(&proof.environment.image.version);
        if wanted.driver == DriverPlace::Pod && !known.contains(&IN_POD) {
            wanted.verbs.push(IN_POD);
        }
        let context = &proof.context;
        let environment = &proof.environment;
        let request = AccessRequest {
            namespace: namespace_of(proof, wanted.rbac),
            service_account: service_account_of(proof, wanted.rbac),
            rbac: wanted.rbac,
            spark_version: environment.image.version.clone(),
            without: wanted.without,
            beside: wanted.verbs.clone(),
            restricted: wanted.pods.restricted || wanted.enforced,
        };
        let phase = context.recorder.phase("access");
        let terms = &environment.terms;
        let granted = grant(context, &environment.cluster, terms, request).await;
        let access = phase.end(granted, |access| {
            format!(
                "namespace {}, account {}, {}",
                access.namespace, access.service_account, access.granted
            )
        })?;
        // A scenario that leaves out a verb makes this check itself.
        if wanted.without.is_none() {
            can_i(context, &access, &environment.image.version).await?;
        }
        // Other pods in the user's namespace do not belong in the report.
        let of_run =
            format!("{}={},spark-role in (executor,driver)", labels::KUBE_RUN, context.run.id());
        let pods = Pods::watch(
            environment.cluster.client.clone(),
            &access.namespace,
            terms.namespace.is_some().then_some(of_run.as_str()),
            context.recorder.clone(),
        );
        Ok(PreparedSession { wanted, access, pods, driver_mounts: Vec::new() })
    }

    /// The scenario's context.
    pub fn proof(&self) -> &'a ScenarioContext {
        self.wanted.proof
    }

    /// The account and namespace that the session will use.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The watch on the namespace.
    pub fn pods(&self) -> &Pods {
        &self.pods
    }

    /// Deletes the pod of an ended driver; Kubernetes then deletes the objects that it owns.
    pub async fn collect(self, driver: &str, driver_log: String) -> Result<EndedSession> {
        let environment = &self.proof().environment;
        let ended = EndedSession {
            ending: EndKind::Collected,
            executors: 0,
            spark_version: environment.image.version.clone(),
            cluster: environment.cluster.clone(),
            namespace: self.access.namespace.clone(),
            look: LeftoverQuery::default(),
            driver_pod: None,
            owned: self.access.owned.clone(),
            _lease: self.access.lease,
            driver_log,
            _pods: self.pods,
        };
        ended.delete_driver_pod(driver).await?;
        Ok(ended)
    }

    /// Number of its executors.
    pub fn executors(&self) -> u32 {
        self.wanted.executors
    }

    /// Starts the session; returns when all executors are registered.
    pub async fn start(self) -> Result<LiveSession> {
        let PreparedSession { wanted, access, pods, driver_mounts } = self;
        let context = &wanted.proof.context;
        let environment = &wanted.proof.environment;
        let mut image = environment.image.clone();
        if let Some(reference) = &wanted.image {
            image.reference.clone_from(reference);
        }
        let phase = context.recorder.phase("session");
        let driver = match driver_site(&wanted, &access, phase.name()).await {
            Ok(driver) => driver,
            Err(error) => return phase.end(Err(error), |_: &LiveSession| String::new()),
        };
        let spec = SessionSpec {
            app_name: wanted.app_name.clone(),
            executors: wanted.executors,
            executor_cpu: wanted.shared_cpu().to_string(),
            executor_memory: format!("{}m", wanted.memory.0),
            executor_cpu_limit: wanted.cpu_limit.map(|limit| limit.to_string()),
            driver_memory: wanted.driver_size.memory.map(|heap| format!("{}m", heap.0)),
            pods: wanted.pods.clone(),
            front_end: wanted.front_end,
            geni: wanted.geni.clone(),
            driver,
            driver_host: wanted.driver_host,
            driver_bind: wanted.driver_bind,
            driver_mounts,
            conf: wanted.conf.clone(),
            jars: Vec::new(),
            added: wanted.added.clone(),
            trap: wanted.trap,
            dynamic_allocation: wanted.dynamic_allocation,
            strict: wanted.strict,
            deadline: environment.plan.session_timeout,
        };
        let mut cluster = environment.cluster.clone();
        if let Some(server) = &wanted.server {
            cluster.record.server.clone_from(server);
        }
        let start = Box::pin(Session::start(context, &cluster, &access, &image, &spec, &pods));
        let started = started(context, wanted.executors, start).await;
        let session = phase.end(started, |session| {
            let (n, master) = (wanted.executors, &session.described().context_master);
            format!("{master}, {n}/{n} executors registered")
        })?;
        Ok(LiveSession {
            cluster: environment.cluster.clone(),
            access,
            pods,
            session,
            executors: wanted.executors,
            unseen: environment.terms.unseen(),
        })
    }

    /// The shell that will create it.
    pub fn front_end(&self) -> FrontEnd {
        self.wanted.front_end
    }

    /// Where the driver will run.
    pub fn driver(&self) -> DriverPlace {
        self.wanted.driver
    }

    /// Files of this host that a driver in a container or a pod sees, read-only, with their paths there.
    #[must_use]
    pub fn driver_mounts(mut self, mounts: Vec<(PathBuf, PathBuf)>) -> Self {
        self.driver_mounts = mounts;
        self
    }

    /// Sets the image and what strategies add.
    #[must_use]
    pub fn with(mut self, image: Option<String>, added: SessionOverlay) -> Self {
        self.wanted.image = image.or(self.wanted.image);
        self.wanted.added = added;
        self
    }
}

impl LiveSession {
    /// Number of its executors.
    pub fn executors(&self) -> u32 {
        self.executors
    }

    /// The application's id.
    pub fn application(&self) -> &str {
        &self.session.described().application
    }

    /// The session itself.
    pub fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// The account and namespace that it uses.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// The driver's address on the cluster's network.
    pub fn driver_address(&self) -> IpAddr {
        self.session.driver_address()
    }

    /// The watch on its namespace.
    pub fn pods(&self) -> &Pods {
        &self.pods
    }

    /// A client with the permissions to inspect the cluster and to break things on purpose.
    pub fn client(&self) -> &kube::Client {
        &self.cluster.client
    }

    /// All pods of its namespace, in the guide's format, without its driver's.
    pub fn pod_list(&self) -> PodList {
        let pods = self.pods.now();
        let driver = self.session.driver_pod();
        let others = pods.iter().filter(|(name, _)| Some(name.as_str()) != driver);
        pod_list(others.map(|(_, pod)| &**pod), jiff::Timestamp::now())
    }

    /// Name of its driver's pod; `None` if the driver is not in a pod.
    pub fn driver_pod(&self) -> Option<Arc<Pod>> {
        self.pods.get(self.session.driver_pod()?)
    }

    /// An executor's container.
    pub fn executor(&self, pod: &str) -> InPod {
        let api = Api::namespaced(self.client().clone(), &self.access.namespace);
        InPod::new(self.session.context(), api, pod, EXECUTOR_CONTAINER)
    }

    /// Its executor pods, by name.
    pub fn executor_pods(&self) -> BTreeMap<String, Arc<Pod>> {
        self.session.pods().into_values().map(|pod| (pod.name_any(), pod)).collect()
    }

    /// Its executors now: in Spark's list, and the Running pods.
    pub async fn agreement(&self) -> Result<Agreement> {
        self.session.agreement().await
    }

    /// What its driver was refused so far without which it gets no executor.
    pub fn may_not_create(&self) -> Option<String> {
        self.session.may_not_create()
    }

    /// Ends it by `stop()`.
    pub async fn stop(self) -> Result<EndedSession> {
        self.end(EndKind::Stopped).await
    }

    /// Ends the driver without `stop()`.
    pub async fn exit_without_stop(self) -> Result<EndedSession> {
        self.end(EndKind::Exited).await
    }

    /// Closes the driver's channel; its JVM then exits.
    pub async fn disconnect(self) -> Result<EndedSession> {
        self.end(EndKind::Disconnected).await
    }

    /// Closes the driver's terminal: SIGHUP.
    pub async fn hang_up(self) -> Result<EndedSession> {
        self.end(EndKind::HungUp).await
    }

    /// Kills the driver's JVM by kill -9.
    pub async fn kill(self) -> Result<EndedSession> {
        self.end(EndKind::Killed).await
    }

    async fn end(self, ending: EndKind) -> Result<EndedSession> {
        let spark_version = self.session.described().version.clone();
        let driver_pod = self.session.driver_pod().map(str::to_owned);
        let ended = match ending {
            EndKind::Stopped => self.session.stop().await?,
            EndKind::Exited => self.session.exit_without_stop().await?,
            EndKind::Disconnected => self.session.disconnect().await?,
            EndKind::HungUp => self.session.hang_up().await?,
            EndKind::Killed => self.session.kill9().await?,
            EndKind::Collected => {
                return Err(Error::internal("a session's driver has no pod to delete"));
            }
        };
        Ok(EndedSession {
            ending,
            executors: self.executors,
            spark_version,
            cluster: self.cluster,
            namespace: self.access.namespace.clone(),
            look: LeftoverQuery {
                selector: self.access.application.map(|id| format!("spark-app-selector={id}")),
                unseen: self.unseen,
            },
            driver_pod,
            owned: self.access.owned,
            _lease: self.access.lease,
            driver_log: ended.driver_log,
            _pods: self.pods,
        })
    }
}

/// The namespace from the plan or the guide; otherwise each session has its own.
fn namespace_of(proof: &ScenarioContext, rbac: RbacChoice) -> String {
    if let Some(given) = &proof.environment.terms.namespace {
        return given.clone();
    }
    let asked = &proof.environment.plan.namespace;
    match (asked, rbac) {
        (Some(name), _) => name.clone(),
        (None, RbacChoice::Guide) => "spark".to_owned(),
        (None, RbacChoice::Minimal) => {
            let number = proof.sessions.fetch_add(1, Ordering::Relaxed);
            let run = proof.context.run.id();
            if number == 0 { format!("spark-{run}") } else { format!("spark-{run}-{number}") }
        }
    }
}

fn service_account_of(proof: &ScenarioContext, rbac: RbacChoice) -> String {
    let plan = &proof.environment.plan;
    match rbac {
        RbacChoice::Guide if plan.rbac != RbacChoice::Guide => "spark-serviceaccount".to_owned(),
        _ => plan.service_account.clone(),
    }
}
