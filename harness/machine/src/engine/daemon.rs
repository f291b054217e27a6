//! Sparkproof's Docker daemon: its files, its start, its stop.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use sha2::{Digest, Sha256};
use sparkproof_base::context::Context;
use sparkproof_base::dirs::{Dirs, private_dir, private_file, remove_below};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels::RUN_VARIABLE;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use tokio::process::Command;

use super::baseline::{Baseline, links, other_daemons};
use super::contents::{Contents, bridges, empty};
use super::host::{Capabilities, path, program};
use super::residue::{daemons, helpers, remove_groups};
use super::{DOCKERD, Engine, shim};
use crate::exec::end_processes;
use crate::mounts::unmount_in;

/// Longest path of a Unix socket (unix(7)), without the final zero byte.
const SOCKET_PATH_MAX: usize = 107;
/// Seconds in which a started daemon must answer. It may first have to end containers that a killed
/// daemon left running.
const START_SECONDS: u64 = 120;
/// Seconds in which it must stop its containers and itself.
const STOP_SECONDS: u64 = 60;

/// The Docker daemon of one state directory, running or not.
#[derive(Debug, Clone)]
pub struct Daemon {
    dir: PathBuf,
    data: PathBuf,
}

impl Daemon {
    /// The daemon with configuration, socket, locks and log in the state directory, and with
    /// images, which outlive runs, in the cache directory.
    pub fn new(dirs: &Dirs) -> Self {
        Daemon { dir: dirs.state.join("engine"), data: dirs.cache.join("engine/data") }
    }

    /// Its `DOCKER_HOST`.
    pub fn host(&self) -> String {
        format!("unix://{}", self.file("docker.sock").display())
    }

    /// Whether anything of it is on this host: a process, or the record of the host's state, which
    /// is removed last.
    pub fn left_something(&self) -> bool {
        self.file("baseline.json").exists()
            || !daemons(&self.dir).is_empty()
            || !helpers(&self.roots(), &self.group()).is_empty()
    }

    /// Whether it was used before, so that it can be started again to list its containers, networks
    /// and volumes.
    pub fn has_data(&self) -> bool {
        self.data.join("containers").exists()
    }

