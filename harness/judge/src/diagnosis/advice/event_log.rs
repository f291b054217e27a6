//! Spark's event log (`spark.eventLog.enabled`): one JSON object a line (`JsonProtocol`).

use std::collections::BTreeMap;

use serde_json::Value;

use super::run::{ApplicationRun, ExecutorRun, Scan, StageRun, size};

/// The default of `spark.executor.memory`.
const DEFAULT_HEAP: u64 = 1 << 30;
/// Metrics of a node of a plan that reads files.
const FILES: &str = "number of files read";
const BYTES: &str = "size of files read";

/// An event log, read line by line.
#[derive(Debug, Default)]
pub struct EventLog {
    run: ApplicationRun,
    /// Events that were read.
    events: usize,
    last: u64,
    ended: Option<u64>,
    added: BTreeMap<String, u64>,
    removed: BTreeMap<String, u64>,
    executors: BTreeMap<String, ExecutorRun>,
    stages: BTreeMap<u64, Tasks>,
    /// Nodes of plans that read files, by their accumulators of files and bytes.
    scans: BTreeMap<(u64, u64), String>,
    accumulators: BTreeMap<u64, u64>,
}

#[derive(Debug, Default)]
struct Tasks {
    name: String,
    failed: u64,
    durations: Vec<u64>,
}

impl EventLog {
    /// Reads a line. Returns whether it is an event; the last line of a driver that was killed may
    /// be none.
    pub fn line(&mut self, line: &str) -> bool {
        let Ok(event) = serde_json::from_str::<Value>(line) else { return false };
        let Some(kind) = event["Event"].as_str() else { return false };
        self.events += 1;
        self.last = self.last.max(number(&event["Timestamp"]));
        match kind.rsplit('.').next().unwrap_or(kind) {
            "SparkListenerApplicationStart" => {
                self.run.application = text(&event["App ID"]);
            }
            "SparkListenerApplicationEnd" => self.ended = event["Timestamp"].as_u64(),
            "SparkListenerEnvironmentUpdate" => self.configured(&event["Spark Properties"]),
            "SparkListenerExecutorAdded" => {
                let id = text(&event["Executor ID"]);
                self.executor(&id).cores = cores(&event["Executor Info"]);
                self.added.insert(id, number(&event["Timestamp"]));
            }
            "SparkListenerExecutorRemoved" => {
                self.removed.insert(text(&event["Executor ID"]), number(&event["Timestamp"]));
            }
            "SparkListenerStageExecutorMetrics" => {
                let id = text(&event["Executor ID"]);
                self.heap(&id, &event["Executor Metrics"]);
            }
            "SparkListenerStageSubmitted" | "SparkListenerStageCompleted" => {
                let stage = &event["Stage Info"];
                let tasks = self.stages.entry(number(&stage["Stage ID"])).or_default();
                tasks.name = text(&stage["Stage Name"]);
            }
            "SparkListenerTaskEnd" => self.task(&event),
            "SparkListenerSQLExecutionStart" | "SparkListenerSQLAdaptiveExecutionUpdate" => {
                self.plan(&event["sparkPlanInfo"]);
            }
            "SparkListenerDriverAccumUpdates" => {
                for update in event["accumUpdates"].as_array().into_iter().flatten() {
                    self.accumulators.insert(number(&update[0]), number(&update[1]));
                }
            }
            _ => {}
        }
        true
    }

