//! What a plan needs on this machine.

use std::collections::BTreeSet;

use sparkproof_catalog::plan::{ClusterPlan, DriverPlace, FrontEnd, ResolvedPlan};
use sparkproof_catalog::{SparkVersion, StoreKind};

/// What a plan needs on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needs {
    /// A container engine.
    pub(super) engine: bool,
    /// A cluster on this machine: the docker CLI, cores and memory.
    pub(super) cluster: bool,
    pub(super) kind: bool,
    pub(super) minikube: bool,
    pub(super) go: bool,
    /// The base of Spark images, which only root can assemble.
    pub(super) base: bool,
    /// Images of servers, layers with FUSE clients or Python, or an unpublished node: also as root.
    pub(super) assembled: bool,
    pub(super) maven: bool,
    pub(super) fuse: bool,
    pub(super) python: bool,
    pub(super) pip: bool,
    /// The Spark version whose driver runs with this host's Java.
    pub(super) java: Option<SparkVersion>,
}

impl Needs {
    /// Derives the needs of a plan.
    pub(super) fn for_plan(plan: &ResolvedPlan) -> Self {
        let variants: Vec<_> = plan.variants().collect();
        let (kind, minikube, unpublished) = match &plan.cluster {
            ClusterPlan::Kind { kubernetes, .. } => (true, false, kubernetes.published.is_none()),
            ClusterPlan::Minikube { .. } => (false, true, false),
            ClusterPlan::Up { .. } | ClusterPlan::Existing { .. } => (false, false, false),
        };
        let engine =
            plan.registry.is_some() || !matches!(plan.cluster, ClusterPlan::Existing { .. });
        let given = |kind: &StoreKind| {
            plan.stores.iter().any(|own| own.kind == *kind) || plan.store_images.contains_key(kind)
        };
        let all: BTreeSet<StoreKind> = variants.iter().flat_map(|v| v.stores.clone()).collect();
        let servers: BTreeSet<StoreKind> =
            all.iter().copied().filter(|kind| engine && !given(kind)).collect();
        let by = |number: &str| variants.iter().any(|v| v.id.strategy().number == number);
        let python_in_image =
            plan.front_end == FrontEnd::Pyspark && plan.driver != DriverPlace::Host;
        let base = engine && plan.spark.image.is_none();
        let layers = engine && (by("2") || python_in_image);
        Needs {
            engine,
            cluster: kind || minikube,
            kind,
            minikube,
            go: kind || minikube || servers.contains(&StoreKind::S3),
            base,
            assembled: unpublished || layers || servers.iter().any(|kind| *kind != StoreKind::S3),
            maven: servers.contains(&StoreKind::Hdfs)
                || variants
                    .iter()
                    .any(|v| v.id.strategy().number == "4" && v.stores != [StoreKind::Hdfs]),
            fuse: engine && by("2"),
            python: plan.front_end == FrontEnd::Pyspark && plan.driver == DriverPlace::Host,
            pip: plan.spark.home.is_none(),
            java: match plan.driver {
                DriverPlace::Host => Some(plan.spark.version.clone()),
                DriverPlace::Container | DriverPlace::Pod => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_catalog::plan::{Machine, MebiBytes, MilliCpu, RawPlan};

    fn needs(change: impl FnOnce(&mut RawPlan)) -> Needs {
        let mut raw = RawPlan::default();
        change(&mut raw);
        let machine = Machine { cpu: MilliCpu(4000), memory: MebiBytes(16_000) };
        Needs::for_plan(&ResolvedPlan::new(raw, machine).expect("a plan"))
    }

    #[test]
    fn the_default_needs_everything() {
        let needs = needs(|_| {});
        assert!(needs.engine && needs.cluster && needs.kind && needs.go && needs.base);
        assert!(needs.assembled);
        assert!(needs.maven && needs.fuse && needs.python && needs.pip && !needs.minikube);
        assert_eq!(needs.java.as_ref(), Some(sparkproof_catalog::spark::default_version()));
    }

    #[test]
    fn a_cluster_and_an_image_of_the_users_need_no_engine_and_nothing_assembled() {
        let home = tempfile::tempdir().expect("a directory");
        std::fs::create_dir_all(home.path().join("bin")).expect("made");
        std::fs::create_dir_all(home.path().join("jars")).expect("made");
        for file in
            ["bin/spark-submit", "jars/spark-kubernetes_2.12-3.5.9.jar", "bin/docker-image-tool.sh"]
        {
            std::fs::write(home.path().join(file), "").expect("written");
        }
        std::fs::write(home.path().join("RELEASE"), "Spark 3.5.9 built for Hadoop 3.3.4\n")
            .expect("written");
        let needs = needs(|raw| {
            raw.kubeconfig = Some(home.path().join("RELEASE"));
            raw.image = Some("registry.test/spark:3.5.9".into());
            raw.spark_home = Some(home.path().to_owned());
            raw.strategies = Some(vec!["none".into()]);
            raw.driver = Some(DriverPlace::Pod);
        });
        let nothing = Needs {
            engine: false,
            cluster: false,
            kind: false,
            minikube: false,
            go: false,
            base: false,
            assembled: false,
            maven: false,
            fuse: false,
            python: false,
            pip: false,
            java: None,
        };
        assert_eq!(needs, nothing);
    }

    #[test]
    fn an_image_of_the_users_and_ways_without_servers_need_no_root() {
        let needs = needs(|raw| {
            raw.image = Some("registry.test/spark:3.5.9".into());
            raw.strategies = Some(vec!["0".into(), "1".into(), "3".into()]);
        });
        assert!(needs.engine && needs.kind && !needs.base && !needs.assembled);
        assert!(!needs.maven && !needs.fuse);
    }
}
