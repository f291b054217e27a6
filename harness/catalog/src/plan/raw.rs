//! What the user wrote, on the command line or in `sparkproof.toml`: one struct reads both, so a
//! flag and its key can never drift apart.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::name::Name;

use crate::SparkVersion;
use crate::plan::bounded::{ExecutorCount, Seconds, WorkerCount};
use crate::plan::conf::{RawSetting, beginning};
use crate::plan::{ClassPath, MebiBytes, MilliCpu};

/// The configuration file looked for in the working directory.
pub const CONFIG_FILE: &str = "sparkproof.toml";

/// How permissions are granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum RbacChoice {
    /// A namespaced Role with just the verbs Spark uses.
    Minimal,
    /// Namespace, account and cluster role binding exactly as the "Geni on Kubernetes" guide.
    Guide,
}

/// The shell that creates the session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum FrontEnd {
    /// Python.
    #[default]
    Pyspark,
    /// Spark's Scala shell, bin/spark-shell.
    SparkShell,
    /// Clojure, with Geni.
    Geni,
}

impl std::fmt::Display for FrontEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // One spelling, in flags, files and reports.
        self.serialize(f)
    }
}

/// Where the driver runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DriverPlace {
    /// A process on this host.
    #[default]
    Host,
    /// A container on the Docker network of sparkproof's cluster; it sees only sparkproof's files.
    Container,
    /// A pod of the cluster, which owns its executors; PySpark needs Python in the image.
    Pod,
}

/// The tool that creates the cluster of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum ProviderChoice {
    /// kind.
    #[default]
    Kind,
    /// Minikube, as the guide does.
    Minikube,
}

/// Which files each reading strategy must read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Suite {
    /// CSV and Parquet, one big file and a directory of many.
    #[default]
    Default,
    /// Also JSON, text, gzip, odd names, an empty file, files of several blocks, 1,000 small files.
    Full,
}

