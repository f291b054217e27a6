//! Proof 5: nothing was retried or ignored, so a broken executor would have shown.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use super::group::GroupMetrics;
use super::metrics::metrics_of;
use crate::control::{Control, Says};

/// The settings in force, and the tasks of the reads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Strictness {
    /// Effective values; `None` if a key is not set.
    pub conf: BTreeMap<String, Option<String>>,
    /// Spark's metrics of each read, by table.
    pub reads: BTreeMap<String, GroupMetrics>,
}

/// The settings of a strict session, and what was read in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedStrictness {
    /// Keys and values.
    pub conf: BTreeMap<String, String>,
    /// Names of the tables that have rows.
    pub tables: Vec<String>,
}

impl Observation for Strictness {
    type Expected = ExpectedStrictness;
    const KIND: &'static str = "read.strict";

    fn judge(&self, expected: &ExpectedStrictness) -> Judged {
        let lines: Vec<String> = self
            .conf
            .iter()
            .map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or("(not set)")))
            .collect();
        let judged = match self.fault(expected) {
            Ok(()) => Judged::green(),
            Err(red) => red,
        };
        judged.with("in force", lines.join("\n")).with("failed or killed tasks", self.lost())
    }
}

impl Strictness {
    fn lost(&self) -> u64 {
        self.reads.values().map(GroupMetrics::lost_tasks).sum()
    }

    fn fault(&self, expected: &ExpectedStrictness) -> Result<(), Judged> {
        for (key, value) in &expected.conf {
            let seen = self.conf.get(key).and_then(|value| value.as_deref());
            if seen != Some(value) {
                let seen = seen.unwrap_or("not set");
                return Err(Judged::red(
                    format!("{key} is {seen}, expected {value}"),
                    "do not set it: a retry would hide a broken executor",
                ));
            }
        }
        let ran = |table: &&String| {
            let executors = self.reads.get(*table).map(|group| group.executors.values());
            executors.is_some_and(|mut executors| executors.any(|e| e.tasks > 0))
        };
        let unknown = expected.tables.iter().find(|table| !ran(table));
        if expected.conf.is_empty() || expected.tables.is_empty() || unknown.is_some() {
            let what = unknown.map_or("settings and reads", String::as_str);
            return Err(Judged::red(
                format!("nothing is known of {what}, so nothing shows that no task failed"),
                "a defect of this build: report it",
            ));
        }
        match self.lost() {
            0 => Ok(()),
            lost => Err(Judged::red(
                format!("{lost} tasks failed or were killed, expected none"),
                "read the executors' logs: a task of a read was lost",
            )),
        }
    }
}

/// The controls of `read.*.strict`.
pub(crate) fn controls() -> Vec<Control> {
    let conf = [("spark.speculation", "false"), ("spark.task.maxFailures", "1")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    let tables = ["csv-big", "csv-many"].map(str::to_owned);
    let seen = Strictness {
        conf: conf.clone().map(|(key, value)| (key, Some(value))).into(),
        reads: tables.clone().map(|table| (table, metrics_of(20, 500))).into(),
    };
    let expected = ExpectedStrictness { conf: conf.into(), tables: tables.into() };
    let control = |name, says, change: &dyn Fn(&mut Strictness)| {
        let mut seen = seen.clone();
        change(&mut seen);
        Control::seen(name, &expected, &seen, says)
    };
    let is = |value: Option<&'static str>| {
        move |seen: &mut Strictness| {
            seen.conf.insert("spark.task.maxFailures".to_owned(), value.map(str::to_owned));
        }
    };
    let group = |seen: &mut Strictness, change: &dyn Fn(&mut GroupMetrics)| {
        seen.reads.get_mut("csv-many").into_iter().for_each(change);
    };
    let nothing = ExpectedStrictness { conf: BTreeMap::new(), tables: Vec::new() };
    vec![
        control("strict, and no task lost", Says::Green, &|_| {}),
        control("more settings", Says::Green, &|seen| {
            seen.conf.insert("spark.locality.wait".to_owned(), None);
        }),
        control(
            "tasks are tried again",
            Says::Red("spark.task.maxFailures is 4, expected 1"),
            &is(Some("4")),
        ),
        control("a setting is not set", Says::Red("is not set, expected 1"), &is(None)),
        control("no setting is known", Says::Red("spark.speculation is not set"), &|seen| {
            seen.conf.clear();
        }),
        control("one task failed", Says::Red("1 tasks failed or were killed"), &|seen| {
            group(seen, &|group| group.executors.values_mut().take(1).for_each(|e| e.failed = 1));
        }),
        control("one task of each was killed", Says::Red("2 tasks failed or were"), &|seen| {
            group(seen, &|group| group.executors.values_mut().for_each(|e| e.killed = 1));
        }),
        control("no tasks of one table", Says::Red("nothing is known of csv-many"), &|seen| {
            group(seen, &|group| group.executors.clear());
        }),
        control("one table is not known", Says::Red("nothing is known of csv-many"), &|seen| {
            seen.reads.remove("csv-many");
        }),
        control("no table is known", Says::Red("nothing is known of csv-big"), &|seen| {
            seen.reads.clear();
        }),
        Control::seen("nothing expected", &nothing, &seen, Says::Red("nothing is known of")),
        Control::unseen::<Strictness>(&expected, "the driver did not answer in 60 s"),
    ]
}
