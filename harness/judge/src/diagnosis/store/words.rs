//! What exceptions of stores and files say.

use sparkproof_base::verdict::Cause;

/// Words of an exception, their cause, the finding and the remedy.
pub(super) type Rule = (&'static [&'static str], Cause, &'static str, &'static str);

/// What counts wherever it stands in the chain: below it is only how one of several providers failed,
/// for instance that there is no metadata service.
pub(super) const ANYWHERE: [Rule; 3] = [
    (
        &[
            "Unable to find a region via the region provider chain",
            "Unable to load region from any of the providers",
        ],
        Cause::StoreNoRegion,
        "the store's region is not known",
        "name it: --conf spark.hadoop.fs.s3a.endpoint.region=REGION (any, for a store that is not Amazon's), \
         or AWS_REGION for driver and executors",
    ),
    (
        &[
            "NoAuthWithAWSException",
            "NoAwsCredentialsException",
            "No AWS Credentials provided by",
            "Unable to load AWS credentials",
            "Unable to load credentials from",
            // `AzureNativeFileSystemStore`, `AbfsConfiguration`, `SimpleKeyProvider`.
            "No credentials found for account",
            "using anonymous credentials",
            "using anoynomous credentials",
            "Anonymous access not allowed",
            "Anonymous access is not allowed",
            "Public access is not permitted",
            "PublicAccessNotPermitted",
            "NoAuthenticationInformation",
            "Invalid configuration value detected for fs.azure.account.key",
            ".core.windows.net not found.",
            // Google's connector.
            "Anonymous caller does not have",
        ],
        Cause::StoreNoCredentials,
        "no credentials for the store were found",
        "give them to driver and executors alike: spark.hadoop.fs.s3a.access.key and secret.key, or \
         spark.hadoop.fs.azure.account.key.ACCOUNT.dfs.core.windows.net; a role of the cluster must be \
         bound to the service account of the executors",
    ),
    (
        &["SerializedLambda", "unread block data", "List$SerializationProxy"],
        Cause::CodeMissing,
        "code of the application is not on the executors, or of another Scala",
        "give the application's jar to the executors (--conf spark.jars=…, or in the image), built for \
         the Scala of the image",
    ),
];

