//! Advice on an application that ran: what it does not use, and what slows it down. It is a level of
//! its own, which is never red. Thresholds: those of DataFlint (memory, idle cores, small files and
//! tasks) and Dr. Elephant (garbage collection, skew, failing tasks).

mod event_log;
mod run;

use serde::{Deserialize, Serialize};
use sparkproof_base::events::median;

pub use event_log::EventLog;
pub use run::{ApplicationRun, ExecutorRun, Scan, StageRun, size};

/// What a piece of advice is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// Executors use much less memory than they have.
    MemoryOver,
    /// Executors use almost all memory that they have.
    MemoryUnder,
    /// Cores of executors had no task.
    IdleCores,
    /// Much of the tasks' time is garbage collection.
    GcHeavy,
    /// One executor does much more than the others.
    ExecutorSkew,
    /// Many small files were read.
    SmallFiles,
    /// A stage has many short tasks.
    SmallTasks,
    /// Many tasks fail.
    TasksFailing,
}

/// How much there is to gain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weight {
    /// Little.
    Low,
    /// Some.
    Moderate,
    /// Much.
    Severe,
    /// It decides how long the application runs.
    Critical,
}

/// A piece of advice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advice {
    /// What it is about.
    pub topic: Topic,
    /// How much there is to gain.
    pub weight: Weight,
    /// What was observed.
    pub says: String,
    /// What to do.
    pub remedy: String,
}

const MIB: f64 = 1024.0 * 1024.0;
/// Memory of which Spark takes no less (`UnifiedMemoryManager`, 1.5 × 300 MiB), rounded up.
const LEAST_HEAP: f64 = 512.0 * MIB;
/// Shares of the heap.
const UNUSED_BELOW: f64 = 0.7;
const FULL_ABOVE: f64 = 0.95;
/// Share of the cores' time without a task.
const IDLE_ABOVE: f64 = 0.5;
/// Shares of the tasks' time that are garbage collection.
const GC: [f64; 4] = [0.08, 0.1, 0.15, 0.2];
/// Maximum by median.
const SKEW: [f64; 4] = [1.334, 1.78, 3.162, 10.0];
/// An executor that does no more than this is not skewed: milliseconds, bytes.
const LITTLE_TIME: f64 = 5.0 * 60.0 * 1000.0;
const LITTLE_DATA: f64 = 100.0 * MIB;
/// More files than this, of less bytes than that on average.
const FILES: u64 = 100;
const SMALL_FILE: f64 = 3.0 * MIB;
/// More tasks than this, of less milliseconds than that in the median.
const TASKS: u64 = 5_000;
const SMALL_TASK: u64 = 500;
/// Shares of the tasks that failed.
const FAILING: [f64; 3] = [0.1, 0.3, 0.5];

/// All advice on a run. What was not measured gives none.
pub fn advice(run: &ApplicationRun) -> Vec<Advice> {
    let rules =
        [memory, idle, garbage, skewed_time, skewed_data, small_files, small_tasks, failing];
    rules.iter().filter_map(|rule| rule(run)).collect()
}

fn of(topic: Topic, weight: Weight, says: String, remedy: impl Into<String>) -> Advice {
    Advice { topic, weight, says, remedy: remedy.into() }
}

/// The weight of a value by rising thresholds.
fn weight(value: f64, thresholds: &[f64]) -> Option<Weight> {
    let weights = [Weight::Low, Weight::Moderate, Weight::Severe, Weight::Critical];
    // Three thresholds begin at moderate.
    let weights = &weights[weights.len().saturating_sub(thresholds.len())..];
    let above = thresholds.iter().zip(weights).rev().find(|(threshold, _)| value > **threshold);
    above.map(|(_, weight)| *weight)
}

