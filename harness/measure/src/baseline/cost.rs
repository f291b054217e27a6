//! Costs of an earlier comparison, in units of the reference workload: never seconds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::error::{Error, ErrorContext, Result};

use crate::cost::BenchRecord;
use crate::gate::sign_flip;

/// The version of the form of these files.
pub const COSTS_SCHEMA: u32 = 1;

/// The costs of one class of machine, `bench --save`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostBaseline {
    /// The version of its form.
    pub schema: u32,
    /// Version of the reference workloads.
    pub reference: u32,
    /// Spark's version.
    pub spark: String,
    /// The image, with the engine's id of it.
    pub image: (String, Option<String>),
    /// The class of machine.
    pub machine: String,
    /// Number of executors.
    pub executors: u32,
    /// By workload.
    pub workloads: BTreeMap<String, WorkloadCost>,
}

/// What a workload cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkloadCost {
    /// Number of runs.
    pub runs: usize,
    /// Pseudo-median of the log ratios of its CPU seconds to those of the CPU-bound reference.
    pub log_ratio: f64,
    /// Standard deviation of these within the session that was measured.
    pub spread_within: f64,
    /// Between machines of one class: none until files of several were compared.
    pub spread_between: Option<f64>,
    /// Its counters.
    pub counters: BTreeMap<String, u64>,
}

/// What a comparison with a baseline found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AgainstBaseline {
    /// What is red: a counter that changed, a cost beyond margin and spread.
    pub red: Vec<String>,
    /// What should be said: another class of machine, a workload that is not in the file.
    pub notes: Vec<String>,
}

impl CostBaseline {
    /// That of a comparison's A.
    pub fn of(record: &BenchRecord) -> Self {
        let of = |name: String, ratios: Vec<f64>| {
            let counters = record.counters.get(&name).map(|[a, _]| a.clone()).unwrap_or_default();
            let cost = WorkloadCost {
                runs: ratios.len(),
                log_ratio: sign_flip::centre(&ratios),
                spread_within: spread(&ratios),
                spread_between: None,
                counters,
            };
            (name, cost)
        };
        CostBaseline {
            schema: COSTS_SCHEMA,
            reference: record.reference,
            spark: record.spark.clone(),
            image: record.image.clone(),
            machine: record.machine.clone(),
            executors: record.executors,
            workloads: record.to_reference().into_iter().map(|(n, r)| of(n, r)).collect(),
        }
    }

    /// Reads a file's text.
    ///
    /// # Errors
    /// Bad input: its form or its schema.
    pub fn parse(name: &str, text: &str) -> Result<Self> {
        let what = || format!("--baseline {name} is not a baseline of costs");
        let value: serde_json::Value = serde_json::from_str(text).or_input(what())?;
        if value["schema"] != COSTS_SCHEMA {
            let theirs = &value["schema"];
            return Err(Error::input(format!(
                "--baseline {name} has schema {theirs}, this version reads {COSTS_SCHEMA}"
            ))
            .remedy("write it anew by this version: sparkproof bench --save"));
        }
        serde_json::from_value(value).or_input(what())
    }

