//! The resolved plan: every value checked, every version known, before anything is created.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::Secrets;
use sparkproof_base::name::Name;

use crate::kubernetes::KubernetesRelease;
use crate::plan::bounded::{ExecutorCount, Seconds, WorkerCount};
use crate::plan::conf::Sessions;
use crate::plan::names::{PULL_SECRETS, check_image, dns_label};
use crate::plan::resources::{Asked, fit};
use crate::plan::selection::Selection;
use crate::plan::stores::OwnStore;
use crate::plan::{
    ClassPath, Conf, DriverPlace, DriverSize, Fit, FrontEnd, Machine, PodPlan, ProviderChoice,
    RawPlan, RbacChoice, Registry, SparkSource, Suite, minikube, pods, rules, stores,
};
use crate::{Given, StoreKind, Variant, VariantId};

/// What a run proves, on which cluster and with which Spark.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResolvedPlan {
    /// The cluster.
    pub cluster: ClusterPlan,
    /// The Spark version and where it comes from.
    pub spark: SparkSource,
    /// Number and size of the executors.
    pub executors: Executors,
    /// Size of the driver.
    #[serde(default)]
    pub driver_size: DriverSize,
    /// Templates of pods, and whether they comply with Pod Security `restricted`.
    #[serde(default)]
    pub pods: PodPlan,
    /// How permissions are granted.
    pub rbac: RbacChoice,
    /// The namespace from `--namespace`.
    pub namespace: Option<String>,
    /// Service account of driver and executors.
    pub service_account: String,
    /// The user's Spark configuration.
    pub conf: Conf,
    /// The shell that creates sessions.
    #[serde(default)]
    pub front_end: FrontEnd,
    /// Class path of Clojure and Geni, if given.
    #[serde(default)]
    pub geni_classpath: Option<ClassPath>,
    /// Where the driver runs.
    #[serde(default)]
    pub driver: DriverPlace,
    /// Address of the driver; `None`: derived from the cluster.
    pub driver_host: Option<IpAddr>,
    /// Address that a driver on this host listens on; `None`: derived.
    #[serde(default)]
    pub driver_bind: Option<IpAddr>,
    /// How long a session may take to start.
    pub session_timeout: Duration,
    /// The ways of reading to prove.
    #[serde(default)]
    pub variants: Vec<VariantId>,
    /// The variants that were selected by their id: if one of them is not proven, the run is red.
    #[serde(default)]
    pub by_name: BTreeSet<VariantId>,
    /// Which files each variant must read.
    #[serde(default)]
    pub suite: Suite,
    /// The user's stores, used instead of sparkproof's own servers.
    #[serde(default)]
    pub stores: Vec<OwnStore>,
    /// Images of storage servers to run in pods of the user's cluster.
    #[serde(default)]
    pub store_images: BTreeMap<StoreKind, String>,
    /// Where images that are not given are pushed; only for the user's cluster.
    pub registry: Option<Registry>,
    /// Name of the Secret with which nodes pull images.
    #[serde(default)]
    pub image_pull_secret: Option<String>,
    /// The run directory, if `--report-dir` names one.
    pub report_dir: Option<PathBuf>,
    /// Messages for the user: values adapted to this machine, secrets too short to be masked.
    pub warnings: Vec<String>,
}

/// The cluster of a run.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "provider")]
pub enum ClusterPlan {
    /// A kind cluster of this run.
    Kind {
        /// The Kubernetes version of the nodes.
        kubernetes: KubernetesRelease,
        /// Number of workers in addition to the control plane.
        workers: u32,
        /// CPU and memory of the nodes.
        fit: Fit,
    },
    /// A Minikube cluster of this run.
    Minikube {
        /// The Kubernetes version of the nodes; `None` for the default of the base image.
        kubernetes: Option<KubernetesRelease>,
        /// Number of nodes in addition to the first one.
        workers: u32,
        /// CPU and memory of the nodes.
        fit: Fit,
    },
    /// A cluster that `up` left running.
    Up {
        /// Its name.
        name: Name,
    },
    /// The user's cluster.
    Existing {
        /// Its kubeconfig, which is never changed.
        kubeconfig: PathBuf,
        /// `None` for the current context.
        context: Option<String>,
        /// Whether the driver acts as the service account: the user named it and an existing namespace.
        as_account: bool,
    },
}

