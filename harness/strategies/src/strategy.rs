//! The trait of all ways of reading files.

use std::path::{Path, PathBuf};

use futures::future::LocalBoxFuture;
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::events::ReadMetrics;
use sparkproof_catalog::{StoreKind, Variant};
use sparkproof_judge::{Copies, MountKind, VolumeUse};
use sparkproof_kubernetes::access::Rule;
use sparkproof_spark::session::SessionOverlay;
use sparkproof_testbed::{Environment, LiveSession};

use super::{DataSize, Dataset};

/// The context of each step of a strategy.
#[derive(Debug, Clone, Copy)]
pub struct StrategyContext<'a> {
    /// The run's context.
    pub context: &'a Context,
    /// Cluster, engine, image.
    pub environment: &'a Environment,
    /// The session's namespace, which exists.
    pub namespace: &'a str,
    /// Number of executors of the session.
    pub executors: u32,
}

impl StrategyContext<'_> {
    /// The path of a variant's files, in pods and on the driver's host; contains the run's id.
    /// Variants share no parent directory: the container runtime creates parents of a mount as
    /// root, so that an executor (user 185) could not create files beside the mount (measured).
    pub fn path(&self, variant: &Variant) -> PathBuf {
        Path::new("/var/tmp").join(self.name(variant))
    }

    /// The name of a variant's Kubernetes objects and volumes: a valid label.
    pub fn name(&self, variant: &Variant) -> String {
        format!("sparkproof-{}-{}", self.context.run.id(), variant.id)
    }
}

/// The implementation of one variant, for one session. Not `Send`: its steps stay on one thread.
pub trait Strategy: Send + Sync {
    /// The variant.
    fn variant(&self) -> &'static Variant;

    /// Why it cannot be proven here, as observed; `None` if it can.
    fn unavailable<'a>(
        &'a self,
        context: &'a Context,
        environment: &'a Environment,
    ) -> LocalBoxFuture<'a, Result<Option<String>>> {
        let _ = (context, environment);
        Box::pin(async { Ok(None) })
    }

    /// Permissions that the kubeconfig's user needs for it.
    fn needs(&self) -> Vec<Rule> {
        Vec::new()
    }

    /// Permissions that the driver's account needs for it, besides those of every session.
    fn verbs(&self) -> Vec<Rule> {
        Vec::new()
    }

    /// The largest data that it can hold.
    fn limit(&self, size: DataSize) -> DataSize {
        size
    }

    /// Before the session: copies the data to stores, nodes and volumes.
    fn prepare<'a>(
        &'a mut self,
        scene: StrategyContext<'a>,
        data: &'a Dataset,
    ) -> LocalBoxFuture<'a, Result<SetupCost>>;

    /// Adds to the session what the variant needs.
    fn contribute(&self, scene: StrategyContext<'_>) -> Result<SessionOverlay>;

    /// Kubernetes objects that it created beforehand, to be shown in its configuration.
    fn objects(&self) -> Vec<serde_json::Value> {
        Vec::new()
    }

    /// Whether `populate` is needed.
    fn populates(&self) -> bool {
        false
    }

    /// After the session's start: copies data that needs running pods, and looks at what lies there.
    fn populate<'a>(
        &'a mut self,
        scene: StrategyContext<'a>,
        data: &'a Dataset,
        live: &'a LiveSession,
    ) -> LocalBoxFuture<'a, Result<(SetupCost, Copies)>> {
        let _ = (scene, data, live);
        Box::pin(async { Ok(Default::default()) })
    }

    /// The location from which Spark reads, once prepared.
    fn location(&self, scene: StrategyContext<'_>) -> Location;

    /// After the session: removes what is not deleted with the namespace.
    fn cleanup<'a>(&'a mut self, scene: StrategyContext<'a>) -> LocalBoxFuture<'a, Result<()>> {
        let _ = scene;
        Box::pin(async { Ok(()) })
    }
}

/// The cost of making the files readable, for the comparison.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct SetupCost {
    /// Duration in seconds.
    pub seconds: f64,
    /// Bytes moved to nodes or pods.
    pub bytes_to_nodes: u64,
    /// Seconds of it that each further executor costs again.
    pub seconds_per_executor: f64,
    /// Bytes of it that each further executor costs again.
    pub bytes_per_executor: u64,
}

impl SetupCost {
    /// The figures of a variant before any read.
    pub fn figures(self, variant: &Variant) -> ReadMetrics {
        ReadMetrics {
            variant: variant.id.to_string(),
            setup_seconds: self.seconds,
            bytes_to_nodes: self.bytes_to_nodes,
            seconds_per_executor: self.seconds_per_executor,
            bytes_per_executor: self.bytes_per_executor,
            ..Default::default()
        }
    }
}

impl std::ops::Add for SetupCost {
    type Output = SetupCost;
    fn add(self, other: SetupCost) -> SetupCost {
        SetupCost {
            seconds: self.seconds + other.seconds,
            bytes_to_nodes: self.bytes_to_nodes + other.bytes_to_nodes,
            seconds_per_executor: self.seconds_per_executor + other.seconds_per_executor,
            bytes_per_executor: self.bytes_per_executor + other.bytes_per_executor,
        }
    }
}

/// The location of the data, and how executors must see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// Root of the data, without a slash at its end.
    pub uri: String,
    /// Hadoop's class for its scheme, without the package.
    pub file_system: &'static str,
    /// The expected mount of local paths.
    pub mount: Option<MountKind>,
    /// The volume of the pods in which they lie, if it is one.
    pub volume: Option<VolumeUse>,
    /// The path on this host, for local paths that the driver needs, too.
    pub driver_path: Option<PathBuf>,
    /// The server whose log must show the reads.
    pub store: Option<StoreKind>,
}

impl Location {
    /// A local path, which the driver must have with the same bytes: it lists and splits files,
    /// executors only open them.
    pub fn local(path: PathBuf, mount: MountKind, store: Option<StoreKind>) -> Self {
        Location {
            uri: format!("file://{}", path.display()),
            file_system: "LocalFileSystem",
            mount: Some(mount),
            volume: None,
            driver_path: Some(path),
            store,
        }
    }

    /// In a volume of the pods.
    #[must_use]
    pub fn in_volume(mut self, volume: VolumeUse) -> Self {
        self.volume = Some(volume);
        self
    }

    /// A URL of a store.
    pub fn remote(uri: String, file_system: &'static str, store: StoreKind) -> Self {
        Location {
            uri,
            file_system,
            mount: None,
            volume: None,
            driver_path: None,
            store: Some(store),
        }
    }

    /// Its scheme, e.g. `s3a`.
    pub fn scheme(&self) -> &str {
        self.uri.split(':').next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_local_path_is_read_by_the_driver_too() {
        let local = Location::local("/var/tmp/x".into(), MountKind::Root, None);
        assert_eq!((local.uri.as_str(), local.scheme()), ("file:///var/tmp/x", "file"));
        assert!(local.driver_path.is_some());
        let remote = Location::remote("s3a://data/x".into(), "S3AFileSystem", StoreKind::S3);
        assert_eq!((remote.scheme(), &remote.driver_path), ("s3a", &None));
    }
}
