//! Under which conditions counters are the same in each run.

use std::fmt;

use serde::{Deserialize, Serialize};
use sparkproof_catalog::SparkVersion;
use sparkproof_catalog::plan::ResolvedPlan;

/// The files of which the counters are, by size and number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Files {
    /// Those of the default suite.
    Default,
    /// Those of the full suite.
    Full,
}

/// What counters depend on, besides the variant. The machine's load and what else runs on it change
/// none of them (measured); the front end, the driver's place and the provider should not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conditions {
    /// Spark's version: it brings Hadoop's, whose clients ask each in their own way.
    pub spark: SparkVersion,
    /// Number of executors: one big file is read in as many parts.
    pub executors: u32,
    /// The files.
    pub files: Files,
}

impl Conditions {
    /// Those of a session of this plan, or why no baseline applies to it.
    pub fn of(
        plan: &ResolvedPlan,
        spark: &SparkVersion,
        executors: u32,
        files: Option<Files>,
    ) -> Result<Self, String> {
        if plan.spark.image.is_some() || plan.spark.home.is_some() {
            return Err("baselines are of the Spark that sparkproof composes, not of yours".into());
        }
        if !plan.conf.is_empty() {
            return Err("baselines are of sessions without settings of the user's".into());
        }
        let files = files.ok_or("there is no baseline for files of this size")?;
        Ok(Conditions { spark: spark.clone(), executors, files })
    }
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conditions { spark, executors, files } = self;
        let s = if *executors == 1 { "" } else { "s" };
        let files = match files {
            Files::Default => "default",
            Files::Full => "full",
        };
        write!(f, "Spark {spark}, {executors} executor{s} and the files of the {files} suite")
    }
}
