//! The words of logs that say how a process of Spark failed.

use sparkproof_base::verdict::Cause;

/// Whose words they are, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scope {
    /// An executor's before it registered: all words mean it.
    Started,
    /// What ended an executor that had registered.
    Ended,
    /// A driver's, or a job's.
    Driver,
}

/// An expression for a line, what it means, and what to do. `{what}` stands for what the expression
/// calls so, `{heap}` for the advice on the heap.
pub(super) struct Words {
    pub(super) line: &'static str,
    /// The scopes in which they mean it.
    pub(super) scopes: &'static [Scope],
    pub(super) cause: Cause,
    pub(super) says: &'static str,
    pub(super) remedy: &'static str,
}

const ALL: &[Scope] = &[Scope::Started, Scope::Ended, Scope::Driver];
const START: &[Scope] = &[Scope::Started];
const EXECUTOR: &[Scope] = &[Scope::Started, Scope::Ended];
const DRIVER: &[Scope] = &[Scope::Driver];

const fn words(
    scopes: &'static [Scope],
    cause: Cause,
    line: &'static str,
    says: &'static str,
    remedy: &'static str,
) -> Words {
    Words { line, scopes, cause, says, remedy }
}

const SAME_PYTHON: &str = "use the same minor version of Python in driver and image (spark.pyspark.python names the \
     executors' one)";
const HAS_PYTHON: &str = "use an image with Python and PySpark's dependencies, or give Python's path in it with \
     spark.pyspark.python";
const EMPTY_DIR: &str = "mount an emptyDir there: spark.kubernetes.executor.volumes.emptyDir.NAME.mount.path=PATH, or \
     with --pod-template; or give its user the right to write it (runAsUser, fsGroup)";
const SCRATCH: &str = "give it an emptyDir that its user may write (a volume whose name starts with \
     spark-local-dir-), or correct spark.local.dir";
const ONE_SPARK: &str = "use a driver of the version in {image}: Spark, Scala and Java";
const ONE_JAR: &str = "use jars of one version in driver and image: all hadoop-* jars of the Hadoop that Spark \
     brings, and none twice in spark.jars and /opt/spark/jars";
const SHIP_CODE: &str = "give the application's jars to the executors (spark.jars, spark.submit.pyFiles, or in the \
     image), compiled for the Scala of this Spark";

