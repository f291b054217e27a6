//! The probe: a jar that says from inside executors where they run, and serves requests in the JVM of
//! a front end. Source in `harness/probe`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_catalog::SparkVersion;
use sparkproof_images::{Cache, Key};
use sparkproof_machine::engine::LinuxDistribution;
use sparkproof_machine::exec::Tool;

/// Every file of the package `sparkproof`.
const SOURCES: [(&str, &str); 14] = [
    ("Answers.java", include_str!("../../probe/src/sparkproof/Answers.java")),
    ("Blocks.java", include_str!("../../probe/src/sparkproof/Blocks.java")),
    ("Conf.java", include_str!("../../probe/src/sparkproof/Conf.java")),
    ("Failure.java", include_str!("../../probe/src/sparkproof/Failure.java")),
    ("Frame.java", include_str!("../../probe/src/sparkproof/Frame.java")),
    ("Listing.java", include_str!("../../probe/src/sparkproof/Listing.java")),
    ("Load.java", include_str!("../../probe/src/sparkproof/Load.java")),
    ("Mount.java", include_str!("../../probe/src/sparkproof/Mount.java")),
    ("Pi.java", include_str!("../../probe/src/sparkproof/Pi.java")),
    ("Probe.java", include_str!("../../probe/src/sparkproof/Probe.java")),
    ("Read.java", include_str!("../../probe/src/sparkproof/Read.java")),
    ("Serve.java", include_str!("../../probe/src/sparkproof/Serve.java")),
    ("Shell.java", include_str!("../../probe/src/sparkproof/Shell.java")),
    ("Thrown.java", include_str!("../../probe/src/sparkproof/Thrown.java")),
];
/// Of the results read here.
const SCHEMA: u32 = 2;

/// The result of a barrier stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BarrierResult {
    /// Version of this schema.
    pub schema: u32,
    /// One a task, by partition.
    pub tasks: Vec<BarrierTask>,
}

/// What a barrier task says of the executor it ran on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BarrierTask {
    /// Partition number.
    pub partition: u32,
    /// Executor id, e.g. `1`; `driver` in local mode.
    pub executor: String,
    /// Host name: a pod's name, cut to 63 characters.
    pub host: String,
    /// Pod name as Spark gave it to the executor (3.3 and later).
    pub pod_name: Option<String>,
    /// Pod address as Kubernetes gave it to the executor.
    pub pod_ip: Option<String>,
    /// Java version.
    pub java: String,
    /// User id of the process.
    pub uid: u32,
    /// User name of the process.
    pub user: String,
    /// When the task began, milliseconds since 1970, executor's clock.
    pub start_millis: u64,
    /// When it ended.
    pub end_millis: u64,
}

/// Refuses a result of another schema than the one read here.
pub(super) fn checked<T>(schema: u32, result: T) -> Result<T> {
    if schema == SCHEMA {
        return Ok(result);
    }
    Err(Error::internal(format!("probe schema {schema}, expected {SCHEMA}")))
}

/// The probe's jar, compiled against a distribution: Java 8 bytecode, the same bytes for the same
/// compiler. From the cache, or built with the JDK on `PATH`.
pub async fn jar(
    context: &Context,
    phase: &str,
    spark_home: &Path,
    version: &SparkVersion,
) -> Result<PathBuf> {
    let key = Key::new("probe").with("spark", version.to_string());
    let key = SOURCES.iter().fold(key, |key, (name, text)| key.with(name, text));
    let step = StepGuard::begin(&context.recorder, phase, "probe jar".into());
    let entry = Cache::of(context)
        .entry(context, &key, step, async |dir, _| build(context, spark_home, dir).await)
        .await?;
    Ok(entry.keep().join("probe.jar"))
}

async fn build(context: &Context, spark_home: &Path, dir: &Path) -> Result<()> {
    let source = dir.join("sparkproof");
    let classes = dir.join("classes");
    for made in [&source, &classes] {
        fs_err::create_dir_all(made).or_environment("building the probe")?;
    }
    for (name, text) in SOURCES {
        fs_err::write(source.join(name), text).or_environment("building the probe")?;
    }
    let need_jdk = |e: Error| {
        Error::environment("building the probe jar").with_source(e).remedy(format!(
            "a JDK of at least 17.0.3 builds it: {}",
            LinuxDistribution::here().how_to_get("javac")
        ))
    };
    Tool::new("javac")
        .args(["--release", "8", "-Xlint:-options", "-cp"])
        .args([format!("{}/jars/*", spark_home.display())])
        .args(["-d", "classes"])
        .args(SOURCES.map(|(name, _)| format!("sparkproof/{name}")))
        .dir(dir)
        .deadline(Duration::from_secs(180))
        .run(context)
        .await
        .map_err(need_jdk)?;
    let mut files = Vec::new();
    for file in walkdir::WalkDir::new(&classes).sort_by_file_name() {
        let file = file.or_environment("building the probe")?;
        if file.file_type().is_file() {
            let name = file.path().strip_prefix(&classes).or_internal("building the probe")?;
            files.extend([PathBuf::from("-C"), classes.clone(), name.to_owned()]);
        }
    }
    // The order, the times and no manifest, which would name the JDK: the same jar every time.
    Tool::new("jar")
        .args(["--create", "--no-manifest", "--date", "2000-01-01T00:00:00Z"])
        .args(["--file", "probe.jar"])
        .args(files)
        .dir(dir)
        .run(context)
        .await
        .map_err(need_jdk)?;
    Ok(())
}
