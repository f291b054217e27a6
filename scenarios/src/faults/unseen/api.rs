//! The way to the API server, and from executors to the driver.

use sparkproof::catalog::plan::{DriverPlace, FrontEnd};
use sparkproof::verdict::Cause;

use super::super::between::Meddling;
use super::super::fault::Change::{
    Between, Bind, Conf, Driver, Dropping, FrontEnd as Shell, Login, Without,
};
use super::super::fault::Fault;

/// As `aws eks update-kubeconfig` writes it, on a machine without the program.
const EXEC: &str = r#"{
  "exec": {
    "apiVersion": "client.authentication.k8s.io/v1beta1", "interactiveMode": "Never",
    "command": "aws-of-nowhere", "args": ["eks", "get-token", "--cluster-name", "team"]
  }
}"#;

/// To the API server.
pub(super) fn server() -> Vec<Fault> {
    vec![
        // Priority and fairness of managed control planes: executors are asked for, and refused by 429.
        Fault::new("pods-are-throttled", Cause::ApiThrottled)
            .with(Between(Meddling::Throttles))
            .not(Cause::ApiUnreachable),
        // kubeflow/spark-operator#1498, #1060, SPARK-33349: the watch is gone, the pod that is deleted
        // then is never replaced.
        Fault::new("watch-is-gone", Cause::WatchExpired)
            .with(Between(Meddling::Expires))
            .with(Conf("spark.kubernetes.executor.apiPollingInterval", "3600s"))
            .with(Dropping)
            .not(Cause::DriverUnreachable),
        // apache-spark-on-k8s/spark#633: without the plugin the driver is `system:anonymous`.
        Fault::new("login-program-missing", Cause::Unauthorized)
            .with(Login(EXEC))
            .not(Cause::MissingVerb),
        // Corporate proxies: 407 for CONNECT.
        Fault::new("proxy-wants-a-password", Cause::Proxy)
            .with(Between(Meddling::WantsPassword))
            .with(Conf("spark.driver.extraJavaOptions", "-Dhttps.proxy=http://127.0.0.1:$PORT"))
            .not(Cause::ApiUnreachable),
        // apache-spark-on-k8s/spark#558: `No pod was found named …` hides a verb.
        Fault::new("driver-may-not-get-its-pod", Cause::MissingVerb)
            .with(Without("pods", "get"))
            .with(Driver(DriverPlace::Pod))
            .with(Shell(FrontEnd::SparkShell))
            .says(&["get pods"])
            .not(Cause::DriverEnded),
    ]
}

/// From executors to the driver.
pub(super) fn network() -> Vec<Fault> {
    vec![
        // kubeflow/kubeflow#6645: `spark.driver.bindAddress` of a local trial.
        Fault::new("driver-listens-at-loopback", Cause::LoopbackDriver)
            .with(Bind([127, 0, 0, 1]))
            .says(&["127.0.0.1"])
            .not(Cause::DriverUnreachable),
    ]
}