#[expect(clippy::cast_precision_loss, reason = "shares are shown in two digits")]
fn float(value: u64) -> f64 {
    value as f64
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn memory(run: &ApplicationRun) -> Option<Advice> {
    let heap = float(run.heap?);
    let worked = run.executors.iter().filter(|executor| executor.run_ms > 0);
    let peaks: Option<Vec<(&str, f64)>> =
        worked.map(|e| Some((&*e.id, float(e.peak_heap?)))).collect();
    let (id, peak) = peaks?.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let share = peak / heap;
    let says = format!(
        "the heap of an executor was used to {} at most ({:.0} of {:.0} MiB, executor {id})",
        percent(share),
        peak / MIB,
        heap / MIB
    );
    // A quarter more than was used, in steps of 128 MiB.
    let fits = ((peak * 1.25).max(LEAST_HEAP) / MIB / 128.0).ceil() * 128.0;
    if share > FULL_ABOVE {
        let remedy = "raise spark.executor.memory, or have fewer tasks at a time in an executor \
                      (spark.executor.cores): it is close to its end";
        return Some(of(Topic::MemoryUnder, Weight::Severe, says, remedy));
    }
    (share < UNUSED_BELOW && fits * MIB < heap).then(|| {
        let remedy = format!("spark.executor.memory={fits:.0}m would do");
        of(Topic::MemoryOver, Weight::Moderate, says, remedy)
    })
}

fn idle(run: &ApplicationRun) -> Option<Advice> {
    let cores = |executor: &ExecutorRun| float(u64::from(executor.cores) * executor.alive_ms);
    let had: f64 = run.executors.iter().map(cores).sum();
    let used: f64 = run.executors.iter().map(|executor| float(executor.run_ms)).sum();
    let used = used * f64::from(run.task_cpus.max(1));
    // Without a task there is nothing to compare with.
    if had <= 0.0 || used <= 0.0 {
        return None;
    }
    let share = 1.0 - used / had;
    (share > IDLE_ABOVE).then(|| {
        let says = format!(
            "{} of the executors' core time had no task ({:.0} of {:.0} core minutes)",
            percent(share),
            (had - used) / 60_000.0,
            had / 60_000.0
        );
        let remedy = "fewer executors (spark.executor.instances) or cores, more partitions than \
                      cores, or spark.dynamicAllocation.enabled=true with \
                      spark.dynamicAllocation.shuffleTracking.enabled=true";
        of(Topic::IdleCores, Weight::Moderate, says, remedy)
    })
}

fn garbage(run: &ApplicationRun) -> Option<Advice> {
    let sum = |of: fn(&ExecutorRun) -> u64| float(run.executors.iter().map(of).sum());
    let time = sum(|executor| executor.run_ms);
    let share = sum(|executor| executor.gc_ms) / time;
    let weight = weight(share, &GC).filter(|_| time > 0.0)?;
    let says = format!("{} of the tasks' time is garbage collection", percent(share));
    let remedy = "raise spark.executor.memory, have fewer tasks at a time in an executor, or cache \
                  less";
    Some(of(Topic::GcHeavy, weight, says, remedy))
}

fn skewed_time(run: &ApplicationRun) -> Option<Advice> {
    skewed(run, |executor| executor.run_ms, LITTLE_TIME, "task time")
}

fn skewed_data(run: &ApplicationRun) -> Option<Advice> {
    // Skew of time has been said, and is what counts.
    if skewed_time(run).is_some() {
        return None;
    }
    skewed(run, |executor| executor.read_bytes, LITTLE_DATA, "data to read")
}

fn skewed(
    run: &ApplicationRun,
    measure: fn(&ExecutorRun) -> u64,
    little: f64,
    what: &str,
) -> Option<Advice> {
    let longest = run.executors.iter().map(|executor| executor.alive_ms).max()?;
    // One that came late or went early had less to do.
    let whole = run.executors.iter().filter(|executor| executor.alive_ms * 2 >= longest);
    let whole: Vec<&ExecutorRun> = whole.collect();
    let most = whole.iter().copied().max_by_key(|executor| measure(executor))?;
    let all: Vec<f64> = whole.iter().map(|executor| float(measure(executor))).collect();
    let median = median(&all);
    let most_of_it = float(measure(most));
    if whole.len() < 2 || most_of_it <= little || median <= 0.0 {
        return None;
    }
    let weight = weight(most_of_it / median, &SKEW)?;
    let says = format!(
        "executor {} has {:.1} times the {what} of the median executor",
        most.id,
        most_of_it / median
    );
    let remedy = "partition by a key with more even groups, or more partitions; for joins \
                  spark.sql.adaptive.enabled=true with spark.sql.adaptive.skewJoin.enabled=true";
    Some(of(Topic::ExecutorSkew, weight, says, remedy))
}

fn small_files(run: &ApplicationRun) -> Option<Advice> {
    let is_small =
        |scan: &&Scan| scan.files > FILES && float(scan.bytes) / float(scan.files) < SMALL_FILE;
    let worst = run.scans.iter().filter(is_small).max_by_key(|scan| scan.files)?;
    let says = format!(
        "{} read {} files of {:.2} MiB on average",
        worst.what,
        worst.files,
        float(worst.bytes) / float(worst.files) / MIB
    );
    let remedy = "write fewer, larger files (coalesce or repartition before the write, or compact \
                  the table): 128 MiB each is usual";
    Some(of(Topic::SmallFiles, Weight::Moderate, says, remedy))
}

fn small_tasks(run: &ApplicationRun) -> Option<Advice> {
    let is_small = |stage: &&StageRun| {
        stage.tasks > TASKS && stage.median_ms.is_some_and(|median| median < SMALL_TASK)
    };
    let worst = run.stages.iter().filter(is_small).max_by_key(|stage| stage.tasks)?;
    let says = format!(
        "stage {} ({}) has {} tasks, the median one takes {} ms",
        worst.id,
        worst.name,
        worst.tasks,
        worst.median_ms.unwrap_or_default()
    );
    let remedy = "fewer partitions: spark.sql.shuffle.partitions, \
                  spark.sql.files.maxPartitionBytes, or coalesce";
    Some(of(Topic::SmallTasks, Weight::Moderate, says, remedy))
}

fn failing(run: &ApplicationRun) -> Option<Advice> {
    let sum = |of: fn(&StageRun) -> u64| run.stages.iter().map(of).sum::<u64>();
    let (tasks, failed) = (sum(|stage| stage.tasks), sum(|stage| stage.failed));
    let weight = weight(float(failed) / float(tasks.max(1)), &FAILING)?;
    let worst = run.stages.iter().max_by_key(|stage| stage.failed)?;
    let says = format!(
        "{} of the tasks failed ({failed} of {tasks}), most in stage {} ({})",
        percent(float(failed) / float(tasks)),
        worst.id,
        worst.name
    );
    let remedy = "read why in the driver's log (Lost task …): each failure is time, and the fourth of \
                  a task ends the job";
    Some(of(Topic::TasksFailing, weight, says, remedy))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const MIB: u64 = 1024 * 1024;

    /// Nothing to be said about it: two executors with two cores each, busy for eight of ten
    /// minutes.
    fn healthy() -> ApplicationRun {
        let executor = |id: &str| ExecutorRun {
            id: id.into(),
            cores: 2,
            alive_ms: 600_000,
            run_ms: 960_000,
            gc_ms: 40_000,
            peak_heap: Some(800 * MIB),
            read_bytes: 1000 * MIB,
        };
        ApplicationRun {
            application: "spark-1".into(),
            heap: Some(1024 * MIB),
            task_cpus: 1,
            executors: vec![executor("1"), executor("2")],
            stages: vec![StageRun {
                id: 3,
                name: "count".into(),
                tasks: 6_000,
                failed: 10,
                median_ms: Some(700),
            }],
            scans: vec![Scan { what: "Scan parquet".into(), files: 200, bytes: 2_000 * MIB }],
        }
    }

    fn with(change: impl FnOnce(&mut ApplicationRun)) -> ApplicationRun {
        let mut run = healthy();
        change(&mut run);
        run
    }

    fn each(change: impl Fn(&mut ExecutorRun)) -> ApplicationRun {
        with(|run| run.executors.iter_mut().for_each(change))
    }

    #[rstest]
    #[case::unused(each(|e| e.peak_heap = Some(300 * MIB)), Topic::MemoryOver, Weight::Moderate)]
    #[case::full(with(|r| r.executors[1].peak_heap = Some(990 * MIB)), Topic::MemoryUnder, Weight::Severe)]
    #[case::idle(each(|e| { e.run_ms = 590_000; e.gc_ms = 20_000 }), Topic::IdleCores, Weight::Moderate)]
    #[case::garbage(each(|e| e.gc_ms = 86_400), Topic::GcHeavy, Weight::Low)]
    #[case::more(each(|e| e.gc_ms = 105_600), Topic::GcHeavy, Weight::Moderate)]
    #[case::much(each(|e| e.gc_ms = 153_600), Topic::GcHeavy, Weight::Severe)]
    #[case::most(each(|e| e.gc_ms = 240_000), Topic::GcHeavy, Weight::Critical)]
    #[case::skewed(with(|r| { r.executors[0].run_ms = 1_190_000; r.executors[1].run_ms = 500_000 }), Topic::ExecutorSkew, Weight::Low)]
    #[case::data(with(|r| r.executors[0].read_bytes = 5_000 * MIB), Topic::ExecutorSkew, Weight::Low)]
    #[case::files(with(|r| r.scans[0].bytes = 500 * MIB), Topic::SmallFiles, Weight::Moderate)]
    #[case::tasks(with(|r| r.stages[0].median_ms = Some(499)), Topic::SmallTasks, Weight::Moderate)]
    #[case::failing(with(|r| r.stages[0].failed = 700), Topic::TasksFailing, Weight::Moderate)]
    #[case::a_third(with(|r| r.stages[0].failed = 1_900), Topic::TasksFailing, Weight::Severe)]
    #[case::half(with(|r| r.stages[0].failed = 3_100), Topic::TasksFailing, Weight::Critical)]
    fn advice_is_given(#[case] run: ApplicationRun, #[case] topic: Topic, #[case] weight: Weight) {
        let given = advice(&run);
        let topics: Vec<_> = given.iter().map(|one| (one.topic, one.weight)).collect();
        assert_eq!(topics, [(topic, weight)], "{given:?}");
        assert!(!given[0].says.is_empty() && !given[0].remedy.is_empty());
    }

    #[rstest]
    #[case::healthy(healthy())]
    #[case::nothing_known(ApplicationRun::default())]
    #[case::just_enough_used(each(|e| e.peak_heap = Some(717 * MIB)))]
    #[case::almost_full(each(|e| e.peak_heap = Some(972 * MIB)))]
    #[case::one_was_not_measured(with(|r| { r.executors[0].peak_heap = Some(MIB); r.executors[1].peak_heap = None }))]
    #[case::as_small_as_it_gets(with(|r| { r.heap = Some(512 * MIB); for e in &mut r.executors { e.peak_heap = Some(200 * MIB) } }))]
    #[case::half_idle(each(|e| { e.run_ms = 600_000; e.gc_ms = 0 }))]
    #[case::two_cores_each(with(|r| { r.task_cpus = 2; for e in &mut r.executors { e.run_ms = 500_000; e.gc_ms = 0 } }))]
    #[case::no_task_ran(each(|e| { e.run_ms = 0; e.gc_ms = 0; e.peak_heap = None }))]
    #[case::little_garbage(each(|e| e.gc_ms = 76_000))]
    #[case::even(with(|r| r.executors[1].run_ms = 1_100_000))]
    #[case::short(with(|r| { r.stages.clear(); for e in &mut r.executors { e.alive_ms = 100_000; e.gc_ms = 0; e.run_ms = 110_000 } r.executors[0].run_ms = 199_000 }))]
    #[case::came_late(with(|r| { r.executors[0].alive_ms = 100_000; r.executors[0].run_ms = 100_000; r.executors[0].gc_ms = 0 }))]
    #[case::few_files(with(|r| r.scans[0] = Scan { what: "x".into(), files: 100, bytes: MIB }))]
    #[case::large_files(with(|r| r.scans[0].bytes = 601 * MIB))]
    #[case::few_tasks(with(|r| { r.stages[0].tasks = 5_000; r.stages[0].median_ms = Some(1) }))]
    #[case::not_measured(with(|r| r.stages[0].median_ms = None))]
    #[case::some_fail(with(|r| r.stages[0].failed = 600))]
    fn no_advice_is_given(#[case] run: ApplicationRun) {
        assert_eq!(advice(&run), []);
    }

    #[test]
    fn the_memory_that_would_do_is_said() {
        let given = advice(&each(|e| e.peak_heap = Some(500 * MIB)));
        assert_eq!(given[0].remedy, "spark.executor.memory=640m would do");
    }
}
