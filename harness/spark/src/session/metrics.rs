//! Spark's metrics of what its executors read, by job group.
//!
//! `input_bytes` is exact for CSV over local files and HDFS; for Parquet it is far too low on Spark
//! 4.1 and later unless `spark.hadoop.parquet.hadoop.vectored.io.enabled=false`.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_judge::{ExecutorTotals, GroupMetrics};

use super::rest::Rest;

/// Seconds: Spark's UI gets ended tasks from a queue, after the driver's call has returned.
const SETTLED_WITHIN: u64 = 30;
/// A page size above the number of tasks of any stage here.
const TASKS: u32 = 100_000;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Job {
    job_group: Option<String>,
    status: String,
    stage_ids: Vec<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stage {
    stage_id: u64,
    attempt_id: u64,
    status: String,
    num_tasks: usize,
    input_bytes: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Task {
    executor_id: String,
    status: String,
    task_metrics: Option<TaskMetrics>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TaskMetrics {
    executor_run_time: u64,
    executor_cpu_time: u64,
    input_metrics: InputMetrics,
    shuffle_write_metrics: ShuffleWriteMetrics,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct InputMetrics {
    bytes_read: u64,
    records_read: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ShuffleWriteMetrics {
    records_written: u64,
}

/// Waits until the API shows the end of all jobs, stages and tasks of the groups; returns the sums
/// of each.
pub(super) async fn group_metrics(
    context: &Context,
    rest: &Rest,
    groups: &[&str],
) -> Result<Vec<GroupMetrics>> {
    let what = format!("the metrics of job group {}", groups.join(", "));
    let waiting = Waiting::up_to(SETTLED_WITHIN, what);
    wait(context, waiting, Source::Backoff, async || match fetch(rest, groups).await {
        Ok(Ok(metrics)) => Progress::Met(metrics),
        Ok(Err(not_yet)) => Progress::NotYet(not_yet),
        Err(error) => Progress::NotYet(error.to_string()),
    })
    .await
}

/// The metrics, or why they are not complete yet.
async fn fetch(rest: &Rest, groups: &[&str]) -> Result<Result<Vec<GroupMetrics>, String>> {
    // Each lists all of the session: they are asked for once, not for each group.
    let jobs: Vec<Job> = read(rest, "jobs").await?;
    let stages: Vec<Stage> = read(rest, "stages").await?;
    let mut all = Vec::new();
    for group in groups {
        let (mut metrics, ran) = match ended(&jobs, &stages, group) {
            Ok(ended) => ended,
            Err(not_yet) => return Ok(Err(not_yet)),
        };
        for stage in ran {
            let path =
                format!("stages/{}/{}/taskList?length={TASKS}", stage.stage_id, stage.attempt_id);
            let tasks: Vec<Task> = read(rest, &path).await?;
            if let Err(not_yet) = add(&mut metrics, stage, &tasks) {
                return Ok(Err(not_yet));
            }
        }
        all.push(metrics);
    }
    let executors: Vec<serde_json::Value> = read(rest, "allexecutors").await?;
    let mut totals = BTreeMap::new();
    for executor in executors {
        let id = executor["id"].as_str().unwrap_or_default().to_owned();
        let of_executor: ExecutorTotals =
            serde_json::from_value(executor).or_environment("reading Spark's list of executors")?;
        totals.insert(id, of_executor);
    }
    all.iter_mut().for_each(|metrics| metrics.totals.clone_from(&totals));
    Ok(Ok(all))
}

async fn read<T: DeserializeOwned>(rest: &Rest, path: &str) -> Result<T> {
    let text = rest.get(path).await?;
    serde_json::from_str(&text)
        .map_err(|e| Error::environment(format!("reading Spark's {path}")).with_source(e))
}

/// The group's stages that ran, once all its jobs and stages have ended.
fn ended<'s>(
    jobs: &[Job],
    stages: &'s [Stage],
    group: &str,
) -> Result<(GroupMetrics, Vec<&'s Stage>), String> {
    let jobs: Vec<&Job> = jobs.iter().filter(|j| j.job_group.as_deref() == Some(group)).collect();
    if jobs.is_empty() {
        return Err("no job of the group".into());
    }
    if let Some(job) = jobs.iter().find(|j| !["SUCCEEDED", "FAILED"].contains(&&*j.status)) {
        return Err(format!("a job is {}", job.status));
    }
    let ours = |stage: &Stage| jobs.iter().any(|job| job.stage_ids.contains(&stage.stage_id));
    let stages: Vec<&Stage> = stages.iter().filter(|stage| ours(stage)).collect();
    let over = ["COMPLETE", "FAILED", "SKIPPED"];
    if let Some(stage) = stages.iter().find(|s| !over.contains(&&*s.status)) {
        return Err(format!("stage {} is {}", stage.stage_id, stage.status));
    }
    let ran: Vec<&Stage> = stages.into_iter().filter(|s| s.status != "SKIPPED").collect();
    if ran.is_empty() && jobs.iter().any(|job| !job.stage_ids.is_empty()) {
        return Err("no stage of the group".into());
    }
    let failed_jobs = jobs.iter().filter(|j| j.status == "FAILED").count();
    let (jobs, stages) = (jobs.len(), ran.len() as u64);
    Ok((GroupMetrics { jobs, failed_jobs, stages, ..GroupMetrics::default() }, ran))
}

/// Adds a stage's tasks, once the API has all of them.
fn add(metrics: &mut GroupMetrics, stage: &Stage, tasks: &[Task]) -> Result<(), String> {
    let done = tasks.iter().filter(|t| t.status != "RUNNING").count();
    let mut bytes = 0;
    for task in tasks {
        let executor = metrics.executors.entry(task.executor_id.clone()).or_default();
        executor.tasks += 1;
        executor.failed += u64::from(task.status == "FAILED");
        executor.killed += u64::from(task.status == "KILLED");
        let Some(of_task) = &task.task_metrics else { continue };
        let input = &of_task.input_metrics;
        bytes += input.bytes_read;
        executor.reading_tasks += u64::from(input.bytes_read + input.records_read > 0);
        executor.input_bytes += input.bytes_read;
        executor.input_records += input.records_read;
        executor.shuffle_records += of_task.shuffle_write_metrics.records_written;
        executor.run_millis += of_task.executor_run_time;
        executor.cpu_nanos += of_task.executor_cpu_time;
    }
    let number = stage.stage_id;
    if done < tasks.len() {
        return Err(format!("{done} of {} tasks of stage {number} ended", tasks.len()));
    }
    // A failed stage does not run all of its tasks, and has no complete metrics.
    if stage.status == "COMPLETE" && (done < stage.num_tasks || bytes != stage.input_bytes) {
        return Err(format!(
            "stage {number}: {done} of {} tasks, {bytes} of {} bytes",
            stage.num_tasks, stage.input_bytes
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn jobs(status: &str) -> Vec<Job> {
        let jobs = json!([
            { "jobId": 0, "status": "SUCCEEDED", "stageIds": [0] },
            { "jobId": 1, "jobGroup": "g", "status": status, "stageIds": [1, 2] },
            { "jobId": 2, "jobGroup": "other", "status": "RUNNING", "stageIds": [9] },
        ]);
        serde_json::from_value(jobs).expect("jobs")
    }

    fn stage(id: u64, status: &str, tasks: u64, bytes: u64) -> Stage {
        let stage = json!({
            "stageId": id, "attemptId": 0, "status": status, "numTasks": tasks, "inputBytes": bytes
        });
        serde_json::from_value(stage).expect("a stage")
    }

    fn task(executor: &str, status: &str, bytes: u64) -> Task {
        let input = json!({ "bytesRead": bytes, "recordsRead": bytes / 10 });
        let task = json!({ "executorId": executor, "status": status, "taskMetrics": {
            "executorRunTime": 5, "executorCpuTime": 7, "inputMetrics": input,
            "shuffleWriteMetrics": { "recordsWritten": 2 }
        }});
        serde_json::from_value(task).expect("a task")
    }

    #[test]
    fn only_what_has_ended_is_counted() {
        let words = |jobs: &[Job], stages: &[Stage]| ended(jobs, stages, "g").expect_err("not yet");
        assert_eq!(words(&[], &[]), "no job of the group");
        assert_eq!(words(&jobs("RUNNING"), &[]), "a job is RUNNING");
        assert_eq!(words(&jobs("SUCCEEDED"), &[]), "no stage of the group");
        let active = [stage(1, "COMPLETE", 1, 0), stage(2, "ACTIVE", 1, 0)];
        assert_eq!(words(&jobs("SUCCEEDED"), &active), "stage 2 is ACTIVE");
        let stages =
            [stage(0, "COMPLETE", 1, 0), stage(1, "SKIPPED", 1, 0), stage(2, "FAILED", 1, 0)];
        let failed = jobs("FAILED");
        let (metrics, ran) = ended(&failed, &stages, "g").expect("ended");
        assert_eq!((metrics.jobs, metrics.failed_jobs, metrics.stages), (1, 1, 1));
        assert_eq!(ran.iter().map(|s| s.stage_id).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn tasks_are_summed_by_executor() {
        let mut metrics = GroupMetrics::default();
        let tasks = [task("1", "SUCCESS", 100), task("2", "SUCCESS", 50), task("1", "SUCCESS", 0)];
        add(&mut metrics, &stage(1, "COMPLETE", 3, 150), &tasks).expect("complete");
        let failed = [task("2", "FAILED", 10), task("1", "KILLED", 0)];
        add(&mut metrics, &stage(2, "FAILED", 5, 0), &failed).expect("as complete as it gets");
        let one = &metrics.executors["1"];
        assert_eq!(
            (one.tasks, one.reading_tasks, one.input_bytes, one.input_records),
            (3, 1, 100, 10)
        );
        assert_eq!((metrics.input_bytes(), metrics.input_records()), (160, 16));
        assert_eq!((one.shuffle_records, metrics.executors["2"].shuffle_records), (6, 4));
        assert_eq!((metrics.lost_tasks(), metrics.executors["2"].failed), (2, 1));
        assert_eq!(metrics.driver_input_bytes(), 0);
    }

    #[test]
    fn late_tasks_and_late_metrics_are_waited_for() {
        let add = |tasks: &[Task]| {
            let mut metrics = GroupMetrics::default();
            add(&mut metrics, &stage(1, "COMPLETE", 2, 150), tasks).expect_err("not yet")
        };
        assert_eq!(add(&[task("1", "SUCCESS", 150)]), "stage 1: 1 of 2 tasks, 150 of 150 bytes");
        let running = [task("1", "SUCCESS", 100), task("2", "RUNNING", 50)];
        assert_eq!(add(&running), "1 of 2 tasks of stage 1 ended");
        let late = [task("1", "SUCCESS", 100), task("2", "SUCCESS", 0)];
        assert_eq!(add(&late), "stage 1: 2 of 2 tasks, 100 of 150 bytes");
    }
}
