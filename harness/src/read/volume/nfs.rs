//! An NFS volume, where the nodes' kernels can mount one.

use futures::future::{LocalBoxFuture, try_join_all};

use crate::context::Context;
use crate::deadlines::IN_NODE;
use crate::error::{Error, Result};
use crate::proof::Environment;
use crate::read::nodes::engine;
use crate::read::{Dataset, Location, Mount, Scene, Setup, Strategy, Variant};
use crate::session::Contribution;

/// Prints how the kernel of a node comes by an NFS client, nothing where it does not. A module is
/// loaded by the mount itself, so it need not be there yet; kind's nodes see the host's modules.
const LOOK: &str = "\
if grep --quiet --word-regexp --regexp=nfs --regexp=nfs4 /proc/filesystems; then echo kernel
elif find \"/lib/modules/$(uname -r)\" -name 'nfs.ko*' 2>/dev/null | grep --quiet .; then echo module
fi";
/// What the proof lacks even then.
const NO_SERVER: &str = "no NFS server is provided yet";

/// The variant `3-nfs`.
#[derive(Debug)]
pub struct Nfs {
    variant: &'static Variant,
}

impl Nfs {
    /// Of this variant.
    pub fn new(variant: &'static Variant) -> Self {
        Nfs { variant }
    }
}

impl Strategy for Nfs {
    fn variant(&self) -> &'static Variant {
        self.variant
    }

    fn unavailable<'a>(
        &'a self,
        context: &'a Context,
        environment: &'a Environment,
    ) -> LocalBoxFuture<'a, Result<Option<String>>> {
        Box::pin(async move {
            if environment.engine.is_none() {
                return Ok(Some(NO_SERVER.to_owned()));
            }
            let engine = engine(environment)?;
            let nodes = environment.cluster.executor_nodes();
            let look = nodes.iter().map(|node| async move {
                let look = ["sh", "-c", LOOK];
                let said = engine.exec(context, node, &look, None::<&[u8]>, IN_NODE).await?;
                Ok::<_, Error>((node.as_str(), said))
            });
            Ok(Some(reason(&try_join_all(look).await?)))
        })
    }

    fn prepare<'a>(
        &'a mut self,
        _: Scene<'a>,
        _: &'a Dataset,
    ) -> LocalBoxFuture<'a, Result<Setup>> {
        Box::pin(async { Err(Error::environment(NO_SERVER)) })
    }

    fn contribute(&self, _: Scene<'_>) -> Result<Contribution> {
        Err(Error::environment(NO_SERVER))
    }

    fn location(&self, scene: Scene<'_>) -> Location {
        Location::local(scene.path(self.variant), Mount::Disk, None)
    }
}

/// Of what each node said.
fn reason(nodes: &[(&str, String)]) -> String {
    let without: Vec<&str> =
        nodes.iter().filter(|(_, said)| said.trim().is_empty()).map(|(node, _)| *node).collect();
    if without.is_empty() {
        return NO_SERVER.to_owned();
    }
    format!("no NFS client in the kernel of {}", without.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_what_was_found() {
        let seen =
            |said: [&str; 2]| reason(&[("one", said[0].to_owned()), ("two", said[1].to_owned())]);
        assert_eq!(seen(["kernel\n", "module\n"]), NO_SERVER);
        assert_eq!(seen(["kernel\n", ""]), "no NFS client in the kernel of two");
        assert_eq!(seen(["", ""]), "no NFS client in the kernel of one, two");
    }
}
