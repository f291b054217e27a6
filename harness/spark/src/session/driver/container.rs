//! A driver in a container on the cluster's Docker network.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use bollard::models::{ContainerCreateBody, HostConfig, Mount, MountType};
use sparkproof_base::context::Context;
use sparkproof_base::deadlines::{DRIVER_ENDS, TERMINATED};
use sparkproof_base::dirs::private_file;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::ledger::labels;
use sparkproof_machine::engine::{Container, Engine};

use super::files;
use super::launch::{JVM_ENDED, Launch, NO_JVM};

/// A container with a front end, its JVM, and a main process that ends after both.
#[derive(Debug)]
pub(super) struct ContainerDriver {
    container: Container,
    address: Ipv4Addr,
}

impl ContainerDriver {
    /// Starts the front end in a container of this image on this network.
    pub(super) async fn start(
        context: &Context,
        dir: &Path,
        launch: &Launch<'_>,
        engine: &Engine,
        (image, network): (&str, &str),
    ) -> Result<Self> {
        private_file(&dir.join("passwd"), passwd(dir).as_bytes())?;
        let session = dir.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("sparkproof-{}-{session}", context.run.id());
        let body = body(context, dir, launch, image, network)?;
        let container = Container::start(context, engine, &name, body).await?;
        let address = container.address(context, network).await?;
        Ok(ContainerDriver { container, address })
    }

    /// Its address for pods and this host.
    pub(super) fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Waits for the end of all its processes; returns how the front end ended.
    pub(super) async fn ended(&self, context: &Context) -> Result<String> {
        Ok(format!("exit status: {}", self.container.end(context).await?))
    }

    /// How all its processes ended, or that its JVM did; `None` while they run, or if it cannot be
    /// inspected.
    pub(super) async fn end_seen(&self, context: &Context) -> Option<String> {
        let container = &self.container;
        if let Ok(Some(how)) = container.ended(context).await {
            return Some(how);
        }
        let (engine, look) = (&container.engine, ["sh", "-c", NO_JVM]);
        let looked = engine.exec(context, &container.name, &look, None::<&[u8]>, TERMINATED).await;
        looked.is_ok().then(|| JVM_ENDED.to_owned())
    }

    /// Kills the JVM and all other processes of the container with SIGKILL, and waits until they
    /// are gone.
    pub(super) async fn kill_jvm(&self, context: &Context) -> Result<()> {
        let gone = async {
            self.container.kill(context).await?;
            self.container.end(context).await.map(drop)
        };
        let gone = tokio::time::timeout(DRIVER_ENDS, gone).await;
        gone.or_environment("waiting for the killed JVM to end")?
    }

    /// Sends SIGHUP to the JVM and waits until the container has ended.
    pub(super) async fn hang_up(&self, context: &Context) -> Result<()> {
        let gone = async {
            let (container, hup) = (&self.container, ["pkill", "-HUP", "java"]);
            let engine = &container.engine;
            engine.exec(context, &container.name, &hup, None::<&[u8]>, TERMINATED).await?;
            self.container.end(context).await.map(drop)
        };
        let gone = tokio::time::timeout(DRIVER_ENDS, gone).await;
        gone.or_environment("waiting for the JVM that was hung up on to end")?
    }

