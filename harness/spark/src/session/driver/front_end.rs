//! The differences between front ends: program, command line, environment.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_catalog::plan::FrontEnd;
use sparkproof_images::spark::PYTHON_IN_IMAGE;

use super::launch::Launch;

const PYSPARK: &str = include_str!("../../../drivers/pyspark_driver.py");
const SPARK_SHELL: &str = include_str!("../../../drivers/spark_shell.sh");
const GENI: &str = include_str!("../../../drivers/geni.sh");
const GENI_INPUT: &str = include_str!("../../../drivers/geni_driver.clj");
const SPARK_SHELL_INPUT: &str = include_str!("../../../drivers/spark_shell.scala");

/// How a front end is started as a driver.
pub(in crate::session) trait DriverProgram: Copy {
    /// Whether it is a JVM, which creates its session before it connects. Otherwise it is a program
    /// that launches the JVM on request.
    fn is_jvm(self) -> bool;

    /// Its files in the session's directory: name and text.
    fn files(self) -> &'static [(&'static str, &'static str)];

    /// Its command line, for the session's directory. Bad input: the session lacks a class path.
    fn command(self, dir: &Path, launch: &Launch<'_>) -> Result<Vec<OsString>>;

    /// JVM options besides those of every front end.
    fn jvm_options(self, dir: &Path) -> String;

    /// Environment variables besides those of every front end.
    fn environment(
        self,
        context: &Context,
        dir: &Path,
        launch: &Launch<'_>,
    ) -> Result<Vec<(&'static str, OsString)>>;

    /// The remedy if it cannot be started: what it needs on this host.
    fn needs(self) -> &'static str;
}

impl DriverProgram for FrontEnd {
    fn is_jvm(self) -> bool {
        match self {
            FrontEnd::Pyspark => false,
            FrontEnd::SparkShell | FrontEnd::Geni => true,
        }
    }

    fn files(self) -> &'static [(&'static str, &'static str)] {
        match self {
            FrontEnd::Pyspark => &[("driver.py", PYSPARK)],
            FrontEnd::SparkShell => {
                &[("driver.sh", SPARK_SHELL), ("driver.scala", SPARK_SHELL_INPUT)]
            }
            FrontEnd::Geni => &[("driver.sh", GENI), ("driver.clj", GENI_INPUT)],
        }
    }

    fn command(self, dir: &Path, launch: &Launch<'_>) -> Result<Vec<OsString>> {
        Ok(match self {
            FrontEnd::Pyspark => vec!["python3".into(), dir.join("driver.py").into()],
            FrontEnd::SparkShell => {
                vec!["sh".into(), dir.join("driver.sh").into(), dir.into(), launch.app_name.into()]
            }
            FrontEnd::Geni => {
                let no_geni = || Error::input("a session in Geni without a class path of it");
                let class_path = launch.geni.ok_or_else(no_geni)?.to_string();
                vec!["sh".into(), dir.join("driver.sh").into(), dir.into(), class_path.into()]
            }
        })
    }

    fn jvm_options(self, dir: &Path) -> String {
        match self {
            FrontEnd::Pyspark | FrontEnd::Geni => String::new(),
            // Keeps the typed line out of the user's history (`.scala_history`; since Scala 2.13
            // another file, which no property sets).
            FrontEnd::SparkShell => format!(" -Duser.home={}", dir.join("scratch").display()),
        }
    }

    fn environment(
        self,
        context: &Context,
        dir: &Path,
        launch: &Launch<'_>,
    ) -> Result<Vec<(&'static str, OsString)>> {
        let arguments =
            || format!("--properties-file '{}' pyspark-shell", dir.join("properties").display());
        Ok(match self {
            FrontEnd::Pyspark => vec![
                ("SPARKPROOF_PIPES", dir.into()),
                ("PYSPARK_SUBMIT_ARGS", arguments().into()),
                ("PYTHONPATH", python_path(launch)?),
                // Nothing must be written into the distribution, which is a cache entry or the
                // user's.
                ("PYTHONPYCACHEPREFIX", pycache(context, dir, launch).into()),
                ("PYTHONUNBUFFERED", "1".into()),
            ],
            FrontEnd::SparkShell => vec![("SPARKPROOF_PIPES", dir.into())],
            FrontEnd::Geni => {
                let trap = launch.trap.map(|trap| ("SPARKPROOF_TRAP", trap.name().into()));
                [("SPARKPROOF_PIPES", dir.into())].into_iter().chain(trap).collect()
            }
        })
    }

    fn needs(self) -> &'static str {
        match self {
            FrontEnd::Pyspark => "it needs python3 and a Java runtime on PATH (or JAVA_HOME)",
            FrontEnd::Geni => "it needs a Java runtime on PATH (or JAVA_HOME)",
            FrontEnd::SparkShell => "it needs bash and a Java runtime on PATH (or JAVA_HOME)",
        }
    }
}

/// Directory of compiled Python; drivers on this host share it.
pub(super) fn pycache(context: &Context, dir: &Path, launch: &Launch<'_>) -> PathBuf {
    match launch.in_image {
        true => dir.join("tmp"),
        false => context.dirs.cache.join("pycache"),
    }
}

/// PySpark and py4j as the distribution carries them; an image has PySpark as a zip.
fn python_path(launch: &Launch<'_>) -> Result<OsString> {
    let python = launch.spark_home.join("python");
    let lib = fs_err::read_dir(python.join("lib")).or_input("looking for PySpark")?;
    let zips = lib.filter_map(|e| Some(e.ok()?.file_name().to_string_lossy().into_owned()));
    let py4j: Vec<String> = zips.filter(|name| name.starts_with("py4j-")).collect();
    let (first, lib) = match launch.in_image {
        true => (Path::new(PYTHON_IN_IMAGE).join("pyspark.zip"), Path::new(PYTHON_IN_IMAGE)),
        false => (python.clone(), &*python.join("lib")),
    };
    let all = std::iter::once(first).chain(py4j.iter().map(|zip| lib.join(zip)));
    std::env::join_paths(all).or_input("a path with `:`")
}
