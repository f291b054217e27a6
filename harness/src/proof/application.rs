//! Spark's own examples as applications.

use super::Proof;
use crate::error::{Error, OrFail, Result};
use crate::plan::MilliCpu;
use crate::session::ApplicationSpec;

impl Proof {
    /// Spark's `SparkPi` with this many executors: its log says `Pi is roughly 3.1…`. Driver and
    /// executors share what the plan gives to executors.
    ///
    /// # Errors
    /// Environment: the distribution has no examples.
    pub fn pi(&self, executors: u32) -> Result<ApplicationSpec> {
        let class = Some("org.apache.spark.examples.SparkPi".to_owned());
        let jar = self.examples_jar()?;
        Ok(self.example("spark-pi", class, format!("local:///opt/spark/{jar}"), executors))
    }

    fn example(
        &self,
        name: &str,
        class: Option<String>,
        resource: String,
        executors: u32,
    ) -> ApplicationSpec {
        let plan = &self.environment.plan;
        let planned = &plan.executors;
        let share = planned.cpu.0 * u64::from(planned.count) / u64::from(executors + 1);
        ApplicationSpec {
            name: name.to_owned(),
            resource,
            class,
            arguments: vec![(executors * 4).to_string()],
            executors,
            cpu: MilliCpu(share.clamp(1, 1000)).to_string(),
            memory: format!("{}m", planned.memory.0),
            conf: plan.conf.clone(),
            deadline: plan.session_timeout,
        }
    }

    /// Its path in a distribution and in an image: Scala's and Spark's versions are in its name.
    fn examples_jar(&self) -> Result<String> {
        let dir = self.environment.image.spark_home.join("examples/jars");
        let found = fs_err::read_dir(&dir).or_environment("looking for Spark's examples")?;
        let names = found.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let jar = names.into_iter().find(|name| name.starts_with("spark-examples_"));
        let jar = jar.ok_or_else(|| {
            Error::environment(format!("{} holds no spark-examples_*.jar", dir.display()))
        })?;
        Ok(format!("examples/jars/{jar}"))
    }
}
