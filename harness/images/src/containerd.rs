//! A node's containerd, used through `ctr` inside the node's container.

use std::collections::BTreeSet;
use std::time::Duration;

use bollard::errors::Error as DockerError;
use bollard::query_parameters::InspectContainerOptions;
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::ledger::labels::CONTAINERD_CONFIG;
use sparkproof_machine::engine::Engine;
use tokio::io::AsyncRead;

/// Time limit of a command: an image of a gigabyte is unpacked.
const LONGEST: Duration = Duration::from_secs(600);

/// One node.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) context: &'a Context,
    pub(super) engine: &'a Engine,
    pub(super) container: &'a str,
}

/// Removes an image from a node, with content that nothing else uses. Does nothing if the image or
/// the node does not exist.
pub async fn remove_image(
    context: &Context,
    engine: &Engine,
    container: &str,
    name: &str,
) -> Result<()> {
    let running = engine.docker.inspect_container(container, None::<InspectContainerOptions>).await;
    let running = match running {
        Err(DockerError::DockerResponseServerError { status_code: 404, .. }) => false,
        seen => {
            let state = seen.or_environment(format!("inspecting {container}"))?.state;
            state.and_then(|state| state.running).unwrap_or(false)
        }
    };
    if !running {
        return Ok(());
    }
    let node = Node { context, engine, container };
    let listed = node.ctr(&["images", "ls"], None::<&[u8]>).await?;
    match names_of(&listed, name).as_slice() {
        [] => Ok(()),
        names => {
            let words = [&["images", "rm", "--sync"], names].concat();
            node.ctr(&words, None::<&[u8]>).await.map(drop)
        }
    }
}

impl Node<'_> {
    /// Chain ids of all unpacked layers.
    pub(super) async fn unpacked(&self) -> Result<BTreeSet<String>> {
        let listed = self.ctr(&["snapshots", "ls"], None::<&[u8]>).await?;
        Ok(first_words(&listed))
    }

    /// Whether the reference is of an image with this configuration.
    pub(super) async fn has_image(&self, name: &str, config: &str) -> Result<bool> {
        let filter = format!("name=={name}");
        let listed = self.ctr(&["images", "ls", &filter], None::<&[u8]>).await?;
        Ok(listed.contains(&format!("{CONTAINERD_CONFIG}={config}")))
    }

    /// Imports an archive, unpacks it and labels the image.
    pub(super) async fn import(
        &self,
        name: &str,
        config: &str,
        archive: impl AsyncRead + Unpin,
    ) -> Result<()> {
        self.ctr(&["images", "import", "-"], Some(archive)).await?;
        let label = format!("{CONTAINERD_CONFIG}={config}");
        self.ctr(&["images", "label", name, &label], None::<&[u8]>).await?;
        Ok(())
    }

    /// Runs `ctr -n k8s.io …` to its end; returns its output. A status other than 0 is an error.
    async fn ctr(&self, words: &[&str], input: Option<impl AsyncRead + Unpin>) -> Result<String> {
        let words = [&["ctr", "-n", "k8s.io"], words].concat();
        self.engine.exec(self.context, self.container, &words, input, LONGEST).await
    }
}

/// The names to remove for the image `name`: itself, and the kubelet's, which is the image's id,
/// unless the image has another name, too.
fn names_of<'a>(table: &'a str, name: &str) -> Vec<&'a str> {
    let rows = table.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        Some((words.next()?, words.nth(1)?))
    });
    let rows: Vec<_> = rows.collect();
    let Some((_, digest)) = rows.iter().find(|(named, _)| *named == name) else {
        return Vec::new();
    };
    let same = || rows.iter().filter(|row| row.1 == *digest).map(|row| row.0);
    let shared = same().any(|other| other != name && !other.starts_with("sha256:"));
    same().filter(|other| *other == name || !shared).collect()
}

fn first_words(table: &str) -> BTreeSet<String> {
    table.lines().filter_map(|l| Some(l.split_whitespace().next()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_image_goes_with_the_kubelets_name_unless_another_name_stands_for_it() {
        let rows = |rows: &[(&str, &str)]| {
            let row = |(name, digest): &(&str, &str)| format!("{name} type sha256:{digest} 1 MiB");
            [vec!["REF TYPE DIGEST SIZE".to_owned()], rows.iter().map(row).collect()]
                .concat()
                .join("\n")
        };
        let table = rows(&[("x:1", "m"), ("sha256:id", "m"), ("y:1", "n"), ("sha256:id2", "n")]);
        assert_eq!(super::names_of(&table, "x:1"), ["x:1", "sha256:id"]);
        assert!(super::names_of(&table, "z:1").is_empty());
        let shared = rows(&[("x:1", "m"), ("sha256:id", "m"), ("x:2", "m")]);
        assert_eq!(super::names_of(&shared, "x:1"), ["x:1"]);
    }

    #[test]
    fn a_table_of_snapshots_yields_its_keys() {
        let table = "KEY          PARENT       KIND      \nsha256:aa                 Committed \n\
                     sha256:bb    sha256:aa    Committed \n";
        let keys = super::first_words(table);
        assert!(keys.contains("sha256:aa") && keys.contains("sha256:bb"));
    }
}
