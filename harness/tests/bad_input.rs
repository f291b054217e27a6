//! Bad input gets one clear message and its exit code before anything is created.

use std::path::Path;
use std::process::{Command, Output};

use rstest::rstest;

/// Runs the binary with its own state, cache and working directory.
fn sparkproof(home: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sparkproof"))
        .args(args)
        .current_dir(home)
        .env("XDG_STATE_HOME", home.join("state"))
        .env("XDG_CACHE_HOME", home.join("cache"))
        .env("DOCKER_HOST", format!("unix://{}", home.join("no-daemon.sock").display()))
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs")
}

/// Nothing but empty directories and the reports of a run that created nothing.
fn created(home: &Path) -> Vec<String> {
    let mut files: Vec<String> = walkdir::WalkDir::new(home)
        .into_iter()
        .filter_map(Result::ok)
        .filter(|e| e.file_type().is_file())
        .map(|e| e.path().strip_prefix(home).expect("inside").display().to_string())
        .filter(|path| !path.starts_with("input/") && !path.starts_with("sparkproof-runs/"))
        .collect();
    files.sort();
    files
}

#[rstest]
#[case::unknown_flag(&["run", "--executor", "3"], "a similar argument exists: '--executors'")]
#[case::no_executors(&["run", "--executors", "0"], "at least one executor")]
#[case::more_than_fit(&["run", "--executors", "5000"], "do not fit")]
#[case::more_cpu_than_fits(&["run", "--executor-cpu", "500"], "do not fit")]
#[case::more_cpus_than_the_machine(&["run", "--cpus", "500"], "this machine has")]
#[case::more_cpus_than_minikube_takes(
    &["run", "--provider", "minikube", "--cpus", "500"],
    "ends with 29, RSRC_INSUFFICIENT_CORES: Requested cpu count 500 is greater than the available"
)]
#[case::fewer_cpus_than_minikube_takes(
    &["up", "--provider", "minikube", "--cpus", "1"],
    "RSRC_INSUFFICIENT_CORES: Requested cpu count 1 is less than the minimum allowed of 2"
)]
#[case::a_name_that_minikube_refuses(&["up", "--provider", "minikube", "--name", "m"], "MK_USAGE")]
#[case::unknown_provider(&["run", "--provider", "minicube"], "'minikube'")]
#[case::a_provider_and_a_cluster(
    &["run", "--provider", "minikube", "--kubeconfig", "/nowhere", "--image", "i"],
    "--provider says how to make a cluster"
)]
#[case::bad_quantity(&["run", "--executor-memory", "lots"], "no memory quantity")]
#[case::missing_spark_home(&["run", "--spark-home", "/nowhere"], "no bin/spark-submit there")]
#[case::unknown_spark(&["run", "--spark-version", "1.2.3"], "not a version with a pinned digest")]
#[case::unknown_front_end(&["run", "--front-end", "repl"], "possible values: pyspark, spark-shell, geni")]
#[case::no_such_front_end(&["run", "--spark-version", "3.0.1"], "--front-end pyspark does not work with Spark 3.0.1")]
#[case::geni_and_scala_2_13(&["run", "--front-end", "geni", "--spark-version", "4.3.0"], "Geni is built for Scala 2.12")]
#[case::missing_class_path(&["run", "--geni-classpath", "input:/nowhere/*"], "--geni-classpath: no /nowhere/*")]
#[case::unknown_kubernetes(&["run", "--kubernetes-version", "v1.2.3"], "unknown Kubernetes version")]
#[case::missing_kubeconfig(&["run", "--kubeconfig", "/nowhere", "--image", "i"], "no such file")]
#[case::unknown_config_key(&["run", "--config", "input/unknown.toml"], "did you mean `executors`?")]
#[case::missing_config(&["run", "--config", "/nowhere"], "reading the configuration file")]
#[case::bad_conf(&["run", "--conf", "nonsense"], "expected spark.some.key=value")]
#[case::rbac_in_a_namespace_of_theirs(
    &["run", "--kubeconfig", "input/unknown.toml", "--image", "i", "--namespace", "team", "--rbac", "minimal"],
    "--rbac says what to grant"
)]
#[case::store_image_without_a_cluster(&["run", "--store-image", "s3=i"], "--kubeconfig <FILE>")]
#[case::hdfs_in_a_pod(
    &["run", "--kubeconfig", "input/unknown.toml", "--image", "i", "--store-image", "hdfs=i"],
    "HDFS in a pod is reached by pods only"
)]
#[case::not_up(&["down", "--name", "nothing"], "no cluster named nothing is up")]
#[case::no_run_directory(&["report", "/nowhere"], "is not a directory")]
fn bad_input_is_refused(#[case] args: &[&str], #[case] message: &str) {
    let home = tempfile::tempdir().expect("temporary directory");
    std::fs::create_dir(home.path().join("input")).expect("made");
    std::fs::write(home.path().join("input/unknown.toml"), "executor = 3\n").expect("written");
    let output = sparkproof(home.path(), args);
    let text = String::from_utf8_lossy(&output.stderr).replace("\n  │ ", " ");
    assert!(text.contains(message), "{text}");
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(created(home.path()), Vec::<String>::new());
}

