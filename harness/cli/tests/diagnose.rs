//! `diagnose` names causes from files, reads only, and ends with its exit codes.

use std::path::{Path, PathBuf};
use std::process::Output;

use rstest::rstest;

use common::sparkproof;

mod common;

const PAGE: &str = include_str!("../../../docs/diagnosing.md");

fn files(case: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/diagnose").join(case);
    dir.display().to_string()
}

fn words(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr).replace("\n  │ ", " "))
}

/// Runs it in an empty home; nothing is made there.
fn diagnosed(args: &[&str]) -> (String, String, Option<i32>) {
    let home = tempfile::tempdir().expect("temporary directory");
    let args: Vec<&str> = std::iter::once("diagnose").chain(args.iter().copied()).collect();
    let output = sparkproof(home.path(), &args);
    let made = std::fs::read_dir(home.path()).expect("a directory").count();
    assert_eq!(made, 0, "nothing is made");
    let (said, errors) = words(&output);
    (said, errors, output.status.code())
}

#[rstest]
#[case::quota("quota", 1, &["✗ quota-exceeded", "(spark.executor.instances)"], &["wJalr", "--executors"])]
#[case::evicted("evicted", 1, &["✗ evicted", "pi-8d1f-exec-1: worker-1 evicted it", "nightly-pi", "spark.executor.memory"], &["exec-2", "--executor"])]
#[case::image("image", 1, &["✗ wrong-image", "spark:3.5.99", "remedy    check name and tag of spark.kubernetes"], &["--image"])]
#[case::healthy("healthy", 0, &["it succeeded", "not seen  labels"], &["✗", "passed", "remedy"])]
#[case::of_sparkproofs_own_run("session", 1, &["session-5f3a", "✗ out-of-memory", "--executor-memory"], &[])]
fn causes_are_named_from_files(
    #[case] case: &str,
    #[case] code: i32,
    #[case] has: &[&str],
    #[case] lacks: &[&str],
) {
    let (said, errors, ended) = diagnosed(&["--from", &files(case)]);
    assert_eq!(ended, Some(code), "{said}{errors}");
    assert!(errors.is_empty(), "{errors}");
    for word in has {
        assert!(said.contains(word), "{word} is not in:\n{said}");
    }
    for word in lacks {
        assert!(!said.contains(word), "{word} is in:\n{said}");
    }
}

/// One document; the secrets of the configuration are masked in logs, too.
#[test]
fn json_is_one_document() {
    let (said, _, code) = diagnosed(&["--from", &files("quota"), "--json"]);
    let document: serde_json::Value = serde_json::from_str(&said).expect("one document");
    assert_eq!((document["version"].as_u64(), code), (Some(1), Some(1)));
    let one = &document["applications"][0];
    assert_eq!(one["cause"]["cause"], "quota-exceeded");
    assert_eq!((&one["state"], &one["driver"]), (&"running".into(), &"pi-8d1f-driver".into()));
    assert!(!said.contains("wJalr"), "{said}");
}

#[test]
fn the_example_of_the_page_is_what_it_prints() {
    let command = "sparkproof diagnose --from harness/cli/tests/diagnose/image";
    let (_, rest) = PAGE.split_once(&format!("$ {command}\n")).expect("the example");
    let (shown, _) = rest.split_once("```").expect("its end");
    let (said, ..) = diagnosed(&["--from", &files("image")]);
    assert_eq!(said, shown);
}

#[rstest]
#[case::no_source(&[], "the following required arguments were not provided")]
#[case::two_sources(&["--from", "a", "--kubeconfig", "b", "--namespace", "c"], "cannot be used with")]
#[case::no_namespace(&["--kubeconfig", "b"], "--namespace <NAME>")]
#[case::no_time(&["--from", "a", "--since", "soon"], "expected a number of seconds, minutes, hours or days")]
#[case::no_directory(&["--from", "/nowhere"], "/nowhere is not a directory")]
#[case::no_kubeconfig(&["--kubeconfig", "/nowhere", "--namespace", "team"], "reading the kubeconfig /nowhere")]
#[case::no_event_log(&["--event-log", "/nowhere"], "reading the event log /nowhere")]
#[case::a_compressed_event_log(&["--event-log", "/x/spark-1.zstd"], "is compressed")]
fn bad_input_is_refused(#[case] args: &[&str], #[case] message: &str) {
    let home = tempfile::tempdir().expect("temporary directory");
    let args: Vec<&str> = std::iter::once("diagnose").chain(args.iter().copied()).collect();
    let output = sparkproof(home.path(), &args);
    let (said, errors) = words(&output);
    assert_eq!((output.status.code(), &*said), (Some(2), ""), "{errors}");
    assert!(errors.contains(message), "{errors}");
}

