//! HDFS: the client is in every Spark; no jar, no setting.

use sparkproof_stores::Store;

pub(super) fn uri(store: &Store, prefix: &str) -> String {
    format!("{}/{}/{prefix}", store.endpoint(), store.bucket.trim_matches('/'))
}
