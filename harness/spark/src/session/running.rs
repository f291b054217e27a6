//! A started session.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{Cause, Diagnosis};
use sparkproof_judge::diagnosis::{Asked, DriverFacts, Evidence, findings};
use sparkproof_judge::{
    Agreement, BlocksResult, Described, FrameResult, GroupMetrics, ReadTask, Removed,
};
use sparkproof_kubernetes::observe::Pods;

use super::agreement::{agreement, is_running, of_session};
use super::cost::{CostResult, CostSoFar, WorkloadResult};
use super::driver::{Driver, read_log};
use super::evidence::{self, Place, driver_facts, facts};
use super::frame::Frame;
use super::health::may_not_create;
use super::logs::PodLogs;
use super::metrics::group_metrics;
use super::probe::{BarrierResult, checked};
use super::protocol::Request;
use super::reading::{Listing, ReadPart, ReadResult};
use super::rest::{Executor, Rest};

/// Time limit of a barrier stage or a small job: Spark itself waits up to ten minutes for slots.
const JOB: Duration = Duration::from_secs(120);
/// Time limit of a read, of each part: clients retry for minutes if a store does not answer.
const READ: Duration = Duration::from_secs(300);
/// Time limit of `stop`.
const STOP: Duration = Duration::from_secs(60);

/// A started session and its driver. End it with one of its five methods: dropping it kills the
/// driver, and Spark cleans nothing up.
#[derive(Debug)]
pub struct Session {
    pub(super) name: String,
    pub(super) described: Described,
    pub(super) rest: Rest,
    pub(super) address: IpAddr,
    pub(super) executors: Agreement,
    pub(super) seconds: f64,
    pub(super) driver: Driver,
    pub(super) logs: PodLogs,
    pub(super) pods: Pods,
    pub(super) asked: Asked,
    pub(super) place: Place,
    /// Pods of all executors that were ever in the list until the start ended.
    pub(super) came: BTreeSet<String>,
}

/// How a session ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Application id: the label `spark-app-selector` of its leftovers.
    pub application: String,
    /// Seconds from the request until `stop` returned, or until the processes were gone.
    pub seconds: f64,
    /// The driver's log, secrets masked; only there Spark reports what it could not delete.
    pub driver_log: String,
}

#[derive(Debug, Deserialize)]
struct Sum {
    sum: u128,
}

impl Session {
    /// Its description.
    pub fn described(&self) -> &Described {
        &self.described
    }

    /// Its name: the value of the label `sparkproof.io/session` of its executors, and the directory
    /// of its artifacts.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The driver's address on the cluster's network.
    pub fn driver_address(&self) -> IpAddr {
        self.address
    }

    /// The driver's pod, if it is in one.
    pub fn driver_pod(&self) -> Option<&str> {
        self.driver.pod()
    }

    /// Its executors when its start ended.
    pub fn executors(&self) -> &Agreement {
        &self.executors
    }

    /// Seconds from the driver's launch to N registered executors.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// The executors registered now.
    pub async fn registered(&self) -> Result<BTreeMap<u32, Executor>> {
        self.rest.executors().await
    }

    /// The executors registered now, and the Running pods.
    pub async fn agreement(&self) -> Result<Agreement> {
        Ok(agreement(&self.registered().await?, &self.pods()))
    }

    /// The executors registered now, and in words how they and the Running pods differ from `n`
    /// equal ones.
    pub async fn compared(&self, n: usize) -> Result<(BTreeMap<u32, Executor>, Option<String>)> {
        let registered = self.registered().await?;
        let difference = agreement(&registered, &self.pods()).difference(n);
        Ok((registered, difference))
    }

    /// Removed executors, with Spark's reason and time.
    pub async fn removed(&self) -> Result<BTreeMap<u32, Removed>> {
        self.rest.removed().await
    }

    /// What its driver was refused so far without which it gets no executor.
    pub fn may_not_create(&self) -> Option<String> {
        may_not_create(&read_log(&self.driver.log_path()))
    }

