//! Builds a session from the plan, with a scenario's changes.

use std::net::IpAddr;

use sparkproof_base::dirs::private_file;
use sparkproof_base::error::Result;
use sparkproof_catalog::plan::{
    ClassPath, Conf, DriverPlace, DriverSize, FrontEnd, MebiBytes, MilliCpu, PodPlan, RbacChoice,
};
use sparkproof_images::load_layered;
use sparkproof_images::spark::python_layers;
use sparkproof_kubernetes::access::Rule;
use sparkproof_spark::session::{EXECUTOR_CONTAINER, FaultInjection, SessionOverlay};

use crate::ScenarioContext;

/// Builds a session. Every default comes from the plan.
#[derive(Debug, Clone)]
pub struct SessionBuilder<'a> {
    pub(super) proof: &'a ScenarioContext,
    pub(super) app_name: String,
    pub(super) executors: u32,
    pub(super) cpu: MilliCpu,
    pub(super) memory: MebiBytes,
    pub(super) rbac: RbacChoice,
    pub(super) without: Option<Rule>,
    pub(super) image: Option<String>,
    pub(super) front_end: FrontEnd,
    pub(super) geni: Option<ClassPath>,
    pub(super) driver: DriverPlace,
    pub(super) driver_host: Option<IpAddr>,
    pub(super) driver_bind: Option<IpAddr>,
    pub(super) trap: Option<FaultInjection>,
    pub(super) dynamic_allocation: bool,
    pub(super) strict: bool,
    pub(super) server: Option<String>,
    pub(super) conf: Conf,
    pub(super) verbs: Vec<Rule>,
    pub(super) added: SessionOverlay,
    pub(super) cpu_limit: Option<MilliCpu>,
    pub(super) driver_size: DriverSize,
    pub(super) pods: PodPlan,
    pub(super) enforced: bool,
}

impl<'a> SessionBuilder<'a> {
    fn of(proof: &'a ScenarioContext) -> Self {
        let plan = &proof.environment.plan;
        SessionBuilder {
            proof,
            app_name: "sparkproof".to_owned(),
            executors: plan.executors.count,
            cpu: plan.executors.cpu,
            memory: plan.executors.memory,
            rbac: plan.rbac,
            without: None,
            image: None,
            front_end: plan.front_end,
            geni: plan.geni_classpath.clone(),
            driver: plan.driver,
            driver_host: plan.driver_host,
            driver_bind: plan.driver_bind,
            trap: None,
            dynamic_allocation: false,
            strict: false,
            server: None,
            conf: plan.conf.clone(),
            verbs: Vec::new(),
            added: SessionOverlay::default(),
            cpu_limit: plan.executors.cpu_limit,
            driver_size: plan.driver_size,
            pods: plan.pods.clone(),
            enforced: false,
        }
    }