/// Number and size of the executors.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Executors {
    /// Their number, at least 1.
    pub count: u32,
    /// CPU request of each.
    pub cpu: crate::plan::MilliCpu,
    /// Heap of each.
    pub memory: crate::plan::MebiBytes,
    /// CPU limit of each; `None`: no limit.
    #[serde(default)]
    pub cpu_limit: Option<crate::plan::MilliCpu>,
}

impl Executors {
    /// The CPU request of each of `parts` pods that share the executors' CPU; at most one core.
    pub fn share_of(&self, parts: u32) -> crate::plan::MilliCpu {
        let all = self.cpu.0 * u64::from(self.count);
        crate::plan::MilliCpu((all / u64::from(parts.max(1))).clamp(1, 1000))
    }
}

impl ResolvedPlan {
    /// Validates the options. Creates nothing.
    ///
    /// # Errors
    /// Bad input. Environment: a variant selected by its id cannot be proven.
    pub fn new(raw: RawPlan, machine: Machine) -> Result<Self> {
        rules::check(&raw)?;
        let count = raw.executors.map_or(3, ExecutorCount::get);
        let mut conf = Conf::parsed(&raw.conf)?;
        check_image(&raw, &conf)?;
        let front_end = raw.front_end.unwrap_or_default();
        let spark = SparkSource::new(&raw, front_end)?;
        for (flag, name) in
            [("--namespace", &raw.namespace), ("--service-account", &raw.service_account)]
        {
            if let Some(name) = name {
                dns_label(flag, name)?;
            }
        }
        let selection = Selection::of(raw.strategies.as_deref())?;
        let stores = stores::of(&raw)?;
        let store_images = stores::images(&raw, &stores)?;
        let rbac = raw.rbac.unwrap_or(RbacChoice::Minimal);
        let asked = Asked {
            node_cpu: raw.cpus,
            node_memory: raw.memory,
            executor_cpu: raw.executor_cpu,
            executor_cpu_limit: raw.executor_cpu_limit,
            executor_memory: raw.executor_memory,
            executors: count,
            workers: raw.workers.map_or(0, WorkerCount::get),
        };
        let (pods, driver_size, notes) = pods::planned(&raw, &conf)?;
        let existing = raw.kubeconfig.is_some();
        let (fit, cluster) = match (raw.kubeconfig, raw.cluster) {
            (Some(kubeconfig), _) => {
                if !kubeconfig.is_file() {
                    return Err(Error::input(format!(
                        "--kubeconfig {}: no such file",
                        kubeconfig.display()
                    )));
                }
                // The cluster decides the node sizes; pods that do not fit stay Unschedulable.
                let fit = Fit {
                    node_cpu: machine.cpu,
                    node_memory: machine.memory,
                    executor_cpu: asked
                        .executor_cpu
                        .unwrap_or(crate::plan::MilliCpu(1000))
                        .min(asked.executor_cpu_limit.unwrap_or(crate::plan::MilliCpu(u64::MAX))),
                    executor_memory: asked.executor_memory.unwrap_or(crate::plan::MebiBytes(512)),
                    warnings: Vec::new(),
                };
                if raw.namespace.is_some() && raw.rbac.is_some() {
                    return Err(Error::input(
                        "--rbac has no effect with --kubeconfig and --namespace: sparkproof grants nothing there, \
                         the namespace is used as it is",
                    )
                    .remedy("leave out --rbac; --service-account names an account that exists"));
                }
                let as_account = raw.namespace.is_some() && raw.service_account.is_some();
                (fit, ClusterPlan::Existing { kubeconfig, context: raw.context, as_account })
            }
            (None, Some(name)) => (fit(machine, asked)?, ClusterPlan::Up { name }),
            (None, None) => {
                let provider = raw.provider.unwrap_or_default();
                if provider == ProviderChoice::Minikube {
                    minikube::accept(machine, raw.cpus, raw.memory)?;
                }
                let fit = fit(machine, asked)?;
                let (asked_for, workers) = (raw.kubernetes_version.as_deref(), asked.workers);
                let kubernetes = KubernetesRelease::resolve(asked_for)?;
                let offered = fit.clone();
                let cluster = match provider {
                    ProviderChoice::Kind => ClusterPlan::Kind { kubernetes, workers, fit: offered },
                    ProviderChoice::Minikube => {
                        let kubernetes = asked_for.is_some().then_some(kubernetes);
                        ClusterPlan::Minikube { kubernetes, workers, fit: offered }
                    }
                };
                (fit, cluster)
            }
        };
        let registry = raw.registry.as_deref().map(Registry::checked).transpose()?;
        if existing && spark.image.is_none() && registry.is_none() {
            return Err(Error::input(
                "an existing cluster needs --image or --registry: nothing can be loaded there",
            )
            .remedy(
                "push an image where its nodes can pull it, and name it by --image; or name the \
                 place by --registry, and sparkproof builds and pushes",
            ));
        }
        let driver = raw.driver.unwrap_or_default();
        if existing && driver == DriverPlace::Container {
            return Err(Error::input(
                "--driver container: the container joins the Docker network of sparkproof's own cluster, and \
                 sparkproof does not know the network of the cluster of --kubeconfig",
            )
            .remedy("leave out --driver or --kubeconfig"));
        }
        let default_account = match rbac {
            // Every namespace has this account.
            _ if existing && raw.namespace.is_some() => "default",
            RbacChoice::Minimal => "spark",
            RbacChoice::Guide => "spark-serviceaccount",
        };
        conf.check(Sessions {
            abfs: selection.has(VariantId::Abfs),
            abfs_tls: stores
                .iter()
                .any(|own| own.kind == StoreKind::Azure && own.endpoint.starts_with("https://")),
            read: !selection.is_empty(),
            driver_in_pod: driver == DriverPlace::Pod,
        })?;
        let mut warnings = fit.warnings;
        warnings.extend(conf.register(&Secrets::default()).into_iter().map(|key| {
            format!("the value of {key} is too short to be masked in logs of other programs")
        }));
        warnings.extend(notes);
        if let Some(name) = &raw.image_pull_secret {
            conf.insert(PULL_SECRETS, name);
        }
        let nodes = usize::try_from(asked.workers.max(1)).unwrap_or(1);
        let given = Given {
            restricted: pods.restricted,
            ..given(&spark, &stores, &cluster, &store_images, registry.is_some())
        };
        let (variants, by_name) = selection.accept(&spark.version, nodes, &given)?;
        Ok(ResolvedPlan {
            cluster,
            spark,
            executors: Executors {
                count,
                cpu: fit.executor_cpu,
                memory: fit.executor_memory,
                cpu_limit: raw.executor_cpu_limit,
            },
            driver_size,
            pods,
            rbac,
            namespace: raw.namespace,
            service_account: raw.service_account.unwrap_or_else(|| default_account.to_owned()),
            conf,
            front_end,
            geni_classpath: raw.geni_classpath.map(ClassPath::checked).transpose()?,
            driver,
            driver_host: raw.driver_host,
            driver_bind: raw.driver_bind,
            session_timeout: Duration::from_secs(
                raw.session_timeout.map_or(180, |seconds| Seconds::get(seconds).into()),
            ),
            variants,
            by_name,
            suite: raw.suite.unwrap_or_default(),
            stores,
            store_images,
            registry,
            image_pull_secret: raw.image_pull_secret,
            report_dir: raw.report_dir,
            warnings,
        })
    }
}