    /// Its executor pods now, by executor id.
    pub fn pods(&self) -> BTreeMap<u32, Arc<Pod>> {
        of_session(&self.pods, &self.name)
    }

    /// The logs of its executors so far, by pod, also of deleted pods.
    pub fn pod_logs(&self) -> BTreeMap<String, String> {
        self.logs.now()
    }

    /// Its specification.
    pub fn context(&self) -> &Context {
        self.driver.context()
    }

    /// Asks for the session's description again.
    pub async fn describe(&mut self) -> Result<Described> {
        self.driver.request(&Request::Describe {}, STOP).await
    }

    /// Runs one barrier stage of exactly `tasks` tasks.
    pub async fn barrier(&mut self, tasks: u32) -> Result<BarrierResult> {
        let result: BarrierResult = self.request(&Request::Barrier { tasks }, JOB).await?;
        checked(result.schema, result)
    }

    /// Reads files in one barrier stage of exactly `tasks` tasks, through Hadoop's `FileSystem`.
    /// The result has one list for each part: what each task reported of it. A file that cannot be
    /// read is not an error here: the task's result has it, and the caller decides.
    pub async fn read(&mut self, tasks: u32, parts: Vec<ReadPart>) -> Result<Vec<Vec<ReadTask>>> {
        let many = parts.len();
        let deadline = READ.saturating_mul(u32::try_from(many).unwrap_or(u32::MAX).max(1));
        let request = Request::Read { tasks, parts };
        let result: ReadResult = self.request(&request, deadline).await?;
        checked(result.schema, result)?.by_part(many)
    }

    /// What the containers of its `executors` and the driver's JVM have cost so far.
    pub async fn cost(&mut self, executors: u32) -> Result<CostSoFar> {
        let result: CostResult = self.request(&Request::Cost { tasks: executors }, JOB).await?;
        Ok(checked(result.schema, result)?.so_far())
    }

    /// Runs work of the probe by its name in so many executors; `group` is the job group.
    pub async fn workload(&mut self, name: &str, executors: u32, group: &str) -> Result<i64> {
        let (name, group) = (name.to_owned(), group.to_owned());
        let request = Request::Workload { name, tasks: executors, group };
        let result: WorkloadResult = self.request(&request, READ).await?;
        Ok(result.result)
    }

    /// Lists files in the driver's JVM; a failure is part of the result.
    pub async fn list(&mut self, uri: &str) -> Result<Listing> {
        let request = Request::List { uri: uri.to_owned() };
        let listing: Listing = self.driver.request(&request, READ).await?;
        checked(listing.schema, listing)
    }

    /// Reads a DataFrame once. An exception is the error's source:
    /// [`super::DriverError::from_error`].
    pub async fn frame(&mut self, frame: &Frame) -> Result<FrameResult> {
        self.driver.request(&Request::Frame(frame.clone()), READ).await
    }

    /// The effective values of settings: `spark.hadoop.*` in Hadoop's configuration, SQL settings
    /// in the session's, all others in the context's.
    pub async fn conf(&mut self, keys: &[&str]) -> Result<BTreeMap<String, Option<String>>> {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        self.driver.request(&Request::Conf { keys }, STOP).await
    }

    /// Spark's metrics of the tasks of each of these job groups, once all of them have ended. An
    /// error if a group has no job: Spark runs none if all files are empty.
    pub async fn metrics(&self, groups: &[&str]) -> Result<Vec<GroupMetrics>> {
        group_metrics(self.driver.context(), &self.rest, groups).await
    }

    /// Sums the numbers 0 to `rows` (exclusive) in `partitions` tasks.
    pub async fn job(&mut self, rows: u64, partitions: u32) -> Result<u128> {
        let sum: Sum = self.request(&Request::Job { rows, partitions }, JOB).await?;
        Ok(sum.sum)
    }

    /// Runs jobs of `tasks` tasks that leave blocks on executors, with `cached` also in memory. The
    /// first call computes each block; later calls compute only those that were lost.
    pub async fn blocks(&mut self, tasks: u32, cached: bool) -> Result<BlocksResult> {
        let result: BlocksResult = self.request(&Request::Blocks { tasks, cached }, JOB).await?;
        checked(result.schema, result)
    }