    /// The path of one of its files.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn roots(&self) -> [&Path; 2] {
        [&self.dir, &self.data]
    }

    /// The control group of its containers.
    fn group(&self) -> String {
        let hash = Sha256::digest(self.dir.as_os_str().as_encoded_bytes());
        format!("/sparkproof-{}", &hex::encode(hash)[..8])
    }

    /// Creates its directory.
    pub(super) fn prepare(&self) -> Result<()> {
        let longest = self.file("exec/containerd/containerd.sock.ttrpc");
        if longest.as_os_str().len() > SOCKET_PATH_MAX {
            return Err(Error::environment(format!(
                "the socket path {} has more than {SOCKET_PATH_MAX} bytes",
                longest.display()
            ))
            .remedy("set XDG_STATE_HOME to a shorter directory"));
        }
        private_dir(&self.dir)
    }

    /// The running daemon, if there is one; a busy one gets time to answer. The caller must hold
    /// the start lock, so that no other process is starting it.
    ///
    /// # Errors
    /// Environment: its process runs but does not answer.
    pub(super) async fn running(&self, context: &Context) -> Result<Option<Engine>> {
        let host = self.host();
        if let Ok(Some(engine)) = Engine::at(&host).await {
            return Ok(Some(engine));
        }
        let waiting = Waiting::up_to(START_SECONDS, format!("the Docker daemon at {host}"));
        wait(context, waiting, Source::Backoff, async || match Engine::at(&host).await {
            Ok(Some(engine)) => Progress::Met(Some(engine)),
            _ if daemons(&self.dir).is_empty() => Progress::Met(None),
            _ => Progress::NotYet("its process runs but does not answer".into()),
        })
        .await
    }

    /// Starts it. The caller must hold the start lock and know that it does not run.
    pub(super) async fn start(&self, context: &Context) -> Result<()> {
        let dockerd = program(DOCKERD).ok_or_else(|| {
            Error::environment("dockerd is not installed").remedy("add --yes to install it")
        })?;
        // A killed daemon leaves a containerd that a new one cannot use.
        self.clear(context).await?;
        if !other_daemons().is_empty() {
            context.recorder.warn(
                "another Docker daemon runs in this network namespace: both rebuild the same \
                 iptables chains as they start, and ports that it published may close",
            );
        }
        Baseline::ensure(context, &self.file("baseline.json")).await?;
        self.configure()?;
        self.spawn_and_wait(context, &dockerd).await
    }

    fn configure(&self) -> Result<()> {
        fs_err::create_dir_all(&self.data).or_environment("making Docker's data directory")?;
        let mut config = serde_json::json!({
            "hosts": [self.host()],
            "data-root": self.data,
            "exec-root": self.file("exec"),
            "pidfile": self.file("pid"),
        });
        if !links().iter().any(|link| link == "docker0") {
            // No default bridge: sparkproof makes its networks. `none` would delete an existing
            // `docker0`.
            config["bridge"] = "none".into();
        }
        if !Path::new("/run/systemd/system").exists() {
            // With systemd the control groups would have other names.
            config["cgroup-parent"] = self.group().into();
        }
        if Capabilities::of_this_host().need_shim() {
            let shim = self.install_shim()?;
            config["runtimes"] = serde_json::json!({ "sparkproof": { "path": shim } });
            config["default-runtime"] = "sparkproof".into();
        }
        let text = serde_json::to_vec_pretty(&config).or_internal("writing daemon.json")?;
        private_file(&self.file("daemon.json"), &text)
    }

    /// Copies this program under the shim's name: the original may be rebuilt or moved while
    /// containers run.
    fn install_shim(&self) -> Result<PathBuf> {
        let what = || "installing the OCI runtime shim";
        let own = std::env::current_exe().or_environment(what())?;
        let target = self.file(shim::NAME);
        let temporary = self.file("shim.tmp");
        fs_err::copy(&own, &temporary).or_environment(what())?;
        fs_err::rename(&temporary, &target).or_environment(what())?;
        Ok(target)
    }

    async fn spawn_and_wait(&self, context: &Context, dockerd: &Path) -> Result<()> {
        let log = std::fs::File::create(self.file("log")).or_environment("making Docker's log")?;
        let errors = log.try_clone().or_environment("making Docker's log")?;
        // Not a `Tool`: it outlives this command if another run uses it. In place of a ledger entry
        // it has the baseline file, and a command line that names its configuration file.
        let mut child = Command::new(dockerd)
            .arg("--config-file")
            .arg(self.file("daemon.json"))
            .env("PATH", path())
            .env_remove(RUN_VARIABLE)
            .env_remove("DOCKER_HOST")
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors)
            .spawn()
            .or_environment("starting dockerd")?;
        let waiting = Waiting::up_to(START_SECONDS, "the sparkproof Docker daemon to answer");
        wait(context, waiting, Source::Backoff, async || {
            if let Ok(Some(status)) = child.try_wait() {
                let log = self.log_tail();
                return Progress::Never(Error::environment(format!(
                    "dockerd ended with {status}: {log}"
                )));
            }
            match Engine::at(&self.host()).await {
                Ok(Some(_)) => Progress::Met(()),
                Ok(None) => Progress::NotYet(self.log_tail()),
                Err(e) => Progress::NotYet(e.to_string()),
            }
        })
        .await
    }

    fn log_tail(&self) -> String {
        let text = fs_err::read_to_string(self.file("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(6)..].join("\n")
    }

    /// Stops it in any state and restores the host. The caller must hold the start lock and,
    /// exclusively, the users' lock. Images stay as a cache.
    pub(super) async fn stop(&self, context: &Context, contents: Contents) -> Result<()> {
        let bridges = match Engine::at(&self.host()).await {
            Ok(Some(engine)) => {
                let bridges = bridges(&engine).await.unwrap_or_default();
                if contents == Contents::Go
                    && let Err(e) = empty(&engine).await
                {
                    context.recorder.warn(e.to_string());
                }
                bridges
            }
            // It does not answer: bridges are recognised by their names.
            _ => Vec::new(),
        };
        self.clear(context).await?;
        Baseline::give_back(context, &self.file("baseline.json"), &bridges).await?;
        for name in ["daemon.json", "log", shim::NAME, "shim.tmp"] {
            let _ = fs_err::remove_file(self.file(name));
        }
        Ok(())
    }

    /// Ends its processes and removes their mounts, control groups and sockets.
    async fn clear(&self, context: &Context) -> Result<()> {
        let daemon = || daemons(&self.dir);
        end_processes(context, "the sparkproof Docker daemon", STOP_SECONDS, daemon).await?;
        let group = self.group();
        // Containers of a killed daemon may fork while they are ended: repeated until their control
        // groups can be removed.
        let waiting = Waiting::up_to(30, "the containers of the sparkproof Docker daemon to end");
        wait(context, waiting, Source::Backoff, async || {
            let rest = || helpers(&self.roots(), &group);
            let ended = async {
                end_processes(context, "processes of the sparkproof Docker daemon", 5, rest)
                    .await?;
                unmount_in(&self.roots())?;
                remove_groups(&group)
            };
            match ended.await {
                Ok(()) => Progress::Met(()),
                Err(error) => Progress::NotYet(error.to_string()),
            }
        })
        .await?;
        for name in ["docker.sock", "pid"] {
            let _ = fs_err::remove_file(self.file(name));
        }
        remove_below(&self.dir, &self.file("exec"))
    }
}
