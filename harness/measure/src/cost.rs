//! What is compared by pairs, what one run of it cost, and the record of a comparison.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sparkproof_base::error::Error;
use sparkproof_catalog::VariantId;

use crate::gate::{Block, Outcome, Plan};

/// Work whose cost is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Workload {
    /// The reads of a variant's tables: one big file and many, CSV and Parquet.
    Read(VariantId),
    /// Rows that all change their partition.
    Shuffle,
    /// Many sums over many groups.
    Aggregation,
    /// Hashes in the executors, without Spark's engine: costs are divided by its cost.
    ReferenceCpu,
    /// A file that is written and read in the executors, without Spark's engine.
    ReferenceIo,
}

/// Those that are not reads, by name.
const OTHERS: [(Workload, &str); 4] = [
    (Workload::Shuffle, "shuffle"),
    (Workload::Aggregation, "aggregation"),
    (Workload::ReferenceCpu, "reference-cpu"),
    (Workload::ReferenceIo, "reference-io"),
];

impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Workload::Read(variant) => variant.fmt(f),
            other => OTHERS
                .iter()
                .filter(|(of, _)| of == other)
                .try_for_each(|(_, name)| f.write_str(name)),
        }
    }
}

impl FromStr for Workload {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let found = OTHERS.iter().find(|(_, known)| *known == name);
        found.map(|(workload, _)| *workload).ok_or_else(|| {
            let names: Vec<&str> = OTHERS.iter().map(|(_, name)| *name).collect();
            Error::input(format!(
                "--workloads {name}: no such workload; known: {}",
                names.join(", ")
            ))
            .remedy("reads are selected by --strategies")
        })
    }
}

/// What one run of a workload cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Spent {
    /// CPU seconds of the executors' containers: gated.
    pub cpu_seconds: f64,
    /// CPU seconds of the driver's JVM: shown.
    pub driver_cpu_seconds: f64,
    /// Seconds on the clock: shown.
    pub wall_seconds: f64,
}

/// What the four runs of a block cost, by workload, in the order of the runs.
pub type BlockCosts = BTreeMap<String, [Spent; 4]>;

/// The version of the form of bench.json.
pub const BENCH_SCHEMA: u32 = 1;

/// A finished comparison: bench.json.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BenchRecord {
    /// The version of its form.
    pub schema: u32,
    /// Version of the reference workloads.
    pub reference: u32,
    /// Spark's version.
    pub spark: String,
    /// The image of the executors, with the engine's id of it.
    pub image: (String, Option<String>),
    /// The class of this machine: only costs of one class are comparable.
    pub machine: String,
    /// Number of executors of each session.
    pub executors: u32,
    /// What A and B add to the session's settings.
    pub conf: [BTreeMap<String, String>; 2],
    /// What was fixed before the first run.
    pub plan: Plan,
    /// What each session cost while it warmed up, in order of time: A, B, control. It shows how far
    /// a session's state, its compiled code above all, still moved.
    pub warm_up: [Vec<BTreeMap<String, Spent>>; 3],
    /// The blocks as the gate got them.
    pub blocks: Vec<Block>,
    /// All that was measured in them.
    pub costs: Vec<BlockCosts>,
    /// The most memory that an executor's container of A, B and the control had, in bytes.
    pub peak_bytes: [Option<u64>; 3],
    /// The counters of A and B, by workload, each `[A, B]`.
    pub counters: BTreeMap<String, [BTreeMap<String, u64>; 2]>,
    /// The verdict.
    pub outcome: Outcome,
    /// Seconds from the first warm-up to the verdict.
    pub seconds: f64,
}

impl BenchRecord {
    /// The counters that differ between A and B, in words.
    pub fn changed(&self) -> Vec<String> {
        let mut all = Vec::new();
        for (workload, [a, b]) in &self.counters {
            let changed = sparkproof_judge::Counters(b.clone()).changed(a);
            let lines = changed.into_iter().map(|line| line.replace(", baseline ", ", of A "));
            all.extend(lines.map(|line| format!("{workload}: {line}")));
        }
        all
    }

    /// Log ratios of A's cost to the reference's of the same run, by workload.
    pub fn to_reference(&self) -> BTreeMap<String, Vec<f64>> {
        use crate::gate::Side;
        let mut ratios: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        let reference = Workload::ReferenceCpu.to_string();
        for (block, costs) in self.blocks.iter().zip(&self.costs) {
            let Some(by) = costs.get(&reference) else { continue };
            for (workload, spent) in costs.iter().filter(|(name, _)| **name != reference) {
                for (run, side) in block.order.runs.iter().enumerate() {
                    if *side == Side::A {
                        let ratio = (spent[run].cpu_seconds / by[run].cpu_seconds).ln();
                        ratios.entry(workload.clone()).or_default().push(ratio);
                    }
                }
            }
        }
        ratios
    }

    /// Its table: one line a figure.
    pub fn table(&self) -> String {
        let mut lines = vec![format!(
            "{:<16}  {:<12}  {:>6}  {:<15}  {:>6}  {:>8}  {:>9}",
            "CPU of executors", "verdict", "B to A", "interval", "A to A", "pairs", "wall B/A"
        )];
        for (name, figure) in &self.outcome.figures {
            let verdict = figure.verdict.map_or("undecided".to_owned(), |v| format!("{v:?}"));
            let interval = format!("{:.3}–{:.3}", figure.interval.low, figure.interval.high);
            lines.push(format!(
                "{name:<16}  {:<12}  {:>6.3}  {interval:<15}  {:>6.3}  {:>8}  {:>9}",
                verdict.to_lowercase(),
                figure.ratio,
                figure.control,
                figure.pairs,
                self.wall(name).map_or("–".to_owned(), |ratio| format!("{ratio:.3}"))
            ));
        }
        lines.join("\n")
    }

    /// The geometric mean of B's wall seconds to A's.
    fn wall(&self, workload: &str) -> Option<f64> {
        use crate::gate::Side;
        let mean = |side: Side| {
            let runs = self.blocks.iter().zip(&self.costs).filter(|(b, _)| !b.order.is_control());
            let logs: Vec<f64> = runs
                .filter_map(|(block, costs)| Some((block.order.runs, costs.get(workload)?)))
                .flat_map(|(sides, spent)| sides.into_iter().zip(spent))
                .filter(|(of, _)| *of == side)
                .map(|(_, spent)| spent.wall_seconds.ln())
                .collect();
            (!logs.is_empty()).then(|| logs.iter().sum::<f64>() / logs.len() as f64)
        };
        Some((mean(Side::B)? - mean(Side::A)?).exp())
    }
}
