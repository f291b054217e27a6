//! Diagnoses failed reads by the JVM's exceptions: the innermost one that says something counts. The
//! texts are those of Spark 3.0 to 4.x with Hadoop 3.2 to 3.5, both AWS SDKs, and Azure's.

mod words;

use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::events::EvidenceItem;
use sparkproof_base::verdict::{Cause, Diagnosis};

use self::words::{ANYWHERE, RULES, Rule, SAME_HADOOP};

/// A read that failed.
#[derive(Debug, Clone, Copy)]
pub struct FailedRead<'a> {
    /// Classes and messages of the exception and its causes.
    pub text: &'a str,
    /// The reader: `executor 2`, `the driver`.
    pub whose: &'a str,
    /// The URI that was read.
    pub uri: &'a str,
    /// Whether the path should be on a FUSE mount: a dead one looks like a missing file.
    pub mounted: bool,
}

/// What the text says.
struct Found<'a> {
    cause: Cause,
    says: String,
    remedy: String,
    /// The exception that says it.
    line: &'a str,
}

/// The diagnosis; [`Cause::Unknown`] if no words match.
pub fn diagnose_read(read: FailedRead<'_>) -> Diagnosis {
    let found = not_readable(read).or_else(|| by_words(read)).map(|found| found.at(read));
    let found = found.unwrap_or_else(|| Found {
        cause: Cause::Unknown,
        says: "the read failed".to_owned(),
        remedy: "read the exception in the evidence".to_owned(),
        line: first_line(read.text),
    });
    Diagnosis {
        cause: found.cause,
        says: format!("{}: {} read {}: {}", found.says, read.whose, read.uri, found.line),
        evidence: vec![EvidenceItem { name: "exception".into(), text: read.text.to_owned() }],
        remedy: found.remedy,
        also: Vec::new(),
    }
}

/// A local file is denied by its mode; in a read of a store it is a file that its client needs.
fn not_readable(read: FailedRead<'_>) -> Option<Found<'_>> {
    let local = ["Permission denied", "AccessDeniedException", "Operation not permitted"];
    let in_store = ["(Permission denied)"];
    let words: &[&str] = if is_remote(read.uri) { &in_store } else { &local };
    let line = read.text.lines().rfind(|line| words.iter().any(|word| line.contains(word)))?;
    if is_remote(read.uri) {
        return Some(Found {
            cause: Cause::NotWritable,
            says: "the store's client may not use a local file".to_owned(),
            remedy:
                "give the user id of the process permission on that path: an emptyDir there, or \
                     another spark.hadoop.fs.s3a.buffer.dir"
                    .to_owned(),
            line: line.trim(),
        });
    }
    let remedy = match read.mounted {
        true => {
            "mount it for other users too (FUSE's allow_other), or with the user id of driver and executors"
        }
        false => {
            "give the user id of driver and executors permission to read it and to enter its directories \
             (chmod), or run them as its owner (runAsUser, fsGroup in --pod-template FILE)"
        }
    };
    Some(Found {
        cause: Cause::FileNotReadable,
        says: "the file is there, and the process may not read it".to_owned(),
        remedy: remedy.to_owned(),
        line: line.trim(),
    })
}

fn by_words(read: FailedRead<'_>) -> Option<Found<'_>> {
    let chain = exceptions(read.text);
    let rule = |rules: &'static [Rule], exception: &&str| {
        let fits = |(words, ..): &&Rule| words.iter().any(|word| exception.contains(word));
        rules.iter().find(fits)
    };
    let anywhere = chain.iter().rev().find_map(|one| Some((rule(&ANYWHERE, one)?, *one)));
    if let Some(((_, cause, says, remedy), one)) = anywhere {
        return Some(Found::new(*cause, says, remedy, one));
    }
    chain.iter().rev().find_map(|one| {
        if let Some(why) = mixed(one) {
            return Some(Found::new(Cause::JarMismatch, &why, SAME_HADOOP, one));
        }
        let (_, cause, says, remedy) = rule(&RULES, one)?;
        Some(Found::new(*cause, says, remedy, one))
    })
}

/// The exceptions of a text, outermost first, each with all lines of its message.
fn exceptions(text: &str) -> Vec<&str> {
    static FIRST: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?m)(?:^|; caused by )\s*(?:Caused by: |: )?(?:[a-z]\w*\.)+[A-Z][\w.$]*(?:Exception|Error|Throwable|Failure)\b")
            .expect("a valid expression")
    });
    let mut at: Vec<usize> = FIRST.find_iter(text).map(|found| found.start()).collect();
    if at.first() != Some(&0) {
        at.insert(0, 0);
    }
    let ends = at.iter().copied().skip(1).chain([text.len()]);
    at.iter().copied().zip(ends).map(|(from, to)| &text[from..to]).collect()
}

