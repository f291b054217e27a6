//! A node's containerd, spoken to by `ctr` inside the node's container.

use std::collections::BTreeSet;

use tokio::io::AsyncRead;

use crate::engine::Engine;
use crate::error::Result;

/// Names the image's configuration on the image: a tag that was moved is seen.
const CONFIG_LABEL: &str = "sparkproof.io/config";

/// One node.
#[derive(Debug)]
pub(super) struct Node<'a> {
    pub(super) engine: &'a Engine,
    pub(super) container: &'a str,
}

impl Node<'_> {
    /// Chain ids of everything that is unpacked.
    pub(super) async fn unpacked(&self) -> Result<BTreeSet<String>> {
        let listed = self.ctr(&["snapshots", "ls"], None::<&[u8]>).await?;
        Ok(first_words(&listed))
    }

    /// Whether the reference stands for this configuration.
    pub(super) async fn has_image(&self, name: &str, config: &str) -> Result<bool> {
        let filter = format!("name=={name}");
        let listed = self.ctr(&["images", "ls", &filter], None::<&[u8]>).await?;
        Ok(listed.contains(&format!("{CONFIG_LABEL}={config}")))
    }

    /// Imports an archive, unpacks it and labels the image.
    pub(super) async fn import(
        &self,
        name: &str,
        config: &str,
        archive: impl AsyncRead + Unpin,
    ) -> Result<()> {
        self.ctr(&["images", "import", "-"], Some(archive)).await?;
        let label = format!("{CONFIG_LABEL}={config}");
        self.ctr(&["images", "label", name, &label], None::<&[u8]>).await?;
        Ok(())
    }

    /// Runs `ctr -n k8s.io …` to its end; what it printed. A status other than 0 is an error.
    async fn ctr(&self, words: &[&str], input: Option<impl AsyncRead + Unpin>) -> Result<String> {
        self.engine.exec(self.container, &[&["ctr", "-n", "k8s.io"], words].concat(), input).await
    }
}

fn first_words(table: &str) -> BTreeSet<String> {
    table.lines().filter_map(|l| Some(l.split_whitespace().next()?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_table_of_snapshots_yields_its_keys() {
        let table = "KEY          PARENT       KIND      \nsha256:aa                 Committed \n\
                     sha256:bb    sha256:aa    Committed \n";
        let keys = super::first_words(table);
        assert!(keys.contains("sha256:aa") && keys.contains("sha256:bb"));
    }
}