/// All options; every field is optional. [`crate::plan::ResolvedPlan::new`] refuses combinations
/// that contradict each other, whether they come from flags or from the file.
#[derive(Debug, Clone, Default, clap::Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct RawPlan {
    /// Tool that creates the run's cluster: kind or minikube [default: kind]
    #[arg(long, value_enum, help_heading = "Cluster")]
    pub provider: Option<ProviderChoice>,
    /// Kubeconfig of an existing cluster; without it, a cluster is created for the run
    #[arg(long, value_name = "FILE", help_heading = "Cluster")]
    pub kubeconfig: Option<PathBuf>,
    /// Context of that kubeconfig [default: its current one]
    #[arg(long, help_heading = "Cluster")]
    pub context: Option<String>,
    /// Use the cluster that `sparkproof up --name NAME` left running
    #[arg(long, value_name = "NAME", help_heading = "Cluster")]
    pub cluster: Option<Name>,
    /// Kubernetes version of the created cluster [default: pinned in harness/catalog/versions/kubernetes.toml]
    #[arg(long, value_name = "V", help_heading = "Cluster")]
    pub kubernetes_version: Option<String>,
    /// Worker nodes beside the control plane [default: 0]
    #[arg(long, value_name = "N", help_heading = "Cluster")]
    pub workers: Option<WorkerCount>,
    /// Cores of each node [default: the guide's 3, fewer on a smaller machine]
    #[arg(long, value_name = "CPU", help_heading = "Cluster")]
    pub cpus: Option<MilliCpu>,
    /// Memory of each node [default: the guide's 8192m, less on a smaller machine]
    #[arg(long, value_name = "MEM", help_heading = "Cluster")]
    pub memory: Option<MebiBytes>,

    /// Spark version, from PyPI's pyspark [default: newest 3.5.x]
    #[arg(long, value_name = "V", help_heading = "Spark")]
    pub spark_version: Option<SparkVersion>,
    /// An official Spark distribution: its docker-image-tool.sh builds the image
    #[arg(long, value_name = "DIR", help_heading = "Spark")]
    pub spark_home: Option<PathBuf>,
    /// Use this image as it is (the driver still comes from --spark-version or --spark-home)
    #[arg(long, value_name = "REF", help_heading = "Spark")]
    pub image: Option<String>,
    /// Registry, with an optional path, that the nodes of --kubeconfig pull from: images that are
    /// not given are built and pushed there
    #[arg(long, value_name = "HOST/PATH", help_heading = "Spark")]
    pub registry: Option<String>,
    /// Secret in the session's namespace with which its nodes pull the image
    #[arg(long, value_name = "NAME", help_heading = "Spark")]
    pub image_pull_secret: Option<String>,
    /// Number of executors [default: 3]
    #[arg(long, value_name = "N", help_heading = "Spark")]
    pub executors: Option<ExecutorCount>,
    /// Cores each executor requests [default: 1, or the fraction that fits]
    #[arg(long, value_name = "CPU", help_heading = "Spark")]
    pub executor_cpu: Option<MilliCpu>,
    /// Heap of each executor [default: 512m]
    #[arg(long, value_name = "MEM", help_heading = "Spark")]
    pub executor_memory: Option<MebiBytes>,
    /// CPU limit of each executor [default: none, as Spark's]
    #[arg(long, value_name = "CPU", help_heading = "Spark")]
    pub executor_cpu_limit: Option<MilliCpu>,
    /// More Spark configuration, key=value; may be repeated
    #[arg(long = "conf", value_name = "K=V", help_heading = "Spark")]
    #[serde(skip_serializing, deserialize_with = "settings")]
    pub conf: Vec<RawSetting>,
    /// The shell that creates the session [default: pyspark]
    #[arg(long, value_enum, help_heading = "Spark")]
    pub front_end: Option<FrontEnd>,
    /// Jars and directories with Clojure and Geni, as for java -cp [default: clojure -Spath]
    #[arg(long, value_name = "PATH", help_heading = "Spark")]
    pub geni_classpath: Option<ClassPath>,
    /// Where the driver runs: on this host, in a container beside the nodes, or in a pod [default: host]
    #[arg(long, value_enum, help_heading = "Spark")]
    pub driver: Option<DriverPlace>,
    /// Address under which pods reach the driver [default: as the cluster's network sees this host]
    #[arg(long, value_name = "IP", help_heading = "Spark")]
    pub driver_host: Option<IpAddr>,
    /// Address of this host that the driver listens on [default: --driver-host if it is an address of
    /// this host, else the address towards the cluster]
    #[arg(long, value_name = "IP", help_heading = "Spark")]
    pub driver_bind: Option<IpAddr>,
    /// Cores that a driver's pod requests [default: as many as an executor]
    #[arg(long, value_name = "CPU", help_heading = "Spark")]
    pub driver_cpu: Option<MilliCpu>,
    /// CPU limit of a driver's pod [default: 1, or what it requests if that is more]
    #[arg(long, value_name = "CPU", help_heading = "Spark")]
    pub driver_cpu_limit: Option<MilliCpu>,
    /// Heap of the driver [default: Spark's 1g; an application's is an executor's]
    #[arg(long, value_name = "MEM", help_heading = "Spark")]
    pub driver_memory: Option<MebiBytes>,
    /// Seconds until all executors of a session must be registered [default: 180]
    #[arg(long, value_name = "S", help_heading = "Spark")]
    pub session_timeout: Option<Seconds>,

    /// Template of the session's pods, one Pod in YAML: tolerations, labels, volumes, security context …;
    /// for executors, and for a driver's pod without a template of its own
    #[arg(long, value_name = "FILE", help_heading = "Pods")]
    pub pod_template: Option<PathBuf>,
    /// Template of a driver's pod [default: --pod-template]
    #[arg(long, value_name = "FILE", help_heading = "Pods")]
    pub driver_pod_template: Option<PathBuf>,
    /// All pods comply with Pod Security's level restricted, which namespaces that sparkproof creates
    /// then enforce
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        help_heading = "Pods"
    )]
    pub restricted: Option<bool>,

    /// Permissions: minimal (a namespaced Role) or guide (as the guide creates them)
    #[arg(long, value_enum, help_heading = "Permissions")]
    pub rbac: Option<RbacChoice>,
    /// Namespace to create for the session [default: spark-RUN; guide: spark]; with --kubeconfig an
    /// existing one, in which only the session's own objects are created
    #[arg(long, help_heading = "Permissions")]
    pub namespace: Option<String>,
    /// Service account of driver and executors [default: spark; guide: spark-serviceaccount]; in an
    /// existing namespace, an account that exists there [default: default]
    #[arg(long, help_heading = "Permissions")]
    pub service_account: Option<String>,

    /// Reading strategies: numbers (0 to 4) and variants (e.g. 4-s3), or none [default: all]
    #[arg(long, value_name = "LIST", value_delimiter = ',', help_heading = "Reading")]
    pub strategies: Option<Vec<String>>,
    /// How many kinds of files each strategy must read [default: default]
    #[arg(long, value_enum, help_heading = "Reading")]
    pub suite: Option<Suite>,

    /// Your S3 store, e.g. https://s3.example.org; keys: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY
    #[arg(long, value_name = "URL", help_heading = "Stores")]
    pub store_s3_endpoint: Option<String>,
    /// Its bucket, which must exist
    #[arg(long, value_name = "NAME", help_heading = "Stores")]
    pub store_s3_bucket: Option<String>,
    /// Your HDFS, with a directory to write in, e.g. hdfs://namenode:8020/user/me
    #[arg(long, value_name = "URI", help_heading = "Stores")]
    pub store_hdfs_uri: Option<String>,
    /// Your Azure Blob Storage; account and key: AZURE_STORAGE_ACCOUNT, AZURE_STORAGE_KEY
    #[arg(long, value_name = "URL", help_heading = "Stores")]
    pub store_azure_endpoint: Option<String>,
    /// Its container, which must exist
    #[arg(long, value_name = "NAME", help_heading = "Stores")]
    pub store_azure_container: Option<String>,

    /// Image of a store's server that the nodes of --kubeconfig can pull, s3=REF, moto=REF or
    /// azure=REF: it runs there in a pod; may be repeated
    #[arg(long, value_name = "KIND=REF", help_heading = "Stores")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub store_image: Vec<String>,

    /// Run directory to write [default: target/sparkproof/RUN in a checkout, else sparkproof-runs/RUN]
    #[arg(long, value_name = "DIR", help_heading = "Report")]
    pub report_dir: Option<PathBuf>,

    /// The part that came from a configuration file.
    #[arg(skip)]
    #[serde(skip)]
    pub(super) file: Option<FromFile>,
}

