//! The probe: a jar that reports from inside executors where they run, and serves requests in a
//! front end's JVM.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_catalog::SparkVersion;
use sparkproof_images::{Cache, Key};
use sparkproof_judge::BarrierTask;
use sparkproof_machine::engine::LinuxDistribution;
use sparkproof_machine::exec::Tool;

/// The sources: every file of the package `sparkproof`.
const SOURCES: [(&str, &str); 17] = [
    ("Answers.java", include_str!("../../probe/src/sparkproof/Answers.java")),
    ("Blocks.java", include_str!("../../probe/src/sparkproof/Blocks.java")),
    ("Burn.java", include_str!("../../probe/src/sparkproof/Burn.java")),
    ("Conf.java", include_str!("../../probe/src/sparkproof/Conf.java")),
    ("Cost.java", include_str!("../../probe/src/sparkproof/Cost.java")),
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
    ("Workload.java", include_str!("../../probe/src/sparkproof/Workload.java")),
];
/// Version of the results' schema.
const SCHEMA: u32 = 3;

/// The result of a barrier stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BarrierResult {
    /// Version of this schema.
    pub schema: u32,
    /// One result for each task, by partition.
    pub tasks: Vec<BarrierTask>,
}

/// Refuses a result with another schema version.
pub(super) fn checked<T>(schema: u32, result: T) -> Result<T> {
    if schema == SCHEMA {
        return Ok(result);
    }
    Err(Error::internal(format!("probe schema {schema}, expected {SCHEMA}")))
}

/// The probe's jar, from the cache or built with the JDK on `PATH` against a distribution: Java 8
/// bytecode, reproducible for the same compiler.
pub async fn jar(
    context: &Context,
    phase: &str,
    spark_home: &Path,
    version: &SparkVersion,
) -> Result<PathBuf> {
    let key = Key::new("probe").with("spark", version.to_string());
    let key = SOURCES.iter().fold(key, |key, (name, text)| key.with(name, text));
    let step = StepGuard::begin(&context.recorder, phase, "probe jar".into());
    let entry = Cache::new(context)
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
    // Fixed order and times, and no manifest, which would name the JDK: a reproducible jar.
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
