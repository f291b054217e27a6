//! Whether the holders of Leases on a shared cluster live: seen by their renewals, for as long as a
//! Lease lasts, by the clock of this machine. Times that a Lease names are of another clock and are
//! not compared with ours (so does client-go's leader election).

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

/// What a Lease may last at most for a sweep to wait for its end, in seconds.
const LONGEST_SECONDS: u64 = 600;
/// How long the API server may fail to answer beyond the last look that matters, in seconds.
const UNANSWERED_SECONDS: u64 = 60;

/// What was seen of the holder of a Lease.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// The Lease was changed while we looked.
    Renews,
    /// The Lease went while we looked.
    Gone,
    /// For as long as it lasts, this many seconds, nothing changed it.
    Dead(u64),
    /// The Lease lasts longer, in seconds, than a sweep waits.
    Lasts(u64),
    /// The API server did not answer when it mattered: nothing is known.
    NotSeen(String),
}

/// A Lease in question.
#[derive(Debug)]
struct Question {
    lease: KubeLease,
    lasts: u64,
    answer: Option<Holder>,
}

/// All Leases that parameters find.
pub(super) async fn list(
    api: &Api<KubeLease>,
    all: &ListParams,
) -> Result<kube::Result<ObjectList<KubeLease>>> {
    bounded(async { Ok(api.list(all).await) }).await
}

/// Looks at Leases until it is known of each whether its holder lives. Only lists them, which is what
/// a sweep may do in any case. A look that fails says nothing about a holder.
///
/// # Errors
/// The interruption of the run.
pub(super) async fn observe(
    context: &Context,
    api: &Api<KubeLease>,
    all: &ListParams,
    leases: Vec<KubeLease>,
) -> Result<Vec<(KubeLease, Holder)>> {
    let begun = Instant::now();
    let mut asked: Vec<Question> = leases.into_iter().map(Question::of).collect();
    let longest = asked.iter().filter(|q| q.answer.is_none()).map(|q| q.lasts).max();
    let mut last = String::new();
    if let Some(longest) = longest {
        let waiting = Waiting::up_to(longest + UNANSWERED_SECONDS, "renewals of Leases");
        // Many objects and minutes: a list each second costs less than a watch for each Lease, and
        // needs no verb that a sweep does not have.
        let waited = wait(context, waiting, Source::Backoff, async || {
            // The state it will show is not older than this.
            let elapsed = begun.elapsed();
            match list(api, all).await.and_then(|list| list.or_environment("listing Leases")) {
                Ok(list) => asked.iter_mut().for_each(|question| question.look(&list, elapsed)),
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
            // What is not answered is not known.
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
    fn of(lease: KubeLease) -> Self {
        let spec = lease.spec.as_ref();
        let lasts = spec.and_then(|spec| spec.lease_duration_seconds).unwrap_or_default();
        // Never less than what this version's runs renew it in.
        let lasts = u64::try_from(lasts.max(DURATION_SECONDS)).unwrap_or_default();
        let answer = (lasts > LONGEST_SECONDS).then_some(Holder::Lasts(lasts));
        Question { lease, lasts, answer }
    }

    /// Takes in one list that was asked for so long after the Lease was seen first.
    fn look(&mut self, list: &ObjectList<KubeLease>, elapsed: Duration) {
        if self.answer.is_some() {
            return;
        }
        let is_it = |other: &&KubeLease| {
            other.metadata.name == self.lease.metadata.name
                && other.metadata.namespace == self.lease.metadata.namespace
        };
        self.answer = match list.items.iter().find(is_it) {
            None => Some(Holder::Gone),
            // Whoever changed it: that is never less careful than to compare the renewals.
            Some(now) if now.resource_version() != self.lease.resource_version() => {
                Some(Holder::Renews)
            }
            Some(_) if elapsed >= Duration::from_secs(self.lasts) => Some(Holder::Dead(self.lasts)),
            Some(_) => None,
        };
    }
}