impl ResolvedPlan {
    /// The variants to prove, with their rows of `strategies.toml`.
    pub fn variants(&self) -> impl Iterator<Item = &'static Variant> {
        self.variants.iter().copied().map(Variant::get)
    }

    /// What the user provides instead of sparkproof.
    pub fn given(&self) -> Given {
        let ResolvedPlan { spark, stores, cluster, store_images, registry, .. } = self;
        Given {
            restricted: self.pods.restricted,
            ..given(spark, stores, cluster, store_images, registry.is_some())
        }
    }

    /// One line that describes the run: cluster, Spark, front end, executors, driver.
    pub fn title(&self) -> String {
        let cluster = match &self.cluster {
            ClusterPlan::Kind { kubernetes, workers, .. } => {
                format!("kind, Kubernetes {}, {}", kubernetes.version, nodes(*workers))
            }
            ClusterPlan::Minikube { kubernetes, workers, .. } => {
                // Otherwise the base image decides, which is not known yet.
                let known = kubernetes.iter().map(|it| format!("Kubernetes {}, ", it.version));
                format!("Minikube, {}{}", known.collect::<String>(), nodes(*workers))
            }
            ClusterPlan::Up { name } => format!("cluster {name}"),
            ClusterPlan::Existing { kubeconfig, .. } => {
                format!("cluster of {}", kubeconfig.display())
            }
        };
        let spark = match (&self.spark.image, &self.spark.home) {
            (Some(image), _) => format!("image {image}"),
            (None, Some(home)) => format!("Spark of {}", home.display()),
            (None, None) => format!("Spark {}", self.spark.version),
        };
        let driver = match self.driver {
            DriverPlace::Host => "outside",
            DriverPlace::Container => "in a container",
            DriverPlace::Pod => "in a pod",
        };
        let level = if self.pods.restricted { " · restricted" } else { "" };
        let (front_end, executors) = (self.front_end, self.executors.count);
        format!(
            "{cluster} · {spark} · {front_end} · {executors} executors · driver {driver}{level}"
        )
    }
}

