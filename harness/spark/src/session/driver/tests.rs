//! A driver that is not started to its end, on this host.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sparkproof_base::testing::test_context;
use sparkproof_base::verdict::{Findings, check};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_kubernetes::cluster::test_cluster;
use sparkproof_machine::exec::is_running;

use super::*;

/// A stand-in for spark-shell: it never connects, and reports when it gets SIGTERM.
const NEVER_CONNECTS: &str = "#!/bin/sh
trap 'echo the shutdown hook ran; exit 143' TERM
echo SparkContext: starting
while :; do sleep 0.1; done
";

/// Starts it; returns when it runs.
pub(in crate::session) async fn start(context: &Context, keep: &Path) -> Driver {
    let home = keep.join("spark");
    std::fs::create_dir_all(home.join("bin")).expect("made");
    let shell = home.join("bin/spark-shell");
    std::fs::write(&shell, NEVER_CONNECTS).expect("written");
    std::fs::set_permissions(&shell, PermissionsExt::from_mode(0o755)).expect("executable");
    let (service, _) = tower_test::mock::pair::<
        http::Request<kube::client::Body>,
        http::Response<kube::client::Body>,
    >();
    let cluster = test_cluster(keep, kube::Client::new(service, "n"));
    let pods = Pods::watch(cluster.client.clone(), "n", None, context.recorder.clone());
    let launch = Launch {
        front_end: FrontEnd::SparkShell,
        geni: None,
        trap: None,
        app_name: "x",
        java_home: None,
        archive: None,
        jars: &[],
        spark_home: &home,
        kubeconfig: &cluster.kubeconfig,
        files: &[],
        mounts: &[],
        hosts: &BTreeMap::new(),
        in_image: false,
        proxy: None,
    };
    let dir = session_dir(context).expect("made");
    let started = Driver::start(context, &cluster, dir, &launch, &DriverSite::Host, &pods).await;
    let driver = started.expect("started").launch(Ok(String::new())).await.expect("launched");
    let log = driver.log_path();
    wait(context, Waiting::up_to(30, "its first line"), Source::Backoff, async || match read_log(
        &log,
    )
    .contains("starting")
    {
        true => Progress::Met(()),
        false => Progress::NotYet("silent".into()),
    })
    .await
    .expect("it runs");
    driver
}

/// What the run directory has of the driver's log.
fn kept_log(keep: &Path) -> String {
    let all = walkdir::WalkDir::new(keep.join("run")).into_iter().filter_map(|e| e.ok());
    let log = all.into_iter().find(|entry| entry.file_name() == "driver.log");
    log.map(|log| std::fs::read_to_string(log.path()).expect("readable")).unwrap_or_default()
}

#[tokio::test]
async fn an_interrupted_start_ends_the_driver_properly_and_keeps_its_log() {
    let (context, keep) = test_context();
    let mut driver = start(&context, keep.path()).await;
    let body = async |_: &mut Findings| {
        let begun = driver.begin(None, Duration::from_secs(60)).await;
        let error = begun.expect_err("it never connects");
        assert!(error.is_interruption(), "{error}");
        driver.end().await?;
        Err::<(), _>(error)
    };
    let started = check(&context, "session.started", "a session", body);
    let signal = async {
        tokio::task::yield_now().await;
        context.cancel.cancel(Exit::Interrupt);
    };
    let (started, ()) = tokio::join!(started, signal);
    assert_eq!(started.expect_err("interrupted").exit, Exit::Interrupt);
    let log = kept_log(keep.path());
    assert!(log.contains("starting") && log.contains("the shutdown hook ran"), "{log:?}");
    assert!(context.run.owned().is_empty());
}

#[tokio::test]
async fn a_driver_that_is_dropped_is_killed_and_its_log_kept() {
    let (context, keep) = test_context();
    let driver = start(&context, keep.path()).await;
    let owned = context.run.owned();
    drop(driver);
    assert!(kept_log(keep.path()).contains("starting"));
    assert!(owned.len() == 1 && context.run.owned().is_empty());
    let run = context.run.id().to_string();
    let is_ours = |p: &procfs::process::Process| {
        let run = std::ffi::OsStr::new(&run).to_owned();
        p.environ().is_ok_and(|all| all.values().any(|value| *value == run)) && is_running(p)
    };
    wait(&context, Waiting::up_to(10, "its end"), Source::Backoff, async || {
        match sparkproof_machine::exec::processes(is_ours).is_empty() {
            true => Progress::Met(()),
            false => Progress::NotYet("it runs".into()),
        }
    })
    .await
    .expect("killed");
}

#[test]
fn a_jvm_that_does_not_start_names_its_option() {
    let error = Error::environment("the driver failed at Launch");
    let log = "Improperly specified VM option 'MaxRAMPercentage=lots'\n\
               Error: Could not create the Java Virtual Machine.\n";
    let diagnosis = by_configuration(&error, log).expect("named");
    assert_eq!(diagnosis.cause, Cause::JvmOptions);
    assert_eq!(by_configuration(&error, "JAVA_HOME is not set\n"), None);
}
