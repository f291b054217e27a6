//! Plain `http(s)://`, which Spark refuses to list.

use sparkproof_base::error::{Error, Result};
use sparkproof_stores::Store;

pub(super) fn uri(store: &Store, prefix: &str, tls: bool) -> Result<String> {
    let endpoint = if tls { store.tls_endpoint.as_deref() } else { Some(store.endpoint()) };
    let endpoint = endpoint.ok_or_else(|| Error::internal("the store does not speak TLS"))?;
    Ok(format!("{endpoint}/{}/{prefix}", store.bucket))
}