/// What came from a configuration file.
#[derive(Debug, Clone)]
pub(super) struct FromFile {
    path: PathBuf,
    /// Keys that the command line does not decide.
    keys: BTreeSet<String>,
}

impl RawPlan {
    /// Merges the command line over a configuration file: for a value in both, the command line's
    /// counts; `conf` has the entries of both, the command line's last.
    ///
    /// # Errors
    /// Bad input: unreadable, wrong type, unknown key.
    pub fn over_file(self, path: &Path) -> Result<Self> {
        let text = fs_err::read_to_string(path).or_input("reading the configuration file")?;
        self.over(&text, path)
    }

    fn over(self, text: &str, path: &Path) -> Result<Self> {
        let refused = |e: toml::de::Error| {
            let error = Error::input(format!("{}: {}", path.display(), in_one_line(&e, text)));
            match did_you_mean(e.message()) {
                Some(key) => error.remedy(format!("did you mean `{key}`?")),
                None => error,
            }
        };
        let table = text.parse().map_err(refused)?;
        let mut table = with_flat_stores(table).map_err(|key| {
            let twice = format!("{}: `{key}` is given twice, once as a table", path.display());
            Error::input(twice).remedy("leave out one")
        })?;
        let line = self.table()?;
        let keys = table.keys().filter(|key| !line.contains_key(*key)).cloned().collect();
        table.extend(line);
        let mut both = RawPlan::deserialize(table).map_err(refused)?;
        both.conf.extend(self.conf);
        both.file = Some(FromFile { path: path.to_owned(), keys });
        Ok(both)
    }

