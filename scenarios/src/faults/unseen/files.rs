//! Stores that are read in a wrong way.

use sparkproof::catalog::VariantId;
use sparkproof::session::SessionOverlay;
use sparkproof::verdict::Cause;

use super::super::fault::{Application, Change, Fault, Read};
use super::super::files::{s3, set};

const OTHER_BUCKET: &str = "\
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
conf = spark.sparkContext.getConf().getAll()
hadoop = spark.sparkContext._jsc.hadoopConfiguration()
for key, value in conf:
    if '.s3a.bucket.' in key:
        name = key.split('.s3a.bucket.')[1].split('.', 1)[1]
        hadoop.set('fs.s3a.' + name, hadoop.get(key.replace('spark.hadoop.', '')))
print(spark.read.text('s3a://team-archive-of-last-year/orders.csv').count())
";

/// The store by a name, with the bucket before it. On every host `localhost` is loopback.
fn bucket_before_the_name(added: &mut SessionOverlay) {
    set(added, ".endpoint", "http://localhost:9000");
    set(added, ".path.style.access", "false");
}

/// The faults of this group.
pub(super) fn faults() -> Vec<Fault> {
    let read = |variant, change, hadoop| {
        Change::Read(Read { variant, change, bare: false, script: None, hadoop })
    };
    vec![
        // apache/polaris#2411 and hadoop-aws' troubleshooting: the signature's region is not the store's.
        Fault::new("region-wrong", Cause::StoreNoRegion)
            .with(s3(|added| set(added, ".endpoint.region", "eu-north-1")))
            .not(Cause::StoreDeniesAccess),
        // hadoop-aws' troubleshooting: `NoSuchBucket`.
        Fault::new("bucket-missing", Cause::StoreBucketMissing)
            .with(Change::Application(Application {
                program: Some(OTHER_BUCKET),
                s3: true,
                change: |_| {},
            }))
            .says(&["team-archive-of-last-year"])
            .not(Cause::ApplicationFailed),
        // MinIO questions: `UnknownHostException: data.localhost`.
        Fault::new("bucket-before-the-name", Cause::UnknownHost)
            .with(s3(bucket_before_the_name))
            .says(&["data.localhost"])
            .not(Cause::StoreUnreachable),
        // apache/spark#34117, bitnami/containers#83143: hadoop-aws of another Hadoop.
        Fault::new("jars-of-another-hadoop", Cause::JarMismatch)
            .with(read(VariantId::S3, |_| {}, Some("2.7.4")))
            .not(Cause::MissingJar),
        // Azure: a key that was rotated.
        Fault::new("account-key-rotated", Cause::StoreDeniesAccess).with(read(
            VariantId::Wasb,
            |added| {
                added.conf.change(|key, _| {
                    key.contains(".account.key.").then(|| "cm90YXRlZA==".to_owned())
                });
            },
            None,
        )),
    ]
}
