//! What Spark was told: a master that is not used, values that it refuses, keys that it does not
//! know, addresses at which it cannot listen.

mod application;
mod bind;
mod jvm;
mod keys;
mod said;
mod start;
mod value;

use sparkproof_base::verdict::Cause;

use super::evidence::Evidence;
use super::finding::{Ends, Finding, PodRule, SessionRule};

pub use keys::{DeployMode, key_findings, unknown_keys, without_effect};

pub(super) const POD: &[PodRule] = &[jvm::options_of_executor];
pub(super) const SESSION: &[SessionRule] = &[
    local_master,
    other_session,
    closed_modules,
    jvm::options,
    bind::cannot_bind,
    application::missing,
    start::lacks,
    value::refused,
];

fn local_master(evidence: &Evidence) -> Option<Finding> {
    let master = evidence.driver.context_master.as_ref().filter(|m| !m.starts_with("k8s://"))?;
    Some(
        Finding::new(
            Cause::LocalMaster,
            format!("the session runs on {master} in the driver, not on Kubernetes"),
            "an earlier session of the same process was reused: stop that one first, in Geni \
             @zero-one.geni.defaults/spark (spark.conf shows only what was requested)",
        )
        .because("sparkContext.master", master.as_str())
        .ends(Ends::AtOnce),
    )
}

/// In Geni: a read without a session argument uses another session.
fn other_session(evidence: &Evidence) -> Option<Finding> {
    let words = [
        "a read without a session argument is of",
        "LiveListenerBus is stopped",
        "Cannot call methods on a stopped SparkContext",
    ];
    let reason = &evidence.driver.reason;
    let line = reason.lines().find(|line| words.iter().any(|word| line.contains(word)))?;
    Some(
        Finding::new(
            Cause::OtherSession,
            "a read without a session argument uses another session, or none",
            "make this the front end's default session (Geni: reset! zero-one.geni.defaults/spark), \
             or pass it to every read",
        )
        .because("driver", line),
    )
}

