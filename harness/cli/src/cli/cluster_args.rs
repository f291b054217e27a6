//! The flags that name a cluster to look into beside this machine.

use std::path::PathBuf;

use sparkproof_base::error::{Error, Result};
use sparkproof_base::name::is_dns_label;
use sparkproof_suite::reclaim::SharedCluster;

/// Flags of `sweep` and `inventory`.
#[derive(Debug, clap::Args)]
pub(super) struct ClusterArgs {
    /// Also this cluster, which other machines may use
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig, when not the current one
    #[arg(long, requires = "kubeconfig")]
    context: Option<String>,
    /// Only this namespace of it, and its Leases
    #[arg(long, value_name = "NAME", requires = "kubeconfig", value_parser = namespace)]
    namespace: Option<String>,
}

/// A DNS label, as Kubernetes wants names of namespaces: nothing that leads elsewhere in its API.
fn namespace(text: &str) -> Result<String> {
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