/// What only a mixture of Hadoop's versions throws: a default with a unit, which an older class reads
/// as a number (`60s`, `100M`), or a class of Hadoop that the other jar lacks, though its FileSystem
/// was found.
fn mixed(exception: &str) -> Option<String> {
    static UNIT: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r#"NumberFormatException: For input string: "\d+(?:ms|[smhdKMGT])""#)
            .expect("a valid expression")
    });
    static CLASS: LazyLock<Regex> = LazyLock::new(|| {
        Regex::new(r"(?:ClassNotFoundException: (?:Class )?|NoClassDefFoundError: (?:Could not initialize class )?)(org[./]apache[./]hadoop[./][\w./$]+)")
            .expect("a valid expression")
    });
    if let Some(found) = UNIT.find(exception) {
        return Some(format!(
            "hadoop-common and the connector are of different versions ({})",
            found.as_str()
        ));
    }
    let class = CLASS.captures(exception)?[1].replace('/', ".");
    (!class.ends_with("FileSystem")).then(|| {
        format!("hadoop-common and the connector are of different versions: there is no {class}")
    })
}

impl<'a> Found<'a> {
    fn new(cause: Cause, says: &str, remedy: &str, exception: &'a str) -> Self {
        let line = first_line(exception.trim_start_matches("; caused by "));
        let (says, remedy) = (says.to_owned(), remedy.to_owned());
        Found { cause, says, remedy, line: line.strip_prefix("Caused by: ").unwrap_or(line) }
    }

    fn set(self, cause: Cause, says: &str, remedy: &str) -> Self {
        Found { cause, says: says.to_owned(), remedy: remedy.to_owned(), ..self }
    }

    /// What it means where it was read.
    fn at(self, read: FailedRead<'_>) -> Self {
        let remote = is_remote(read.uri);
        match self.cause {
            Cause::FileMissing if remote => {
                self.set(Cause::FileMissing, "the store has no such file", "put it at this URL")
            }
            Cause::FileMissing if read.mounted => self.set(
                Cause::MountGone,
                "the mount is gone",
                "check that the FUSE daemon runs: without it every file seems to be missing",
            ),
            Cause::FileMissing if read.whose == "the driver" => self.set(
                Cause::DriverLacksFile,
                "the driver lacks the file: it lists and splits files",
                "put the same bytes at the same path on the driver's host",
            ),
            Cause::StoreNoRegion => self.of_region(read),
            Cause::UnknownHost => self.of_bucket(read),
            _ => self,
        }
    }

    /// The region that the store expects, if it says so.
    fn of_region(self, read: FailedRead<'_>) -> Self {
        static EXPECTS: LazyLock<Regex> =
            LazyLock::new(|| Regex::new(r"expecting '([\w-]+)'").expect("a valid expression"));
        match EXPECTS.captures(read.text) {
            Some(region) => {
                let remedy = format!("--conf spark.hadoop.fs.s3a.endpoint.region={}", &region[1]);
                self.set(Cause::StoreNoRegion, "the bucket is in another region", &remedy)
            }
            None => self,
        }
    }

