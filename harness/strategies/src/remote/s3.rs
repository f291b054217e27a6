//! S3 by `s3a://`, also for servers that are not Amazon's.

use sparkproof_base::error::Result;
use sparkproof_spark::session::SessionOverlay;
use sparkproof_stores::Store;

use super::azure::credentials;

pub(super) fn uri(store: &Store, prefix: &str) -> String {
    format!("s3a://{}/{prefix}", store.bucket)
}

/// Settings by bucket (hadoop-aws, index.md, "Configuring different S3 buckets with Per-Bucket
/// Configuration"), so that two servers do not conflict. Hadoop 2.7 supports one server only, and
/// puts the bucket into the path only if the server has an address instead of a name.
pub(super) fn contribute(store: &Store, hadoop_2: bool) -> Result<SessionOverlay> {
    let keys = credentials(store)?;
    let tls = store.endpoint().starts_with("https:");
    let of = match hadoop_2 {
        true => String::new(),
        false => format!("bucket.{}.", store.bucket),
    };
    let set =
        |name: &str, value: &str| (format!("spark.hadoop.fs.s3a.{of}{name}"), value.to_owned());
    let conf = [
        set("endpoint", store.endpoint()),
        set("endpoint.region", store.region()),
        set("connection.ssl.enabled", if tls { "true" } else { "false" }),
        // The bucket in the path, since it has no host name.
        set("path.style.access", "true"),
        set("aws.credentials.provider", "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider"),
        set("access.key", &keys.account),
        set("secret.key", keys.key()),
    ];
    Ok(SessionOverlay { conf: conf.into(), ..Default::default() })
}
