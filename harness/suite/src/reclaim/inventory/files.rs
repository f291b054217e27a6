//! Files outside the caches: Docker's, kubectl's, temporary files, the state of runs.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use sparkproof_base::context::Context;

use crate::reclaim::inventory::Inventory;

/// Prefixes of temporary files of sparkproof, and of its tools and JVMs.
const OURS: [&str; 11] = [
    "sparkproof",
    "spark-",
    "blockmgr-",
    "kind-",
    "minikube",
    "juju-mk",
    "liblz4-java-",
    "libzstd-jni-",
    "snappy-",
    "pip-",
    "go-build",
];
/// Paths of Docker that cannot be configured.
const DOCKERS: [&str; 2] = ["/run/docker", "/run/containerd"];

/// Adds all of them to the inventory.
pub(super) fn collect(context: &Context, inventory: &mut Inventory) {
    inventory.add("/etc/docker", contents(Path::new("/etc/docker")));
    let places = DOCKERS.iter().filter(|p| Path::new(p).exists()).map(|p| (*p).to_owned());
    inventory.add("directory", places);
    inventory.add("kubeconfig", kubeconfigs().iter().map(|path| digest(path)));
    inventory.add("kubectl cache", kubectl_caches());
    inventory.add("temporary file", temporary_dirs().iter().flat_map(|dir| ours_in(dir)));
    inventory.add("state", state(context));
    let entries = children(&context.dirs.cache.join("entries")).into_iter();
    let entries = entries.filter(|path| path.is_dir());
    inventory.list("cache entry", entries.map(|path| path.display().to_string()));
}

fn children(dir: &Path) -> Vec<PathBuf> {
    let entries = fs_err::read_dir(dir).into_iter().flatten();
    entries.filter_map(|entry| entry.ok()).map(|entry| entry.path()).collect()
}

/// Path and digest of every file in a directory.
fn contents(dir: &Path) -> Vec<String> {
    let walk = walkdir::WalkDir::new(dir).into_iter().filter_map(|entry| entry.ok());
    walk.map(|entry| match entry.file_type().is_file() {
        true => digest(entry.path()),
        false => entry.path().display().to_string(),
    })
    .collect()
}

fn digest(path: &Path) -> String {
    match std::fs::read(path) {
        Ok(bytes) => {
            format!("{} sha256:{}", path.display(), &hex::encode(Sha256::digest(bytes))[..16])
        }
        Err(_) => format!("{} absent", path.display()),
    }
}

fn home() -> PathBuf {
    etcetera::home_dir().unwrap_or_default()
}

/// The files in `KUBECONFIG`, else the default one.
fn kubeconfigs() -> Vec<PathBuf> {
    match std::env::var_os("KUBECONFIG").filter(|value| !value.is_empty()) {
        Some(paths) => std::env::split_paths(&paths).collect(),
        None => vec![home().join(".kube/config")],
    }
}

/// kubectl's caches of local clusters, which are gone after a run.
fn kubectl_caches() -> Vec<String> {
    let local = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("127.0.0.1_"))
    };
    let caches = children(&home().join(".kube/cache/discovery")).into_iter().filter(local);
    caches.map(|path| path.display().to_string()).collect()
}

fn temporary_dirs() -> Vec<PathBuf> {
    let mut dirs: Vec<PathBuf> = ["/tmp", "/var/tmp", "/dev/shm"].map(PathBuf::from).into();
    dirs.push(std::env::temp_dir());
    dirs.sort();
    dirs.dedup();
    dirs
}

/// Files in a directory with one of the prefixes.
pub(super) fn ours_in(dir: &Path) -> Vec<String> {
    let is_ours = |path: &PathBuf| {
        path.file_name()
            .is_some_and(|name| OURS.iter().any(|ours| name.to_string_lossy().starts_with(ours)))
    };
    let ours = children(dir).into_iter().filter(is_ours);
    ours.map(|path| path.display().to_string()).collect()
}

/// Runs and the daemon's files in the state directory, without locks, which stay, and without the
/// run of this command.
fn state(context: &Context) -> Vec<String> {
    let dirs = [context.dirs.runs(), context.dirs.state.join("engine")];
    let all = dirs.iter().flat_map(|dir| children(dir));
    all.filter(|path| path != context.run.dir() && path.extension().is_none_or(|e| e != "lock"))
        .map(|path| path.display().to_string())
        .collect()
}