#[test]
fn a_daemon_that_is_named_and_down_is_an_environment_error() {
    let home = tempfile::tempdir().expect("temporary directory");
    let output = sparkproof(home.path(), &["run"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("DOCKER_HOST"), "{text}");
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert_eq!(created(home.path()), Vec::<String>::new());
}

/// Without a class path, and without the tool that would resolve one.
#[test]
fn geni_without_a_class_path_is_bad_input() {
    let home = tempfile::tempdir().expect("temporary directory");
    let output = Command::new(env!("CARGO_BIN_EXE_sparkproof"))
        .args(["run", "--front-end", "geni"])
        .current_dir(home.path())
        .env("XDG_STATE_HOME", home.path().join("state"))
        .env("XDG_CACHE_HOME", home.path().join("cache"))
        .env("PATH", home.path())
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("`clojure` is not on PATH") && text.contains("--geni-classpath"),
        "{text}"
    );
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(created(home.path()), Vec::<String>::new());
}

#[test]
fn an_unreachable_cluster_is_an_environment_error() {
    let home = tempfile::tempdir().expect("temporary directory");
    std::fs::create_dir(home.path().join("input")).expect("made");
    // Port 1 on loopback: nobody listens there.
    let kubeconfig = "{apiVersion: v1, kind: Config, current-context: c, \
        clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], \
        users: [{name: u, user: {}}], contexts: [{name: c, context: {cluster: c, user: u}}]}";
    std::fs::write(home.path().join("input/kubeconfig"), kubeconfig).expect("written");
    let args = ["run", "--kubeconfig", "input/kubeconfig", "--image", "some/image:1"];
    let output = sparkproof(home.path(), &args);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("does not answer"), "{text}");
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert_eq!(created(home.path()), Vec::<String>::new());
}

/// A user without rights gets one clear message. Only root can become such a user.
#[test]
fn a_user_without_rights_is_told_so() {
    use std::os::unix::fs::PermissionsExt;
    if !rustix::process::getuid().is_root() {
        eprintln!("skipped: only root can drop its rights");
        return;
    }
    let home = tempfile::tempdir().expect("temporary directory");
    let open = |path: &Path| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).expect("opened");
    };
    open(home.path());
    let exe = home.path().join("sparkproof");
    std::fs::copy(env!("CARGO_BIN_EXE_sparkproof"), &exe).expect("copied");
    open(&exe);
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&exe)
        .arg("run")
        .current_dir(home.path())
        .env("HOME", home.path())
        .env("XDG_STATE_HOME", home.path().join("state"))
        .env("XDG_CACHE_HOME", home.path().join("cache"))
        .env_remove("DOCKER_HOST")
        .env("NO_COLOR", "1")
        .output()
        .expect("setpriv runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("root"), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(3), "{text}");
}