/// The most specific first.
pub(super) const WORDS: &[Words] = &[
    // `SparkSubmit`.
    words(
        DRIVER,
        Cause::ApplicationMissing,
        r"Failed to load class (?P<what>[\w.$]*\w)",
        "the application has no class {what}",
        "correct the main class, or the jar that should have it",
    ),
    words(
        DRIVER,
        Cause::ApplicationMissing,
        r"(?:No main class set in JAR|Cannot load main class from JAR)\S* ?(?P<what>\S*)",
        "the application's jar names no main class: {what}",
        "give the main class with --class",
    ),
    words(
        DRIVER,
        Cause::ApplicationMissing,
        r"python\S*: can't open file '(?P<what>[^']+)'",
        "the application's file {what} does not exist where the driver runs",
        "correct its path, or put it into the image",
    ),
    // pyspark `worker.py`, `error-conditions.json`; `PythonWorkerFactory`.
    words(
        ALL,
        Cause::PythonMismatch,
        r"Python in worker has different version:? (?P<what>.*?)(?:, PySpark|$)",
        "Python in the workers has another version: {what}",
        SAME_PYTHON,
    ),
    words(
        ALL,
        Cause::PythonMismatch,
        r"PYTHON_VERSION_MISMATCH",
        "Python in the workers has another version than the driver's",
        SAME_PYTHON,
    ),
    words(
        ALL,
        Cause::PythonMismatch,
        r#"Cannot run program "(?P<what>[^"]*python[^"]*)""#,
        "there is no program {what} to run Python workers",
        HAS_PYTHON,
    ),
    words(
        ALL,
        Cause::PythonMismatch,
        r"(?:env: .?|line \d+: )(?P<what>python[\d.]*).?: (?:No such file|command not found|not found)",
        "there is no program {what} to run Python",
        HAS_PYTHON,
    ),
    words(
        ALL,
        Cause::PythonMismatch,
        r"No module named '?(?P<what>pyspark)\b",
        "Python there has no module {what}",
        HAS_PYTHON,
    ),
    words(
        ALL,
        Cause::Crashed,
        r"Fatal Python error: (?P<what>Segmentation fault|Aborted|Bus error)",
        "a Python worker crashed: {what}",
        "look at the native library in the frames of the log",
    ),
    words(
        ALL,
        Cause::PythonOutOfMemory,
        r"(?:^|\W)(?P<what>_?(?:Array)?MemoryError(?:: .*)?)$",
        "Python ran out of memory: {what}",
        "raise spark.executor.memoryOverhead or spark.executor.pyspark.memory, or process smaller batches in Python",
    ),
    words(
        ALL,
        Cause::PythonOutOfMemory,
        r"Python worker exited unexpectedly \(crashed\)",
        "a Python worker was killed or crashed, usually for memory",
        "raise spark.executor.memoryOverhead or spark.executor.pyspark.memory, or process smaller batches in Python",
    ),
    // HotSpot `debug.cpp`, `os_linux.cpp`, `vmError.cpp`.
    words(
        ALL,
        Cause::OutOfMemory,
        r"There is insufficient memory for the Java Runtime Environment|Native memory allocation \(\w+\) failed",
        "the JVM got no memory from its container or node",
        "raise --executor-memory or spark.executor.memoryOverhead, or give the JVM a smaller heap",
    ),
    words(
        ALL,
        Cause::HeapOutOfMemory,
        r"OutOfMemoryError: (?P<what>Java heap space|GC overhead limit exceeded|Requested array size exceeds VM limit)",
        "the JVM's heap was too small: {what}",
        "{heap}, or make partitions smaller",
    ),
    words(
        ALL,
        Cause::HeapOutOfMemory,
        r"OutOfMemoryError: (?P<what>Metaspace|Compressed class space)",
        "the JVM had no room for classes: {what}",
        "raise -XX:MaxMetaspaceSize in extraJavaOptions, and the memory overhead with it",
    ),
    words(
        ALL,
        Cause::HeapOutOfMemory,
        r"OutOfMemoryError: unable to create (?:new )?native thread",
        "the JVM could make no more threads: process ids or memory for stacks ran out",
        "fewer cores per executor, a smaller -Xss, or a higher limit of process ids on the node (podPidsLimit)",
    ),
    words(
        ALL,
        Cause::HeapOutOfMemory,
        r"OutOfMemoryError: (?P<what>Direct buffer memory|Cannot reserve \d+ bytes of direct buffer memory)|OutOfDirectMemoryError",
        "the JVM's memory outside of the heap was too small: direct buffers",
        "raise -XX:MaxDirectMemorySize in extraJavaOptions, and spark.executor.memoryOverhead with it",
    ),
    words(
        ALL,
        Cause::HeapOutOfMemory,
        r"SparkOutOfMemoryError|UNABLE_TO_ACQUIRE_MEMORY|Unable to acquire \d+ bytes of memory",
        "a task got no execution memory from the heap",
        "{heap}, or make partitions smaller",
    ),
    words(
        ALL,
        Cause::HeapOutOfMemory,
        r"java\.lang\.OutOfMemoryError(?:: (?P<what>.*))?",
        "the JVM ran out of memory {what}",
        "{heap}",
    ),
    words(
        ALL,
        Cause::HeapOutOfMemory,
        r"java\.lang\.StackOverflowError",
        "a thread's stack was too small",
        "raise -Xss in extraJavaOptions, or make the plan or the recursion less deep",
    ),
    words(
        ALL,
        Cause::Crashed,
        r"A fatal error has been detected by the Java Runtime Environment|^#\s+(?P<what>SIG(?:SEGV|BUS|ILL|FPE)) \(0x",
        "the JVM crashed {what}",
        "read the problematic frame in the log; a native library or the Java version is the usual reason",
    ),
    // `DiskBlockManager`, `Utils.getOrCreateLocalRootDirsImpl`.
    words(
        ALL,
        Cause::NoLocalDirectory,
        r"Failed to create (?:any )?local dir(?:ectory)?(?: in (?P<what>/[^\s:]*[^\s:.]))?|Failed to create directory (?P<in_words>/\S+)/(?:blockmgr|spark)-|Failed to get a temp location",
        "it has no directory for scratch files that it may write {what}",
        SCRATCH,
    ),
    words(
        EXECUTOR,
        Cause::HeartbeatLost,
        r"Exit as unable to send heartbeats to driver more than (?P<what>\d+)",
        "{what} heartbeats in a row did not reach the driver",
        "look at pauses of the driver (garbage collection, CPU) and at the network between",
    ),
    words(
        DRIVER,
        Cause::HeartbeatLost,
        r"Executor heartbeat timed out after (?P<what>\d+ ms)",
        "an executor sent no heartbeat for {what}: it hung, or its node or network did",
        "look at the executor's garbage collection, CPU and node; spark.network.timeout is the limit",
    ),
    // Also of a volume in memory. Full disks that kubelet tells of are of the node's rules.
    words(
        ALL,
        Cause::NodeDiskFull,
        r"No space left on device",
        "it cannot write any more: the node's disk or the volume for its scratch files is full",
        "free disk space on the node, or give scratch files a larger volume (spark-local-dir-…)",
    ),
    // The entrypoint's shell, coreutils, Java, Python.
    words(
        ALL,
        Cause::NotWritable,
        r"(?P<what>/[^\s:'‘’()]+)['’]?\)?: Read-only file system|(?P<in_words>/[^\s():]+) \(Read-only file system\)|Read-only file system: '(?P<quoted>[^']+)'",
        "{what} is on a read-only file system",
        EMPTY_DIR,
    ),
    words(
        ALL,
        Cause::NotWritable,
        r"ReadOnlyFileSystemException|Read-only file system",
        "it must write a path on a read-only file system (/tmp or its working directory, mostly)",
        EMPTY_DIR,
    ),
    words(
        START,
        Cause::NotWritable,
        r"line \d+: (?P<what>/[^:]+): Permission denied|(?:create|touch|mkdir|tee)\b.*?['‘ ](?P<in_words>/[^'’:]+)['’]?: Permission denied|Permission denied: '(?P<quoted>/[^']+)'",
        "its user may not write {what}",
        EMPTY_DIR,
    ),
    words(
        START,
        Cause::NotWritable,
        r"(?:AccessDeniedException: (?P<what>\.?/[^\s:]+))|(?P<in_words>/[^\s():]+) \(Permission denied\)",
        "its user may not write {what}",
        EMPTY_DIR,
    ),
    words(
        START,
        Cause::NotWritable,
        r"IOException: Permission denied",
        "its user may not write a path that it needs",
        EMPTY_DIR,
    ),
    words(
        EXECUTOR,
        Cause::NotWritable,
        r"Failed to create a temp directory \(under (?P<what>[^)]+)\)|Mkdirs failed to create (?:file:)?(?P<in_words>/\S+)",
        "its user may not write {what}",
        EMPTY_DIR,
    ),
    // Messages that only a JVM of another version prints.
    words(
        ALL,
        Cause::VersionMismatch,
        r"UnsupportedClassVersionError: (?P<what>\S+)",
        "Java is too old for a class: {what}",
        ONE_SPARK,
    ),
    words(
        ALL,
        Cause::VersionMismatch,
        r"Unsupported class file major version (?P<what>\d+)",
        "this Spark cannot read classes of this Java: class file version {what}",
        ONE_SPARK,
    ),
    // Classes of Spark, Scala and Java, or without a package; others are the application's.
    words(
        ALL,
        Cause::VersionMismatch,
        r"InvalidClassException: (?P<what>(?:org\.apache\.spark|scala|java)\.[^\s;]+|\w+)(?:;|$)",
        "driver and executors have different Spark, Scala or Java versions: they differ in {what}",
        ONE_SPARK,
    ),
    words(
        ALL,
        Cause::CodeMissing,
        r"InvalidClassException: (?P<what>[\w.$]+); local class incompatible",
        "driver and executors have different versions of the class {what}",
        SHIP_CODE,
    ),
    // Drivers of 3.0 set no resource profile, which later executors need. The main class of executors
    // changed in 3.1, and so did its options.
    words(
        START,
        Cause::VersionMismatch,
        r#"NumberFormatException: For input string: ""|local class incompatible|Unrecognized options:"#,
        "driver and executors have different Spark, Scala or Java versions",
        ONE_SPARK,
    ),
    words(
        ALL,
        Cause::VersionMismatch,
        r"IllegalArgumentException: too many arguments",
        "driver and executors have different Spark, Scala or Java versions",
        ONE_SPARK,
    ),
    words(
        ALL,
        Cause::VersionMismatch,
        r"Could not find or load main class (?P<what>org\.apache\.spark\S*)",
        "driver and executors have different Spark, Scala or Java versions: the image has no {what}",
        ONE_SPARK,
    ),
    words(
        ALL,
        Cause::VersionMismatch,
        r"ClassNotFoundException: (?P<what>org\.apache\.spark\.(?:scheduler|executor|rpc|storage|internal|deploy|network|util|serializer|resource|broadcast|shuffle)\.\S+)",
        "driver and executors have different Spark versions: one has no {what}",
        ONE_SPARK,
    ),
    words(
        START,
        Cause::VersionMismatch,
        r"(?:NoSuchMethodError: .?|NoClassDefFoundError: |ClassNotFoundException: )(?P<what>scala[./]\S+)",
        "driver and executors have different Scala versions: they differ in {what}",
        ONE_SPARK,
    ),
    words(
        ALL,
        Cause::CodeMissing,
        r"(?:NoSuchMethodError: .?(?:\S+ )?|NoClassDefFoundError: |ClassNotFoundException: )(?P<what>scala[./]\S+)",
        "the application's code is of another Scala than this Spark: there is no {what}",
        SHIP_CODE,
    ),
    words(
        ALL,
        Cause::MissingJar,
        r#"ClassNotFoundException: (?:Class )?(?P<what>(?:org\.apache\.hadoop|com\.google\.cloud\.hadoop)\.fs\.\S+)|No FileSystem for scheme:? "?(?P<in_words>[\w-]+)"#,
        "the FileSystem class of a scheme is missing: {what}",
        "add the jars of this scheme to the image's /opt/spark/jars and to the driver's class path",
    ),
    // Hadoop 3.4 writes durations and sizes with units, which 3.3 cannot read.
    words(
        ALL,
        Cause::JarMismatch,
        r#"NumberFormatException: For input string: "(?P<what>\d+[a-zA-Z]+)""#,
        "jars of different Hadoop versions are mixed: one cannot read the other's default {what}",
        ONE_JAR,
    ),
    words(
        ALL,
        Cause::JarMismatch,
        r"(?P<what>(?:NoSuchMethodError|NoSuchFieldError|AbstractMethodError|IncompatibleClassChangeError|VerifyError)(?:: .*)?)$",
        "jars of different versions of a library are mixed: {what}",
        ONE_JAR,
    ),
    words(
        ALL,
        Cause::JarMismatch,
        r"NoClassDefFoundError: (?:Could not initialize class )?(?P<what>(?:org[/.]apache[/.](?:hadoop|http)|com[/.]google[/.](?:common|protobuf)|com[/.]amazonaws|software[/.]amazon|com[/.]fasterxml|io[/.]netty)[/.]\S+)",
        "jars of different versions of a library are mixed: there is no {what}",
        ONE_JAR,
    ),
    words(
        ALL,
        Cause::JarMismatch,
        r"(?P<what>Scala module \S+ requires Jackson Databind.*)",
        "jars of different versions of a library are mixed: {what}",
        ONE_JAR,
    ),
    words(
        ALL,
        Cause::CodeMissing,
        r"SerializedLambda|unread block data",
        "code of the application is not on the executors, or of another Scala",
        SHIP_CODE,
    ),
    words(
        ALL,
        Cause::CodeMissing,
        r"(?:ClassNotFoundException: (?P<what>[\w.$]+)|NoClassDefFoundError: (?P<in_words>\w+[./][\w./$]+))",
        "there is no class {what}",
        SHIP_CODE,
    ),
    words(
        ALL,
        Cause::CodeMissing,
        r"ModuleNotFoundError: No module named '(?P<what>[^']+)'",
        "Python has no module {what}",
        "give it with spark.submit.pyFiles or spark.archives, or put it into the image",
    ),
];