    /// The given values by key, without `conf`, the only one that may be given twice.
    pub(super) fn table(&self) -> Result<toml::Table> {
        toml::Table::try_from(self).or_input("a value is not UTF-8")
    }

    /// A key as the user wrote it: a flag, or a key of the file.
    pub(super) fn named(&self, key: &str) -> String {
        match &self.file {
            Some(file) if file.keys.contains(key) => {
                format!("`{key}` in {}", file.path.display())
            }
            Some(_) => format!("--{key} on the command line"),
            None => format!("--{key}"),
        }
    }
}

/// What is wrong and where, without the line itself, which may hold a secret.
fn in_one_line(error: &toml::de::Error, text: &str) -> String {
    let message = without_text(error.message());
    match error.span().and_then(|span| text.get(..span.start)) {
        Some(before) => {
            let line = before.matches('\n').count() + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
            format!("line {line}, column {column}: {message}")
        }
        // The error has the key on a separate line.
        None => {
            let whole = error.to_string().replace(error.message(), &message);
            let lines = whole.lines().map(str::trim).filter(|line| !line.is_empty());
            lines.collect::<Vec<_>>().join(", ")
        }
    }
}

/// serde's message without what may be secret: the text of a value of the wrong type, and the part of
/// an unknown key that no key can have.
fn without_text(message: &str) -> String {
    let unknown = message.strip_prefix("unknown field `");
    if let Some((key, expected)) = unknown.and_then(|rest| rest.split_once('`')) {
        return format!("unknown field `{}`{expected}", beginning(key));
    }
    let wrong = message.strip_prefix("invalid type: string ");
    match wrong.and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((_, expected)) => format!("invalid type: a text, expected {expected}"),
        None => message.to_owned(),
    }
}

/// The settings of the file. The error does not show a value of the wrong form.
fn settings<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<RawSetting>, D::Error> {
    let expected = "expected a list of texts, [\"spark.some.key=value\"]";
    Vec::deserialize(from).map_err(|_| serde::de::Error::custom(expected))
}

/// `[store.s3] endpoint = …` is another spelling of `store-s3-endpoint = …`, the flag's name. The error
/// is the key that is given in both.
fn with_flat_stores(mut table: toml::Table) -> Result<toml::Table, String> {
    fn flatten(name: String, value: toml::Value, into: &mut toml::Table) -> Result<(), String> {
        match value {
            toml::Value::Table(table) => table
                .into_iter()
                .try_for_each(|(key, value)| flatten(format!("{name}-{key}"), value, into)),
            _ if into.contains_key(&name) => Err(name),
            value => {
                into.insert(name, value);
                Ok(())
            }
        }
    }
    if let Some(stores) = table.remove("store") {
        flatten("store".to_owned(), stores, &mut table)?;
    }
    Ok(table)
}

