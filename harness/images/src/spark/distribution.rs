//! Spark distributions: a driver's `SPARK_HOME`, from which images are built, too.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_catalog::SparkVersion;
use sparkproof_catalog::spark::{SparkRelease, find};
use sparkproof_machine::engine::LinuxDistribution;
use sparkproof_machine::exec::Tool;

use super::java;
use crate::{Cache, Key};

const DOCKERFILE: &str = include_str!("../../spark/Dockerfile");
const ENTRYPOINT: &str = include_str!("../../spark/entrypoint.sh");
const DECOM: &str = include_str!("../../spark/decom.sh");
/// Version of the layout made here.
const LAYOUT: &str = "1";

/// A Spark distribution on disk.
#[derive(Debug, Clone)]
pub struct Distribution {
    /// Its directory.
    pub home: PathBuf,
    /// Its version, e.g. `3.5.9`.
    pub version: SparkVersion,
    /// The Java that sparkproof provides for it; `None` for the host's.
    pub java_home: Option<PathBuf>,
}

/// A distribution composed of PyPI's package and of sparkproof's Dockerfile and entrypoint, which
/// the package lacks. Laid out like the official one, so that `bin/docker-image-tool.sh` works.
/// From the cache, or downloaded by pip (its index, proxy and certificates apply). Progress belongs
/// to `phase`.
pub async fn composed(
    context: &Context,
    phase: &str,
    version: &SparkVersion,
) -> Result<Distribution> {
    let version = find(version)?;
    let step = StepGuard::begin(
        &context.recorder,
        phase,
        format!("Spark {} distribution", version.version),
    );
    let home = Cache::new(context)
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
pub(super) fn key(version: &SparkRelease) -> Key {
    Key::new(&format!("spark-{}", version.version))
        .with("package", &version.sha256)
        .with("layout", LAYOUT)
        .with("dockerfile", DOCKERFILE)
        .with("entrypoint", ENTRYPOINT)
        .with("decom", DECOM)
}

async fn download(context: &Context, version: &SparkRelease, dir: &Path) -> Result<PathBuf> {
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
                .with_source(e)
                .remedy(format!(
                    "configure an index that answers for pip (pip itself: {}), or name a distribution with \
                     --spark-home",
                    LinuxDistribution::here().how_to_get("pip")
                ))
        })?;
    fs_err::remove_file(requirements).or_environment("removing requirements.txt")?;
    Ok(dir.join(format!("{name}.tar.gz")))
}

/// Unpacks the package into the official layout and adds what it lacks.
fn compose(package: &Path, home: &Path, version: &SparkVersion) -> Result<()> {
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

/// The path in the distribution of a file of the package; `None` if it is not needed.
fn place(path: &Path) -> Option<PathBuf> {
    let inner: PathBuf = path.components().skip(1).collect();
    let python = Path::new("python");
    if let Ok(rest) = inner.strip_prefix("deps") {
        // Scripts for Windows are not needed.
        return (rest.extension().is_none_or(|e| e != "cmd") && rest != Path::new(""))
            .then(|| rest.to_owned());
    }
    if inner.starts_with("pyspark") {
        return Some(python.join(inner));
    }
    // `bin/pyspark` puts the zips on PYTHONPATH.
    inner.starts_with("lib").then(|| python.join(inner))
}

fn executable(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if path.extension().is_some_and(|e| e != "sh") || !path.is_file() {
        return Ok(());
    }
    fs_err::set_permissions(path, std::fs::Permissions::from_mode(0o755))
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
}
