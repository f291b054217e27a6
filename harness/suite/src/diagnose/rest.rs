//! Figures of a running application, from Spark's REST API through the driver's pod.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use kube::Client;
use serde_json::Value;
use sparkproof_judge::diagnosis::{ApplicationRun, ExecutorRun, Scan, StageRun, size};

/// Time limit of a request.
const DEADLINE: Duration = Duration::from_secs(10);
/// Medians are asked for in stages of more tasks than this: it costs the driver some time.
const MANY_TASKS: u64 = 5_000;
/// Stages for which they are asked.
const MEDIANS: usize = 5;
/// The default of `spark.ui.port`.
pub(super) const PORT: &str = "4040";
/// The default of `spark.executor.memory`.
const DEFAULT_HEAP: &str = "1g";

/// What Spark answers.
#[derive(Debug, Default)]
struct Answers {
    executors: Value,
    environment: Value,
    stages: Value,
    sql: Value,
    /// Summaries of tasks, by stage.
    summaries: BTreeMap<u64, Value>,
}

/// Asks for the figures. The error says what could not be asked.
pub(super) async fn figures(
    client: &Client,
    namespace: &str,
    pod: &str,
    port: &str,
) -> Result<ApplicationRun, String> {
    let base =
        format!("/api/v1/namespaces/{namespace}/pods/{pod}:{port}/proxy/api/v1/applications");
    let first = ask(client, &base).await?;
    let id = first[0]["id"].as_str().ok_or("Spark's REST API knows no application")?.to_owned();
    let of_app = async |path: &str| ask(client, &format!("{base}/{id}/{path}")).await;
    let mut answers = Answers {
        executors: of_app("allexecutors").await?,
        environment: of_app("environment").await?,
        stages: of_app("stages").await?,
        // Without Spark SQL there is none.
        sql: of_app("sql?details=true&length=10000").await.unwrap_or_default(),
        summaries: BTreeMap::new(),
    };
    let stages = items(&answers.stages).filter(|stage| number(&stage["numTasks"]) > MANY_TASKS);
    let large: Vec<(u64, u64)> = stages
        .map(|stage| (number(&stage["stageId"]), number(&stage["attemptId"])))
        .take(MEDIANS)
        .collect();
    for (stage, attempt) in large {
        let path = format!("stages/{stage}/{attempt}/taskSummary?quantiles=0.5");
        if let Ok(summary) = of_app(&path).await {
            answers.summaries.insert(stage, summary);
        }
    }
    Ok(run(id, &answers, Timestamp::now()))
}

async fn ask(client: &Client, path: &str) -> Result<Value, String> {
    let request = http::Request::get(path).body(Vec::new()).map_err(|e| e.to_string())?;
    let asked = tokio::time::timeout(DEADLINE, client.request_text(request));
    let text = match asked.await {
        Ok(Ok(text)) => text,
        Ok(Err(kube::Error::Api(status))) => return Err(status.message.clone()),
        Ok(Err(error)) => return Err(format!("asking Spark's REST API: {error}")),
        Err(_) => {
            return Err(format!("Spark's REST API did not answer within {} s", DEADLINE.as_secs()));
        }
    };
    serde_json::from_str(&text).map_err(|_| "Spark's REST API did not answer in JSON".to_owned())
}

fn run(application: String, answers: &Answers, now: Timestamp) -> ApplicationRun {
    let property = |key: &str| {
        let mut all = items(&answers.environment["sparkProperties"]);
        all.find(|pair| pair[0] == key).and_then(|pair| pair[1].as_str())
    };
    let executors = items(&answers.executors).filter(|row| row["id"] != "driver");
    let mut stages = BTreeMap::<u64, StageRun>::new();
    for row in items(&answers.stages) {
        let id = number(&row["stageId"]);
        let stage = stages.entry(id).or_insert_with(|| StageRun { id, ..StageRun::default() });
        stage.name = row["name"].as_str().unwrap_or_default().to_owned();
        let failed = number(&row["numFailedTasks"]);
        stage.failed += failed;
        stage.tasks += number(&row["numCompleteTasks"]) + failed;
    }
    for (id, summary) in &answers.summaries {
        // `duration` since 3.1.
        let medians = [&summary["duration"][0], &summary["executorRunTime"][0]];
        let median = medians.into_iter().find_map(Value::as_f64);
        if let Some(stage) = stages.get_mut(id) {
            stage.median_ms = median.map(|median| median as u64);
        }
    }
    ApplicationRun {
        application,
        heap: size(property("spark.executor.memory").unwrap_or(DEFAULT_HEAP)),
        task_cpus: property("spark.task.cpus").and_then(|cpus| cpus.parse().ok()).unwrap_or(1),
        executors: executors.map(|row| executor(row, now)).collect(),
        stages: stages.into_values().collect(),
        scans: items(&answers.sql)
            .flat_map(|execution| items(&execution["nodes"]))
            .filter_map(scan)
            .collect(),
    }
}

