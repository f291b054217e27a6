//! Where a server runs, connected.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_kubernetes::cluster::{Via, client_of};
use sparkproof_machine::engine::{Container, Engine};

use super::running_pod::Pod;
use super::{Placement, sandbox};

/// Where it runs.
pub(super) enum Place {
    /// A container.
    Container(Container),
    /// A pod.
    Pod(Pod),
    /// The user's.
    Own,
}

impl Place {
    /// Connects.
    pub(super) async fn open(placement: &Placement) -> Result<Place> {
        Ok(match placement {
            Placement::Container { docker, name, .. } => {
                let engine = Engine::at(docker).await?.ok_or_else(|| {
                    Error::environment(format!("the Docker daemon at {docker} does not answer"))
                })?;
                Place::Container(Container { engine, name: name.clone() })
            }
            Placement::Pod { kubeconfig, context, namespace, name } => Place::Pod(Pod {
                // Servers run in pods on clusters of the user's only.
                client: client_of(kubeconfig, context.as_deref(), Via::AsKubectl).await?,
                namespace: namespace.clone(),
                name: name.clone(),
            }),
            Placement::Own => Place::Own,
        })
    }

    /// How it ended, when it does not run any more.
    pub(super) async fn ended(&self, context: &Context) -> Result<Option<String>> {
        match self {
            Place::Container(container) => container.ended(context).await,
            Place::Pod(pod) => context.cancel.guard(pod.ended()).await,
            Place::Own => Ok(None),
        }
    }

    /// What it printed; only the last lines when asked.
    pub(super) async fn log(&self, context: &Context, last: Option<u32>) -> Result<String> {
        match self {
            Place::Container(container) => container.log(context, last).await,
            Place::Pod(pod) => context.cancel.guard(pod.log(last)).await,
            Place::Own => {
                Err(Error::environment("the log of a store of yours is not ours to read"))
            }
        }
    }

    /// Takes it away. The user's stays.
    pub(super) async fn remove(&self, context: &Context) -> Result<()> {
        match self {
            Place::Container(container) => {
                container.remove(context).await?;
                sandbox::of(container).remove(context).await
            }
            Place::Pod(pod) => pod.remove(context).await,
            Place::Own => Ok(()),
        }
    }

    /// The container, which can be broken on purpose.
    pub(super) fn breakable(&self) -> Result<&Container> {
        match self {
            Place::Container(container) => Ok(container),
            _ => Err(Error::environment(format!("{self} is not broken on purpose"))
                .remedy("let the run start a server of its own")),
        }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Container(container) => write!(f, "container {}", container.name),
            Place::Pod(pod) => write!(f, "pod {}/{}", pod.namespace, pod.name),
            Place::Own => f.write_str("yours"),
        }
    }
}

impl std::fmt::Debug for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}
