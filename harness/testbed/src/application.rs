//! Example jobs as applications in cluster mode, and the image with these jobs.

use std::collections::BTreeMap;

use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::JarSet;
use sparkproof_images::load_layered;
use sparkproof_images::spark::{
    EXAMPLE_JAR, EXAMPLE_PYTHON, SparkImage, example_layers, jar_layer, jars,
};
use sparkproof_spark::session::{ApplicationSpec, jar};

use crate::ScenarioContext;

impl ScenarioContext {
    /// The session's image with example jobs and Python, loaded onto every node for drivers.
    ///
    /// # Errors
    /// Environment: the nodes are not sparkproof's own, or layers cannot be added to the image.
    pub async fn example_image(&self) -> Result<SparkImage> {
        self.image_with("examples", None).await
    }

    /// As [`ScenarioContext::example_image`], with the jars that read S3.
    ///
    /// # Errors
    /// As [`ScenarioContext::example_image`]; also a Hadoop whose jars are not known.
    pub async fn dependency_image(&self) -> Result<SparkImage> {
        self.image_with("dependencies", Some(JarSet::S3)).await
    }

    async fn image_with(&self, what: &str, set: Option<JarSet>) -> Result<SparkImage> {
        let (context, environment) = (&self.context, &self.environment);
        let phase = context.recorder.phase(what);
        let made = async {
            let engine = environment.engine.as_ref().ok_or_else(|| {
                Error::environment("layers can be added to images only on sparkproof's own nodes")
            })?;
            let image = &environment.image;
            let jar = jar(context, phase.name(), &image.spark_home, &image.version).await?;
            let mut layers = example_layers(context, engine, phase.name(), image, &jar).await?;
            if let Some(set) = set {
                let jars = jars(context, phase.name(), image, set).await?;
                // Below this run's layers: the nodes may have it from sessions that read files.
                layers.insert(0, jar_layer(&jars).await?);
            }
            let reference = format!("{}-{}-{what}", image.reference, context.run.id());
            let nodes = environment.cluster.executor_nodes();
            let loading =
                load_layered(context, engine, &nodes, &image.reference, &reference, &layers);
            let loaded = loading.await?;
            Ok((SparkImage { reference, ..image.clone() }, loaded))
        }
        .await;
        phase.end(made, |(image, loaded)| format!("{}, {loaded}", image.reference)).map(|m| m.0)
    }

    /// Estimates π by random throws, on the JVM.
    pub fn pi(&self, executors: u32) -> ApplicationSpec {
        let class = Some("sparkproof.Pi".to_owned());
        self.example("pi-jvm", class, format!("local://{EXAMPLE_JAR}"), executors)
    }

    /// Spark's own example `pi.py`.
    pub fn python_pi(&self, executors: u32) -> ApplicationSpec {
        self.example("pi-python", None, format!("local://{EXAMPLE_PYTHON}"), executors)
    }

    /// Driver and executors share the CPU that the plan gives to executors.
    fn example(
        &self,
        name: &str,
        class: Option<String>,
        resource: String,
        executors: u32,
    ) -> ApplicationSpec {
        let plan = &self.environment.plan;
        let (planned, size) = (&plan.executors, &plan.driver_size);
        let cpu = planned.share_of(executors + 1);
        let driver_cpu = size.cpu.unwrap_or(cpu);
        ApplicationSpec {
            name: name.to_owned(),
            resource,
            class,
            arguments: vec![(executors * 4).to_string()],
            executors,
            cpu: cpu.to_string(),
            memory: format!("{}m", planned.memory.0),
            driver_cpu: driver_cpu.to_string(),
            driver_memory: format!("{}m", size.memory.unwrap_or(planned.memory).0),
            driver_cpu_limit: size.limit(driver_cpu).to_string(),
            executor_cpu_limit: planned.cpu_limit.map(|limit| limit.to_string()),
            conf_files: BTreeMap::new(),
            driver_template: None,
            pods: plan.pods.clone(),
            class_path: Vec::new(),
            conf: plan.conf.clone(),
            deadline: plan.session_timeout,
        }
    }
}
