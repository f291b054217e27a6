//! Why a read failed, by what the JVM says of it. The texts were seen of Spark 3.5 and 4.3 with the
//! Hadoop they bring.

use sparkproof_base::events::Evidence;
use sparkproof_base::verdict::{Cause, Diagnosis};

/// A read that failed.
#[derive(Debug, Clone, Copy)]
pub struct FailedRead<'a> {
    /// Classes and messages of the exception and its causes.
    pub text: &'a str,
    /// Whose: `executor 2`, `the driver`.
    pub whose: &'a str,
    /// What was read.
    pub uri: &'a str,
    /// Whether the path is expected on a FUSE mount: a dead one looks like a missing file.
    pub mounted: bool,
}

/// Words, what they mean, what to do; the most telling first.
const RULES: [(&[&str], Cause, &str, &str); 7] = [
    (
        &[
            "WASB Driver using wasb(s) schema is no longer supported",
            "UNSUPPORTED_FILE_SYSTEM",
            // Of `AbstractHttpFileSystem.listStatus`, with no message (Spark 3.3 to 4.2).
            "UnsupportedOperationException",
            "No FileSystem for scheme: http",
            "No FileSystem for scheme \"http",
        ],
        Cause::UnsupportedScheme,
        "this Spark does not read from such a URL",
        "use another scheme: docs/strategies/4-remote.md says which works with which Spark",
    ),
    (
        &["ClassNotFoundException", "NoClassDefFoundError", "No FileSystem for scheme"],
        Cause::MissingJar,
        "no class for the scheme",
        "put the jars for this scheme into the image's /opt/spark/jars and on the driver's class \
         path: docs/strategies/4-remote.md lists them for each Spark",
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
        "the store does not accept the key",
        "check account, key and the clock; the key goes into spark.hadoop.fs.*",
    ),
    (
        &["UnknownHostException"],
        Cause::UnknownHost,
        "the store's name is not known there",
        "give pods and driver the name (hostAliases, DNS), or use an address",
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
        "put it where this executor reads it; a replaced executor's pod starts without copies",
    ),
];

/// The cause; [`Cause::Unknown`] when nothing in the text tells.
pub fn diagnose_read(read: FailedRead<'_>) -> Diagnosis {
    let fits = |words: &&[&str]| words.iter().any(|word| read.text.contains(word));
    let rule = RULES.iter().find(|(words, ..)| fits(words));
    let (mut cause, mut says, mut remedy) = match rule {
        Some((_, cause, says, remedy)) => (*cause, *says, *remedy),
        None => (Cause::Unknown, "the read failed", "read the exception in the evidence"),
    };
    if cause == Cause::StoreDeniesAccess && !is_remote(read.uri) {
        (cause, says) = (Cause::Unknown, "the process may not read the file");
        remedy = "let the user id of driver and executors read it and enter its directories";
    } else if cause == Cause::FileMissing && is_remote(read.uri) {
        (says, remedy) = ("the store has no such file", "put it where this URL says");
    } else if cause == Cause::FileMissing && read.mounted {
        (cause, says) = (Cause::MountGone, "nothing is mounted there any more");
        remedy = "look whether the FUSE daemon runs; it looks like a missing file when it does not";
    } else if cause == Cause::FileMissing && read.whose == "the driver" {
        (cause, says) = (Cause::DriverLacksFile, "the driver, which lists and splits, lacks it");
        remedy = "have the same bytes at the same path on the driver's host";
    }
    Diagnosis {
        cause,
        says: format!("{says}: {} read {}: {}", read.whose, read.uri, first_line(read.text)),
        evidence: vec![Evidence { name: "exception".into(), text: read.text.to_owned() }],
        remedy: remedy.to_owned(),
    }
}

/// Bytes that are not those that were put there.
pub fn content_differs(whose: &str, uri: &str, seen: &str, expected: &str) -> Diagnosis {
    Diagnosis {
        cause: Cause::ContentDiffers,
        says: format!("{whose} read {seen} from {uri}, expected {expected}"),
        evidence: Vec::new(),
        remedy: "have the same bytes on every executor and the driver; Spark does not notice"
            .into(),
    }
}

/// The right bytes, by another way than the one to be proven.
pub fn read_elsewhere(whose: &str, uri: &str, seen: &str, expected: &str) -> Diagnosis {
    Diagnosis {
        cause: Cause::ReadElsewhere,
        says: format!("{whose} read {uri} by {seen}, expected {expected}"),
        evidence: Vec::new(),
        remedy: "look at the executor's volumes and at fs.*.impl: something else answers there"
            .into(),
    }
}

/// Of a store: for driver and executors alike it is there or not.
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