/// By one exception, the most specific first.
pub(super) const RULES: [Rule; 21] = [
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
        &[
            "NoSuchMethodError",
            "NoSuchFieldError",
            "AbstractMethodError",
            "IncompatibleClassChangeError",
            "VerifyError",
        ],
        Cause::JarMismatch,
        "jars of different versions of a library are mixed",
        SAME_HADOOP,
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
            "OutOfMemoryError: Java heap space",
            "OutOfMemoryError: GC overhead limit exceeded",
            "OutOfMemoryError: Requested array size",
            "SparkOutOfMemoryError",
        ],
        Cause::HeapOutOfMemory,
        "the heap of the JVM that reads is too small",
        "raise --executor-memory, or spark.driver.memory where the driver reads; or read smaller partitions \
         (--conf spark.sql.files.maxPartitionBytes=…)",
    ),
    (
        &[
            "AuthorizationHeaderMalformed",
            "authorization header is malformed",
            "PermanentRedirect",
            "permanent redirect",
            "AWSRedirectException",
            "Status Code: 301",
            "must be addressed using the specified endpoint",
        ],
        Cause::StoreNoRegion,
        "the bucket is in another region than the one asked",
        "name the bucket's region and endpoint: --conf spark.hadoop.fs.s3a.endpoint.region=REGION and \
         spark.hadoop.fs.s3a.endpoint=s3.REGION.amazonaws.com",
    ),
    (
        &[
            "NoSuchBucket",
            "UnknownStoreException",
            "The specified bucket does not exist",
            "Bucket does not exist",
            // Hadoop 3.2's `S3AFileSystem.verifyBucketExists`.
            "FileNotFoundException: Bucket ",
            "ContainerNotFound",
            "The specified container does not exist",
            "FilesystemNotFound",
            "The specified filesystem does not exist",
        ],
        Cause::StoreBucketMissing,
        "the store has no such bucket or container",
        "correct its name in the URL, or make it; look whether the endpoint is the right store",
    ),
    (
        &[
            "RequestTimeTooSkewed",
            "request time and the current time is too large",
            "difference between the request time and the server's time is too large",
            "Signature not yet current",
            "Signature expired",
            "RequestExpired",
            "Request date header too old",
            "Clock skew too great",
        ],
        Cause::StoreClockSkew,
        "the clocks of the reader and the store differ too much",
        "set the clock of the node or the store by NTP; the allowed difference is 15 minutes, for Kerberos 5",
    ),
    (
        &[
            "SSLHandshakeException",
            "SSLPeerUnverifiedException",
            "PKIX path",
            "unable to find valid certification path",
            "CertificateExpiredException",
            "Unsupported or unrecognized SSL message",
            "Unrecognized SSL message",
            "NotSslRecordException",
            "not an SSL/TLS record",
            "HTTP request to an HTTPS server",
        ],
        Cause::StoreTls,
        "TLS fails: the store's certificate is not accepted, or it speaks plain HTTP",
        "for plain HTTP: http:// in the endpoint, or --conf spark.hadoop.fs.s3a.connection.ssl.enabled=false; \
         otherwise put the store's CA into the trust store of driver and image",
    ),
    (
        &[
            "SIMPLE authentication is not enabled",
            "Client cannot authenticate via",
            "GSSException",
            "GSS initiate failed",
            "KrbException",
            "Kerberos principal name",
            "Delegation Token can be issued only with kerberos",
        ],
        Cause::StoreWantsKerberos,
        "the store wants Kerberos",
        "log in before the start (--conf spark.kerberos.principal=… and spark.kerberos.keytab=…, or a \
         delegation token in a Secret), with hadoop.security.authentication=kerberos",
    ),
    (
        &[
            "Permission denied: user=",
            // Azure: a role or an ACL of the identity.
            "AuthorizationPermissionMismatch",
            "not authorized to perform this operation using this permission",
            // Google's.
            "does not have storage.objects",
        ],
        Cause::StoreUserDenied,
        "the store knows the user, who may not read the file",
        "give this user permission in the store, or read as another: for HDFS without Kerberos --conf \
         spark.executorEnv.HADOOP_USER_NAME=USER, and the same for the driver",
    ),
    (
        &[
            "SlowDown",
            "Slow Down",
            "reduce your request rate",
            "AWSServiceThrottledException",
            "Status Code: 503",
            "Status Code: 429",
            "HTTP response code: 429",
            "Too Many Requests",
            "TooManyRequests",
            "ServerBusy",
            "server is busy",
            "Egress is over the account limit",
            "Ingress is over the account limit",
            ", 503,",
            ", 429,",
        ],
        Cause::StoreThrottles,
        "the store answers that there are too many requests",
        "read with fewer tasks at a time, or fewer and larger files; more retries: --conf \
         spark.hadoop.fs.s3a.retry.limit=…",
    ),
    (
        &[
            "Status Code: 403",
            "Status Code: 401",
            "HTTP response code: 403",
            "HTTP response code: 401",
            "AccessDenied",
            "AuthenticationFailed",
            // Azure's, by wasb.
            "Server failed to authenticate the request",
            "AuthorizationFailure",
            "InvalidAccessKeyId",
            "InvalidToken",
            "ExpiredToken",
            "SignatureDoesNotMatch",
            "AccountIsDisabled",
            "InvalidAuthenticationInfo",
            "AADSTS",
            ", 403,",
            ", 401,",
        ],
        Cause::StoreDeniesAccess,
        "the store rejects the credentials",
        "check account, key and clock; the key belongs into spark.hadoop.fs.*",
    ),
    (
        &["UnknownHostException", "UnresolvedAddressException"],
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
            "Network is unreachable",
            "Connection reset",
            "NoHttpResponseException",
            "failed to respond",
            "HTTP response code: 502",
            "HTTP response code: 503",
            "HTTP response code: 504",
            "BlockMissingException",
            "Could not obtain block",
            "SafeModeException",
            "StandbyException",
            "not supported in state standby",
        ],
        Cause::StoreUnreachable,
        "the store does not answer",
        "check that it runs, and that pods and driver reach it under the same address",
    ),
    (
        &[
            "Transport endpoint is not connected",
            "Software caused connection abort",
            "Stale file handle",
            "Stale NFS file handle",
            "Host is down",
        ],
        Cause::MountGone,
        "what serves the mount is gone",
        "restart the FUSE daemon or the server; executors see a new mount only with HostToContainer \
         propagation",
    ),
    (
        &[
            "is not a Parquet file",
            "Could not read footer",
            "CANNOT_READ_FILE_FOOTER",
            "Malformed ORC file",
            "Not an Avro data file",
            "Not a data file",
            "ChecksumException",
            "Checksum error",
            "not in GZIP format",
            "Unexpected end of ZLIB input stream",
            "Unexpected end of input stream",
            "incorrect header check",
            "invalid stored block lengths",
            "Malformed records are detected",
            "MALFORMED_RECORD_IN_PARSING",
            "MALFORMED_CSV_RECORD",
            "TextParsingException",
            "JsonParseException",
        ],
        Cause::ContentDiffers,
        "the file's bytes are not those of its format",
        "put the same bytes on every executor and the driver, and look whether the copy was cut short",
    ),
    (
        &["ParseException", "BadRecordException"],
        Cause::ContentDiffers,
        "a record of the file cannot be parsed",
        "put the same bytes on every executor and the driver, and look whether the copy was cut short",
    ),
    (
        &[
            "NoSuchKey",
            "BlobNotFound",
            "PathNotFound",
            "HTTP response code: 404",
            "Status Code: 404",
        ],
        Cause::FileMissing,
        NOT_THERE,
        COPY,
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
        NOT_THERE,
        COPY,
    ),
    (&["No such file or directory"], Cause::FileMissing, NOT_THERE, COPY),
    // An answer to HEAD has no body: S3 says no more than this of a signature for another region
    // (Hadoop's "Troubleshooting S3A", "Bad Request").
    (
        &["Error Code: 400 Bad Request", "Status Code: 400, Request ID"],
        Cause::StoreNoRegion,
        "the store refuses the signature without a word, as it does for one of another region",
        "name the bucket's region: --conf spark.hadoop.fs.s3a.endpoint.region=REGION",
    ),
];

const NOT_THERE: &str = "the file is not there";
const COPY: &str =
    "copy it to where this executor reads it; the pod of a replaced executor starts without copies";
/// The remedy for mixed jars.
pub(super) const SAME_HADOOP: &str = "use the connector's jars (hadoop-aws, hadoop-azure, their SDK) of the version of the image's \
     hadoop-client-api, on driver and executors, and no second one beside it";
