//! Spark distributions: the directory a driver has as its `SPARK_HOME` and images are built from.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::java;
use super::versions::{SparkVersion, check_scala, find};
use crate::context::Context;
use crate::engine::LinuxDistribution;
use crate::error::{Error, OrFail, Result};
use crate::events::StepGuard;
use crate::exec::Tool;
use crate::images::{Cache, Key};
use crate::plan::FrontEnd;

const DOCKERFILE: &str = include_str!("../../../../images/spark/Dockerfile");
const ENTRYPOINT: &str = include_str!("../../../../images/spark/entrypoint.sh");
const DECOM: &str = include_str!("../../../../images/spark/decom.sh");
/// Changes with the layout made here.
const LAYOUT: &str = "1";

/// A Spark distribution on disk.
#[derive(Debug, Clone)]
pub struct Distribution {
    /// Its directory.
    pub home: PathBuf,
    /// E.g. `3.5.9`.
    pub version: String,
    /// The Java it needs, when we bring it; none for the host's.
    pub java_home: Option<PathBuf>,
}

/// A distribution composed of PyPI's package, which lacks what images are built with, and our
/// Dockerfile and entrypoint: laid out as the official one, so that `bin/docker-image-tool.sh`
/// works. From the cache, or downloaded by pip (its index, proxy and certificates apply).
/// `phase` owns the progress.
pub async fn composed(context: &Context, phase: &str, version: &str) -> Result<Distribution> {
    let version = find(version)?;
    let step = StepGuard::begin(
        &context.recorder,
        phase,
        format!("Spark {} distribution", version.version),
    );
    let home = Cache::of(context)
        .entry(context, &key(version), step, async |dir, step| {
            step.progress(format!("downloading {} MB", version.bytes / 1_000_000));
            let package = download(context, version, dir).await?;
            step.progress("unpacking");
            let target = dir.to_owned();
            let number = version.version.clone();
            tokio::task::spawn_blocking(move || compose(&package, &target, &number))
                .await
                .or_internal("unpacking")?
        })
        .await?
        .keep();
    let java_home = java::home(context, phase, version).await?;
    Ok(Distribution { home, version: version.version.clone(), java_home })
}

/// The key of a composed distribution: also an input of images built from it.
pub(super) fn key(version: &SparkVersion) -> Key {
    Key::new(&format!("spark-{}", version.version))
        .with("package", &version.sha256)
        .with("layout", LAYOUT)
        .with("dockerfile", DOCKERFILE)
        .with("entrypoint", ENTRYPOINT)
        .with("decom", DECOM)
}

async fn download(context: &Context, version: &SparkVersion, dir: &Path) -> Result<PathBuf> {
    let name = format!("pyspark-{}", version.version);
    let requirements = dir.join("requirements.txt");
    let pinned = format!("pyspark=={} --hash=sha256:{}\n", version.version, version.sha256);
    fs_err::write(&requirements, pinned).or_environment("writing requirements.txt")?;
    Tool::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"])
        .args(["--no-cache-dir", "--require-hashes", "--requirement", "requirements.txt"])
        .dir(dir)
        .deadline(Duration::from_secs(1800))
        .run(context)
        .await
        .map_err(|e| {
            Error::environment(format!("downloading {name} from the Python package index"))
                .because(e)
                .remedy(format!(
                    "give pip an index that answers (pip itself: {}), or name a distribution by \
                     --spark-home",
                    LinuxDistribution::here().how_to_get("pip")
                ))
        })?;
    fs_err::remove_file(requirements).or_environment("removing requirements.txt")?;
    Ok(dir.join(format!("{name}.tar.gz")))
}

/// Unpacks the package into the official layout and adds what it lacks.
fn compose(package: &Path, home: &Path, version: &str) -> Result<()> {
    let what = || format!("unpacking {}", package.display());
    let file = fs_err::File::open(package).or_environment(what())?;
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(file));
    for entry in archive.entries().or_environment(what())? {
        let mut entry = entry.or_environment(what())?;
        let path = entry.path().or_environment(what())?.into_owned();
        let Some(place) = place(&path) else { continue };
        let place = home.join(place);
        if let Some(parent) = place.parent() {
            fs_err::create_dir_all(parent).or_environment(what())?;
        }
        entry.unpack(&place).or_environment(what())?;
    }
    fs_err::remove_file(package).or_environment(what())?;

    let docker = home.join("kubernetes/dockerfiles/spark");
    fs_err::create_dir_all(&docker).or_environment(what())?;
    let release = format!("Spark {version} composed by sparkproof from PyPI's pyspark\n");
    for (path, text) in [
        (home.join("RELEASE"), release.as_str()),
        (docker.join("Dockerfile"), DOCKERFILE),
        (docker.join("entrypoint.sh"), ENTRYPOINT),
        (docker.join("decom.sh"), DECOM),
    ] {
        fs_err::write(path, text).or_environment(what())?;
    }
    for dir in [home.join("bin"), home.join("sbin"), docker] {
        for script in fs_err::read_dir(dir).or_environment(what())? {
            executable(&script.or_environment(what())?.path()).or_environment(what())?;
        }
    }
    Ok(())
}