    /// Waits for the end of all its processes, kills them otherwise, and removes the container.
    /// `notified` says whether the channel was closed, which tells them to end.
    pub(super) async fn end(&self, context: &Context, notified: bool) -> Result<()> {
        if !notified {
            // SIGTERM makes Spark's shutdown hook run. It fails without a JVM.
            let (container, term) = (&self.container, ["pkill", "-TERM", "java"]);
            let engine = &container.engine;
            let terminated =
                engine.exec(context, &container.name, &term, None::<&[u8]>, TERMINATED);
            let _ = terminated.await;
        }
        match tokio::time::timeout(DRIVER_ENDS, self.container.end(context)).await {
            Err(_) => context.recorder.warn("the driver did not end by itself: killed"),
            Ok(Err(error)) if error.is_interruption() => return Err(error),
            Ok(_) => {}
        }
        self.container.remove(context).await
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
    // The log is a file, as for a driver on this host.
    let script = r#"log=$1; shift; exec "$@" >"$log" 2>&1"#;
    let mut command = ["sh", "-c", script, "sh", &program("log")].map(str::to_owned).to_vec();
    command.extend(files::contained(dir, dir, launch)?);
    let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
    Ok(ContainerCreateBody {
        image: Some(image.to_owned()),
        // The file of `-Djdk.net.hosts.file` names this host.
        hostname: Some(rustix::system::uname().nodename().to_string_lossy().into_owned()),
        // The driver needs the files that only this host's user may read.
        user: Some(format!("{}:{}", user.as_raw(), group.as_raw())),
        env: Some(environment),
        cmd: Some(command),
        working_dir: Some(program("scratch")),
        labels: Some(labels::docker(context.run.label(), labels::Lifetime::Run)),
        host_config: Some(HostConfig {
            network_mode: Some(network.to_owned()),
            mounts: Some(mounts(context, dir, launch)?),
            ..HostConfig::default()
        }),
        ..ContainerCreateBody::default()
    })
}

/// The mounts: everything that a driver needs from this host, at the same paths, and nothing else.
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
    // The kubeconfig is replaced when its token is renewed, so its directory is mounted.
    let credentials = launch.kubeconfig.parent().unwrap_or(launch.kubeconfig);
    let mut same: Vec<&Path> = vec![launch.spark_home, credentials];
    same.extend(launch.java_home);
    same.extend(launch.files.iter().map(PathBuf::as_path));
    same.sort();
    same.dedup();
    let same = same.into_iter().map(|path| bind(path, path, true));
    let given = launch.mounts.iter().map(|(from, to)| bind(from, to, true));
    let passwd = bind(&dir.join("passwd"), Path::new("/etc/passwd"), true);
    Ok(writable.into_iter().chain(same).chain(given).chain([passwd]).collect())
}

/// An entry for the user: without one Hadoop's login fails.
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use sparkproof_base::testing::test_context;
    use sparkproof_catalog::plan::FrontEnd;

    #[test]
    fn a_driver_sees_what_it_needs_at_the_same_path_and_writes_in_its_own_directory() {
        let (context, keep) = test_context();
        let (dir, home) = (keep.path().join("session"), keep.path().join("spark"));
        let jar = PathBuf::from("/cache/a.jar");
        let launch = Launch {
            spark_home: &home,
            kubeconfig: Path::new("/state/driver-n/kubeconfig"),
            proxy: None,
            front_end: FrontEnd::Pyspark,
            geni: None,
            trap: None,
            app_name: "x",
            java_home: Some(Path::new("/cache/java-11")),
            archive: None,
            jars: &[],
            files: &[jar.clone(), jar],
            mounts: &[("/state/data".into(), "/var/tmp/sparkproof-x/0-copy".into())],
            hosts: &BTreeMap::new(),
            in_image: false,
        };
        let all = mounts(&context, &dir, &launch).expect("mounts");
        let path = |path: &Option<String>| path.clone().unwrap_or_default();
        let seen = |to: &str| {
            let mut at = all.iter().filter(|mount| path(&mount.target) == to);
            let mount = at.next().expect(to);
            assert!(at.next().is_none(), "{to} once");
            (path(&mount.source), mount.read_only == Some(true))
        };
        let home = home.display().to_string();
        for same in [&home, "/state/driver-n", "/cache/a.jar", "/cache/java-11"] {
            assert_eq!(seen(same), (same.to_owned(), true));
        }
        let own = dir.display().to_string();
        assert_eq!(seen(&own), (own.clone(), false));
        assert_eq!(seen("/var/tmp/sparkproof-x/0-copy"), ("/state/data".to_owned(), true));
        assert_eq!(seen("/etc/passwd"), (format!("{own}/passwd"), true));
    }
}
