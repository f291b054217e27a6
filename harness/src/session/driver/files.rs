//! What a driver finds on disk and in its environment, wherever it runs.

use std::ffi::OsString;
use std::path::Path;

use tempfile::TempDir;

use super::Launch;
use crate::context::Context;
use crate::dirs::private_file;
use crate::error::{OrFail, Result};
use crate::ledger::labels::RUN_VARIABLE;

const PYSPARK: &str = include_str!("../../../drivers/pyspark_driver.py");
/// Nothing of the user's Spark, Hadoop or Kubernetes may decide what is proven: variables with these
/// prefixes are not handed on.
pub(in crate::session) const FOREIGN: [&str; 6] =
    ["SPARK_", "PYSPARK_", "PYTHON", "HADOOP_", "YARN_", "KUBE"];
/// How much of a driver's log is read.
const LOG_BYTES: u64 = 1 << 20;

/// A directory of a session in the run's private directory; gone when dropped.
pub(in crate::session) fn session_dir(context: &Context) -> Result<TempDir> {
    // Lower case and digits: its name is a label's value, too.
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

/// Makes a driver's program and directories.
pub(super) fn write(dir: &Path) -> Result<()> {
    for made in ["conf", "tmp", "scratch"] {
        fs_err::create_dir(dir.join(made)).or_environment("preparing the driver")?;
    }
    private_file(&dir.join("driver.py"), PYSPARK.as_bytes())
}

/// A driver's environment variables. Its paths are the same in a container.
pub(super) fn environment(
    context: &Context,
    dir: &Path,
    launch: &Launch<'_>,
) -> Result<Vec<(&'static str, OsString)>> {
    let temporary = dir.join("tmp");
    let properties = dir.join("properties");
    Ok(vec![
        (RUN_VARIABLE, context.run.id().into()),
        ("SPARKPROOF_SOCKET", dir.join("socket").into()),
        ("KUBECONFIG", launch.kubeconfig.into()),
        ("SPARK_HOME", launch.spark_home.into()),
        // What lies there goes into the executors' ConfigMap: nothing.
        ("SPARK_CONF_DIR", dir.join("conf").into()),
        (
            "PYSPARK_SUBMIT_ARGS",
            format!("--properties-file '{}' pyspark-shell", properties.display()).into(),
        ),
        ("PYTHONPATH", python_path(launch.spark_home)?),
        // The distribution is a cache entry or the user's: nothing is written into it.
        ("PYTHONPYCACHEPREFIX", context.dirs.cache.join("pycache").into()),
        ("PYTHONUNBUFFERED", "1".into()),
        // In another locale the JVM finds no file whose name is not ASCII.
        ("LC_ALL", "C.UTF-8".into()),
        // The driver's JVM plans a few small jobs: compiling for the long run took half of its CPU
        // time up to a started session (11 s against 6 s).
        (
            "SPARK_SUBMIT_OPTS",
            format!(
                "-Djava.io.tmpdir={} -XX:-UsePerfData -XX:TieredStopAtLevel=1",
                temporary.display()
            )
            .into(),
        ),
        // Temporary files go with the session, even after kill -9. Not by SPARK_LOCAL_DIRS or
        // spark.local.dir: Spark would mount that path into the executors.
        ("TMPDIR", temporary.into()),
    ])
}

/// PySpark and py4j as the distribution carries them.
fn python_path(spark_home: &Path) -> Result<OsString> {
    let python = spark_home.join("python");
    let lib = fs_err::read_dir(python.join("lib")).or_input("looking for PySpark")?;
    let zips = lib.filter_map(|e| Some(e.ok()?.path()));
    let py4j =
        zips.filter(|p| p.file_name().is_some_and(|n| n.to_string_lossy().starts_with("py4j-")));
    std::env::join_paths(std::iter::once(python.clone()).chain(py4j)).or_input("a path with `:`")
}
