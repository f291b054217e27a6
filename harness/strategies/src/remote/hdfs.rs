//! HDFS: every Spark has the client, so it needs no jar and no setting.

use sparkproof_stores::Store;

pub(super) fn uri(store: &Store, prefix: &str) -> String {
    format!("{}/{}/{prefix}", store.endpoint(), store.bucket.trim_matches('/'))
}