/// Where a file of the package belongs, relative to the distribution; none when it does not.
fn place(path: &Path) -> Option<PathBuf> {
    let inner: PathBuf = path.components().skip(1).collect();
    let python = Path::new("python");
    if let Ok(rest) = inner.strip_prefix("deps") {
        // Windows' scripts have no use here.
        return (rest.extension().is_none_or(|e| e != "cmd") && rest != Path::new(""))
            .then(|| rest.to_owned());
    }
    if inner.starts_with("pyspark") {
        return Some(python.join(inner));
    }
    // The zips are what `bin/pyspark` puts on PYTHONPATH.
    inner.starts_with("lib").then(|| python.join(inner))
}

fn executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if path.extension().is_some_and(|e| e != "sh") || !path.is_file() {
        return Ok(());
    }
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755))
}

/// A distribution of the user's; anything else is bad input.
pub fn of_home(home: &Path) -> Result<Distribution> {
    let bad = |why: String| {
        Error::input(format!("--spark-home {}: {why}", home.display()))
            .remedy("unpack an official Spark distribution and name its directory")
    };
    let home = home.canonicalize().map_err(|e| bad(e.to_string()))?;
    for file in ["bin/spark-submit", "bin/docker-image-tool.sh", "RELEASE", "jars"] {
        if !home.join(file).exists() {
            return Err(bad(format!("no {file} there, expected a Spark distribution")));
        }
    }
    let (_, version) = kubernetes_jar(&home)
        .ok_or_else(|| bad("no jars/spark-kubernetes_*.jar: built without Kubernetes".into()))?;
    Ok(Distribution { home, version, java_home: None })
}

/// Refuses a front end that a distribution of the user's cannot have.
///
/// # Errors
/// Bad input.
pub fn check_home(home: &Path, front_end: FrontEnd) -> Result<()> {
    match kubernetes_jar(home) {
        Some((scala, version)) => check_scala(front_end, &version, &scala),
        // Another check says what that is.
        None => Ok(()),
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

    #[test]
    fn files_of_the_package_find_their_place() {
        let at = |path| place(Path::new(path)).map(|p| p.display().to_string());
        assert_eq!(at("pyspark-1/deps/jars/a.jar").as_deref(), Some("jars/a.jar"));
        assert_eq!(at("pyspark-1/deps/bin/spark-submit").as_deref(), Some("bin/spark-submit"));
        assert_eq!(at("pyspark-1/deps/bin/spark-submit.cmd"), None);
        assert_eq!(at("pyspark-1/pyspark/sql/x.py").as_deref(), Some("python/pyspark/sql/x.py"));
        assert_eq!(at("pyspark-1/lib/pyspark.zip").as_deref(), Some("python/lib/pyspark.zip"));
        assert_eq!(at("pyspark-1/setup.py"), None);
    }

    #[test]
    fn a_home_that_is_none_is_bad_input() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let error = of_home(keep.path()).expect_err("empty");
        assert_eq!(error.exit, crate::Exit::BadInput);
        assert!(error.to_string().contains("no bin/spark-submit"), "{error}");
        let error = of_home(Path::new("/nowhere")).expect_err("missing");
        assert_eq!(error.exit, crate::Exit::BadInput);
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
        assert!(of_home(keep.path()).expect_err("no jar").to_string().contains("Kubernetes"));
        std::fs::write(keep.path().join("jars/spark-kubernetes_2.12-3.5.9.jar"), "").expect("w");
        assert_eq!(of_home(keep.path()).expect("valid").version, "3.5.9");
        check_home(keep.path(), FrontEnd::Geni).expect("Scala 2.12");
        std::fs::remove_file(keep.path().join("jars/spark-kubernetes_2.12-3.5.9.jar")).expect("r");
        std::fs::write(keep.path().join("jars/spark-kubernetes_2.13-3.5.9.jar"), "").expect("w");
        check_home(keep.path(), FrontEnd::SparkShell).expect("any Scala");
        let error = check_home(keep.path(), FrontEnd::Geni).expect_err("Scala 2.13");
        assert!(error.to_string().contains("Geni is built for Scala 2.12"), "{error}");
    }
}
