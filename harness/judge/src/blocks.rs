//! Blocks that jobs leave on executors: computed once, and again only if they were lost.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};
use crate::words::list;

/// Size of a block in bytes; each byte is the block's number (`Blocks.java`).
const BYTES: u64 = 1 << 16;

/// The result of the probe's jobs on their blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlocksResult {
    /// Version of this schema.
    pub schema: u32,
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

/// The jobs that were asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockJobs {
    /// Number of blocks of each kind.
    pub tasks: u32,
    /// Whether there are partitions in memory, too.
    pub cached: bool,
}

impl BlockJobs {
    /// The sum that each kind must have.
    fn sum(self) -> u64 {
        (0..u64::from(self.tasks)).map(|number| (number & 0xff) * BYTES).sum()
    }
}

impl BlocksResult {
    /// The kinds by name; `None` for one that was asked for and is missing.
    fn kinds(&self, jobs: BlockJobs) -> impl Iterator<Item = (&'static str, Option<&KindOfBlock>)> {
        let cached = jobs.cached.then_some(("cached", self.cached.as_ref()));
        std::iter::once(("shuffled", Some(&self.shuffled))).chain(cached)
    }

    /// Evidence and faults of each kind.
    fn judge(
        &self,
        jobs: BlockJobs,
        of: impl Fn(&str, &KindOfBlock) -> (String, Vec<String>),
    ) -> Judged {
        let (mut judged, mut wrong) = (Judged::green(), Vec::new());
        for (name, kind) in self.kinds(jobs) {
            let Some(kind) = kind else {
                wrong.push(format!("there are no {name} blocks"));
                continue;
            };
            let (words, faults) = of(name, kind);
            judged = judged.with(name, words);
            if kind.sum != jobs.sum() {
                wrong.push(format!("{name}: sum {}, {} expected", kind.sum, jobs.sum()));
            }
            wrong.extend(faults);
        }
        if jobs.tasks == 0 {
            wrong.push("no block was asked for".to_owned());
        }
        judged.red = (!wrong.is_empty()).then(|| (wrong.join("; "), None));
        judged
    }
}

impl KindOfBlock {
    /// Number of blocks that each executor computed.
    fn by_executor(&self) -> BTreeMap<&str, usize> {
        let mut counts = BTreeMap::new();
        for executor in &self.computed_by {
            *counts.entry(executor.as_str()).or_default() += 1;
        }
        counts
    }
}

/// The executors and the blocks that the first jobs left on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpreadBlocks {
    /// Ids of the executors' pods.
    pub executors: Vec<u32>,
    /// The result of the jobs.
    pub made: BlocksResult,
}

impl SpreadBlocks {
    /// The first executor, with the number of its blocks of all kinds.
    pub fn first(&self) -> Option<(u32, usize)> {
        let id = *self.executors.first()?;
        let kinds = std::iter::once(&self.made.shuffled).chain(self.made.cached.as_ref());
        let of = |kind: &KindOfBlock| kind.by_executor().get(&*id.to_string()).copied();
        Some((id, kinds.filter_map(of).sum()))
    }
}

impl Observation for SpreadBlocks {
    type Expected = BlockJobs;
    const KIND: &'static str = "blocks.spread";

    fn judge(&self, jobs: &BlockJobs) -> Judged {
        if self.executors.is_empty() {
            return Judged::red("there is no executor", "read the driver's log");
        }
        self.made.judge(*jobs, |name, kind| {
            let by = kind.by_executor();
            let rows = list(by.iter().map(|(id, count)| format!("{id}: {count}")));
            let lacking = self.executors.iter().filter(|id| !by.contains_key(&*id.to_string()));
            let mut faults: Vec<String> =
                lacking.map(|id| format!("executor {id} has no {name} block: {rows}")).collect();
            let count = kind.computed_by.len();
            if u32::try_from(count).is_ok_and(|count| count < jobs.tasks) {
                faults.push(format!("{count} of {} {name} were computed", jobs.tasks));
            }
            (rows, faults)
        })
    }
}

/// The result of the same jobs later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlocksAgain(pub BlocksResult);

impl Observation for BlocksAgain {
    type Expected = BlockJobs;
    const KIND: &'static str = "blocks.kept";

    fn judge(&self, jobs: &BlockJobs) -> Judged {
        self.0.judge(*jobs, |name, kind| {
            let count = kind.computed_by.len();
            let again = format!("{count} of {} {name} computed again", jobs.tasks);
            let fault = (count > 0).then(|| again.clone());
            (format!("{again}, sum {}", kind.sum), fault.into_iter().collect())
        })
    }
}

const JOBS: BlockJobs = BlockJobs { tasks: 4, cached: true };