    /// A bucket before the endpoint's name: only Amazon resolves that.
    fn of_bucket(self, read: FailedRead<'_>) -> Self {
        let bucket = read.uri.split_once("://").map_or("", |(_, rest)| rest);
        let bucket = bucket.split('/').next().unwrap_or_default();
        let asked = format!("UnknownHostException: {bucket}.");
        if read.uri.starts_with("s3") && !bucket.is_empty() && read.text.contains(&asked) {
            return self.set(
                Cause::UnknownHost,
                "the bucket was put before the store's host name, which cannot be resolved",
                "--conf spark.hadoop.fs.s3a.path.style.access=true, for a store that is not Amazon's; \
                 otherwise correct the region in the endpoint",
            );
        }
        self
    }
}

/// The diagnosis of wrong bytes.
pub fn content_differs(whose: &str, uri: &str, seen: &str, expected: &str) -> Diagnosis {
    Diagnosis {
        cause: Cause::ContentDiffers,
        says: format!("{whose} read {seen} from {uri}, expected {expected}"),
        evidence: Vec::new(),
        remedy: "put the same bytes on every executor and the driver; Spark does not notice a difference"
            .into(),
        also: Vec::new(),
    }
}

/// The diagnosis of the right bytes through another FileSystem or mount.
pub fn read_elsewhere(whose: &str, uri: &str, seen: &str, expected: &str) -> Diagnosis {
    Diagnosis {
        cause: Cause::ReadElsewhere,
        says: format!("{whose} read {uri} by {seen}, expected {expected}"),
        evidence: Vec::new(),
        remedy: "check the executor's volumes and fs.*.impl: another source serves this path"
            .into(),
        also: Vec::new(),
    }
}

/// Whether the URI is of a store, where a file exists for driver and executors alike.
fn is_remote(uri: &str) -> bool {
    uri.split_once(':').is_some_and(|(scheme, _)| scheme != "file")
}

