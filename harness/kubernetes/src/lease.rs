//! A Lease that shows on a shared cluster that a run is alive: a sweep on another machine cannot
//! see the run's lock or its processes.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease as KubeLease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use kube::api::PostParams;
use kube::{Api, Client, ResourceExt};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::ledger::labels;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;

use crate::removal::bounded;

/// Seconds without a renewal after which its run counts as dead.
pub const DURATION_SECONDS: i32 = 60;
/// Seconds between renewals. Of three in a row two may fail, also without an answer.
const RENEW_SECONDS: u64 = 15;
/// Time limit for taking it, and for one renewal with all its conflicts.
const ROUND: Duration = Duration::from_secs(10);
/// How many conflicts in a row a renewal may have.
const CONFLICTS: usize = 3;

/// A Lease, renewed until this value is dropped.
#[derive(Debug)]
pub struct Lease {
    _renewal: AbortOnDropHandle<()>,
}

impl Lease {
    /// Creates the run's Lease in a namespace, which must be in the ledger, and keeps renewing it.
    ///
    /// # Errors
    /// Environment: it could not be created.
    pub async fn take(
        context: &Context,
        client: &Client,
        namespace: &str,
        name: &str,
        application: Option<&str>,
    ) -> Result<Lease> {
        let run = context.run.id();
        let api: Api<KubeLease> = Api::namespaced(client.clone(), namespace);
        let annotation = application.map(|id| (labels::KUBE_APPLICATION.to_owned(), id.to_owned()));
        let now = MicroTime(jiff::Timestamp::now());
        let lease = KubeLease {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                labels: Some(labels::kube(run, labels::Lifetime::Run)),
                annotations: Some(annotation.into_iter().collect()),
                ..Default::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(format!("{}/{run}", host())),
                lease_duration_seconds: Some(DURATION_SECONDS),
                acquire_time: Some(now.clone()),
                renew_time: Some(now),
                ..Default::default()
            }),
        };
        let what = || format!("creating a Lease in namespace {namespace}");
        let created = timeout(ROUND, api.create(&PostParams::default(), &lease)).await;
        let held = created.map_err(|_| unanswered(what()))?.or_environment(what())?;
        let renewal = tokio::spawn(renew(context.clone(), api, held));
        Ok(Lease { _renewal: AbortOnDropHandle::new(renewal) })
    }
}

/// The name of this host, for messages.
pub fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The result of one renewal.
#[derive(Debug)]
enum Renewal {
    /// Renewed: the Lease as it is now.
    Done(KubeLease),
    /// Failed: the Lease to retry with, and the error.
    Failed(KubeLease, Error),
    /// Deleted, perhaps with its namespace.
    Gone,
    /// Taken over by another holder.
    Lost(String),
}

async fn renew(context: Context, api: Api<KubeLease>, mut held: KubeLease) {
    let name = held.name_any();
    let mut warned = false;
    let mut next = Instant::now();
    loop {
        next += Duration::from_secs(RENEW_SECONDS);
        sleep_until(next).await;
        let renewed = timeout(ROUND, renew_once(&api, &name, held.clone())).await;
        match renewed.unwrap_or_else(|_| Renewal::Failed(held, unanswered("the API server"))) {
            Renewal::Done(renewed) => (held, warned) = (renewed, false),
            Renewal::Failed(last, error) => {
                if !warned {
                    context.recorder.warn(format!(
                        "renewing the Lease {name}: {error}; without it a sweep on another machine \
                         may remove this run's objects after {DURATION_SECONDS} s"
                    ));
                }
                (held, warned) = (last, true);
            }
            Renewal::Gone => return,
            Renewal::Lost(holder) => {
                context.recorder.warn(format!(
                    "the Lease {name} is now held by {holder}: a sweep on another machine took this \
                     run for dead and is removing its objects in the cluster"
                ));
                return;
            }
        }
    }
}

fn unanswered(what: impl std::fmt::Display) -> Error {
    Error::environment(format!("{what}: no answer within {} s", ROUND.as_secs()))
}

/// Renews the Lease. A conflict only means that it has changed, by a renewal whose answer was lost,
/// or by an annotation. As long as the holder is the same, the changed Lease is renewed.
async fn renew_once(api: &Api<KubeLease>, name: &str, mut held: KubeLease) -> Renewal {
    let holder = holder_of(&held);
    for _ in 0..CONFLICTS {
        if let Some(spec) = &mut held.spec {
            spec.renew_time = Some(MicroTime(jiff::Timestamp::now()));
        }
        let options = PostParams::default();
        match bounded(async { Ok(api.replace(name, &options, &held).await) }).await {
            Ok(Ok(renewed)) => return Renewal::Done(renewed),
            Ok(Err(kube::Error::Api(status))) if status.code == 404 => return Renewal::Gone,
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => {}
            Ok(Err(error)) => {
                return Renewal::Failed(
                    held,
                    Error::environment("the API server").with_source(error),
                );
            }
            Err(error) => return Renewal::Failed(held, error),
        }
        match bounded(api.get_opt(name)).await {
            Ok(None) => return Renewal::Gone,
            Ok(Some(now)) if holder_of(&now) == holder => held = now,
            Ok(Some(now)) => return Renewal::Lost(holder_of(&now)),
            Err(error) => return Renewal::Failed(held, error),
        }
    }
    Renewal::Failed(held, Error::environment("it keeps changing"))
}

/// The holder of a Lease; empty for none.
pub fn holder_of(lease: &KubeLease) -> String {
    let spec = lease.spec.as_ref();
    spec.and_then(|spec| spec.holder_identity.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