    /// What was read; `None` if no line was an event.
    pub fn finish(self) -> Option<ApplicationRun> {
        if self.events == 0 {
            return None;
        }
        let end = self.ended.unwrap_or(self.last);
        let mut run = self.run;
        run.task_cpus = run.task_cpus.max(1);
        run.executors = self.executors.into_values().collect();
        for executor in &mut run.executors {
            let added = self.added.get(&executor.id).copied().unwrap_or(end);
            let removed = self.removed.get(&executor.id).copied().unwrap_or(end);
            executor.alive_ms = removed.saturating_sub(added);
        }
        run.stages = self
            .stages
            .into_iter()
            .map(|(id, mut tasks)| {
                tasks.durations.sort_unstable();
                StageRun {
                    id,
                    name: tasks.name,
                    tasks: tasks.durations.len() as u64,
                    failed: tasks.failed,
                    median_ms: tasks.durations.get(tasks.durations.len() / 2).copied(),
                }
            })
            .collect();
        let value = |id: &u64| self.accumulators.get(id).copied();
        run.scans = self
            .scans
            .into_iter()
            .filter_map(|((files, bytes), what)| {
                Some(Scan { what, files: value(&files)?, bytes: value(&bytes)? })
            })
            .collect();
        Some(run)
    }

    fn executor(&mut self, id: &str) -> &mut ExecutorRun {
        let new = || ExecutorRun { id: id.to_owned(), ..ExecutorRun::default() };
        self.executors.entry(id.to_owned()).or_insert_with(new)
    }

    fn configured(&mut self, properties: &Value) {
        let heap = properties["spark.executor.memory"].as_str();
        self.run.heap = heap.map_or(Some(DEFAULT_HEAP), size);
        let cpus = properties["spark.task.cpus"].as_str().and_then(|cpus| cpus.parse().ok());
        self.run.task_cpus = cpus.unwrap_or(1);
    }

    fn task(&mut self, event: &Value) {
        let (info, metrics) = (&event["Task Info"], &event["Task Metrics"]);
        let (launched, finished) = (number(&info["Launch Time"]), number(&info["Finish Time"]));
        self.last = self.last.max(finished);
        let tasks = self.stages.entry(number(&event["Stage ID"])).or_default();
        tasks.durations.push(finished.saturating_sub(launched));
        let killed = info["Killed"] == true || event["Task End Reason"]["Reason"] == "TaskKilled";
        tasks.failed += u64::from(info["Failed"] == true && !killed);
        let id = text(&info["Executor ID"]);
        // In local mode tasks run in the driver.
        if id == "driver" {
            return;
        }
        let shuffle = &metrics["Shuffle Read Metrics"];
        let executor = self.executor(&id);
        executor.run_ms += number(&metrics["Executor Run Time"]);
        executor.gc_ms += number(&metrics["JVM GC Time"]);
        executor.read_bytes += number(&metrics["Input Metrics"]["Bytes Read"])
            + number(&shuffle["Remote Bytes Read"])
            + number(&shuffle["Local Bytes Read"]);
        self.heap(&id, &event["Task Executor Metrics"]);
    }

    /// It is 0 where nothing was measured while the task ran.
    fn heap(&mut self, id: &str, metrics: &Value) {
        let seen = metrics["JVMHeapMemory"].as_u64().filter(|bytes| *bytes > 0);
        if id != "driver" && seen.is_some() {
            let executor = self.executor(id);
            executor.peak_heap = executor.peak_heap.max(seen);
        }
    }