fn first_line(text: &str) -> &str {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn cause(text: &str, whose: &str, mounted: bool) -> Cause {
        diagnose_read(FailedRead { text, whose, uri: "file:/x", mounted }).cause
    }

    #[rstest]
    #[case("java.io.FileNotFoundException: File file:/x does not exist", Cause::FileMissing)]
    #[case(
        "java.lang.ClassNotFoundException: Class org.apache.hadoop.fs.s3a.S3AFileSystem not found",
        Cause::MissingJar
    )]
    #[case(
        "org.apache.hadoop.fs.UnsupportedFileSystemException: No FileSystem for scheme \"gs\"",
        Cause::MissingJar
    )]
    #[case("java.io.IOException: No FileSystem for scheme: http", Cause::UnsupportedScheme)]
    #[case(
        "java.lang.UnsupportedOperationException\n\tat AbstractHttpFileSystem.listStatus",
        Cause::UnsupportedScheme
    )]
    #[case(
        "AWSClientIOException: Unable to execute HTTP request: Connection refused",
        Cause::StoreUnreachable
    )]
    #[case("BlockMissingException: Could not obtain block: BP-1", Cause::StoreUnreachable)]
    #[case("java.net.UnknownHostException: store.test", Cause::UnknownHost)]
    #[case("java.io.IOException: Transport endpoint is not connected", Cause::MountGone)]
    #[case("java.lang.OutOfMemoryError: Java heap space", Cause::HeapOutOfMemory)]
    #[case("java.lang.OutOfMemoryError: unable to create native thread", Cause::Unknown)]
    #[case("java.lang.IllegalStateException: x", Cause::Unknown)]
    #[case("java.nio.file.AccessDeniedException: /data/x.csv", Cause::FileNotReadable)]
    #[case(
        "java.io.FileNotFoundException: /data/x.csv (Permission denied)",
        Cause::FileNotReadable
    )]
    #[case(
        "org.apache.spark.SparkException: Job aborted due to stage failure: Lost task 0.0\n\
         java.io.FileNotFoundException: /data/x.csv (Permission denied)",
        Cause::FileNotReadable
    )]
    #[case("java.io.IOException: Stale file handle", Cause::MountGone)]
    #[case(
        "java.lang.RuntimeException: file:/x is not a Parquet file. Expected magic number at tail, but found [1, 2, 3, 4]",
        Cause::ContentDiffers
    )]
    #[case(
        "org.apache.spark.SparkException: [CANNOT_READ_FILE_FOOTER] Could not read footer for file: file:/x.",
        Cause::ContentDiffers
    )]
    #[case(
        "org.apache.hadoop.fs.ChecksumException: Checksum error: file:/x at 0 exp: 1 got: 2",
        Cause::ContentDiffers
    )]
    // A footer that cannot be read since the file is gone.
    #[case(
        "java.io.IOException: Could not read footer for file: file:/x\njava.io.FileNotFoundException: File file:/x does not exist",
        Cause::FileMissing
    )]
    #[case(
        "java.lang.ClassCastException: cannot assign instance of java.lang.invoke.SerializedLambda to field org.apache.spark.rdd.MapPartitionsRDD.f",
        Cause::CodeMissing
    )]
    #[case("java.lang.IllegalStateException: unread block data", Cause::CodeMissing)]
    fn what_the_jvm_says_has_a_name(#[case] text: &str, #[case] expected: Cause) {
        assert_eq!(cause(text, "executor 1", false), expected);
    }

    #[rstest]
    #[case("s3a://data/x", "s3a://data/x: Status Code: 403", Cause::StoreDeniesAccess)]
    #[case("file:/data/x", "/data/x", Cause::FileNotReadable)]
    #[case("/data/x", "/data/x", Cause::FileNotReadable)]
    fn only_a_store_denies_a_key(#[case] uri: &str, #[case] said: &str, #[case] cause: Cause) {
        let text = &format!("java.nio.file.AccessDeniedException: {said}");
        let read = FailedRead { text, whose: "executor 1", uri, mounted: false };
        let diagnosis = diagnose_read(read);
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        let key = diagnosis.says.contains("key") || diagnosis.remedy.contains("key");
        assert_eq!(key, cause == Cause::StoreDeniesAccess, "{diagnosis}");
    }

    #[test]
    fn bytes_and_ways_that_are_not_the_expected_ones_have_names() {
        let differs = content_differs("executor 1", "file:/x", "4 bytes", "5 bytes");
        assert_eq!(differs.cause, Cause::ContentDiffers);
        let elsewhere = read_elsewhere("executor 1", "s3a://b/x", "RawFileSystem", "S3AFileSystem");
        assert_eq!(elsewhere.cause, Cause::ReadElsewhere);
        assert!(elsewhere.says.contains("by RawFileSystem, expected S3AFileSystem"));
    }

    #[test]
    fn a_missing_file_means_another_thing_on_a_mount_and_at_the_driver() {
        let text = "java.io.FileNotFoundException: File file:/x does not exist";
        assert_eq!(cause(text, "executor 1", true), Cause::MountGone);
        assert_eq!(cause("[PATH_NOT_FOUND] file:/x", "the driver", false), Cause::DriverLacksFile);
        let uri = "s3a://data/x";
        let read =
            FailedRead { text: "[PATH_NOT_FOUND]", whose: "the driver", uri, mounted: false };
        let diagnosis = diagnose_read(read);
        assert_eq!(diagnosis.cause, Cause::FileMissing, "a store lacks it for all alike");
        assert!(!diagnosis.remedy.contains("driver"), "{}", diagnosis.remedy);
    }

    /// Several exceptions, one a line, as they come from the probe.
    #[rstest]
    // Credentials: what each provider says below does not count.
    #[case(
        "org.apache.hadoop.fs.s3a.AWSClientIOException: doesBucketExist on data: com.amazonaws.AmazonClientException: No AWS Credentials provided by TemporaryAWSCredentialsProvider SimpleAWSCredentialsProvider EnvironmentVariableCredentialsProvider IAMInstanceCredentialsProvider : com.amazonaws.SdkClientException: Failed to connect to service endpoint:\ncom.amazonaws.SdkClientException: Failed to connect to service endpoint: \njava.net.SocketTimeoutException: Connect timed out",
        Cause::StoreNoCredentials
    )]
    #[case(
        "java.nio.file.AccessDeniedException: data: org.apache.hadoop.fs.s3a.auth.NoAuthWithAWSException: No AWS Credentials provided by TemporaryAWSCredentialsProvider",
        Cause::StoreNoCredentials
    )]
    #[case(
        "java.nio.file.AccessDeniedException: s3a://data/x\norg.apache.hadoop.fs.s3a.auth.NoAwsCredentialsException: SimpleAWSCredentialsProvider: No AWS credentials in the Hadoop configuration",
        Cause::StoreNoCredentials
    )]
    #[case(
        "software.amazon.awssdk.core.exception.SdkClientException: Unable to load credentials from any of the providers in the chain AwsCredentialsProviderChain",
        Cause::StoreNoCredentials
    )]
    #[case(
        "org.apache.hadoop.fs.azure.AzureException: No credentials found for account a.blob.core.windows.net in the configuration, and its container data is not accessible using anonymous credentials. Please check if the container exists first.",
        Cause::StoreNoCredentials
    )]
    #[case(
        "org.apache.hadoop.fs.azure.AzureException: Unable to access container data in account a.blob.core.windows.net using anonymous credentials, and no credentials found for them in the configuration.",
        Cause::StoreNoCredentials
    )]
    #[case(
        "org.apache.hadoop.fs.azurebfs.contracts.exceptions.ConfigurationPropertyNotFoundException: Configuration property a.dfs.core.windows.net not found.",
        Cause::StoreNoCredentials
    )]
    // Region.
    #[case(
        "com.amazonaws.SdkClientException: Unable to find a region via the region provider chain. Must provide an explicit region in the builder or setup environment to supply a region.",
        Cause::StoreNoRegion
    )]
    #[case(
        "software.amazon.awssdk.core.exception.SdkClientException: Unable to load region from any of the providers in the chain software.amazon.awssdk.regions.providers.DefaultAwsRegionProviderChain@1",
        Cause::StoreNoRegion
    )]
    #[case(
        "org.apache.hadoop.fs.s3a.AWSBadRequestException: getFileStatus on s3a://data/x\nsoftware.amazon.awssdk.services.s3.model.S3Exception: The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1' (Service: S3, Status Code: 400, Request ID: 1)",
        Cause::StoreNoRegion
    )]
    #[case(
        "org.apache.hadoop.fs.s3a.AWSRedirectException: Received permanent redirect response to region eu-west-1.  This likely indicates that the S3 region configured in fs.s3a.endpoint.region does not match the AWS region containing the bucket.",
        Cause::StoreNoRegion
    )]
    #[case(
        "com.amazonaws.services.s3.model.AmazonS3Exception: Moved Permanently (Service: Amazon S3; Status Code: 301; Error Code: 301 Moved Permanently)",
        Cause::StoreNoRegion
    )]
    // Bucket.
    #[case(
        "org.apache.hadoop.fs.s3a.UnknownStoreException: `s3a://data/x': getFileStatus on s3a://data/x: com.amazonaws.services.s3.model.AmazonS3Exception: The specified bucket does not exist (Service: Amazon S3; Status Code: 404; Error Code: NoSuchBucket)",
        Cause::StoreBucketMissing
    )]
    #[case("java.io.FileNotFoundException: Bucket data does not exist", Cause::StoreBucketMissing)]
    #[case(
        "java.io.FileNotFoundException: Operation failed: \"The specified filesystem does not exist.\", 404, HEAD, https://a.dfs.core.windows.net/data/x?upn=false&action=getStatus&timeout=90",
        Cause::StoreBucketMissing
    )]
    #[case(
        "org.apache.hadoop.fs.azure.AzureException: com.microsoft.azure.storage.StorageException: The specified container does not exist.",
        Cause::StoreBucketMissing
    )]
    // Clock.
    #[case(
        "java.nio.file.AccessDeniedException: s3a://data/x: getFileStatus\ncom.amazonaws.services.s3.model.AmazonS3Exception: The difference between the request time and the current time is too large. (Service: Amazon S3; Status Code: 403; Error Code: RequestTimeTooSkewed)",
        Cause::StoreClockSkew
    )]
    #[case(
        "software.amazon.awssdk.services.s3.model.S3Exception: Signature not yet current: 20260101T120000Z is still later than 20260101T110000Z (Service: S3, Status Code: 403)",
        Cause::StoreClockSkew
    )]
    // TLS.
    #[case(
        "org.apache.hadoop.fs.s3a.AWSClientIOException: doesBucketExist on data: com.amazonaws.SdkClientException: Unable to execute HTTP request: Unsupported or unrecognized SSL message: Unable to execute HTTP request\njavax.net.ssl.SSLException: Unsupported or unrecognized SSL message",
        Cause::StoreTls
    )]
    #[case(
        "software.amazon.awssdk.core.exception.SdkClientException: Unable to execute HTTP request: PKIX path building failed\njavax.net.ssl.SSLHandshakeException: PKIX path building failed\nsun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target",
        Cause::StoreTls
    )]
    #[case(
        "com.amazonaws.services.s3.model.AmazonS3Exception: Client sent an HTTP request to an HTTPS server. (Service: Amazon S3; Status Code: 400)",
        Cause::StoreTls
    )]
    #[case(
        "javax.net.ssl.SSLException: Connection reset\njava.net.SocketException: Connection reset",
        Cause::StoreUnreachable
    )]
    // HDFS.
    #[case(
        "org.apache.hadoop.security.AccessControlException: Permission denied: user=spark, access=READ, inode=\"/data/x\":hdfs:supergroup:-rw-------\norg.apache.hadoop.ipc.RemoteException: Permission denied: user=spark, access=READ, inode=\"/data/x\":hdfs:supergroup:-rw-------",
        Cause::StoreUserDenied
    )]
    #[case(
        "org.apache.hadoop.security.AccessControlException: SIMPLE authentication is not enabled.  Available:[TOKEN, KERBEROS]",
        Cause::StoreWantsKerberos
    )]
    #[case(
        "java.io.IOException: DestHost:destPort nn:8020 , LocalHost:localPort x/10.1.1.1:0. Failed on local exception: java.io.IOException: org.apache.hadoop.security.AccessControlException: Client cannot authenticate via:[TOKEN, KERBEROS]",
        Cause::StoreWantsKerberos
    )]
    // Too many requests.
    #[case(
        "org.apache.hadoop.fs.s3a.AWSServiceThrottledException: open s3a://data/x: Please reduce your request rate. (Service: Amazon S3; Status Code: 503; Error Code: SlowDown)",
        Cause::StoreThrottles
    )]
    #[case(
        "Operation failed: \"The server is busy.\", 503, GET, https://a.dfs.core.windows.net/data/x, ServerBusy",
        Cause::StoreThrottles
    )]
    // Keys.
    #[case(
        "java.nio.file.AccessDeniedException: s3a://data/x: getFileStatus on s3a://data/x: com.amazonaws.services.s3.model.AmazonS3Exception: Forbidden (Service: Amazon S3; Status Code: 403; Error Code: 403 Forbidden)",
        Cause::StoreDeniesAccess
    )]
    #[case(
        "software.amazon.awssdk.services.s3.model.S3Exception: The AWS Access Key Id you provided does not exist in our records. (Service: S3, Status Code: 403, Request ID: 1)",
        Cause::StoreDeniesAccess
    )]
    #[case(
        "java.nio.file.AccessDeniedException: Operation failed: \"Server failed to authenticate the request.\", 403, HEAD, https://a.dfs.core.windows.net/data",
        Cause::StoreDeniesAccess
    )]
    // Jars.
    #[case("java.lang.NumberFormatException: For input string: \"60s\"", Cause::JarMismatch)]
    #[case("java.lang.NumberFormatException: For input string: \"sixty\"", Cause::Unknown)]
    #[case(
        "java.lang.NoSuchMethodError: com.google.common.base.Preconditions.checkArgument(ZLjava/lang/String;)V",
        Cause::JarMismatch
    )]
    #[case(
        "java.lang.NoClassDefFoundError: org/apache/hadoop/fs/statistics/IOStatisticsSource\njava.lang.ClassNotFoundException: org.apache.hadoop.fs.statistics.IOStatisticsSource",
        Cause::JarMismatch
    )]
    #[case(
        "java.lang.NoClassDefFoundError: com/amazonaws/AmazonServiceException\njava.lang.ClassNotFoundException: com.amazonaws.AmazonServiceException",
        Cause::MissingJar
    )]
    #[case(
        "java.lang.RuntimeException: java.lang.ClassNotFoundException: Class org.apache.hadoop.fs.s3a.S3AFileSystem not found\njava.lang.ClassNotFoundException: Class org.apache.hadoop.fs.s3a.S3AFileSystem not found",
        Cause::MissingJar
    )]
    #[case(
        "org.apache.hadoop.fs.azure.AzureException: com.microsoft.azure.storage.StorageException: Server failed to authenticate the request. Make sure the value of the Authorization header is formed correctly including the signature.",
        Cause::StoreDeniesAccess
    )]
    // Files and hosts.
    #[case(
        "java.io.FileNotFoundException: No such file or directory: s3a://data/x",
        Cause::FileMissing
    )]
    #[case(
        "org.apache.hadoop.fs.s3a.AWSClientIOException: x\njava.net.UnknownHostException: data.store.team.svc: Name or service not known",
        Cause::UnknownHost
    )]
    #[case("java.io.FileNotFoundException: /tmp/s3a/block (Permission denied)", Cause::NotWritable)]
    fn a_store_says_what_is_wrong(#[case] text: &str, #[case] cause: Cause) {
        for text in [text.to_owned(), text.replace('\n', "; caused by ")] {
            let read = FailedRead {
                text: &text,
                whose: "executor 1",
                uri: "s3a://data/x",
                mounted: false,
            };
            let diagnosis = diagnose_read(read);
            assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        }
    }

    #[rstest]
    #[case("java.net.UnknownHostException: data.store.test", "path.style.access")]
    #[case("java.net.UnknownHostException: store.test", "hostAliases")]
    #[case(
        "com.amazonaws.services.s3.model.AmazonS3Exception: The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'",
        "region=eu-west-1"
    )]
    fn a_remedy_is_of_what_was_asked(#[case] text: &str, #[case] words: &str) {
        let read = FailedRead { text, whose: "executor 1", uri: "s3a://data/x", mounted: false };
        let remedy = diagnose_read(read).remedy;
        assert!(remedy.contains(words), "{remedy}");
    }

    #[test]
    fn a_mount_may_deny_other_users() {
        let text = "java.io.FileNotFoundException: /mnt/x (Permission denied)";
        let read = FailedRead { text, whose: "executor 1", uri: "file:/mnt/x", mounted: true };
        let diagnosis = diagnose_read(read);
        assert_eq!(diagnosis.cause, Cause::FileNotReadable);
        assert!(diagnosis.remedy.contains("allow_other"), "{}", diagnosis.remedy);
    }
}