fn closed_modules(evidence: &Evidence) -> Option<Finding> {
    let logs = evidence.pods.iter().map(|pod| (&*pod.name, &*pod.log));
    let mut logs = logs.chain([("driver log", &*evidence.driver.log)]);
    let (name, line) = logs.find_map(|(name, log)| {
        // Netty tries a package that it does without, and says so at DEBUG.
        let closed = |line: &&str| {
            line.contains("because module java.base does not")
                && !line.contains("jdk.internal.misc")
                && !line.contains(" DEBUG ")
        };
        Some((name, log.lines().find(closed)?))
    })?;
    Some(
        Finding::new(
            Cause::ClosedModules,
            "Java 17 and later close packages that Spark reads by reflection",
            "start the JVM with --add-opens=java.base/sun.nio.ch=ALL-UNNAMED and the other options \
             that Geni's project.clj lists, as spark-submit does",
        )
        .because(name, line.trim()),
    )
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::super::diagnose;
    use super::super::evidence::{DriverFacts, PodFacts, PodRole};
    use super::super::testing::{pod, said};
    use super::*;

    /// A driver whose log is this, and no pod.
    fn logs(log: impl Into<String>) -> Evidence {
        let mut evidence = pod(|_| {});
        evidence.pods.clear();
        evidence.driver = DriverFacts { log: log.into(), ..DriverFacts::default() };
        evidence
    }

    fn thrown(exception: &str) -> Evidence {
        logs(format!(
            "26/01/01 00:00:00 ERROR SparkContext: Error initializing SparkContext.\n{exception}\n\
             \tat org.apache.spark.SparkContext.<init>(SparkContext.scala:1)\n"
        ))
    }

    fn with(mut evidence: Evidence, key: &str, value: &str) -> Evidence {
        evidence.asked.conf.insert(key.to_owned(), value.to_owned());
        evidence
    }

    #[rstest]
    #[case(
        thrown(
            "java.lang.IllegalArgumentException: 'My_Prefix' in spark.kubernetes.executor.podNamePrefix is invalid. must conform https://kubernetes.io/docs and the value length <= 237"
        ),
        "My_Prefix",
        "the value of spark.kubernetes.executor.podNamePrefix"
    )]
    #[case(
        thrown(r#"org.apache.spark.SparkIllegalArgumentException: [INVALID_CONF_VALUE.TYPE_MISMATCH] The value 'two' in the config "spark.executor.cores" is invalid. It should be a/an 'int' value. SQLSTATE: 22022"#),
        "two", "spark.executor.cores"
    )]
    #[case(
        thrown(
            "java.lang.IllegalArgumentException: spark.executor.cores should be int, but was two"
        ),
        "should be int",
        "spark.executor.cores"
    )]
    #[case(
        thrown(
            "java.lang.IllegalArgumentException: The value of spark.kubernetes.container.image.pullPolicy should be one of Always, Never, IfNotPresent, but was Sometimes"
        ),
        "Sometimes",
        "pullPolicy"
    )]
    #[case(
        thrown(
            "java.lang.NumberFormatException: Illegal value for config key spark.rpc.numRetries: For input string: \"x\""
        ),
        "spark.rpc.numRetries",
        "spark.rpc.numRetries"
    )]
    #[case(
        with(
            thrown(
                "java.lang.NumberFormatException: Size must be specified as bytes (b), kibibytes (k), mebibytes (m), gibibytes (g), tebibytes (t), or pebibytes(p). E.g. 50b, 100k, or 250m.\nFailed to parse byte string: 2 GB"
            ),
            "spark.executor.memoryOverhead",
            "2 GB"
        ),
        "spark.executor.memoryOverhead: Size must be",
        "512m"
    )]
    #[case(
        thrown(
            "java.lang.IllegalArgumentException: Executor memory 104857600 must be at least 471859200. Please increase executor memory using the --executor-memory option or spark.executor.memory in Spark configuration."
        ),
        "471859200",
        "--executor-memory"
    )]
    #[case(
        thrown(
            "org.apache.spark.SparkIllegalArgumentException: [INVALID_EXECUTOR_MEMORY] Executor memory 104857600 must be at least 471859200."
        ),
        "471859200",
        "--executor-memory"
    )]
    #[case(
        logs(
            "Exception in thread \"main\" org.apache.spark.SparkException: Executor memory must be a positive number"
        ),
        "positive number",
        "unit"
    )]
    #[case(
        thrown(
            "org.apache.spark.SparkException: The number of cores per executor (=1) has to be >= the number of cpus per task = 2."
        ),
        "cpus per task",
        "spark.task.cpus"
    )]
    #[case(
        thrown(
            "org.apache.spark.SparkException: Dynamic allocation of executors requires one of the following conditions: 1) enabling external shuffle service"
        ),
        "Dynamic allocation",
        "shuffleTracking"
    )]
    #[case(
        thrown(
            "java.lang.IllegalArgumentException: requirement failed: startPort should be between 1024 and 65535 (inclusive), or 0 for a random free port."
        ),
        "startPort",
        "1024"
    )]
    #[case(
        thrown(
            "org.apache.spark.SparkException: Invalid Spark URL: spark://HeartbeatReceiver@my_host:41233"
        ),
        "my_host",
        "no '_'"
    )]
    #[case(
        thrown(
            "java.lang.IllegalArgumentException: Kubernetes Volume type `csi` is not supported"
        ),
        "csi",
        "--pod-template"
    )]
    #[case(
        thrown("java.util.NoSuchElementException: key not found: hostPath.data.mount.path"),
        "hostPath.data.mount.path",
        "mount.path"
    )]
    #[case(
        thrown(
            "java.util.NoSuchElementException: persistentVolumeClaim.d.options.claimName is required for persistentVolumeClaim"
        ),
        "options.claimName",
        "this option"
    )]
    #[case(
        thrown(
            "org.apache.spark.SparkException: Could not load pod from template file.\n\tat x.Y\nCaused by: java.io.FileNotFoundException: /t.yaml (No such file or directory)"
        ),
        "/t.yaml",
        "pod template's path"
    )]
    #[case(
        thrown("org.apache.spark.SparkException: Must specify the executor container image"),
        "image",
        "--image"
    )]
    #[case(
        thrown(
            "org.apache.spark.SparkException: No pod was found named x-driver in the cluster in the namespace s (this was supposed to be the driver pod.)."
        ),
        "x-driver",
        "spark.kubernetes.driver.pod.name"
    )]
    #[case(
        logs(
            "Exception in thread \"main\" org.apache.spark.SparkException: Please specify spark.kubernetes.file.upload.path property."
        ),
        "upload.path",
        "local:///"
    )]
    #[case(
        thrown(
            "java.lang.IllegalArgumentException: requirement failed: spark.driver.bindAddress is not supported in Kubernetes mode, as the driver's bind address is managed"
        ),
        "spark.driver.bindAddress",
        "leave the key out"
    )]
    #[case(
        thrown(
            "org.apache.spark.SparkException: spark.dynamicAllocation.minExecutors cannot be negative!"
        ),
        "minExecutors",
        "spark.dynamicAllocation.minExecutors"
    )]
    #[case(
        with(
            thrown("java.util.NoSuchElementException: None.get"),
            "spark.kubernetes.allocation.pods.allocator",
            "statefulset"
        ),
        "statefulset",
        "--driver pod"
    )]
    fn a_refused_value_is_named(
        #[case] evidence: Evidence,
        #[case] says: &str,
        #[case] remedy: &str,
    ) {
        named(&evidence, Cause::ConfigurationRefused, says, remedy);
    }

    fn named(evidence: &Evidence, cause: Cause, says: &str, remedy: &str) {
        let diagnosis = diagnose(evidence);
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        assert!(diagnosis.says.contains(says), "{}", diagnosis.says);
        assert!(diagnosis.remedy.contains(remedy), "{}", diagnosis.remedy);
    }

    const NO_JVM: &str = "Error: Could not create the Java Virtual Machine.\n\
                          Error: A fatal exception has occurred. Program will exit.";

    fn dies(log: &str) -> Evidence {
        let mut evidence = said(log);
        evidence.pods[0].ends(1, "Error");
        evidence
    }

    #[rstest]
    #[case(
        with(dies(&format!("Unrecognized VM option 'UseFoo'\n{NO_JVM}")), "spark.executor.extraJavaOptions", "-XX:+UseFoo"),
        "UseFoo", "correct UseFoo in spark.executor.extraJavaOptions"
    )]
    #[case(dies(&format!("Unrecognized option: -Xfoo\n{NO_JVM}")), "-Xfoo", "spark.executor.extraJavaOptions")]
    #[case(
        dies(&format!("Picked up JAVA_TOOL_OPTIONS: -XX:+UseFoo\nUnrecognized VM option 'UseFoo'\n{NO_JVM}")),
        "UseFoo", "the variable JAVA_TOOL_OPTIONS of the image"
    )]
    #[case(dies(&format!("Invalid maximum heap size: -Xmx0x\n{NO_JVM}")), "maximum heap", "spark.executor.memory")]
    #[case(
        dies(
            "Error occurred during initialization of VM\nConflicting collector combinations in option list; please refer to the release notes"
        ),
        "Conflicting collector",
        "spark.executor.extraJavaOptions"
    )]
    #[case(
        dies(
            "Error opening zip file or JAR manifest missing : /a.jar\nError occurred during initialization of VM\nagent library failed to init: instrument"
        ),
        "/a.jar",
        "spark.executor.extraJavaOptions"
    )]
    #[case(
        dies(
            "Error occurred during initialization of VM\nInitial heap size set to a larger value than the maximum heap size"
        ),
        "Initial heap size",
        "-Xms and -Xmx"
    )]
    #[case(
        thrown(
            "java.lang.Exception: spark.executor.extraJavaOptions is not allowed to specify max heap memory settings (was '-Xmx2g'). Use spark.executor.memory instead."
        ),
        "-Xmx2g",
        "take -Xmx out of spark.executor.extraJavaOptions"
    )]
    #[case(
        logs(
            "Exception in thread \"main\" java.lang.IllegalArgumentException: Not allowed to specify max heap(Xmx) memory settings through java options (was -Xmx1g). Use the corresponding --driver-memory"
        ),
        "-Xmx1g",
        "spark.driver.memory"
    )]
    #[case(
        thrown(
            "java.lang.Exception: spark.executor.extraJavaOptions is not allowed to set Spark options (was '-Dspark.ui.port=1'). Set them directly on a SparkConf"
        ),
        "-Dspark.ui.port",
        "--conf"
    )]
    fn an_option_of_a_jvm_is_named(
        #[case] evidence: Evidence,
        #[case] says: &str,
        #[case] remedy: &str,
    ) {
        named(&evidence, Cause::JvmOptions, says, remedy);
    }

    fn driver_at(address: &str, mut evidence: Evidence) -> Evidence {
        evidence.asked.driver_address = address.to_owned();
        evidence
    }

    #[rstest]
    #[case(
        driver_at(
            "192.0.2.9",
            thrown(
                "java.net.BindException: Cannot assign requested address: Service 'sparkDriver' failed after 16 retries (on a random free port)! Consider explicitly setting the appropriate binding address for the service 'sparkDriver' (for example spark.driver.bindAddress for SparkDriver) to the correct binding address."
            )
        ),
        "sparkDriver cannot listen at 192.0.2.9",
        "--driver-host"
    )]
    #[case(
        thrown(
            "java.net.BindException: Address already in use: Service 'sparkDriver' failed after 16 retries (starting from 7078)! Consider explicitly setting the appropriate port"
        ),
        "its port 7078 and those after it is in use",
        "spark.driver.port"
    )]
    #[case(
        logs(
            "java.net.BindException: bind(..) failed: Address already in use: Service 'SparkUI' failed after 0 retries (starting from 4040)!"
        ),
        "4040",
        "spark.ui.port"
    )]
    #[case(
        thrown(
            "java.net.BindException: Address already in use: Service 'org.apache.spark.network.netty.NettyBlockTransferService' failed after 16 retries (starting from 7079)!"
        ),
        "NettyBlockTransferService",
        "blockManager.port"
    )]
    #[case(
        thrown(
            "java.nio.channels.UnresolvedAddressException\n\tat java.base/sun.nio.ch.ServerSocketChannelImpl.netBind(X.java:1)"
        ),
        "cannot be resolved",
        "address"
    )]
    fn an_address_that_is_not_to_be_had_is_named(
        #[case] evidence: Evidence,
        #[case] says: &str,
        #[case] remedy: &str,
    ) {
        named(&evidence, Cause::CannotBind, says, remedy);
    }

    #[rstest]
    #[case(logs("Error: Failed to load class org.example.Main."), "org.example.Main", "--class")]
    #[case(
        logs("26/01/01 00:00:00 ERROR SparkSubmit: Failed to load class a.B."),
        "a.B",
        "package"
    )]
    #[case(
        logs(
            "26/01/01 00:00:00 WARN DependencyUtils: Local jar /opt/app.jar does not exist, skipping.\nError: Failed to load class a.B."
        ),
        "since the jar /opt/app.jar does not exist",
        "local:///"
    )]
    #[case(logs("Error: Could not find or load main class a.B"), "a.B", "package")]
    #[case(
        logs("python3: can't open file '/opt/x.py': [Errno 2] No such file or directory"),
        "/opt/x.py",
        "local:///"
    )]
    #[case(
        logs("/usr/bin/python3: can't open file '/opt/x.py': [Errno 2] No such file or directory"),
        "/opt/x.py",
        "local:///"
    )]
    #[case(
        logs("python: can't open file '/opt/x.py': [Errno 13] Permission denied"),
        "/opt/x.py",
        ""
    )]
    #[case(
        logs(
            "Exception in thread \"main\" org.apache.spark.SparkException: Cannot load main class from JAR file:/opt/app.jar"
        ),
        "app.jar",
        "--class"
    )]
    #[case(
        logs(
            "Exception in thread \"main\" org.apache.spark.SparkException: Failed to get main class in JAR with error 'File file:/opt/app.jar does not exist'.  Please specify one with --class."
        ),
        "file:/opt/app.jar",
        "local:///"
    )]
    #[case(
        logs("Exception in thread \"main\" java.nio.file.NoSuchFileException: /opt/app.jar"),
        "/opt/app.jar",
        "local:///"
    )]
    #[case(
        logs(
            "Exception in thread \"main\" java.lang.NoSuchMethodException: a.B.main([Ljava.lang.String;)"
        ),
        "a.B",
        "static method main"
    )]
    #[case(
        with(
            thrown("java.io.FileNotFoundException: File file:/etc/x.txt does not exist"),
            "spark.files",
            "file:///etc/x.txt"
        ),
        "a file of spark.files",
        "local:///"
    )]
    fn an_application_that_is_not_there_is_named(
        #[case] evidence: Evidence,
        #[case] says: &str,
        #[case] remedy: &str,
    ) {
        named(&evidence, Cause::ApplicationMissing, says, remedy);
    }

    const MISSING_CLASS: &str = "Error: Failed to load class a.B.";

    fn healthy(log: &str) -> Evidence {
        let mut evidence = logs(log);
        evidence.pods.push(PodFacts {
            name: "x-exec-1".into(),
            phase: "Running".into(),
            registered: true,
            ..PodFacts::default()
        });
        evidence
    }

    /// What drivers and JVMs also print when nothing is wrong, and what is of the application.
    #[rstest]
    #[case(logs(
        "WARN Utils: Service 'SparkUI' could not bind on port 4040. Attempting port 4041."
    ))]
    #[case(logs(
        "WARN SparkConf: The configuration key 'spark.executor.port' has been deprecated; spark.x must be y"
    ))]
    #[case(logs(
        "WARN Utils: spark.executor.instances less than spark.dynamicAllocation.minExecutors is invalid, ignoring its setting"
    ))]
    #[case(dies(
        "OpenJDK 64-Bit Server VM warning: Option UseConcMarkSweepGC was deprecated in version 9.0"
    ))]
    #[case(dies(
        "OpenJDK 64-Bit Server VM warning: Ignoring option MaxPermSize; support was removed in 8.0"
    ))]
    #[case(logs("Picked up JAVA_TOOL_OPTIONS: -XX:+UseG1GC"))]
    #[case(logs("org.apache.commons.cli.UnrecognizedOptionException: Unrecognized option: -x"))]
    #[case(logs("WARN DependencyUtils: Local jar /x.jar does not exist, skipping."))]
    #[case(healthy(MISSING_CLASS))]
    #[case(healthy("java.lang.IllegalArgumentException: spark.x should be int, but was two"))]
    #[case(logs(
        "WARN TaskSetManager: Lost task 0.0 in stage 0.0 (TID 0) (10.0.0.1 executor 1): java.lang.NumberFormatException: Size must be specified as bytes (b)"
    ))]
    #[case(logs("Error: Could not find or load main class org.apache.spark.deploy.SparkSubmit"))]
    #[case(thrown(
        "java.lang.IllegalArgumentException: requirement failed: Can only call getServletHandlers on a running MetricsSystem"
    ))]
    #[case(thrown("java.net.UnknownHostException: kubernetes.default.svc"))]
    fn what_others_say_is_no_refusal(#[case] evidence: Evidence) {
        let rules = [jvm::options, bind::cannot_bind, application::missing, value::refused];
        let found = rules.iter().find_map(|rule| rule(&evidence));
        assert!(found.is_none(), "{found:?}");
    }

    /// All executors that die of it are one finding.
    #[test]
    fn executors_with_the_same_options_are_one_finding() {
        let mut evidence = dies(&format!("Unrecognized VM option 'UseFoo'\n{NO_JVM}"));
        let mut other = evidence.pods[0].clone();
        other.name = "x-exec-2".to_owned();
        evidence.pods.push(other);
        let found = super::super::findings(&evidence).into_iter().next();
        let found = found.map(|f| (f.pods, f.ends));
        let pods = ["x-exec-1", "x-exec-2"].map(str::to_owned).to_vec();
        assert_eq!(found, Some((pods, Ends::AtOnce)));
    }

    /// The log of a driver's pod is read like the driver's.
    #[test]
    fn a_drivers_pod_says_it_too() {
        let mut evidence = dies(MISSING_CLASS);
        evidence.pods[0].role = PodRole::Driver;
        named(&evidence, Cause::ApplicationMissing, "a.B", "package");
    }
}
