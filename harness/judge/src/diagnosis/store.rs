//! Diagnoses failed reads by the JVM's exceptions. The texts were observed with Spark 3.5 and 4.3
//! and their Hadoop.

use sparkproof_base::events::EvidenceItem;
use sparkproof_base::verdict::{Cause, Diagnosis};

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

/// Words of an exception, their cause, the finding and the remedy; the most specific first.
const RULES: [(&[&str], Cause, &str, &str); 7] = [
    (
        &[
            "WASB Driver using wasb(s) schema is no longer supported",
            "UNSUPPORTED_FILE_SYSTEM",
            // Thrown by `AbstractHttpFileSystem.listStatus`, without a message (Spark 3.3 to 4.2).
            "UnsupportedOperationException",
            "No FileSystem for scheme: http",
            "No FileSystem for scheme \"http",
        ],
        Cause::UnsupportedScheme,
        "this Spark version does not support this scheme",
        "use another scheme: docs/strategies/4-remote.md lists those of each Spark version",
    ),
    (
        &["ClassNotFoundException", "NoClassDefFoundError", "No FileSystem for scheme"],
        Cause::MissingJar,
        "the FileSystem class of the scheme is missing",
        "add the jars of this scheme to the image's /opt/spark/jars and to the driver's class \
         path: docs/strategies/4-remote.md lists them for each Spark version",
    ),
    (
        &[
            "Status Code: 403",
            "HTTP response code: 403",
            "AccessDenied",
            "AuthenticationFailed",
            "AuthorizationFailure",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            ", 403,",
        ],
        Cause::StoreDeniesAccess,
        "the store rejects the credentials",
        "check account, key and clock; the key belongs into spark.hadoop.fs.*",
    ),
    (
        &["UnknownHostException"],
        Cause::UnknownHost,
        "the store's host name cannot be resolved there",
        "make the name resolvable for pods and driver (hostAliases, DNS), or use an address",
    ),
    (
        &[
            "Connection refused",
            "failed on connection exception",
            "ConnectException",
            "SocketTimeoutException",
            "ConnectTimeoutException",
            "connect timed out",
            "No route to host",
            "NoRouteToHost",
            "BlockMissingException",
            "Could not obtain block",
        ],
        Cause::StoreUnreachable,
        "the store does not answer",
        "check that it runs, and that pods and driver reach it under the same address",
    ),
    (
        &["Transport endpoint is not connected"],
        Cause::MountGone,
        "the FUSE daemon is gone",
        "restart it; executors see the new mount only with HostToContainer propagation",
    ),
    (
        &[
            "FileNotFoundException",
            "NoSuchFileException",
            "PATH_NOT_FOUND",
            "Path does not exist",
            "does not exist",
        ],
        Cause::FileMissing,
        "the file is not there",
        "copy it to where this executor reads it; the pod of a replaced executor starts without copies",
    ),
];

/// The diagnosis; [`Cause::Unknown`] if no words match.
pub fn diagnose_read(read: FailedRead<'_>) -> Diagnosis {
    let fits = |words: &&[&str]| words.iter().any(|word| read.text.contains(word));
    let rule = RULES.iter().find(|(words, ..)| fits(words));
    let (mut cause, mut says, mut remedy) = match rule {
        Some((_, cause, says, remedy)) => (*cause, *says, *remedy),
        None => (Cause::Unknown, "the read failed", "read the exception in the evidence"),
    };
    if cause == Cause::StoreDeniesAccess && !is_remote(read.uri) {
        (cause, says) = (Cause::Unknown, "the process may not read the file");
        remedy = "give the user id of driver and executors permission to read it and to enter its directories";
    } else if cause == Cause::FileMissing && is_remote(read.uri) {
        (says, remedy) = ("the store has no such file", "put it at this URL");
    } else if cause == Cause::FileMissing && read.mounted {
        (cause, says) = (Cause::MountGone, "the mount is gone");
        remedy = "check that the FUSE daemon runs: without it every file seems to be missing";
    } else if cause == Cause::FileMissing && read.whose == "the driver" {
        (cause, says) =
            (Cause::DriverLacksFile, "the driver lacks the file: it lists and splits files");
        remedy = "put the same bytes at the same path on the driver's host";
    }
    Diagnosis {
        cause,
        says: format!("{says}: {} read {}: {}", read.whose, read.uri, first_line(read.text)),
        evidence: vec![EvidenceItem { name: "exception".into(), text: read.text.to_owned() }],
        remedy: remedy.to_owned(),
        also: Vec::new(),
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
    #[case("java.lang.OutOfMemoryError: Java heap space", Cause::Unknown)]
    fn what_the_jvm_says_has_a_name(#[case] text: &str, #[case] expected: Cause) {
        assert_eq!(cause(text, "executor 1", false), expected);
    }

    #[rstest]
    #[case("s3a://data/x", "s3a://data/x: Status Code: 403", Cause::StoreDeniesAccess)]
    #[case("file:/data/x", "/data/x", Cause::Unknown)]
    #[case("/data/x", "/data/x", Cause::Unknown)]
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
}
