//! Archives of the classes that Spark loads: a JVM that maps one starts with about half of the work.
//! An archive fits only the same JVM with the same class path. So that of executors is made at image
//! build, in a container of the image itself (JEP 350, from Java 13 on); that of a driver on this
//! host is made here, from a list of classes in the image (JEP 310).

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use futures::TryStreamExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_base::ledger::labels;
use sparkproof_machine::engine::{Container, Engine, program};
use sparkproof_machine::exec::Tool;
use tempfile::NamedTempFile;

use super::java;
use crate::docker_build::{Build, bounded, docker_build, put_dockerfile};
use crate::{Cache, Key};

const DOCKERFILE: &str = include_str!("../../spark/class_data.Dockerfile");
const PROGRAM: &str = include_str!("../../spark/class_data.scala");
/// Types the program, its argument, into a spark-shell: the image has no compiler. The cluster has
/// no worker; the program starts the executor.
const SHELL: &str = r#"
cd /tmp
echo "$0" > class_data.scala
mkdir class-data
printf '%s\n' /opt/spark/jars/*.jar > class-data/jars
export SPARK_LOCAL_HOSTNAME=localhost KUBERNETES_REQUEST_RETRY_BACKOFFLIMIT=0
list=-XX:DumpLoadedClassList=/tmp/class-data/driver.classes
export SPARK_SUBMIT_OPTS="-XX:TieredStopAtLevel=1 -Duser.home=/tmp $list"
exec /opt/spark/bin/spark-shell --master 'local-cluster[0,1,1024]' --conf spark.ui.enabled=false \
    --conf spark.driver.host=127.0.0.1 --conf spark.driver.bindAddress=127.0.0.1 -i class_data.scala
"#;
/// What it makes, in the container.
const MADE: &str = "/tmp/class-data";
/// The list of a driver's classes, in the image.
const DRIVER_CLASSES: &str = "/opt/spark/class-data/driver.classes";
/// Its name in the cache's entry.
const DRIVER_ARCHIVE: &str = "driver.jsa";
/// Time limit of the run that makes it: 20 s on an idle machine of two cores.
const SECONDS: u64 = 300;

/// Adds the inputs to an image's key.
pub(super) fn add(key: Key) -> Key {
    key.with("class data", DOCKERFILE).with("program", PROGRAM).with("shell", SHELL)
}

/// Builds `reference`: the image `plain`, and the archive of its executors' classes. Without an
/// archive executors only start more slowly, so a failure is a warning and the result is `false`.
///
/// # Errors
/// An interruption; environment: the container engine fails.
pub(super) async fn build(
    context: &Context,
    engine: &Engine,
    phase: &str,
    plain: &str,
    reference: &str,
) -> Result<bool> {
    let step = StepGuard::begin(&context.recorder, phase, "archive of executor classes".into());
    let archive = match archive(context, engine, plain).await {
        Ok(archive) => archive,
        Err(error) if error.is_interruption() => return Err(error),
        Err(error) => {
            step.failed(&error);
            let words = "executors start more slowly: no archive of their classes could be made";
            context.recorder.warn(format!("{words}: {error}"));
            return Ok(false);
        }
    };
    let build = Build { reference, dockerfile: "Dockerfile", base: Some(plain) };
    docker_build(context, engine, build, move |target| {
        put_dockerfile(target, DOCKERFILE)?;
        let mut source = tar::Archive::new(archive.reopen()?);
        for entry in source.entries()? {
            let entry = entry?;
            let (mut header, path) = (entry.header().clone(), entry.path()?.into_owned());
            target.append_data(&mut header, path, entry)?;
        }
        Ok(())
    })
    .await?;
    step.done("");
    Ok(true)
}

/// Makes the archive; as a tar, as the engine sends it.
async fn archive(context: &Context, engine: &Engine, image: &str) -> Result<NamedTempFile> {
    let tag = image.rsplit(':').next().unwrap_or_default();
    let name = format!("sparkproof-{}-class-data-{tag}", context.run.id());
    let words = ["/bin/bash", "-c", SHELL, PROGRAM].map(str::to_owned);
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: Some(words.into()),
        hostname: Some("localhost".to_owned()),
        labels: Some(labels::docker(context.run.label(), labels::Lifetime::Run)),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    };
    let container = Container::start(context, engine, &name, body).await?;
    let made = async {
        let status = container.end(context).await?;
        if status != 0 {
            let log = container.log(context, Some(12)).await.unwrap_or_default();
            let words = container.what("archiving classes in");
            return Err(Error::environment(format!("{words} ended with status {status}: {log}")));
        }
        download(context, &container).await
    };
    let made = bounded(context, SECONDS, container.what("archiving classes in"), made).await;
    container.remove(context).await?;
    made
}

async fn download(context: &Context, container: &Container) -> Result<NamedTempFile> {
    let what = || container.what("copying the archive of classes from");
    let mut file = NamedTempFile::new_in(context.run.dir()).or_environment(what())?;
    let options = DownloadFromContainerOptionsBuilder::new().path(MADE).build();
    let mut chunks =
        container.engine.docker.download_from_container(&container.name, Some(options));
    while let Some(chunk) = chunks.try_next().await.or_environment(what())? {
        file.write_all(&chunk).or_environment(what())?;
    }
    file.flush().or_environment(what())?;
    Ok(file)
}

/// The archive of the classes of a driver on this host, from the cache or made from the list in the
/// image; `None` if this host has no Java or makes none. Without it a driver only starts more slowly.
///
/// # Errors
/// An interruption.
pub(super) async fn driver_archive(
    context: &Context,
    engine: &Engine,
    phase: &str,
    image: &str,
    spark_home: &Path,
) -> Result<Option<PathBuf>> {
    let made = async {
        let Some(java) = program(&java::program("java").to_string_lossy()) else { return Ok(None) };
        let jars = spark_home.join("jars");
        let key = Key::new("driver-classes")
            .with("image", image)
            .with("jars", jars.as_os_str().as_encoded_bytes())
            .with("java", java::identity(&java).or_environment("looking at Java")?);
        let what = "archive of driver classes, once for this host";
        let step = StepGuard::begin(&context.recorder, phase, what.into());
        let dump = async |dir: &Path, _: &StepGuard| {
            let list = engine.image_file(context, image, DRIVER_CLASSES).await?;
            let none = || Error::environment(format!("{image} has no {DRIVER_CLASSES}"));
            let classes = dir.join("classes");
            fs_err::write(&classes, list.ok_or_else(none)?).or_environment("writing classes")?;
            dump(context, &java, &classes, &jars, &dir.join(DRIVER_ARCHIVE)).await
        };
        let entry = Cache::new(context).entry(context, &key, step, dump).await?;
        Ok(Some(entry.keep().join(DRIVER_ARCHIVE)))
    };
    match made.await {
        Err(error) if !Error::is_interruption(&error) => {
            let words = "the driver starts more slowly: no archive of its classes could be made";
            context.recorder.warn(format!("{words}: {error}"));
            Ok(None)
        }
        made => made,
    }
}

/// Archives the listed classes of these jars.
async fn dump(
    context: &Context,
    java: &Path,
    classes: &Path,
    jars: &Path,
    archive: &Path,
) -> Result<()> {
    let argument = |name: &str, path: &Path| format!("-XX:{name}={}", path.display());
    Tool::new(java)
        .args(["-Xshare:dump", "-Xlog:cds=off"])
        .args([argument("SharedClassListFile", classes), argument("SharedArchiveFile", archive)])
        // As spark-submit writes it, with a configuration directory that does not exist.
        .args(["-cp".to_owned(), format!("/nonexistent/:{}/*", jars.display())])
        .deadline(Duration::from_secs(SECONDS))
        .run(context)
        .await
        .map(drop)
}
