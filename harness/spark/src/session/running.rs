//! A session that is started.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use serde::Deserialize;
use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_kubernetes::observe::Pods;

use super::agreement::{compare, of_session};
use super::blocks::BlocksResult;
use super::driver::Driver;
use super::frame::{Frame, FrameResult};
use super::logs::PodLogs;
use super::metrics::{GroupMetrics, group_metrics};
use super::probe::{BarrierResult, checked};
use super::protocol::{Described, Request};
use super::reading::{Listing, ReadResult, Reading};
use super::rest::{Executor, Rest};

/// How long a barrier stage or a small job may take: Spark itself waits up to ten minutes for slots.
const JOB: Duration = Duration::from_secs(120);
/// How long it may take to read: a store that does not answer is tried again for minutes.
const READ: Duration = Duration::from_secs(300);
/// How long `stop` may take.
const STOP: Duration = Duration::from_secs(60);

/// A started session and its driver. Dropped, the driver is killed and Spark cleans nothing up:
/// end it by one of its five ends.
#[derive(Debug)]
pub struct Session {
    pub(super) name: String,
    pub(super) described: Described,
    pub(super) rest: Rest,
    pub(super) address: IpAddr,
    pub(super) executors: BTreeMap<u32, Executor>,
    pub(super) seconds: f64,
    pub(super) driver: Driver,
    pub(super) logs: PodLogs,
    pub(super) pods: Pods,
}

/// How a session ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Application id: the label `spark-app-selector` of what it may have left.
    pub application: String,
    /// From the request to the end of what was asked (`stop` returned, or the processes were gone).
    pub seconds: f64,
    /// The driver's log, scrubbed: what Spark could not delete it says only there.
    pub driver_log: String,
}

#[derive(Debug, Deserialize)]
struct Sum {
    sum: u128,
}

impl Session {
    /// What it says of itself.
    pub fn described(&self) -> &Described {
        &self.described
    }

    /// Its name: the value of the label `sparkproof.io/session` on its executors, and the directory
    /// of its artifacts.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address its driver has on the cluster's network.
    pub fn driver_address(&self) -> IpAddr {
        self.address
    }

    /// The pod its driver is in, when it is in one.
    pub fn driver_pod(&self) -> Option<&str> {
        self.driver.pod()
    }