    fn plan(&mut self, node: &Value) {
        let metrics = || node["metrics"].as_array().into_iter().flatten();
        let id = |name| {
            let metric = metrics().find(|metric| metric["name"] == name)?;
            metric["accumulatorId"].as_u64()
        };
        if let (Some(files), Some(bytes)) = (id(FILES), id(BYTES)) {
            self.scans.insert((files, bytes), text(&node["nodeName"]).trim().to_owned());
        }
        node["children"].as_array().into_iter().flatten().for_each(|child| self.plan(child));
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn cores(info: &Value) -> u32 {
    u32::try_from(number(&info["Total Cores"])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::{Topic, advice};
    use super::*;

    /// Lines in the form of Spark 3.5.
    const LOG: &str = r#"{"Event":"SparkListenerLogStart","Spark Version":"3.5.9"}
{"Event":"SparkListenerResourceProfileAdded","Resource Profile Id":0}
{"Event":"SparkListenerEnvironmentUpdate","JVM Information":{},"Spark Properties":{"spark.executor.memory":"2g","spark.task.cpus":"2"}}
{"Event":"SparkListenerApplicationStart","App Name":"pi","App ID":"spark-1","Timestamp":1000,"User":"u"}
{"Event":"SparkListenerExecutorAdded","Timestamp":2000,"Executor ID":"1","Executor Info":{"Host":"10.0.0.1","Total Cores":4}}
{"Event":"SparkListenerExecutorAdded","Timestamp":2000,"Executor ID":"2","Executor Info":{"Host":"10.0.0.2","Total Cores":4}}
{"Event":"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart","executionId":0,"sparkPlanInfo":{"nodeName":"WholeStageCodegen (1)","children":[{"nodeName":"Scan parquet ","children":[],"metrics":[{"name":"number of files read","accumulatorId":5,"metricType":"sum"},{"name":"size of files read","accumulatorId":6,"metricType":"size"}]}],"metrics":[]}}
{"Event":"org.apache.spark.sql.execution.ui.SparkListenerDriverAccumUpdates","executionId":0,"accumUpdates":[[5,300],[6,3000]]}
{"Event":"SparkListenerStageSubmitted","Stage Info":{"Stage ID":0,"Stage Attempt ID":0,"Stage Name":"count at X","Number of Tasks":3}}
{"Event":"SparkListenerTaskEnd","Stage ID":0,"Stage Attempt ID":0,"Task Type":"ResultTask","Task End Reason":{"Reason":"Success"},"Task Info":{"Task ID":0,"Launch Time":3000,"Executor ID":"1","Finish Time":4000,"Failed":false,"Killed":false},"Task Executor Metrics":{"JVMHeapMemory":104857600},"Task Metrics":{"Executor Run Time":900,"JVM GC Time":100,"Input Metrics":{"Bytes Read":10},"Shuffle Read Metrics":{"Remote Bytes Read":1,"Local Bytes Read":2}}}
{"Event":"SparkListenerTaskEnd","Stage ID":0,"Stage Attempt ID":0,"Task Type":"ResultTask","Task End Reason":{"Reason":"ExceptionFailure"},"Task Info":{"Task ID":1,"Launch Time":3000,"Executor ID":"2","Finish Time":3500,"Failed":true,"Killed":false},"Task Executor Metrics":{"JVMHeapMemory":0}}
{"Event":"SparkListenerTaskEnd","Stage ID":0,"Stage Attempt ID":0,"Task Type":"ResultTask","Task End Reason":{"Reason":"TaskKilled"},"Task Info":{"Task ID":2,"Launch Time":3000,"Executor ID":"2","Finish Time":3200,"Failed":true,"Killed":true}}
{"Event":"SparkListenerExecutorRemoved","Timestamp":5000,"Executor ID":"2","Removed Reason":"x"}
{"Event":"SparkListenerApplicationEnd","Timestamp":9000}
{"Event":"SparkListenerTaskEnd","Stage I"#;

    fn read(text: &str) -> (Option<ApplicationRun>, Vec<bool>) {
        let mut log = EventLog::default();
        let lines = text.lines().map(|line| log.line(line)).collect();
        (log.finish(), lines)
    }

    #[test]
    fn an_event_log_is_read() {
        let (run, lines) = read(LOG);
        assert_eq!(lines.iter().filter(|is_event| !**is_event).count(), 1, "the one cut off");
        let run = run.expect("events");
        insta::assert_json_snapshot!(run);
        let topics: Vec<Topic> = advice(&run).into_iter().map(|one| one.topic).collect();
        let expected = [
            Topic::MemoryOver,
            Topic::IdleCores,
            Topic::GcHeavy,
            Topic::SmallFiles,
            Topic::TasksFailing,
        ];
        assert_eq!(topics, expected);
    }

    #[test]
    fn what_is_no_event_log_is_none() {
        let (run, lines) = read("{\"a\": 1}\nnot JSON\n");
        assert_eq!((run, lines), (None, vec![false, false]));
    }
}
