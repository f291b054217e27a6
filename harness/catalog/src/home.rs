//! Reads the version of a user's Spark distribution.

use std::path::{Path, PathBuf};

use sparkproof_base::error::{Error, Result};

use crate::SparkVersion;

/// A user's distribution, looked at once.
#[derive(Debug)]
pub struct SparkHome {
    /// Its absolute directory.
    pub dir: PathBuf,
    /// Spark's version.
    pub version: SparkVersion,
    /// Scala's binary version, e.g. `2.12`.
    pub scala: String,
}

impl SparkHome {
    /// Looks at a directory.
    ///
    /// # Errors
    /// Bad input: it holds no distribution with Kubernetes.
    pub fn open(home: &Path) -> Result<Self> {
        let bad = |why: String| {
            Error::input(format!("--spark-home {}: {why}", home.display()))
                .remedy("unpack an official Spark distribution and name its directory")
        };
        let dir = home.canonicalize().map_err(|e| bad(e.to_string()))?;
        for file in ["bin/spark-submit", "bin/docker-image-tool.sh", "RELEASE", "jars"] {
            if !dir.join(file).exists() {
                return Err(bad(format!("no {file} there, expected a Spark distribution")));
            }
        }
        let (scala, version) = kubernetes_jar(&dir).ok_or_else(|| {
            bad("no jars/spark-kubernetes_*.jar: built without Kubernetes".into())
        })?;
        Ok(SparkHome { dir, version: version.parse()?, scala })
    }
}

/// The versions of Scala and Spark, by the name of a jar.
fn kubernetes_jar(home: &Path) -> Option<(String, String)> {
    let names = fs_err::read_dir(home.join("jars")).ok()?;
    names.filter_map(|jar| jar.ok()?.file_name().into_string().ok()).find_map(|name| {
        let rest = name.strip_prefix("spark-kubernetes_")?.strip_suffix(".jar")?;
        let (scala, version) = rest.split_once('-')?;
        Some((scala.to_owned(), version.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::FrontEnd;
    use crate::spark::check_scala;

    #[test]
    fn a_home_that_is_none_is_bad_input() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let error = SparkHome::open(keep.path()).expect_err("empty");
        assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
        assert!(error.to_string().contains("no bin/spark-submit"), "{error}");
        let error = SparkHome::open(Path::new("/nowhere")).expect_err("missing");
        assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
    }

    #[test]
    fn a_home_tells_its_version_by_its_jars() {
        let keep = tempfile::tempdir().expect("temporary directory");
        for dir in ["bin", "jars"] {
            std::fs::create_dir(keep.path().join(dir)).expect("made");
        }
        for file in ["bin/spark-submit", "bin/docker-image-tool.sh", "RELEASE"] {
            std::fs::write(keep.path().join(file), "").expect("written");
        }
        assert!(
            SparkHome::open(keep.path()).expect_err("no jar").to_string().contains("Kubernetes")
        );
        std::fs::write(keep.path().join("jars/spark-kubernetes_2.12-3.5.9.jar"), "").expect("w");
        assert_eq!(
            SparkHome::open(keep.path()).expect("valid").version,
            SparkVersion::new(3, 5, 9)
        );
        let check_home = |front_end| {
            let home = SparkHome::open(keep.path()).expect("valid");
            check_scala(front_end, home.version, &home.scala)
        };
        check_home(FrontEnd::Geni).expect("Scala 2.12");
        std::fs::remove_file(keep.path().join("jars/spark-kubernetes_2.12-3.5.9.jar")).expect("r");
        std::fs::write(keep.path().join("jars/spark-kubernetes_2.13-3.5.9.jar"), "").expect("w");
        check_home(FrontEnd::SparkShell).expect("any Scala");
        let error = check_home(FrontEnd::Geni).expect_err("Scala 2.13");
        assert!(error.to_string().contains("Geni is built for Scala 2.12"), "{error}");
    }
}