#[rstest]
#[case::nothing(&[], &[], "has no pods, logs or evidence")]
#[case::no_json(&[("a.json", "{ not")], &[], "a.json")]
#[case::other_pods(&[("a.json", r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"web"}}"#)], &[], "no Spark application in")]
#[case::another_application(&[("pi-driver.log", "INFO x")], &["--app", "spark-2"], "no Spark application spark-2 in")]
fn a_directory_without_anything_useful_is_refused(
    #[case] written: &[(&str, &str)],
    #[case] more: &[&str],
    #[case] message: &str,
) {
    let dir = tempfile::tempdir().expect("temporary directory");
    for (name, text) in written {
        std::fs::write(dir.path().join(name), text).expect("written");
    }
    let dir = dir.path().display().to_string();
    let args: Vec<&str> = ["--from", &dir].into_iter().chain(more.iter().copied()).collect();
    let (said, errors, code) = diagnosed(&args);
    assert_eq!((code, &*said), (Some(2), ""), "{errors}");
    assert!(errors.contains(message), "{errors}");
}

/// By id, by a name, by its driver.
#[rstest]
#[case("spark-0b6c5f7e8d1f4a1c9f3e2d4b5a697887")]
#[case("nightly-pi")]
#[case("pi-8d1f-driver")]
fn one_application_is_chosen(#[case] app: &str) {
    let (_, errors, code) = diagnosed(&["--from", &files("evicted"), "--app", app]);
    assert_eq!(code, Some(1), "{errors}");
    let (_, errors, code) =
        diagnosed(&["--from", &files("evicted"), "--app", app, "--namespace", "other"]);
    assert_eq!(code, Some(2), "{errors}");
}

#[test]
fn a_cluster_that_does_not_answer_is_an_environment_error() {
    let home = tempfile::tempdir().expect("temporary directory");
    // Nothing listens on port 1 of loopback.
    let kubeconfig = "{apiVersion: v1, kind: Config, current-context: c, \
        clusters: [{name: c, cluster: {server: 'https://127.0.0.1:1'}}], \
        users: [{name: u, user: {}}], contexts: [{name: c, context: {cluster: c, user: u}}]}";
    std::fs::write(home.path().join("kubeconfig"), kubeconfig).expect("written");
    let args = ["diagnose", "--kubeconfig", "kubeconfig", "--namespace", "team"];
    let output = sparkproof(home.path(), &args);
    let (said, errors) = words(&output);
    assert_eq!((output.status.code(), &*said), (Some(3), ""), "{errors}");
    assert!(errors.contains("does not answer"), "{errors}");
    let left = walkdir::WalkDir::new(home.path()).into_iter().flatten();
    let left: Vec<PathBuf> =
        left.filter(|entry| entry.file_type().is_file()).map(|entry| entry.into_path()).collect();
    assert_eq!(left, [home.path().join("kubeconfig")]);
}

/// Advice is no cause, and alone it needs no pods.
#[test]
fn an_event_log_gives_advice_and_a_page() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let log = dir.path().join("spark-1");
    let lines = [
        r#"{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":{"spark.executor.memory":"4g"}}"#,
        r#"{"Event":"SparkListenerApplicationStart","App Name":"pi","App ID":"spark-1","Timestamp":0}"#,
        r#"{"Event":"SparkListenerExecutorAdded","Timestamp":0,"Executor ID":"1","Executor Info":{"Total Cores":2}}"#,
        r#"{"Event":"SparkListenerTaskEnd","Stage ID":0,"Task End Reason":{"Reason":"Success"},"Task Info":{"Launch Time":0,"Executor ID":"1","Finish Time":9000,"Failed":false},"Task Executor Metrics":{"JVMHeapMemory":104857600},"Task Metrics":{"Executor Run Time":9000,"JVM GC Time":100}}"#,
        r#"{"Event":"SparkListenerApplicationEnd","Timestamp":60000}"#,
    ];
    std::fs::write(&log, lines.join("\n")).expect("written");
    let (log, page) = (log.display().to_string(), dir.path().join("page.html"));
    let args = ["--event-log", &log, "--html", &page.display().to_string()];
    let (said, errors, code) = diagnosed(&args);
    assert_eq!(code, Some(0), "{said}{errors}");
    for words in ["memory-over (moderate): ", "spark.executor.memory=512m", "idle-cores"] {
        assert!(said.contains(words), "{said}");
    }
    let page = std::fs::read_to_string(&page).expect("a page");
    assert!(page.contains("memory-over") && page.contains("</html>"), "{page}");
    // That of another application is of no use, and says so.
    let (said, _, code) = diagnosed(&["--from", &files("healthy"), "--event-log", &log]);
    assert!(said.contains("figures for advice: the event log is of spark-1"), "{said}");
    assert_eq!(code, Some(0));
}