fn kind_of(computed_by: &[&str]) -> KindOfBlock {
    let computed_by = computed_by.iter().map(|&id| id.to_owned()).collect();
    KindOfBlock { sum: 393_216, computed_by }
}

pub(crate) fn spread_controls() -> Vec<Control> {
    let control = |name, says, change: &dyn Fn(&mut SpreadBlocks)| {
        let shuffled = kind_of(&["1", "1", "2", "1"]);
        let cached = Some(kind_of(&["2", "2", "1", "2"]));
        let made = BlocksResult { schema: 2, shuffled, cached };
        let mut seen = SpreadBlocks { executors: vec![1, 2], made };
        change(&mut seen);
        Control::seen(name, &JOBS, &seen, says)
    };
    let all_of_one = kind_of(&["1"; 4]);
    vec![
        control("blocks on both", Says::Green, &|_| {}),
        control(
            "one executor without",
            Says::Red("executor 2 has no shuffled block: 1: 4"),
            &|seen| {
                seen.made.shuffled = all_of_one.clone();
            },
        ),
        control(
            "one without any in memory",
            Says::Red("executor 2 has no cached block"),
            &|seen| {
                seen.made.cached = Some(all_of_one.clone());
            },
        ),
        control(
            "blocks of the driver",
            Says::Red("executor 1 has no shuffled block: driver"),
            &|s| {
                s.made.shuffled = kind_of(&["driver"; 4]);
            },
        ),
        control("one block too few", Says::Red("3 of 4 shuffled were computed"), &|seen| {
            drop(seen.made.shuffled.computed_by.pop());
        }),
        control("no block", Says::Red("executor 1 has no shuffled block: none"), &|seen| {
            seen.made.shuffled.computed_by.clear();
        }),
        control("other bytes", Says::Red("cached: sum 393215, 393216 expected"), &|seen| {
            seen.made.cached.iter_mut().for_each(|kind| kind.sum -= 1);
        }),
        control("nothing in memory", Says::Red("there are no cached blocks"), &|seen| {
            seen.made.cached = None;
        }),
        control("an executor more", Says::Red("executor 3 has no shuffled block"), &|seen| {
            seen.executors.push(3);
        }),
        control("no executor", Says::Red("there is no executor"), &|seen| seen.executors.clear()),
        Control::unseen::<SpreadBlocks>(&JOBS, "the job was not answered within 120 s"),
    ]
}

pub(crate) fn again_controls() -> Vec<Control> {
    let control = |name, says, change: &dyn Fn(&mut BlocksResult)| {
        let (shuffled, cached) = (kind_of(&[]), Some(kind_of(&[])));
        let mut seen = BlocksResult { schema: 2, shuffled, cached };
        change(&mut seen);
        Control::seen(name, &JOBS, &BlocksAgain(seen), says)
    };
    let nothing = KindOfBlock { sum: 0, computed_by: Vec::new() };
    vec![
        control("none computed again", Says::Green, &|_| {}),
        control("one computed again", Says::Red("1 of 4 shuffled computed again"), &|seen| {
            seen.shuffled = kind_of(&["2"]);
        }),
        control("all in memory lost", Says::Red("4 of 4 cached computed again"), &|seen| {
            seen.cached = Some(kind_of(&["2"; 4]));
        }),
        control("a block missing", Says::Red("shuffled: sum 196608, 393216 expected"), &|seen| {
            seen.shuffled.sum = 196_608;
        }),
        control("nothing read", Says::Red("cached: sum 0, 393216 expected"), &|seen| {
            seen.cached = Some(nothing.clone());
        }),
        control("nothing in memory", Says::Red("there are no cached blocks"), &|seen| {
            seen.cached = None;
        }),
        Control::seen(
            "nothing asked for",
            &BlockJobs { tasks: 0, cached: false },
            &BlocksAgain(BlocksResult { schema: 2, shuffled: nothing.clone(), cached: None }),
            Says::Red("no block was asked for"),
        ),
        Control::unseen::<BlocksAgain>(&JOBS, "the job was not answered within 120 s"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_read_as_the_probe_writes_it() {
        let text =
            r#"{"schema":2,"shuffled":{"sum":65536,"computedBy":["1","2","1"]},"cached":null}"#;
        let made: BlocksResult = serde_json::from_str(text).expect("a result");
        assert_eq!(made.shuffled.by_executor(), [("1", 2), ("2", 1)].into());
        assert_eq!(BlockJobs { tasks: 2, cached: false }.sum(), made.shuffled.sum);
        assert_eq!(SpreadBlocks { executors: vec![1, 2], made }.first(), Some((1, 2)));
    }
}