    /// Starts `tasks` tasks that run until [`Session::unload`], for five minutes at most.
    pub async fn load(&mut self, tasks: u32) -> Result<()> {
        self.driver.request::<serde_json::Value>(&Request::Load { tasks }, JOB).await.map(drop)
    }

    /// Ends the tasks of [`Session::load`].
    pub async fn unload(&mut self) -> Result<()> {
        self.driver.request::<serde_json::Value>(&Request::Unload {}, JOB).await.map(drop)
    }

    /// A request that runs tasks; its error names the cause if executors ended because of one.
    async fn request<T: DeserializeOwned>(
        &mut self,
        request: &Request,
        deadline: Duration,
    ) -> Result<T> {
        match self.driver.request(request, deadline).await {
            Err(error) if !error.is_interruption() => Err(self.explained(error).await),
            answer => answer,
        }
    }

    /// What was observed of it so far, without events and surroundings. `registered` are the executors
    /// in Spark's list now.
    fn observed(&self, driver: DriverFacts, registered: &BTreeMap<u32, Executor>) -> Evidence {
        let mut came = self.came.clone();
        let pods = self.pods();
        came.extend(registered.keys().filter_map(|id| Some(pods.get(id)?.name_any())));
        Evidence {
            asked: self.asked.clone(),
            driver: DriverFacts {
                log: read_log(&self.driver.log_path()),
                context_master: Some(self.described.context_master.clone()),
                ..driver
            },
            pods: facts(&self.pods, (&self.name, self.driver.pod()), &self.logs, &came),
            ..Evidence::default()
        }
    }

    /// If executors ended of those that ran in `before`, by id: an error with the cause, if one is seen.
    ///
    /// # Errors
    /// Red: it names the pods.
    pub async fn all_live(&self, before: &BTreeMap<u32, Arc<Pod>>) -> Result<()> {
        let now = self.pods();
        let ran = before.iter().filter(|(_, pod)| is_running(pod));
        let gone = ran.filter(|(id, pod)| {
            now.get(*id).is_none_or(|now| now.uid() != pod.uid() || !is_running(now))
        });
        let gone: BTreeMap<u32, String> = gone.map(|(id, pod)| (*id, pod.name_any())).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let names: Vec<&str> = gone.values().map(String::as_str).collect();
        let ended = Error::red(format!("executors exited meanwhile: {}", names.join(", ")));
        // Spark deletes them before a watch has seen how they ended, but its driver says it.
        let log = read_log(&self.driver.log_path());
        let said = gone.keys().find_map(|id| log.rfind(&format!("Lost executor {id} on ")));
        let reason = said.map(|at| log[at..].to_owned()).unwrap_or_default();
        Err(self.explained_by(ended, DriverFacts { reason, ..DriverFacts::default() }).await)
    }

    /// An error of this session, with the cause if its pods, their events and logs show one. The
    /// evidence is then in the run directory.
    async fn explained(&self, error: Error) -> Error {
        let driver = driver_facts(&error);
        self.explained_by(error, driver).await
    }

    async fn explained_by(&self, error: Error, driver: DriverFacts) -> Error {
        let context = self.driver.context();
        let registered = self.registered().await.unwrap_or_default();
        let evidence = self.observed(driver, &registered);
        let evidence = evidence::complete(context, &self.place, evidence).await;
        // The session had started: what was refused before has not ended its executors.
        let mut found = findings(&evidence);
        found.retain(|finding| !finding.pods.is_empty() || finding.cause >= Cause::Evicted);
        // An executor that a node took and Spark replaced is not why a later job failed.
        let lost = ["ExecutorLostFailure", "Lost executor", "executor lost", "exited"];
        let of_loss = lost.iter().any(|words| evidence.driver.reason.contains(words));
        let there = registered.len() >= self.asked.executors as usize;
        found.retain(|finding| of_loss || !there || finding.cause > Cause::NodeLost);
        let mut found = found.into_iter().map(Diagnosis::from);
        let Some(mut diagnosis) = found.next() else { return error };
        diagnosis.also = found.collect();
        evidence::record(context, &self.name, &evidence);
        diagnosis.error(error.to_string())
    }

