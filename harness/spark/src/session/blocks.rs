//! Blocks that jobs leave on executors: computed once, and again only if they were lost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Size of a block in bytes; each byte is the block's number (`Blocks.java`).
const BYTES: u64 = 1 << 16;

/// The result of the probe's jobs on their blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlocksResult {
    /// Version of this schema.
    pub(super) schema: u32,
    /// Outputs of a shuffle.
    pub shuffled: KindOfBlock,
    /// Partitions in memory, if requested.
    pub cached: Option<KindOfBlock>,
}

/// One kind of blocks, one block a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct KindOfBlock {
    /// Sum of all bytes of all blocks.
    pub sum: u64,
    /// The executors that computed a block in this job, once for each block.
    pub computed_by: Vec<String>,
}

impl BlocksResult {
    /// The kinds by name.
    pub fn kinds(&self) -> impl Iterator<Item = (&'static str, &KindOfBlock)> {
        let shuffled = std::iter::once(("shuffled", &self.shuffled));
        shuffled.chain(self.cached.iter().map(|cached| ("cached", cached)))
    }

    /// The sum that each kind must have.
    pub fn expected_sum(tasks: u32) -> u64 {
        (0..u64::from(tasks)).map(|number| (number & 0xff) * BYTES).sum()
    }
}

impl KindOfBlock {
    /// Number of blocks that each executor computed.
    pub fn by_executor(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for executor in &self.computed_by {
            *counts.entry(executor.as_str()).or_default() += 1;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_read_as_the_probe_writes_it() {
        let text =
            r#"{"schema":2,"shuffled":{"sum":65536,"computedBy":["1","2","1"]},"cached":null}"#;
        let result: BlocksResult = serde_json::from_str(text).expect("a result");
        assert_eq!(result.shuffled.by_executor(), [("1", 2), ("2", 1)].into());
        assert_eq!(result.kinds().count(), 1);
        assert_eq!(BlocksResult::expected_sum(2), result.shuffled.sum);
    }
}
