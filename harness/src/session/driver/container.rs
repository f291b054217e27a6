//! A driver in a container on the cluster's Docker network.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use bollard::errors::Error as DockerError;
use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, InspectContainerOptions, KillContainerOptionsBuilder,
    LogsOptionsBuilder, StartContainerOptions, WaitContainerOptionsBuilder,
};
use futures::{StreamExt, TryStreamExt};

use super::{END, Launch, files};
use crate::context::Context;
use crate::dirs::private_file;
use crate::engine::Engine;
use crate::error::{Error, OrFail, Result};
use crate::ledger::{Owned, give_back, labels};

const INIT: &str = include_str!("../../../drivers/container_init.py");

/// Python and its JVM, and a first process that ends after both.
#[derive(Debug)]
pub(super) struct Container {
    engine: Engine,
    name: String,
    address: Ipv4Addr,
}

impl Container {
    /// Starts it: first the driver's Python, which waits for requests.
    pub(super) async fn start(
        context: &Context,
        dir: &Path,
        launch: &Launch<'_>,
        (engine, image, network): (&Engine, &str, &str),
    ) -> Result<Self> {
        let session = dir.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("sparkproof-{}-{session}", context.run.id());
        private_file(&dir.join("init.py"), INIT.as_bytes())?;
        private_file(&dir.join("passwd"), passwd(dir).as_bytes())?;
        let body = body(context, dir, launch, image, network)?;
        let unspecified = Ipv4Addr::UNSPECIFIED;
        let mut container = Container { engine: engine.clone(), name, address: unspecified };
        context.run.own(container.owned())?;
        match container.begin(body, network).await {
            Ok(address) => container.address = address,
            Err(error) => {
                give_back(context, &container.owned()).await?;
                return Err(error);
            }
        }
        Ok(container)
    }

    async fn begin(&self, body: ContainerCreateBody, network: &str) -> Result<Ipv4Addr> {
        let what = || format!("starting container {}", self.name);
        let docker = &self.engine.docker;
        let options = CreateContainerOptionsBuilder::new().name(&self.name).build();
        docker.create_container(Some(options), body).await.or_environment(what())?;
        let started = docker.start_container(&self.name, None::<StartContainerOptions>).await;
        started.or_environment(what())?;
        let seen = docker.inspect_container(&self.name, None::<InspectContainerOptions>).await;
        let networks = seen.or_environment(what())?.network_settings.and_then(|s| s.networks);
        let endpoint = networks.and_then(|mut networks| networks.remove(network));
        let address = endpoint.and_then(|e| e.ip_address?.parse().ok());
        if let Some(address) = address {
            return Ok(address);
        }
        // It ended at once: what went before the driver's own log says why.
        let options = LogsOptionsBuilder::new().stdout(true).stderr(true).build();
        let log: Vec<_> =
            docker.logs(&self.name, Some(options)).try_collect().await.unwrap_or_default();
        let log: String = log.iter().map(ToString::to_string).collect();
        Err(Error::environment(what()).because(format!("it ended at once: {}", log.trim())))
    }

    /// Where pods and this host reach it.
    pub(super) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Waits for the end of all its processes; how the driver's Python ended.
    pub(super) async fn ended(&self) -> Result<String> {
        let options = WaitContainerOptionsBuilder::new().condition("not-running").build();
        let mut end = self.engine.docker.wait_container(&self.name, Some(options));
        match end.next().await {
            Some(Ok(end)) => Ok(format!("exit status: {}", end.status_code)),
            Some(Err(DockerError::DockerContainerWaitError { code, .. })) => {
                Ok(format!("exit status: {code}"))
            }
            Some(Err(error)) => {
                Err(Error::environment(format!("waiting for container {}", self.name))
                    .because(error))
            }
            None => Err(Error::environment(format!("nothing is known of container {}", self.name))),
        }
    }