fn executor(row: &Value, now: Timestamp) -> ExecutorRun {
    let time = |key: &str| row[key].as_str().and_then(at);
    let end = time("removeTime").unwrap_or(now);
    let alive = time("addTime").map(|added| end.duration_since(added).as_millis());
    let peak = row["peakMemoryMetrics"]["JVMHeapMemory"].as_u64();
    ExecutorRun {
        id: row["id"].as_str().unwrap_or_default().to_owned(),
        cores: u32::try_from(number(&row["totalCores"])).unwrap_or_default(),
        alive_ms: alive.and_then(|ms| u64::try_from(ms).ok()).unwrap_or_default(),
        run_ms: number(&row["totalDuration"]),
        gc_ms: number(&row["totalGCTime"]),
        peak_heap: peak.filter(|bytes| *bytes > 0),
        read_bytes: number(&row["totalInputBytes"]) + number(&row["totalShuffleRead"]),
    }
}

/// A time as Spark writes it: `2026-12-01T09:00:00.000GMT`.
fn at(text: &str) -> Option<Timestamp> {
    text.replace("GMT", "Z").parse().ok()
}

fn scan(node: &Value) -> Option<Scan> {
    let metric = |name: &str| {
        let mut all = items(&node["metrics"]);
        all.find(|metric| metric["name"] == name).and_then(|metric| metric["value"].as_str())
    };
    Some(Scan {
        what: node["nodeName"].as_str().unwrap_or_default().trim().to_owned(),
        files: metric("number of files read")?.replace(',', "").trim().parse().ok()?,
        bytes: bytes(metric("size of files read")?)?,
    })
}

/// Bytes as Spark shows them (`Utils.bytesToString`): `2.9 KiB`.
fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = text.trim().split_once(' ')?;
    let number: f64 = number.replace(',', "").parse().ok()?;
    let shift = match unit {
        "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        "TiB" => 40,
        _ => return None,
    };
    Some((number * f64::from(1_u32 << (shift / 2)) * f64::from(1_u32 << (shift / 2))) as u64)
}

fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// In the form of Spark 3.5.
    #[test]
    fn answers_are_read() {
        let answers = Answers {
            executors: json!([
                { "id": "driver", "totalCores": 0 },
                { "id": "1", "isActive": true, "totalCores": 2, "totalDuration": 5000,
                  "totalGCTime": 100, "totalInputBytes": 10, "totalShuffleRead": 5,
                  "addTime": "2026-12-01T09:00:00.000GMT", "peakMemoryMetrics": { "JVMHeapMemory": 9 } },
                { "id": "2", "isActive": false, "totalCores": 2, "addTime": "2026-12-01T09:00:00.000GMT",
                  "removeTime": "2026-12-01T09:00:30.500GMT" },
            ]),
            environment: json!({ "sparkProperties": [["spark.executor.memory", "2g"], ["a", "b"]] }),
            stages: json!([
                { "stageId": 4, "attemptId": 0, "name": "count", "numTasks": 6000,
                  "numCompleteTasks": 5990, "numFailedTasks": 10 },
                { "stageId": 4, "attemptId": 1, "name": "count", "numTasks": 10,
                  "numCompleteTasks": 10, "numFailedTasks": 0 },
            ]),
            sql: json!([{ "id": 0, "nodes": [
                { "nodeName": "Scan parquet ", "metrics": [
                    { "name": "number of files read", "value": "1,200" },
                    { "name": "size of files read", "value": "2.5 MiB" } ] },
                { "nodeName": "Project" },
            ] }]),
            summaries: [(4, json!({ "quantiles": [0.5], "duration": [120.0] }))].into(),
        };
        let now = "2026-12-01T09:01:00Z".parse().expect("a time");
        let run = run("spark-1".into(), &answers, now);
        let alive: Vec<_> =
            run.executors.iter().map(|e| (&*e.id, e.alive_ms, e.peak_heap)).collect();
        assert_eq!(alive, [("1", 60_000, Some(9)), ("2", 30_500, None)]);
        assert_eq!((run.heap, run.task_cpus), (Some(2 << 30), 1));
        let stage = &run.stages[0];
        assert_eq!((stage.tasks, stage.failed, stage.median_ms), (6010, 10, Some(120)));
        let scan = Scan { what: "Scan parquet".into(), files: 1200, bytes: 2_621_440 };
        assert_eq!(run.scans, [scan]);
    }
}