fn given(
    spark: &SparkSource,
    stores: &[OwnStore],
    cluster: &ClusterPlan,
    store_images: &BTreeMap<StoreKind, String>,
    registry: bool,
) -> Given {
    let cluster = matches!(cluster, ClusterPlan::Existing { .. });
    // Only pods can reach HDFS in a pod.
    let served = |kind: &StoreKind| {
        stores.iter().any(|own| own.kind == *kind)
            || store_images.contains_key(kind)
            || (registry && *kind != StoreKind::Hdfs)
    };
    Given {
        image: spark.image.is_some(),
        stores: stores.iter().map(|own| own.kind).collect(),
        cluster,
        restricted: false,
        no_server: StoreKind::ALL.into_iter().filter(|kind| cluster && !served(kind)).collect(),
    }
}

fn nodes(workers: u32) -> String {
    let nodes = workers + 1;
    format!("{nodes} node{}", if nodes == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SparkVersion;
    use crate::plan::{MebiBytes, MilliCpu};
    use rstest::rstest;
    use sparkproof_base::Exit;

    fn plan(change: impl FnOnce(&mut RawPlan)) -> Result<ResolvedPlan> {
        let mut raw = RawPlan::default();
        change(&mut raw);
        let machine = Machine { cpu: MilliCpu(2000), memory: MebiBytes(24_000) };
        ResolvedPlan::new(raw, machine)
    }

    #[test]
    fn the_default_is_three_executors_on_a_kind_cluster() {
        let plan = plan(|_| {}).expect("valid");
        assert_eq!(plan.executors.count, 3);
        assert!(matches!(plan.cluster, ClusterPlan::Kind { workers: 0, .. }));
        assert_eq!(plan.service_account, "spark");
    }

    #[test]
    fn minikube_is_asked_for_by_name() {
        let plan = plan(|raw| raw.provider = Some(ProviderChoice::Minikube)).expect("valid");
        assert!(matches!(plan.cluster, ClusterPlan::Minikube { workers: 0, .. }));
        assert!(plan.title().starts_with("Minikube, 1 node · "), "{}", plan.title());
        let fewer = "the guide asks for 3 CPUs, this machine has 2: the node offers 2";
        assert!(plan.warnings.iter().any(|warning| warning == fewer), "{:?}", plan.warnings);
    }

    #[test]
    fn a_provider_contradicts_a_cluster_that_exists() {
        let kubeconfig = tempfile::NamedTempFile::new().expect("a file");
        let existing: [fn(&mut RawPlan, &std::path::Path); 2] = [
            |raw, file| raw.kubeconfig = Some(file.to_owned()),
            |raw, _| raw.cluster = Some("mine".parse().expect("a name")),
        ];
        for name in existing {
            let error = plan(|raw| {
                name(raw, kubeconfig.path());
                raw.provider = Some(ProviderChoice::Kind);
            })
            .expect_err("refused");
            assert_eq!(error.exit, Exit::BadInput);
            assert!(error.to_string().contains("--provider says how"), "{error}");
        }
    }

    #[test]
    fn a_driver_in_a_container_is_told() {
        let title = |place| plan(|raw| raw.driver = place).expect("valid").title();
        assert!(title(None).ends_with("3 executors · driver outside"));
        let container = title(Some(DriverPlace::Container));
        assert!(container.ends_with("3 executors · driver in a container"), "{container}");
        assert!(title(Some(DriverPlace::Pod)).ends_with("3 executors · driver in a pod"));
    }

    #[test]
    fn a_driver_in_a_container_needs_a_cluster_of_ours() {
        let kubeconfig = tempfile::NamedTempFile::new().expect("a file");
        let error = plan(|raw| {
            raw.kubeconfig = Some(kubeconfig.path().to_owned());
            raw.image = Some("i".into());
            raw.driver = Some(DriverPlace::Container);
        })
        .expect_err("refused");
        assert_eq!(error.exit, Exit::BadInput);
        assert!(error.to_string().contains("--driver container"), "{error}");
    }

    #[test]
    fn a_namespace_that_exists_is_used_as_it_is() {
        let kubeconfig = tempfile::NamedTempFile::new().expect("a file");
        let given = |change: fn(&mut RawPlan)| {
            plan(|raw| {
                raw.kubeconfig = Some(kubeconfig.path().to_owned());
                raw.image = Some("i".into());
                raw.namespace = Some("team".into());
                change(raw);
            })
        };
        let plain = given(|_| {}).expect("valid");
        assert_eq!(plain.service_account, "default");
        assert!(matches!(plain.cluster, ClusterPlan::Existing { as_account: false, .. }));
        let named = given(|raw| raw.service_account = Some("spark".into())).expect("valid");
        assert!(matches!(named.cluster, ClusterPlan::Existing { as_account: true, .. }));
        let error = given(|raw| raw.rbac = Some(RbacChoice::Minimal)).expect_err("refused");
        assert!(error.to_string().starts_with("--rbac"), "{error}");
        let secret = given(|raw| raw.image_pull_secret = Some("key".into())).expect("valid");
        assert_eq!(secret.conf, Conf::from([(PULL_SECRETS, "key")]));
    }

    #[test]
    fn the_plan_shows_no_secret_and_says_which_is_too_short_to_mask() {
        let plan = plan(|raw| {
            let conf = ["spark.x.password=a\"b\\c", "spark.y.token=abc"];
            raw.conf = conf.map(|text| text.to_owned().into()).to_vec();
        })
        .expect("valid");
        assert_eq!(plan.conf.get("spark.x.password"), Some("a\"b\\c"));
        for text in [format!("{plan:?}"), serde_json::to_string(&plan).expect("JSON")] {
            assert!(text.contains("[secret]") && !text.contains("a\\\"b"), "{text}");
        }
        assert!(plan.warnings.iter().any(|w| w.contains("spark.y.token")), "{:?}", plan.warnings);
        assert!(!plan.warnings.iter().any(|w| w.contains("spark.x")), "{:?}", plan.warnings);
    }

    #[rstest]
    #[case("1-baked", None, Some("only onto its own nodes"))]
    #[case("2-s3fs-node", Some("s3=i"), Some("only on its own nodes"))]
    #[case("3-hostpath", None, Some("only onto its own nodes"))]
    #[case("3-pvc-static", None, Some("only onto its own nodes"))]
    #[case("4-s3", None, Some("--store-image"))]
    #[case("4-s3", Some("s3=i"), None)]
    #[case("3-pvc-dynamic", None, None)]
    #[case("3", None, None)]
    fn what_a_cluster_of_the_users_cannot_prove_is_refused_by_its_id(
        #[case] asked: &str,
        #[case] store_image: Option<&str>,
        #[case] refused: Option<&str>,
    ) {
        let kubeconfig = tempfile::NamedTempFile::new().expect("a file");
        let planned = plan(|raw| {
            raw.kubeconfig = Some(kubeconfig.path().to_owned());
            raw.image = Some("registry.test/spark:3.5.9".into());
            raw.strategies = Some(vec![asked.to_owned()]);
            raw.store_image = store_image.into_iter().map(str::to_owned).collect();
        });
        match refused {
            None => drop(planned.expect("by a look")),
            Some(why) => {
                let error = planned.expect_err("before anything is made");
                assert_eq!(error.exit, Exit::Environment, "{error}");
                assert!(error.to_string().contains(why), "{error}");
            }
        }
        let own = plan(|raw| raw.strategies = Some(vec![asked.to_owned()]));
        own.expect("sparkproof's own cluster");
    }

    #[test]
    fn abfs_is_proven_with_an_azure_store_of_the_user_s() {
        let given = |change: fn(&mut RawPlan)| {
            plan(|raw| {
                raw.strategies = Some(vec!["4-abfs".into()]);
                raw.spark_version = Some(SparkVersion::new(3, 5, 9));
                change(raw);
            })
        };
        assert_eq!(given(|_| {}).expect_err("Azurite").exit, Exit::Environment);
        let own = given(|raw| {
            raw.store_azure_endpoint = Some("https://a.blob.core.windows.net".into());
            raw.store_azure_container = Some("c".into());
            raw.conf = vec!["spark.hadoop.fs.azure.always.use.https=true".to_owned().into()];
        });
        assert_eq!(own.expect("valid").by_name, [VariantId::Abfs].into());
    }

    #[rstest]
    #[case::too_many(|raw: &mut RawPlan| raw.executors = "1000".parse().ok())]
    #[case::bad_conf(|raw: &mut RawPlan| raw.conf = vec!["nonsense".to_owned().into()])]
    #[case::a_contradiction(|raw: &mut RawPlan| raw.conf = vec!["spark.master=x".to_owned().into()])]
    #[case::another_abfs(|raw: &mut RawPlan| {
        raw.conf = vec!["spark.hadoop.fs.azure.always.use.https=true".to_owned().into()];
    })]
    #[case::two_sparks(|raw: &mut RawPlan| {
        (raw.spark_version, raw.spark_home) = (Some(SparkVersion::new(4, 1, 4)), Some("/opt/spark".into()));
    })]
    #[case::another_kubernetes(|raw: &mut RawPlan| {
        (raw.cluster, raw.kubernetes_version) = ("mine".parse().ok(), Some("v1.37.2".into()));
    })]
    #[case::a_context_of_nothing(|raw: &mut RawPlan| raw.context = Some("c".into()))]
    #[case::missing_home(|raw: &mut RawPlan| raw.spark_home = Some("/nowhere".into()))]
    #[case::missing_kubeconfig(|raw: &mut RawPlan| raw.kubeconfig = Some("/nowhere".into()))]
    #[case::bad_namespace(|raw: &mut RawPlan| raw.namespace = Some("Not_A_Label".into()))]
    #[case::bad_strategy(|raw: &mut RawPlan| raw.strategies = Some(vec!["5".into()]))]
    #[case::more_cpus(|raw: &mut RawPlan| raw.cpus = Some(MilliCpu(64_000)))]
    #[case::workers_of_a_cluster_that_is_up(|raw: &mut RawPlan| {
        (raw.cluster, raw.workers) = ("mine".parse().ok(), "1".parse().ok());
    })]
    #[case::cpus_of_a_cluster_that_is_up(|raw: &mut RawPlan| {
        (raw.cluster, raw.cpus) = ("mine".parse().ok(), Some(MilliCpu(2000)));
    })]
    #[case::memory_of_a_cluster_that_is_up(|raw: &mut RawPlan| {
        (raw.cluster, raw.memory) = ("mine".parse().ok(), Some(MebiBytes(4096)));
    })]
    #[case::two_pull_secrets(|raw: &mut RawPlan| {
        raw.image_pull_secret = Some("a".into());
        raw.conf = vec![format!("{PULL_SECRETS}=b").into()];
    })]
    #[case::a_pull_secret_of_no_name(|raw: &mut RawPlan| {
        raw.image_pull_secret = Some("Not_A_Name".into());
    })]
    #[case::an_empty_image(|raw: &mut RawPlan| raw.image = Some(String::new()))]
    #[case::an_image_of_two_words(|raw: &mut RawPlan| raw.image = Some("a b".into()))]
    #[case::an_empty_report_dir(|raw: &mut RawPlan| raw.report_dir = Some("".into()))]
    #[case::an_empty_spark_home(|raw: &mut RawPlan| raw.spark_home = Some("".into()))]
    #[case::spark_connect(|raw: &mut RawPlan| {
        raw.conf = vec!["spark.remote=sc://x".to_owned().into()];
    })]
    #[case::a_key_of_two_words(|raw: &mut RawPlan| raw.conf = vec!["spark.a b=c".to_owned().into()])]
    fn bad_input_is_refused(#[case] change: fn(&mut RawPlan)) {
        assert_eq!(plan(change).expect_err("refused").exit, Exit::BadInput);
    }
}
