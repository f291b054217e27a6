//! The connected container or pod of a server.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_kubernetes::cluster::{Via, client_of};
use sparkproof_machine::engine::{Container, Engine};

use super::running_pod::Pod;
use super::{Placement, sandbox};

/// Where a server runs.
pub(super) enum ServerPlace {
    /// A container.
    Container(Container),
    /// A pod.
    Pod(Pod),
    /// The user's.
    Own,
}

impl ServerPlace {
    /// Connects to it.
    pub(super) async fn open(placement: &Placement) -> Result<ServerPlace> {
        Ok(match placement {
            Placement::Container { docker, name, .. } => {
                let engine = Engine::at(docker).await?.ok_or_else(|| {
                    Error::environment(format!("the Docker daemon at {docker} does not answer"))
                })?;
                ServerPlace::Container(Container { engine, name: name.clone() })
            }
            Placement::Pod { kubeconfig, context, namespace, name } => ServerPlace::Pod(Pod {
                // Servers run in pods on user's clusters only.
                client: client_of(kubeconfig, context.as_deref(), Via::AsKubectl).await?,
                namespace: namespace.clone(),
                name: name.clone(),
            }),
            Placement::Own => ServerPlace::Own,
        })
    }

    /// How it ended; `None` while it runs.
    pub(super) async fn ended(&self, context: &Context) -> Result<Option<String>> {
        match self {
            ServerPlace::Container(container) => container.ended(context).await,
            ServerPlace::Pod(pod) => context.cancel.guard(pod.ended()).await,
            ServerPlace::Own => Ok(None),
        }
    }

    /// Its log, or the last lines of it.
    pub(super) async fn log(&self, context: &Context, last: Option<u32>) -> Result<String> {
        match self {
            ServerPlace::Container(container) => container.log(context, last).await,
            ServerPlace::Pod(pod) => context.cancel.guard(pod.log(last)).await,
            ServerPlace::Own => {
                Err(Error::environment("sparkproof cannot read the log of your store"))
            }
        }
    }

    /// Removes it. A user's server is not touched.
    pub(super) async fn remove(&self, context: &Context) -> Result<()> {
        match self {
            ServerPlace::Container(container) => {
                container.remove(context).await?;
                sandbox::for_server(container).remove(context).await
            }
            ServerPlace::Pod(pod) => pod.remove(context).await,
            ServerPlace::Own => Ok(()),
        }
    }

    /// The container, for controls that break it.
    pub(super) fn breakable(&self) -> Result<&Container> {
        match self {
            ServerPlace::Container(container) => Ok(container),
            _ => Err(Error::environment(format!("{self} cannot be broken for a control"))
                .remedy("let the run start its own server")),
        }
    }
}

impl std::fmt::Display for ServerPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ServerPlace::Container(container) => write!(f, "container {}", container.name),
            ServerPlace::Pod(pod) => write!(f, "pod {}/{}", pod.namespace, pod.name),
            ServerPlace::Own => f.write_str("yours"),
        }
    }
}

impl std::fmt::Debug for ServerPlace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