    /// Calls `stop()`, then ends the driver. Spark does not wait for the end of the pods. How all of it
    /// was before is in the run directory (`ended.json`): what failed elsewhere can be compared with it,
    /// and no rule may name a cause in it.
    pub async fn stop(mut self) -> Result<Ended> {
        let begun = Instant::now();
        let context = self.driver.context().clone();
        let registered = self.registered().await.unwrap_or_default();
        let evidence = self.observed(DriverFacts::default(), &registered);
        let stop = async {
            let stopped = self.driver.request::<serde_json::Value>(&Request::Stop {}, STOP).await;
            (stopped, begun.elapsed().as_secs_f64())
        };
        // Side by side: the listings take no time of their own.
        let ((stopped, seconds), mut evidence) =
            tokio::join!(stop, evidence::complete(&context, &self.place, evidence));
        // Also after a failure: the driver must not stay.
        let driver_log = self.driver.end().await?;
        stopped?;
        evidence.driver.log.clone_from(&driver_log);
        evidence::record_ended(&context, &self.name, &evidence);
        Ok(Ended { application: self.described.application, seconds, driver_log })
    }

    /// Ends the driver process without `stop()`: Spark's shutdown hook stops the session.
    pub async fn exit_without_stop(mut self) -> Result<Ended> {
        let begun = Instant::now();
        let said = self.driver.request::<serde_json::Value>(&Request::Exit {}, STOP).await;
        let driver_log = self.driver.end().await?;
        said?;
        let seconds = begun.elapsed().as_secs_f64();
        Ok(Ended { application: self.described.application, seconds, driver_log })
    }

    /// Closes the driver's channel, so that its JVM exits, as by `(System/exit 0)` in a REPL:
    /// Spark's shutdown hook stops the session.
    pub async fn disconnect(self) -> Result<Ended> {
        let begun = Instant::now();
        let driver_log = self.driver.end().await?;
        let seconds = begun.elapsed().as_secs_f64();
        Ok(Ended { application: self.described.application, seconds, driver_log })
    }

    /// Sends SIGHUP to the driver's JVM, like a closing terminal: Spark's shutdown hook stops the
    /// session.
    pub async fn hang_up(mut self) -> Result<Ended> {
        let begun = Instant::now();
        let hung_up = self.driver.hang_up().await;
        let seconds = begun.elapsed().as_secs_f64();
        let driver_log = self.driver.end().await?;
        hung_up?;
        Ok(Ended { application: self.described.application, seconds, driver_log })
    }

    /// Kills the driver's JVM with SIGKILL, then ends the rest of the driver. The pods are not
    /// deleted: they end by themselves and stay.
    pub async fn kill9(mut self) -> Result<Ended> {
        let begun = Instant::now();
        let killed = self.driver.kill_jvm().await;
        let seconds = begun.elapsed().as_secs_f64();
        let driver_log = self.driver.end().await?;
        killed?;
        Ok(Ended { application: self.described.application, seconds, driver_log })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The number of a Java constant, `_` left out.
    fn millis(source: &str, name: &str) -> u64 {
        let line = source.lines().find_map(|line| line.split_once(&format!("{name} = ")));
        let (_, value) = line.expect(name);
        value.trim_end_matches(';').replace('_', "").parse().expect("a number")
    }

    /// Else the request would end before, and the probe's own words be lost.
    #[test]
    fn the_end_of_a_load_fits_into_its_request() {
        let source = include_str!("../../probe/src/sparkproof/Load.java");
        let ended = Duration::from_millis(millis(source, "ENDED_MILLIS"));
        assert_eq!(source.matches("running.join(").count(), 1);
        assert!(source.contains("running.join(ENDED_MILLIS)"), "bounded by the same");
        assert!(2 * ended <= JOB, "{ended:?} and what starts and answers a request in {JOB:?}");
    }
}
