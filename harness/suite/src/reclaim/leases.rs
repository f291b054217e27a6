//! Whether the holders of Leases on a shared cluster are alive: renewals are observed for the
//! duration of a Lease, by this machine's clock. Times in a Lease are of another clock and not
//! compared with it (as in client-go's leader election).

use std::time::Duration;

use k8s_openapi::api::coordination::v1::Lease as KubeLease;
use kube::api::ListParams;
use kube::core::ObjectList;
use kube::{Api, ResourceExt};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_kubernetes::lease::DURATION_SECONDS;
use sparkproof_kubernetes::removal::bounded;
use tokio::time::Instant;

/// The longest duration of a Lease, in seconds, for which a sweep waits.
const LONGEST_SECONDS: u64 = 600;
/// Seconds that the API server may fail to answer after the end of the Leases.
const UNANSWERED_SECONDS: u64 = 60;

/// The state of a Lease's holder.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// The Lease was changed during the observation.
    Renews,
    /// The Lease was deleted during the observation.
    Gone,
    /// The Lease did not change for its duration, this many seconds.
    Dead(u64),
    /// The duration of the Lease, in seconds, is longer than a sweep waits.
    Lasts(u64),
    /// Unknown, because the API server did not answer, with its error.
    NotSeen(String),
}

/// A Lease under observation.
#[derive(Debug)]
struct Question {
    lease: KubeLease,
    lasts: u64,
    answer: Option<Holder>,
}

/// Lists all Leases that match.
pub(super) async fn list(
    api: &Api<KubeLease>,
    all: &ListParams,
) -> Result<kube::Result<ObjectList<KubeLease>>> {
    bounded(async { Ok(api.list(all).await) }).await
}

/// Observes Leases until the state of each holder is known. It only lists them, for which a sweep
/// always has permission. A failed list says nothing about a holder.
///
/// # Errors
/// Interrupted.
pub(super) async fn observe(
    context: &Context,
    api: &Api<KubeLease>,
    all: &ListParams,
    leases: Vec<KubeLease>,
) -> Result<Vec<(KubeLease, Holder)>> {
    let begun = Instant::now();
    let mut asked: Vec<Question> = leases.into_iter().map(Question::from_lease).collect();
    let longest = asked.iter().filter(|q| q.answer.is_none()).map(|q| q.lasts).max();
    let mut last = String::new();
    if let Some(longest) = longest {
        let waiting = Waiting::up_to(longest + UNANSWERED_SECONDS, "renewals of Leases");
        // Polled: a list each second costs less than a watch for each Lease, and needs no
        // additional verb.
        let waited = wait(context, waiting, Source::Backoff, async || {
            // Taken before the list: its state is not older than this.
            let elapsed = begun.elapsed();
            match list(api, all).await.and_then(|list| list.or_environment("listing Leases")) {
                Ok(list) => asked.iter_mut().for_each(|question| question.observe(&list, elapsed)),
                Err(error) => last = error.to_string(),
            }
            match asked.iter().filter(|question| question.answer.is_none()).count() {
                0 => Progress::Met(()),
                open => Progress::NotYet(format!("{open} Leases neither renewed nor expired")),
            }
        })
        .await;
        match waited {
            Err(error) if error.is_interruption() => return Err(error),
            // Without an answer the state is not known.
            Ok(()) | Err(Error { .. }) => {}
        }
    }
    let known = asked.into_iter().map(|question| {
        let holder = question.answer.unwrap_or_else(|| Holder::NotSeen(last.clone()));
        (question.lease, holder)
    });
    Ok(known.collect())
}

impl Question {
    fn from_lease(lease: KubeLease) -> Self {
        let spec = lease.spec.as_ref();
        let lasts = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or_default();
        // At least the duration that this version's runs use.
        let lasts = u64::try_from(lasts.max(DURATION_SECONDS)).unwrap_or_default();
        let answer = (lasts > LONGEST_SECONDS).then_some(Holder::Lasts(lasts));
        Question { lease, lasts, answer }
    }

    /// Evaluates a list that was requested this long after the Lease was first seen.
    fn observe(&mut self, list: &ObjectList<KubeLease>, elapsed: Duration) {
        if self.answer.is_some() {
            return;
        }
        let is_it = |other: &&KubeLease| {
            other.metadata.name == self.lease.metadata.name
                && other.metadata.namespace == self.lease.metadata.namespace
        };
        self.answer = match list.items.iter().find(is_it) {
            None => Some(Holder::Gone),
            // Any change counts, which is more careful than comparing renewal times.
            Some(now) if now.resource_version() != self.lease.resource_version() => {
                Some(Holder::Renews)
            }
            Some(_) if elapsed >= Duration::from_secs(self.lasts) => Some(Holder::Dead(self.lasts)),
            Some(_) => None,
        };
    }
}
