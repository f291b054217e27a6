//! Files and environment variables of a driver, for all places where it can run.

use std::env::join_paths;
use std::ffi::OsString;
use std::path::Path;

use sparkproof_base::context::Context;
use sparkproof_base::dirs::private_file;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::ledger::labels::RUN_VARIABLE;
use sparkproof_catalog::plan::FrontEnd;
use sparkproof_images::spark::SPARK_HOME_IN_IMAGE;
use sparkproof_kubernetes::cluster::PROXY_VARIABLES;
use tempfile::TempDir;

use super::front_end::DriverProgram;
use super::launch::Launch;

/// Variables that are not inherited: the user's Spark, Hadoop or Kubernetes settings must not
/// change the proof, and Spark's Kubernetes client would use a proxy for every API server.
pub(in crate::session) fn foreign() -> impl Iterator<Item = OsString> {
    const PREFIXES: [&str; 6] = ["SPARK_", "PYSPARK_", "PYTHON", "HADOOP_", "YARN_", "KUBE"];
    let is_foreign = |key: &OsString| {
        let key = key.to_string_lossy();
        PREFIXES.iter().any(|p| key.starts_with(p)) || PROXY_VARIABLES.contains(&&*key)
    };
    std::env::vars_os().map(|(key, _)| key).filter(is_foreign)
}
/// Bytes of a driver's log that are read.
const LOG_BYTES: u64 = 1 << 20;

/// Creates a session's directory in the run's private directory; dropping it removes it.
pub(in crate::session) fn session_dir(context: &Context) -> Result<TempDir> {
    // Lower case letters and digits, since its name is also a label's value.
    let name = format!("session-{:08x}", rand::random::<u32>());
    let made = tempfile::Builder::new().prefix(&name).rand_bytes(0).tempdir_in(context.run.dir());
    made.or_environment("making the session's directory")
}

/// The last part of a driver's log.
pub(in crate::session) fn read_log(path: &Path) -> String {
    use std::io::{Read, Seek, SeekFrom};
    let mut bytes = Vec::new();
    if let Ok(mut file) = std::fs::File::open(path) {
        let size = file.metadata().map_or(0, |m| m.len());
        let _ = file.seek(SeekFrom::Start(size.saturating_sub(LOG_BYTES)));
        let _ = file.take(LOG_BYTES).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

const INIT: &str = include_str!("../../../drivers/container_init.py");

/// The command of a driver that is the main process of a container, and the files that it needs
/// besides those of [`write`]; `inside` is the path of the session's directory in the container.
pub(super) fn contained(dir: &Path, inside: &Path, launch: &Launch<'_>) -> Result<Vec<String>> {
    let words = launch.front_end.command(inside, launch)?;
    let mut words: Vec<String> =
        words.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    if launch.front_end == FrontEnd::Pyspark {
        private_file(&dir.join("init.py"), INIT.as_bytes())?;
        // Runs the program with its own Python.
        words.insert(1, inside.join("init.py").display().to_string());
    }
    Ok(words)
}

/// The end of the output, for errors.
pub(in crate::session) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(12)..].join("\n")
}

/// Creates a driver's program and directories.
pub(super) fn write(dir: &Path, front_end: FrontEnd) -> Result<()> {
    for made in ["tmp", "scratch"] {
        fs_err::create_dir(dir.join(made)).or_environment("preparing the driver")?;
    }
    for (name, text) in front_end.files() {
        private_file(&dir.join(name), text.as_bytes())?;
    }
    Ok(())
}

/// A driver's environment variables; `dir` is the path of the session's directory for the driver.
pub(super) fn environment(
    context: &Context,
    dir: &Path,
    launch: &Launch<'_>,
) -> Result<Vec<(&'static str, OsString)>> {
    let temporary = dir.join("tmp");
    let mut all = launch.front_end.environment(context, dir, launch)?;
    if launch.in_image {
        all.push(("SPARK_HOME", SPARK_HOME_IN_IMAGE.into()));
    } else {
        all.extend(launch.java_home.map(|home| ("JAVA_HOME", home.into())));
        all.push(("KUBECONFIG", launch.kubeconfig.into()));
        all.extend(launch.proxy.map(|proxy| ("HTTPS_PROXY", proxy.into())));
        all.push(("SPARK_HOME", launch.spark_home.into()));
    }
    if !launch.jars.is_empty() {
        // Unlike `spark.driver.extraClassPath` behind the jars of Spark: before them no archive of
        // classes fits.
        all.push(("SPARK_DIST_CLASSPATH", join_paths(launch.jars).or_input("a path with `:`")?));
    }
    all.extend([
        (RUN_VARIABLE, context.run.label().as_str().into()),
        // Does not exist: its content would go into the executors' ConfigMap, and a JVM takes an
        // archive of classes only if no directory stands before the jars.
        ("SPARK_CONF_DIR", dir.join("conf").into()),
        // In other locales the JVM does not find files with non-ASCII names.
        ("LC_ALL", "C.UTF-8".into()),
        // The driver's JVM plans only a few small jobs: the full compiler took half of the CPU time
        // up to a started session (11 s against 6 s).
        (
            "SPARK_SUBMIT_OPTS",
            format!(
                "-Djava.io.tmpdir={} -XX:-UsePerfData -XX:TieredStopAtLevel=1{}{}",
                temporary.display(),
                launch.front_end.jvm_options(dir),
                launch.archive.map_or(String::new(), |archive| {
                    format!(" -XX:SharedArchiveFile={}", archive.display())
                })
            )
            .into(),
        ),
        // Temporary files are removed with the session, even after kill -9. Not set by
        // SPARK_LOCAL_DIRS or spark.local.dir, since Spark would mount that path into the
        // executors.
        ("TMPDIR", temporary.into()),
    ]);
    Ok(all)
}
