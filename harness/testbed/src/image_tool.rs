//! `docker-image-tool.sh -m`, by which the guide builds its image inside Minikube.

use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, ResourceExt};
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::verdict::skip;
use sparkproof_kubernetes::cluster::Cluster;

/// Skips the guide's build if a node has no Docker daemon, which the tool needs. The nodes of
/// sparkproof run containerd, which can load single layers of an image.
pub async fn image_tool(context: &Context, cluster: &Cluster) -> Result<()> {
    let api: Api<Node> = Api::all(cluster.client.clone());
    let listed = async {
        api.list(&ListParams::default()).await.or_environment("asking nodes for their runtime")
    };
    for node in context.cancel.guard(listed).await? {
        let runtime = node.status.as_ref().and_then(|status| status.node_info.as_ref());
        let runtime = runtime.map(|info| info.container_runtime_version.as_str());
        if let Some(reason) = reason(&node.name_any(), runtime.unwrap_or_default()) {
            let title = "docker-image-tool.sh -m builds in the cluster";
            skip(context, "minikube.image-tool", title, &reason);
            break;
        }
    }
    Ok(())
}

fn reason(node: &str, runtime: &str) -> Option<String> {
    (!runtime.starts_with("docker://")).then(|| {
        format!(
            "{node} runs {runtime} and has no Docker daemon, which the tool builds with; \
             the image went into its containerd"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn only_a_docker_runtime_could() {
        assert!(reason("n", "containerd://1.6.20").expect("a reason").contains("containerd://"));
        assert_eq!(reason("n", "docker://28.1.1"), None);
    }
}
