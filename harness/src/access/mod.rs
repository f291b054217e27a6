//! Permissions: namespace, service account, role, binding, the driver's credentials, `can-i`.

use std::path::PathBuf;

/// Who the driver and the executors are, and where.
#[derive(Debug, Clone)]
pub struct Access {
    /// Namespace of the session.
    pub namespace: String,
    /// The account executors run under, and as which the driver authenticates.
    pub service_account: String,
    /// Kubeconfig of the driver process: this account's short-lived token (0600, state directory).
    pub driver_kubeconfig: PathBuf,
}