    /// SIGKILL to its first process, with which the kernel kills the JVM; waits until it is gone.
    pub(super) async fn kill(&self, context: &Context) -> Result<()> {
        let what = || format!("killing container {}", self.name);
        let gone = async {
            let options = KillContainerOptionsBuilder::new().signal("KILL").build();
            let killed = self.engine.docker.kill_container(&self.name, Some(options)).await;
            killed.or_environment(what())?;
            self.ended().await.map(drop)
        };
        let gone = tokio::time::timeout(END, context.cancel.guard(gone)).await;
        gone.or_environment(what())?
    }

    /// Waits for its end, killed when it does not; removes it.
    pub(super) async fn end(&self, context: &Context) -> Result<()> {
        if tokio::time::timeout(END, self.ended()).await.is_err() {
            context.recorder.warn("the driver did not end by itself: killed");
        }
        give_back(context, &self.owned()).await
    }

    fn owned(&self) -> Owned {
        Owned::Container { docker: self.engine.host.clone(), name: self.name.clone() }
    }
}

fn body(
    context: &Context,
    dir: &Path,
    launch: &Launch<'_>,
    image: &str,
    network: &str,
) -> Result<ContainerCreateBody> {
    let environment = files::environment(context, dir, launch)?;
    let environment = environment
        .into_iter()
        .map(|(key, value)| format!("{key}={}", value.to_string_lossy()))
        .collect();
    let program = |name: &str| dir.join(name).display().to_string();
    // Its log is a file, as that of a driver on this host is.
    let script = r#"exec python3 "$1" "$2" >"$3" 2>&1"#;
    let command =
        ["sh", "-c", script, "sh", &program("init.py"), &program("driver.py"), &program("log")];
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    Ok(ContainerCreateBody {
        image: Some(image.to_owned()),
        // The file of `-Djdk.net.hosts.file` names this host.
        hostname: Some(rustix::system::uname().nodename().to_string_lossy().into_owned()),
        // What only this host's user may read, the driver may.
        user: Some(format!("{}:{}", user.as_raw(), group.as_raw())),
        env: Some(environment),
        cmd: Some(command.map(str::to_owned).into()),
        working_dir: Some(program("scratch")),
        labels: Some(labels::docker(context.run.id(), labels::Lifetime::Run)),
        host_config: Some(HostConfig {
            network_mode: Some(network.to_owned()),
            mounts: Some(mounts(context, dir, launch)?),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    })
}

/// All that a driver needs of this host, at the same paths, and nothing else.
fn mounts(context: &Context, dir: &Path, launch: &Launch<'_>) -> Result<Vec<Mount>> {
    let compiled = context.dirs.cache.join("pycache");
    fs_err::create_dir_all(&compiled).or_environment("making a directory of compiled Python")?;
    let bind = |from: &Path, to: &Path, read_only| Mount {
        typ: Some(MountType::BIND),
        source: Some(from.display().to_string()),
        target: Some(to.display().to_string()),
        read_only: Some(read_only),
        ..Mount::default()
    };
    let writable = [dir, &compiled].map(|path| bind(path, path, false));
    // The kubeconfig is replaced when its token is renewed: only its directory shows the new one.
    let credentials = launch.kubeconfig.parent().unwrap_or(launch.kubeconfig);
    let mut same: Vec<&Path> = vec![launch.spark_home, credentials];
    same.extend(launch.files.iter().map(PathBuf::as_path));
    same.sort();
    same.dedup();
    let same = same.into_iter().map(|path| bind(path, path, true));
    let given = launch.mounts.iter().map(|(from, to)| bind(from, to, true));
    let passwd = bind(&dir.join("passwd"), Path::new("/etc/passwd"), true);
    Ok(writable.into_iter().chain(same).chain(given).chain([passwd]).collect())
}

/// Hadoop logs a user in by name: one without an entry cannot start a session.
fn passwd(dir: &Path) -> String {
    let root = "root:x:0:0:root:/root:/bin/sh\n";
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    if user.is_root() {
        return root.to_owned();
    }
    let home = dir.join("scratch");
    let (user, group, home) = (user.as_raw(), group.as_raw(), home.display());
    format!("{root}sparkproof:x:{user}:{group}:sparkproof:{home}:/bin/false\n")
}
