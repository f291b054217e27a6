//! The flags of `sweep` and `inventory` that name a cluster.

use std::path::PathBuf;

use sparkproof_base::error::{Error, Result};
use sparkproof_base::name::is_dns_label;
use sparkproof_suite::reclaim::SharedCluster;

/// A cluster to sweep or to list, besides this machine.
#[derive(Debug, clap::Args)]
pub(super) struct ClusterArgs {
    /// Kubeconfig of a cluster to include; other machines may use that cluster, too
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; the current one by default
    #[arg(long, requires = "kubeconfig")]
    context: Option<String>,
    /// Only this namespace of the cluster, and the Leases in it
    #[arg(long, value_name = "NAME", requires = "kubeconfig", value_parser = namespace)]
    namespace: Option<String>,
}

/// Accepts a DNS label only, like Kubernetes: other text could reach another path of its API.
pub(super) fn namespace(text: &str) -> Result<String> {
    match is_dns_label(text) {
        true => Ok(text.to_owned()),
        false => Err(Error::input("Kubernetes wants lower case letters, digits and `-`")),
    }
}

impl ClusterArgs {
    pub(super) fn shared(self) -> Option<SharedCluster> {
        let ClusterArgs { kubeconfig, context, namespace } = self;
        kubeconfig.map(|kubeconfig| SharedCluster { kubeconfig, context, namespace })
    }
}
