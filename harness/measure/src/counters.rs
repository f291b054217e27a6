//! The counters of a finished run, for new baselines.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::{Body, Event, Outcome};
use sparkproof_base::verdict::Observation;
use sparkproof_catalog::plan::{ResolvedPlan, Suite};
use sparkproof_catalog::{VariantId, read_check};
use sparkproof_judge::{Counters, Frames, InputMetrics, ServerLog};

use crate::baseline::{Conditions, CounterSet, Files};

/// The counters of each variant that a run proved, from its events.
///
/// # Errors
/// Bad input: no baseline applies to such a run, a check of reading is red, or nothing was read.
pub fn counters_of_run(events: &[Event]) -> Result<BTreeMap<VariantId, CounterSet>> {
    let plan = events.iter().find_map(|event| match &event.body {
        Body::RunStarted { plan, .. } => Some(plan.clone()),
        _ => None,
    });
    let plan = plan.ok_or_else(|| Error::input("its events have no plan: it is not of `run`"))?;
    let plan: ResolvedPlan = serde_json::from_value(plan)
        .or_input("its plan has another form: it is of another version of sparkproof")?;
    let files = match plan.suite {
        Suite::Default => Files::Default,
        Suite::Full => Files::Full,
    };
    let (spark, executors) = (&plan.spark.version, plan.executors.count);
    let conditions = Conditions::of(&plan, spark, executors, Some(files)).map_err(Error::input)?;
    if let Some(id) = red(events) {
        return Err(Error::input(format!("{id} is red: its counters are not those of a proof"))
            .remedy("write baselines from a run whose reads are all green"));
    }
    let mut sets = BTreeMap::new();
    for (check, frames) in seen::<Frames>(events)? {
        let Some(of) = read_check(&check) else { continue };
        let Ok(variant) = of.variant.parse::<VariantId>() else { continue };
        let id = |what: &str| format!("read.{variant}.{what}");
        let Some(metrics) = seen::<InputMetrics>(events)?.remove(&id("metrics")) else { continue };
        let log = seen::<ServerLog>(events)?.remove(&id("server"));
        let Counters(counters) = Counters::of(&frames, &metrics, log.as_ref());
        sets.insert(variant, CounterSet { conditions: conditions.clone(), counters });
    }
    match sets.is_empty() {
        true => Err(Error::input("nothing was read in this run")),
        false => Ok(sets),
    }
}

/// A red check of reading.
fn red(events: &[Event]) -> Option<&str> {
    events.iter().find_map(|event| match &event.body {
        Body::Check(verdict) if matches!(verdict.outcome, Outcome::Red { .. }) => {
            read_check(&verdict.id).map(|_| verdict.id.as_str())
        }
        _ => None,
    })
}

/// The observations of a kind, by check; the last one of each.
fn seen<O: Observation + DeserializeOwned>(events: &[Event]) -> Result<BTreeMap<String, O>> {
    let mut all = BTreeMap::new();
    for event in events {
        if let Body::Observed(observed) = &event.body
            && observed.kind == O::KIND
            && let Some(seen) = observed.seen.seen()
        {
            let what = || format!("the observation of {} has another form", observed.check);
            let seen = serde_json::from_value(seen.clone()).or_input(what())?;
            all.insert(observed.check.clone(), seen);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use sparkproof_base::events::{Looked, Observed, Verdict};
    use sparkproof_catalog::plan::{Machine, MebiBytes, MilliCpu, RawPlan};

    use super::*;

    fn event(body: Body) -> Event {
        Event { at: "2026-01-01T00:00:00Z".parse().expect("a time"), pid: 7, body }
    }

    fn started(conf: &[&str]) -> Event {
        let mut raw: Value = json!({});
        raw["conf"] = json!(conf);
        let raw: RawPlan = serde_json::from_value(raw).expect("flags");
        let machine = Machine { cpu: MilliCpu(2000), memory: MebiBytes(24_000) };
        let plan = ResolvedPlan::new(raw, machine).expect("valid");
        let plan = serde_json::to_value(plan).expect("JSON");
        let (run, title) = ("7f3a".to_owned(), String::new());
        event(Body::RunStarted { run, title, plan })
    }

    fn observed(check: &str, kind: &str, seen: Value) -> Event {
        let (check, kind, seen) = (check.to_owned(), kind.to_owned(), Looked::Seen(seen));
        let (expected, sha256) = (Value::Null, String::new());
        event(Body::Observed(Observed { check, kind, expected, seen, sha256 }))
    }

    fn read() -> [Event; 3] {
        let result = json!({ "rows": 40, "sum_id": 0, "sum_v": 0, "crc": 0, "files": [],
            "planned_files": 12, "schemes": ["s3a"], "planning_seconds": 0.1, "total_seconds": 0.2 });
        let frame = json!([{ "table": "csv-many", "uri": "s3a://data/many.csv", "group": "g",
            "answer": { "read": result } }]);
        let task = json!({ "tasks": 13, "reading_tasks": 12, "input_bytes": 500,
            "input_records": 40, "failed": 0, "killed": 0, "shuffle_records": 12,
            "run_millis": 1, "cpu_nanos": 1 });
        let group = json!({ "jobs": 2, "failed_jobs": 0, "stages": 2, "executors": { "1": task },
            "totals": {} });
        let request = json!({ "method": "GetObject", "path": "/data/x", "bytes": null,
            "client": "c", "status": "200", "read": true });
        [
            observed("read.4-s3.frame", Frames::KIND, frame),
            observed("read.4-s3.metrics", InputMetrics::KIND, json!({ "csv-many": group })),
            observed("read.4-s3.server", ServerLog::KIND, json!([request, request])),
        ]
    }

    #[test]
    fn a_run_gives_the_counters_that_its_check_compares() {
        let events: Vec<Event> = [started(&[])].into_iter().chain(read()).collect();
        let sets = counters_of_run(&events).expect("a proof");
        let set = &sets[&VariantId::S3];
        assert_eq!((set.conditions.executors, set.conditions.files), (3, Files::Default));
        let of = |name: &str| set.counters.get(name).copied();
        assert_eq!(of("csv-many files"), Some(12));
        assert_eq!(of("csv-many tasks"), Some(13));
        assert_eq!(of("requests GetObject"), Some(2));
    }

    #[test]
    fn no_baseline_is_made_of_what_is_not_a_proof_or_of_settings_of_the_user() {
        let refused = |events: Vec<Event>| {
            let error = counters_of_run(&events).expect_err("refused");
            assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
            error.to_string()
        };
        let with = |first: Event, more: Vec<Event>| -> Vec<Event> {
            [first].into_iter().chain(read()).chain(more).collect()
        };
        let red = Outcome::Red { reason: "x".to_owned(), remedy: None };
        let verdict = |id: &str| {
            let (id, title, outcome) = (id.to_owned(), String::new(), red.clone());
            event(Body::Check(Verdict { id, title, outcome, evidence: Vec::new(), seconds: 0.0 }))
        };
        let words = refused(with(started(&[]), vec![verdict("read.4-s3.strict")]));
        assert!(words.contains("read.4-s3.strict is red"), "{words}");
        // The one that changed is what is blessed.
        let changed = with(started(&[]), vec![verdict("baseline.4-s3.counters")]);
        assert!(counters_of_run(&changed).is_ok());
        let words = refused(with(started(&["spark.x=1"]), Vec::new()));
        assert!(words.contains("settings of the user"), "{words}");
        assert!(refused(vec![started(&[])]).contains("nothing was read"));
        assert!(refused(read().into()).contains("no plan"));
    }
}