    /// Its text, as committed.
    pub fn text(&self) -> String {
        // Cannot fail: numbers and text.
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Compares a comparison's A with it. Costs of another class of machine, or in units of another
    /// reference, are not comparable: only counters are.
    pub fn compare(&self, record: &BenchRecord) -> AgainstBaseline {
        let mut found = AgainstBaseline::default();
        let same = [
            ("machine", &self.machine, &record.machine),
            ("reference", &self.reference.to_string(), &record.reference.to_string()),
            ("Spark", &self.spark, &record.spark),
        ];
        let other = same.into_iter().find(|(_, theirs, ours)| theirs != ours);
        if let Some((what, theirs, ours)) = other {
            found.notes.push(format!(
                "the baseline is of another {what} ({theirs}, here {ours}): only counters are compared"
            ));
        }
        for (name, ratios) in record.to_reference() {
            let Some(had) = self.workloads.get(&name) else {
                found.notes.push(format!("{name} is not in the baseline"));
                continue;
            };
            let counters = record.counters.get(&name).map(|[a, _]| a.clone()).unwrap_or_default();
            if self.spark == record.spark && self.executors == record.executors {
                let changed = sparkproof_judge::Counters(counters).changed(&had.counters);
                found.red.extend(changed.into_iter().map(|line| format!("{name}: {line}")));
            }
            if other.is_none() {
                found.red.extend(had.dearer(&name, &ratios, record.plan.margin));
            }
        }
        found
    }
}

impl WorkloadCost {
    /// In words, if the ratios lie above it by more than the margin and twice its spread.
    fn dearer(&self, name: &str, ratios: &[f64], margin: f64) -> Option<String> {
        let above: Vec<f64> = ratios.iter().map(|ratio| ratio - self.log_ratio).collect();
        let (low, _) = sign_flip::interval(&above, 0.0025);
        // A session's own luck is in the spread between sessions and machines, if it is known.
        let spread = self.spread_between.unwrap_or(self.spread_within);
        (low > margin.ln_1p() + 2.0 * spread).then(|| {
            format!(
                "{name} costs {:.3} times what its baseline says",
                sign_flip::centre(&above).exp()
            )
        })
    }
}

/// The standard deviation.
fn spread(values: &[f64]) -> f64 {
    let n = values.len().max(2) as f64;
    let mean = values.iter().sum::<f64>() / n;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Spent;
    use crate::gate::{Block, Orders, Outcome, Plan, Side, Verdict};

    /// A comparison in which reads cost `ratio` times the reference, by noise of a hundredth.
    fn record(machine: &str, ratio: f64, files: u64) -> BenchRecord {
        let spent = |cpu_seconds| Spent { cpu_seconds, driver_cpu_seconds: 0.1, wall_seconds: 1.0 };
        let orders: Vec<_> = Orders::new(7).take(12).collect();
        let cost = |run: usize| ratio * (1.0 + 0.01 * (run % 3) as f64);
        let costs = orders.iter().map(|_| {
            let reads = [0, 1, 2, 3].map(|run| spent(2.0 * cost(run)));
            BTreeMap::from([
                ("3-hostpath".to_owned(), reads),
                ("reference-cpu".to_owned(), [spent(2.0); 4]),
            ])
        });
        let counters = BTreeMap::from([("csv-many files".to_owned(), files)]);
        BenchRecord {
            schema: 1,
            reference: 1,
            spark: "3.5.9".to_owned(),
            image: ("spark:3.5.9".to_owned(), None),
            machine: machine.to_owned(),
            executors: 1,
            conf: Default::default(),
            plan: Plan::new(["3-hostpath"], 7),
            warm_up: Default::default(),
            costs: costs.collect(),
            blocks: orders
                .into_iter()
                .map(|order| Block { order, costs: BTreeMap::new() })
                .collect(),
            peak_bytes: [None; 3],
            counters: BTreeMap::from([("3-hostpath".to_owned(), [counters.clone(), counters])]),
            outcome: Outcome {
                verdict: Verdict::Equivalent,
                reason: String::new(),
                figures: BTreeMap::new(),
                pairs: 16,
                control_pairs: 8,
                looks: 1,
                warnings: Vec::new(),
            },
            seconds: 1.0,
        }
    }

    #[test]
    fn what_costs_as_before_is_green_and_what_costs_a_fifth_more_is_not() {
        let baseline = CostBaseline::of(&record("x", 1.0, 12));
        let again = CostBaseline::parse("x.json", &baseline.text()).expect("its form");
        assert_eq!(again.workloads.keys().collect::<Vec<_>>(), ["3-hostpath"]);
        assert!(!baseline.text().contains("seconds"), "never absolute seconds");
        assert_eq!(again.compare(&record("x", 1.0, 12)), AgainstBaseline::default());
        assert_eq!(again.compare(&record("x", 1.03, 12)), AgainstBaseline::default());
        let dearer = again.compare(&record("x", 1.2, 12));
        assert_eq!(dearer.red, ["3-hostpath costs 1.200 times what its baseline says"]);
    }

    #[test]
    fn of_another_class_of_machine_only_counters_are_compared_and_that_is_said() {
        let baseline = CostBaseline::of(&record("x", 1.0, 12));
        let found = baseline.compare(&record("y", 1.2, 12));
        assert_eq!(found.red, Vec::<String>::new());
        assert_eq!(
            found.notes,
            ["the baseline is of another machine (x, here y): only counters are compared"]
        );
        let found = baseline.compare(&record("y", 1.2, 13));
        assert_eq!(found.red, ["3-hostpath: csv-many files 13, baseline 12"]);
    }

    #[test]
    fn costs_of_the_control_are_not_of_a() {
        let record = record("x", 1.0, 12);
        let of_a = |block: &Block| block.order.runs.iter().filter(|s| **s == Side::A).count();
        let runs: usize = record.blocks.iter().map(of_a).sum();
        assert_eq!(CostBaseline::of(&record).workloads["3-hostpath"].runs, runs);
    }
}