/// From serde's "unknown field `x`, expected one of `a`, `b`": the closest key.
fn did_you_mean(message: &str) -> Option<String> {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let wrong = quoted.next()?;
    quoted
        .map(|known| (strsim::jaro_winkler(wrong, known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Conf;

    fn read(text: &str) -> Result<RawPlan> {
        RawPlan::default().over(text, Path::new(CONFIG_FILE))
    }

    #[test]
    fn the_file_uses_the_names_of_the_flags() {
        let plan = read("executors = 5\nrbac = 'guide'\nexecutor-cpu = '300m'");
        let plan = plan.expect("valid");
        assert_eq!(plan.executors.map(ExecutorCount::get), Some(5));
        assert_eq!(plan.rbac, Some(RbacChoice::Guide));
        assert_eq!(plan.executor_cpu, Some(MilliCpu(300)));
    }

    #[test]
    fn an_unknown_key_is_an_error_with_a_suggestion() {
        let error = read("executor = 5").expect_err("unknown key");
        assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
        assert_eq!(error.remedy.as_deref(), Some("did you mean `executors`?"));
    }

    #[test]
    fn the_file_of_the_readme_is_valid() {
        let readme = include_str!("../../../../README.md");
        let block = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
        let plan = read(block.expect("a toml block")).expect("valid");
        assert_eq!((plan.executors.map(ExecutorCount::get), plan.conf.len()), (Some(5), 2));
    }

    #[test]
    fn stores_may_be_tables() {
        let plan = read("[store.s3]\nendpoint = 'http://x'\nbucket = 'b'");
        let plan = plan.expect("valid");
        assert_eq!(plan.store_s3_endpoint.as_deref(), Some("http://x"));
        assert_eq!(plan.store_s3_bucket.as_deref(), Some("b"));
        let error = read("[store.s3]\nendpont = 'x'").expect_err("unknown key");
        assert_eq!(error.remedy.as_deref(), Some("did you mean `store-s3-endpoint`?"));
        assert!(read("store = 5").is_err());
    }

    #[test]
    fn a_store_spelled_in_two_ways_is_refused() {
        let error = read("store-s3-endpoint = 'http://x'\n[store.s3]\nendpoint = 'http://y'");
        let error = error.expect_err("refused");
        assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
        assert!(error.to_string().contains("`store-s3-endpoint` is given twice"), "{error}");
    }

    #[test]
    fn what_is_wrong_in_the_file_is_told_without_its_text() {
        for (text, says) in [
            ("conf = \"spark.x.password=hunter2hunter2\"", "expected a list of texts"),
            ("conf = [[\"spark.x.password=hunter2hunter2\"]]", "expected a list of texts"),
            ("\nconf = [\"spark.x.password=hunter2hunter2\" \"b\"]", "line 2, column "),
            ("conf = [\"spark.x.password=hunter2hunter2", "line 1, column "),
            ("executors = \"hunter2hunter2\"", "executors"),
            ("\"spark.x.password=hunter2hunter2\" = 1", "unknown field `spark.x.password=…`, exp"),
            ("strategies = \"hunter2hunter2, expected x\"", "strategies"),
        ] {
            let error = read(text).expect_err(text);
            assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
            let message = format!("{error:?} {}", error.summary());
            assert!(message.contains(says), "{text}: {message}");
            assert!(!message.contains("hunter2"), "{text}: {message}");
        }
    }

    #[test]
    fn the_command_line_decides() {
        let executors = ExecutorCount::try_from(1).expect("in bounds");
        let conf = vec!["spark.k=2".to_owned().into()];
        let line = RawPlan { executors: Some(executors), conf, ..RawPlan::default() };
        let file = "executors = 5\nworkers = 2\nconf = ['spark.k=1']";
        let both = line.over(file, Path::new(CONFIG_FILE)).expect("valid");
        assert_eq!(both.executors, Some(executors));
        assert_eq!(both.workers.map(WorkerCount::get), Some(2));
        let conf = Conf::parsed(&both.conf).expect("valid");
        assert_eq!(conf.get("spark.k"), Some("2"), "the command line's comes last");
        assert_eq!(both.named("workers"), "`workers` in sparkproof.toml");
        assert_eq!(both.named("executors"), "--executors on the command line");
    }

    #[test]
    fn a_number_out_of_bounds_is_refused_with_its_key_and_the_bounds() {
        let error = read("session-timeout = 0").expect_err("refused").to_string();
        assert!(error.contains("session-timeout"), "{error}");
        assert!(error.contains("0 is not a whole number from 1 to 86400"), "{error}");
        let error = read("session-timeout = 18446744073709551615").expect_err("refused");
        assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
    }

    #[test]
    fn every_flag_has_its_key_and_every_key_its_flag() {
        use clap::Args;
        let command = RawPlan::augment_args(clap::Command::new("x"));
        for arg in command.get_arguments() {
            let key = arg.get_long().expect("only long flags");
            let error = read(&format!("{key} = {{}}")).expect_err("wrong type");
            assert!(!error.what.contains("unknown field"), "{key}: {error}");
        }
    }
}