    /// The executors as registered when it started, by id.
    pub fn executors(&self) -> &BTreeMap<u32, Executor> {
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

    /// The executors registered now, and where they and the Running pods are not `n` equal ones, in
    /// words.
    pub async fn compared(&self, n: usize) -> Result<(BTreeMap<u32, Executor>, Option<String>)> {
        let registered = self.registered().await?;
        let difference = compare(&registered, &self.pods(), n);
        Ok((registered, difference))
    }

    /// Executors that were registered and are not any more, with Spark's reason.
    pub async fn removed(&self) -> Result<BTreeMap<u32, String>> {
        self.rest.removed().await
    }

    /// Its executor pods now, by executor id.
    pub fn pods(&self) -> BTreeMap<u32, Arc<Pod>> {
        of_session(&self.pods, &self.name)
    }

    /// What its executors printed so far, by pod, also of pods that are gone.
    pub fn pod_logs(&self) -> BTreeMap<String, String> {
        self.logs.now()
    }

    /// What it was started with.
    pub fn context(&self) -> &Context {
        self.driver.context()
    }

    /// Asks the session again what it is.
    pub async fn describe(&mut self) -> Result<Described> {
        self.driver.request(&Request::Describe {}, STOP).await
    }

    /// Runs one barrier stage of exactly `tasks` tasks.
    pub async fn barrier(&mut self, tasks: u32) -> Result<BarrierResult> {
        let result: BarrierResult = self.driver.request(&Request::Barrier { tasks }, JOB).await?;
        checked(result.schema, result)
    }

    /// Reads files in one barrier stage of exactly `tasks` tasks, through Hadoop's `FileSystem`.
    /// URIs are not percent-encoded. A file that cannot be read is no error here: each task says so
    /// of its own read, and the caller decides.
    pub async fn read(
        &mut self,
        tasks: u32,
        uris: Vec<String>,
        how: Reading,
    ) -> Result<ReadResult> {
        let request = Request::Read { tasks, uris, how };
        let result: ReadResult = self.driver.request(&request, READ).await?;
        checked(result.schema, result)
    }

    /// Lists files in the driver's JVM; what it could not list is part of the result.
    pub async fn list(&mut self, uri: &str) -> Result<Listing> {
        let request = Request::List { uri: uri.to_owned() };
        let listing: Listing = self.driver.request(&request, READ).await?;
        checked(listing.schema, listing)
    }

    /// Reads a DataFrame once. An exception is the error's source:
    /// [`super::DriverError::of`].
    pub async fn frame(&mut self, frame: &Frame) -> Result<FrameResult> {
        self.driver.request(&Request::Frame(frame.clone()), READ).await
    }

    /// The values in force of settings: those of Hadoop (`spark.hadoop.*`) in Hadoop's
    /// configuration, those of SQL in the session's, all others in the context's.
    pub async fn conf(&mut self, keys: &[&str]) -> Result<BTreeMap<String, Option<String>>> {
        let keys = keys.iter().map(|&key| key.to_owned()).collect();
        self.driver.request(&Request::Conf { keys }, STOP).await
    }

    /// What Spark's REST API says of a job group's tasks, once all of them have ended. Without a job
    /// it is an error: where all files are empty, Spark runs none.
    pub async fn metrics(&self, group: &str) -> Result<GroupMetrics> {
        group_metrics(self.driver.context(), &self.rest, group).await
    }

    /// Sums the numbers 0 to `rows` (exclusive) in `partitions` tasks.
    pub async fn job(&mut self, rows: u64, partitions: u32) -> Result<u128> {
        let sum: Sum = self.driver.request(&Request::Job { rows, partitions }, JOB).await?;
        Ok(sum.sum)
    }

    /// Runs jobs of `tasks` tasks whose blocks stay on executors, in memory, too, when `cached`. The
    /// first time each block is computed; later, asked for the same, only those that got lost.
    pub async fn blocks(&mut self, tasks: u32, cached: bool) -> Result<BlocksResult> {
        let result: BlocksResult =
            self.driver.request(&Request::Blocks { tasks, cached }, JOB).await?;
        checked(result.schema, result)
    }

    /// Starts `tasks` tasks that last until [`Session::unload`], five minutes at most.
    pub async fn load(&mut self, tasks: u32) -> Result<()> {
        self.driver.request::<serde_json::Value>(&Request::Load { tasks }, JOB).await.map(drop)
    }

    /// Ends what [`Session::load`] started.
    pub async fn unload(&mut self) -> Result<()> {
        self.driver.request::<serde_json::Value>(&Request::Unload {}, JOB).await.map(drop)
    }

    /// Stops the session as a program does that is done, then ends the driver. Spark does not wait
    /// for the pods to go.
    pub async fn stop(mut self) -> Result<Ended> {
        let begun = Instant::now();
        let stopped = self.driver.request::<serde_json::Value>(&Request::Stop {}, STOP).await;
        let seconds = begun.elapsed().as_secs_f64();
        // Also when it failed: nothing of ours stays.
        let driver_log = self.driver.end().await?;
        stopped?;
        Ok(Ended { application: self.described.application, seconds, driver_log })
    }

    /// Ends the driver process without stopping the session: Spark's shutdown hook does it.
    pub async fn exit_without_stop(mut self) -> Result<Ended> {
        let begun = Instant::now();
        let said = self.driver.request::<serde_json::Value>(&Request::Exit {}, STOP).await;
        let driver_log = self.driver.end().await?;
        said?;
        let seconds = begun.elapsed().as_secs_f64();
        Ok(Ended { application: self.described.application, seconds, driver_log })
    }

    /// Closes the driver's channel, upon which its JVM exits, as by `(System/exit 0)` in a REPL:
    /// Spark's shutdown hook stops the session.
    pub async fn disconnect(self) -> Result<Ended> {
        let begun = Instant::now();
        let driver_log = self.driver.end().await?;
        let seconds = begun.elapsed().as_secs_f64();
        Ok(Ended { application: self.described.application, seconds, driver_log })
    }

    /// Hangs up on the driver's JVM, as a terminal does that is closed: Spark's shutdown hook stops
    /// the session.
    pub async fn hang_up(mut self) -> Result<Ended> {
        let begun = Instant::now();
        let hung_up = self.driver.hang_up().await;
        let seconds = begun.elapsed().as_secs_f64();
        let driver_log = self.driver.end().await?;
        hung_up?;
        Ok(Ended { application: self.described.application, seconds, driver_log })
    }

    /// Kills the driver's JVM with SIGKILL, then ends the rest of the driver. Nothing deletes the
    /// pods: they end by themselves and stay.
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
