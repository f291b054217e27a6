//! Bad input gets one clear message and its exit code before anything is created.

use std::path::Path;
use std::process::Command;

use rstest::rstest;

use common::sparkproof;

mod common;

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
#[case::no_executors(&["run", "--executors", "0"], "0 is not a whole number from 1 to 10000")]
#[case::more_executors_than_a_number_holds(&["run", "--executors", "4294967296"], "from 1 to 10000")]
#[case::more_workers_than_bounded(&["run", "--workers", "1001"], "from 0 to 1000")]
#[case::more_memory_than_bounded(&["run", "--executor-memory", "18446744073709551615"], "more than 1073741824Mi")]
#[case::more_cpu_than_bounded(&["run", "--executor-cpu", "18446744073709551615m"], "more than 10000 cores")]
#[case::a_larger_cache_than_bounded(&["cache", "prune", "--keep", "18446744073709551615"], "more than 1073741824Mi")]
#[case::no_time(&["run", "--session-timeout", "0"], "0 is not a whole number from 1 to 86400")]
#[case::more_time_than_a_clock_has(
    &["run", "--session-timeout", "18446744073709551615"],
    "18446744073709551615 is not a whole number from 1 to 86400"
)]
#[case::no_time_in_the_file(&["run", "--config", "input/no-time.toml"], "0 is not a whole number from 1 to 86400")]
#[case::an_unwritable_report(&["run", "--report-dir", "/proc/x"], "--report-dir /proc/x: no report can be written there")]
#[case::another_spark_than_in_the_file(
    &["run", "--config", "input/home.toml", "--spark-version", "4.1.4"],
    "--spark-version on the command line names one Spark, `spark-home` in input/home.toml another"
)]
#[case::another_cluster_than_in_the_file(
    &["run", "--config", "input/kubeconfig.toml", "--cluster", "mine"],
    "--cluster on the command line names one cluster, `kubeconfig` in input/"
)]
#[case::what_sparkproof_sets_itself(
    &["run", "--conf", "spark.master=x"],
    "--conf spark.master: sparkproof sets this itself"
)]
#[case::what_reading_sets_itself(
    &["run", "--conf", "spark.task.maxFailures=4"],
    "--conf spark.task.maxFailures: sparkproof sets this itself"
)]
#[case::a_secret_in_what_is_no_setting(&["run", "--conf", "x.password=hunter2"], "--conf x.password=…: expected")]
#[case::a_secret_behind_a_colon(&["run", "--conf", "spark.x.password:hunter2"], "--conf spark.x.password…: expected")]
#[case::a_secret_in_a_list_that_is_none(&["run", "--config", "input/no-list.toml"], "expected a list of texts")]
#[case::a_secret_in_a_broken_line(&["run", "--config", "input/no-comma.toml"], "line 1, column ")]
#[case::a_password_in_a_url(
    &["run", "--store-s3-endpoint", "http://me:hunter2@h", "--store-s3-bucket", "b"],
    "--store-s3-endpoint: names a user or a password in the URL"
)]
#[case::no_report_directory(&["run", "--config", "input/no-dir.toml"], "`report-dir` in input/no-dir.toml is empty")]
#[case::workers_of_a_cluster_that_is_up(
    &["run", "--cluster", "mine", "--workers", "1"],
    "--workers says how to make a cluster, --cluster names one that is up"
)]
#[case::a_directory_without_a_run(&["bench", "bless", "--from", "/nowhere", "--to", "/"], "--from /nowhere: no such directory")]
#[case::no_pairs(&["bench", "--pairs", "0"], "--pairs 0: expected at least one")]
#[case::too_few_pairs(&["bench", "--pairs", "4"], "4 pairs can never be significant")]
#[case::an_unknown_workload(&["bench", "--workloads", "sort"], "--workloads sort: no such workload")]
#[case::a_and_b_alike(
    &["bench", "--conf-a", "spark.x=1", "--conf-b", "spark.x=1"],
    "--conf-a and --conf-b are the same: A is B"
)]
#[case::files_of_one_session(&["bench", "--strategies", "3-emptydir"], "3-emptydir: its files belong to one session")]
#[case::a_baseline_of_another_schema(
    &["bench", "--baseline", "input/other-schema.json"],
    "--baseline input/other-schema.json has schema 7, this version reads 1"
)]
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
#[case::missing_spark_home(&["run", "--spark-home", "/nowhere"], "--spark-home /nowhere: No such file")]
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
    "--rbac has no effect with --kubeconfig and --namespace"
)]
#[case::store_image_without_a_cluster(&["run", "--store-image", "s3=i"], "--store-image needs --kubeconfig")]
#[case::a_context_without_a_kubeconfig(&["run", "--context", "c"], "--context needs --kubeconfig")]
#[case::a_registry_and_an_image(
    &["run", "--kubeconfig", "input/unknown.toml", "--registry", "localhost:5000", "--image", "i"],
    "--registry says where images go that sparkproof builds, --image names one that is there"
)]
#[case::hdfs_in_a_pod(
    &["run", "--kubeconfig", "input/unknown.toml", "--image", "i", "--store-image", "hdfs=i"],
    "only pods can reach HDFS in a pod"
)]
#[case::a_field_that_no_pod_has(
    &["run", "--pod-template", "input/unknown.yaml"],
    "--pod-template input/unknown.yaml: spec.tolerationz is no field of a Pod"
)]
#[case::a_template_of_two_pods(&["run", "--pod-template", "input/two.yaml"], "--pod-template input/two.yaml: ")]
#[case::a_template_of_no_pod(&["run", "--pod-template", "input/deployment.yaml"], "apps/v1")]
#[case::a_template_that_is_not_there(&["run", "--pod-template", "/nowhere.yaml"], "/nowhere.yaml")]
#[case::a_command_of_their_own(
    &["run", "--config", "input/command.toml"],
    "`pod-template` in input/command.toml input/command.yaml: command: the image's entry point starts Spark"
)]
#[case::a_driver_without_its_token(
    &["run", "--driver", "pod", "--driver-pod-template", "input/token.yaml"],
    "automountServiceAccountToken: the driver authenticates by it"
)]
#[case::what_restricted_forbids(
    &["run", "--restricted", "--pod-template", "input/host-path.yaml"],
    "volume d is of type hostPath: --restricted forbids it"
)]
#[case::a_volume_that_restricted_forbids(
    &["run", "--restricted", "--conf", "spark.kubernetes.executor.volumes.hostPath.d.mount.path=/d"],
    "--restricted forbids volumes of type hostPath"
)]
#[case::two_templates(
    &["run", "--restricted", "--conf", "spark.kubernetes.executor.podTemplateFile=/x"],
    "--restricted sets what --conf spark.kubernetes.executor.podTemplateFile sets, too"
)]
#[case::a_limit_below_the_request(
    &["run", "--executor-cpu", "400m", "--executor-cpu-limit", "300m"],
    "--executor-cpu 400m is more than --executor-cpu-limit 300m"
)]
#[case::a_size_of_no_pod(&["run", "--driver-cpu-limit", "1"], "--driver-cpu-limit has no effect: no driver is in a pod")]
#[case::not_up(&["down", "--name", "nothing"], "no cluster named nothing is up")]
#[case::no_run_directory(&["report", "/nowhere"], "is not a directory")]
fn bad_input_is_refused(#[case] args: &[&str], #[case] message: &str) {
    let home = tempfile::tempdir().expect("temporary directory");
    std::fs::create_dir(home.path().join("input")).expect("made");
    for (name, text) in [
        ("unknown.toml", "executor = 3"),
        ("home.toml", "spark-home = '/opt/spark'"),
        ("kubeconfig.toml", "kubeconfig = '/etc/kubeconfig'"),
        ("no-time.toml", "session-timeout = 0"),
        ("no-list.toml", "conf = \"spark.x.password=hunter2\""),
        ("no-comma.toml", "conf = [\"spark.x.password=hunter2\" \"b\"]"),
        ("no-dir.toml", "report-dir = \"\""),
        ("unknown.yaml", "kind: Pod\nspec: {tolerationz: []}"),
        ("two.yaml", "kind: Pod\nspec: {containers: []}\n---\nkind: Pod\nspec: {containers: []}"),
        ("deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\nspec: {}"),
        ("command.toml", "pod-template = 'input/command.yaml'"),
        ("command.yaml", "spec: {containers: [{name: spark, command: [sh]}]}"),
        ("token.yaml", "spec: {containers: [], automountServiceAccountToken: false}"),
        ("host-path.yaml", "spec: {containers: [], volumes: [{name: d, hostPath: {path: /}}]}"),
        ("other-schema.json", "{\"schema\": 7}"),
    ] {
        std::fs::write(home.path().join("input").join(name), text).expect("written");
    }
    let output = sparkproof(home.path(), args);
    let text = String::from_utf8_lossy(&output.stderr).replace("\n  │ ", " ");
    assert!(text.contains(message), "{text}");
    // One message, on standard error alone.
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(!text.contains("hunter2"), "{text}");
    for made in ["sparkproof-runs", "state"] {
        assert!(args[0] != "run" || !home.path().join(made).exists(), "{made} was made");
    }
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(created(home.path()), Vec::<String>::new());
}