    /// Sets `spark.app.name`.
    #[must_use]
    pub fn app_name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.app_name);
        self
    }

    /// Sets the number of executors, and lowers their CPU request so that they fit.
    #[must_use]
    pub fn executors(mut self, executors: u32) -> Self {
        self.cpu = self.proof.environment.plan.executors.share_of(executors);
        self.executors = executors;
        self
    }

    /// Puts all executors on one of this number of nodes, and lowers their CPU request so that they fit.
    #[must_use]
    pub fn on_one_of(mut self, nodes: usize) -> Self {
        let executors = u64::from(self.executors.max(1));
        let a_node = executors.div_ceil(nodes.max(1) as u64);
        self.cpu = MilliCpu((self.cpu.0 * a_node / executors).max(1));
        self
    }

    /// Sets the CPU request of each executor.
    #[must_use]
    pub fn cpu(mut self, cpu: MilliCpu) -> Self {
        self.cpu = cpu;
        self
    }

    /// Sets the heap of each executor.
    #[must_use]
    pub fn memory(mut self, memory: MebiBytes) -> Self {
        self.memory = memory;
        self
    }

    /// Sets the CPU limit of each executor.
    #[must_use]
    pub fn cpu_limit(mut self, limit: MilliCpu) -> Self {
        self.cpu_limit = Some(limit);
        self
    }

    /// Sets size and limits of the driver.
    #[must_use]
    pub fn driver_size(mut self, size: DriverSize) -> Self {
        self.driver_size = size;
        self
    }

    /// Sets the templates of pods, as `--pod-template` and `--restricted` do. Replaces a template of
    /// [`SessionBuilder::pod_template`].
    #[must_use]
    pub fn pods(mut self, pods: PodPlan) -> Self {
        self.pods = pods;
        self.conf.retain_keys(|key| !key.contains(".podTemplate"));
        self
    }

    /// Has the namespace enforce Pod Security `restricted` while pods do not comply with it: the control
    /// of `--restricted`.
    #[must_use]
    pub fn enforced(mut self) -> Self {
        self.enforced = true;
        self
    }

    /// Sets how permissions are granted.
    #[must_use]
    pub fn rbac(mut self, rbac: RbacChoice) -> Self {
        self.rbac = rbac;
        self
    }

    /// Leaves out one verb of the least-privilege role.
    #[must_use]
    pub fn without(mut self, resource: &'static str, verb: &'static str) -> Self {
        self.without = Some(Rule { resource, verb });
        self
    }

    /// Sets the image of executors.
    #[must_use]
    pub fn image(mut self, reference: &str) -> Self {
        self.image = Some(reference.to_owned());
        self
    }

    /// Sets the shell that creates it.
    #[must_use]
    pub fn front_end(mut self, front_end: FrontEnd) -> Self {
        self.front_end = front_end;
        self
    }

    /// Creates it in Clojure, with Geni from this class path.
    #[must_use]
    pub fn geni(mut self, class_path: ClassPath) -> Self {
        self.geni = Some(class_path);
        self.front_end(FrontEnd::Geni)
    }

    /// Sets where the driver runs.
    #[must_use]
    pub fn driver(mut self, place: DriverPlace) -> Self {
        self.driver = place;
        self
    }

    /// Sets the driver's address, which executors connect to.
    #[must_use]
    pub fn driver_host(mut self, address: IpAddr) -> Self {
        self.driver_host = Some(address);
        self
    }

    /// Sets the address of this host that the driver listens on.
    #[must_use]
    pub fn driver_bind(mut self, address: IpAddr) -> Self {
        self.driver_bind = Some(address);
        self
    }

    /// Makes the driver run `local[*]` while its `spark.conf` says `k8s://`, as Geni 0.0.33 and later
    /// do (zero-one-group/geni#301). Not for spark-shell, which makes its session itself.
    #[must_use]
    pub fn local_master(self) -> Self {
        self.trap(FaultInjection::EagerSession)
    }

    /// Makes the front end commit this mistake.
    #[must_use]
    pub fn trap(mut self, trap: FaultInjection) -> Self {
        self.trap = Some(trap);
        self
    }

    /// Starts with one executor that has its share of the CPU, and lets Spark add executors up to the
    /// planned number and remove them.
    #[must_use]
    pub fn dynamic_allocation(mut self) -> Self {
        self.executors = 1;
        self.dynamic_allocation = true;
        self
    }

    /// Whether to set [`sparkproof_catalog::plan::conf::STRICT`]: no retries, no errors that Spark
    /// hides.
    #[must_use]
    pub fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    /// Adds a Spark setting; it replaces an earlier one with the same key.
    #[must_use]
    pub fn conf(mut self, key: &str, value: &str) -> Self {
        self.conf.insert(key, value);
        self
    }

    /// Adds a template of the executors' pods, in YAML. The driver is not in a pod, and no strategy
    /// has a template of its own.
    pub fn pod_template(self, yaml: &str) -> Result<Self> {
        let file = self.proof.context.run.dir().join("executor-template.yaml");
        private_file(&file, yaml.as_bytes())?;
        let file = file.display().to_string();
        let named = self.conf("spark.kubernetes.executor.podTemplateFile", &file);
        let container = "spark.kubernetes.executor.podTemplateContainerName";
        Ok(named.conf(container, EXECUTOR_CONTAINER))
    }

    /// Sets the API server's URL of a driver on this host.
    #[must_use]
    pub fn server(mut self, url: &str) -> Self {
        self.server = Some(url.to_owned());
        self
    }

    /// The scenario's context.
    pub fn proof(&self) -> &'a ScenarioContext {
        self.proof
    }

    /// Adds verbs to those that every session needs.
    #[must_use]
    pub fn verbs(mut self, verbs: &[Rule]) -> Self {
        self.verbs.extend(verbs);
        self
    }

    /// CPU request of each executor; a driver in a pod requests the same.
    pub(super) fn shared_cpu(&self) -> MilliCpu {
        let executors = u64::from(self.executors);
        match self.driver {
            DriverPlace::Pod => MilliCpu((self.cpu.0 * executors / (executors + 1)).max(1)),
            DriverPlace::Host | DriverPlace::Container => self.cpu,
        }
    }

    /// CPU request of a driver in a pod.
    pub(super) fn driver_cpu(&self) -> MilliCpu {
        self.driver_size.cpu.unwrap_or_else(|| self.shared_cpu())
    }

    /// The image of a driver in a pod: the session's, with Python if the front end needs it and layers
    /// can be added on the nodes.
    pub(super) async fn driver_image(&self, phase: &str) -> Result<String> {
        let (context, environment) = (&self.proof.context, &self.proof.environment);
        let image = &environment.image;
        // An image from strategies has Python already; a control breaks only the executors' image.
        if let Some(furnished) = self.image.clone().filter(|_| !self.added.layers.is_empty()) {
            return Ok(furnished);
        }
        let Some(engine) =
            environment.engine.as_ref().filter(|_| self.front_end == FrontEnd::Pyspark)
        else {
            return Ok(image.reference.clone());
        };
        let layers = python_layers(context, engine, phase, image).await?;
        let reference = format!("{}-{}-python", image.reference, context.run.id());
        let nodes = environment.cluster.executor_nodes();
        load_layered(context, engine, &nodes, &image.reference, &reference, &layers).await?;
        Ok(reference)
    }
}

impl ScenarioContext {
    /// A builder for the session of the plan.
    pub fn session(&self) -> SessionBuilder<'_> {
        SessionBuilder::of(self)
    }
}