/// Nothing is made for what no machine can prove.
#[rstest]
#[case::of_another_spark(
    &["run", "--strategies", "4-s3", "--spark-version", "3.0.1", "--front-end", "spark-shell"],
    "--strategies 4-s3: cannot be proven with Spark 3.0.1"
)]
#[case::of_no_restricted_pod(
    &["run", "--restricted", "--strategies", "0,3-hostpath"],
    "Pod Security restricted forbids volumes of type hostPath"
)]
fn what_is_asked_for_by_name_and_impossible_is_an_environment_error(
    #[case] args: &[&str],
    #[case] message: &str,
) {
    let home = tempfile::tempdir().expect("temporary directory");
    let output = sparkproof(home.path(), args);
    let text = String::from_utf8_lossy(&output.stderr).replace("\n  │ ", " ");
    assert!(text.contains(message), "{text}");
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert_eq!(created(home.path()), Vec::<String>::new());
    assert!(!home.path().join("sparkproof-runs").exists(), "no run was begun");
}

#[test]
fn a_secret_with_quotes_is_shown_nowhere() {
    let home = tempfile::tempdir().expect("temporary directory");
    let conf = r#"spark.x.password=a"b\c"#;
    // It ends at the engine, with a report.
    let output = sparkproof(home.path(), &["run", "--conf", conf]);
    assert_eq!(output.status.code(), Some(3));
    let mut texts =
        vec![("standard output".to_owned(), output.stdout), ("errors".to_owned(), output.stderr)];
    for entry in walkdir::WalkDir::new(home.path()).into_iter().flatten() {
        if entry.file_type().is_file() {
            texts.push((
                entry.path().display().to_string(),
                std::fs::read(entry.path()).expect("read"),
            ));
        }
    }
    assert!(texts.iter().any(|(name, _)| name.contains("events-")), "there is a report");
    for (name, bytes) in texts {
        let text = String::from_utf8_lossy(&bytes);
        for form in [r#"a"b\c"#, r#"a\"b\\c"#, r"a&#34;b\c", r"a&quot;b\c"] {
            assert!(!text.contains(form), "{form} in {name}: {text}");
        }
    }
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
    // Nothing listens on port 1 of loopback.
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
fn a_user_without_rights_gets_one_message() {
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
