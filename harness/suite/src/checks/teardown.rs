//! Checks the objects in Kubernetes after a session ended, according to how it ended.

use std::collections::BTreeMap;
use std::time::Instant;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{FirstFailure, judged};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_catalog::spark::{executors_end, makes_config_map};
use sparkproof_judge::{ExpectedAfterKill, Held, Left, Leftovers, SessionReleased};
use sparkproof_kubernetes::observe::{LeftoverQuery, delete_leftovers, leftovers};
use sparkproof_kubernetes::removal::remains;
use sparkproof_testbed::{EndKind, EndedSession, ScenarioContext};

/// Seconds: Spark deletes within 2 s (measured); a loaded API server may take longer.
const GONE_WITHIN: u64 = 60;
/// Seconds: a killed driver's executors notice it after about 8 s (measured).
const NOTICED_WITHIN: u64 = 60;
/// Seconds: the removal waits for pods and namespaces itself; other objects may have a finalizer.
const OBJECTS_GONE_WITHIN: u64 = 10;
/// Seconds for the last list, after the time is over.
const LAST_LOOK: u64 = 10;

/// Checks that no pod, ConfigMap, Service or claim is left after a normal end.
pub async fn nothing_left(context: &Context, ended: &EndedSession) -> Result<()> {
    gone(context, ended, ended.ending).await
}

async fn gone(context: &Context, ended: &EndedSession, ending: EndKind) -> Result<()> {
    let (id, title) = match ending {
        EndKind::Stopped => ("teardown.stop", "after stop() nothing of the session is left"),
        EndKind::Exited => (
            "teardown.exit",
            "after the driver exits without stop() nothing of the session is left",
        ),
        EndKind::Collected => (
            "teardown.collected",
            "after the driver's pod is deleted nothing of the session is left",
        ),
        EndKind::Disconnected => {
            ("teardown.disconnected", "after the driver's JVM exits nothing of the session is left")
        }
        EndKind::HungUp => {
            ("teardown.hangup", "after the terminal is closed nothing of the session is left")
        }
        EndKind::Killed => ("teardown.removed", "leftovers of a killed driver are removed"),
    };
    // Kinds that cannot be listed are a separate skipped check (`access.leftovers`).
    let title = match ended.look.unseen.is_empty() {
        true => title.to_owned(),
        false => title.replace("of the session is", "of the session that can be listed is"),
    };
    judged(context, (id, &title), (), async || {
        let begun = Instant::now();
        // The driver sends no more requests: what is not being deleted by now will stay.
        let going = |held: &Leftovers| held.pods.values().any(|status| status == "Terminating");
        // Objects that a pod owns are deleted after it.
        let done = |held: &Leftovers| match ending {
            EndKind::Collected => held.is_empty(),
            _ => !going(held),
        };
        let (client, namespace) = (&ended.cluster.client, &ended.namespace);
        let left = settled(context, client, namespace, &ended.look, GONE_WITHIN, done).await?;
        Ok(Left {
            left,
            after_seconds: begun.elapsed().as_secs_f64(),
            not_looked_for: ended.look.unseen.clone(),
            denied: ended.denied_in_driver_log(),
        })
    })
    .await
    .map(drop)
}

/// Checks the objects after kill -9, then removes them. Spark sends no requests, so all N executor
/// pods end by themselves (those of 3.0 hang, SPARK-36532) and stay with their ConfigMap, without
/// an owner. They end as Error with 3.5.3 and as Completed with 3.5.9 (both measured; both log
/// `Driver … disassociated`). Objects that a driver's pod owned are deleted with that pod.
pub async fn executors_stay_after_kill(context: &Context, ended: &EndedSession) -> Result<()> {
    let executors = ended.executors as usize;
    let maps = usize::from(makes_config_map(&ended.spark_version));
    let what = match maps {
        0 => format!("{executors} executor pods"),
        _ => format!("{executors} executor pods and one ConfigMap"),
    };
    let until = match ended.driver_pod {
        Some(_) => "until the driver's pod is deleted",
        None => "until they are deleted",
    };
    let end = executors_end(&ended.spark_version);
    let (how, ends): (_, &[&str]) = match end {
        true => ("end and stay", &["Error", "Completed"]),
        false => ("run on", &["Running"]),
    };
    let title = format!("after kill -9 {what} {how} {until}");
    let expected = ExpectedAfterKill {
        executors,
        ends: ends.iter().map(|&end| end.to_owned()).collect(),
        config_maps: maps,
    };
    judged(context, ("teardown.kill", &title), expected, async || {
        let over = |held: &Leftovers| held.pods.values().all(|status| ends.contains(&&**status));
        // Executors that run on do so until the time is over.
        let noticed = |held: &Leftovers| end && over(held);
        let (client, namespace) = (&ended.cluster.client, &ended.namespace);
        settled(context, client, namespace, &ended.look, NOTICED_WITHIN, noticed).await.map(Held)
    })
    .await?;
    if let Some(pod) = &ended.driver_pod {
        context.cancel.guard(ended.delete_driver_pod(pod)).await?;
        return gone(context, ended, EndKind::Collected).await;
    }
    let removed = async {
        let (client, namespace) = (&ended.cluster.client, &ended.namespace);
        let held = leftovers(client, namespace, &ended.look).await?;
        delete_leftovers(&held, client, namespace).await
    };
    context.cancel.guard(removed).await?;
    nothing_left(context, ended).await
}

/// Checks that the session's namespace is gone, or in a user's namespace the objects of the run.
pub async fn namespace_gone(context: &Context, ended: &EndedSession) -> Result<()> {
    let title = match ended.namespace_stays() {
        true => format!("the objects of the session in namespace {} are removed", ended.namespace),
        false => "the namespace of the session is deleted".to_owned(),
    };
    let resources = ended.owned().iter().map(ToString::to_string).collect();
    judged(context, ("teardown.namespace", &title), resources, async || {
        let failure = match ended.release(context).await {
            Err(error) if error.is_interruption() => return Err(error),
            released => released.err().map(|error| error.to_string()),
        };
        let mut last = Err(Error::internal("nothing was looked at"));
        let waiting = Waiting::up_to(OBJECTS_GONE_WITHIN, "the end of the session's objects");
        // Polled: several kinds have no common watch.
        let waited = wait(context, waiting, Source::Backoff, async || {
            last = released(context, ended).await;
            match &last {
                Ok(remains) if remains.values().all(Vec::is_empty) => Progress::Met(()),
                Ok(_) => Progress::NotYet("they exist".to_owned()),
                Err(error) => Progress::NotYet(error.to_string()),
            }
        })
        .await;
        match waited {
            Err(error) if error.is_interruption() => Err(error),
            _ => {
                let not_looked_for = ended.look.unseen.clone();
                Ok(SessionReleased { remains: last?, failure, not_looked_for })
            }
        }
    })
    .await
    .map(drop)
}

/// The objects that still exist, by resource.
async fn released(
    context: &Context,
    ended: &EndedSession,
) -> Result<BTreeMap<String, Vec<String>>> {
    let mut all = BTreeMap::new();
    for owned in ended.owned() {
        all.insert(owned.to_string(), remains(context, owned, &ended.look.unseen).await?);
    }
    Ok(all)
}

/// Checks that nothing of an ended session is left, and asks for the end of its namespace, which
/// [`namespaces_gone`] checks later: Kubernetes takes at least 5 s for it. Where a later session may
/// need that name, or the namespace stays, it is checked now. Returns the result in words.
pub async fn let_go(proof: &ScenarioContext, ended: EndedSession) -> Result<&'static str> {
    let context = &proof.context;
    let mut first = FirstFailure::default();
    first.note(nothing_left(context, &ended).await)?;
    if !ended.ends_in_background(context) {
        first.note(namespace_gone(context, &ended).await)?;
        return first.or(match ended.namespace_stays() {
            true => "nothing left, the namespace stays",
            false => "nothing left, namespace deleted",
        });
    }
    match ended.let_end(context).await {
        Err(error) if error.is_interruption() => return Err(error),
        // Judged later: its removal is tried again.
        Err(error) => context.recorder.warn(format!("{}: {error}", ended.namespace)),
        Ok(()) => {}
    }
    proof.keep_ending(ended);
    first.or("nothing left, the namespace is ending")
}

/// Checks that the namespaces of all sessions that [`let_go`] kept are gone.
pub async fn namespaces_gone(proof: &ScenarioContext) -> Result<()> {
    let ending = proof.take_ending();
    if ending.is_empty() {
        return Ok(());
    }
    let context = &proof.context;
    let phase = context.recorder.phase("namespaces");
    let gone = async {
        let mut first = FirstFailure::default();
        for ended in &ending {
            first.note(namespace_gone(context, ended).await)?;
        }
        first.or(())
    };
    phase.end(gone.await, |()| format!("{} deleted", ending.len()))
}

/// The leftovers once `done` holds, or when the time is over; the caller judges them.
///
/// # Errors
/// Red: the last list failed. Earlier lists are not judged.
pub(super) async fn settled(
    context: &Context,
    client: &kube::Client,
    namespace: &str,
    look: &LeftoverQuery,
    seconds: u64,
    done: impl Fn(&Leftovers) -> bool,
) -> Result<Leftovers> {
    // Polled: several kinds have no common watch.
    let until = async |seconds, what: &str, enough: &dyn Fn(&Leftovers) -> bool| {
        wait(context, Waiting::up_to(seconds, what), Source::Backoff, async || {
            match leftovers(client, namespace, look).await {
                Ok(held) if enough(&held) => Progress::Met(held),
                Ok(held) => Progress::NotYet(held.to_string()),
                Err(error) => Progress::NotYet(error.to_string()),
            }
        })
        .await
    };
    match until(seconds, "the session's objects to settle", &done).await {
        Ok(held) => return Ok(held),
        Err(error) if error.is_interruption() => return Err(error),
        Err(_) => {}
    }
    let seen = until(LAST_LOOK, "the list of leftovers", &|_: &Leftovers| true).await;
    seen.map_err(|error| {
        if error.is_interruption() {
            return error;
        }
        Error::red(format!("namespace {namespace} could not be listed")).with_source(error).remedy(
            "check that the API server answers and that you have permission to list these kinds",
        )
    })
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::{Value, json};

    use super::*;
    use sparkproof_base::testing::test_context;

    /// An API server that answers the `n`th list (from 0) as `answer` says, with a status and the
    /// names of pods.
    fn server(
        mut answer: impl FnMut(usize) -> (u16, Vec<&'static str>) + Send + 'static,
    ) -> kube::Client {
        let (service, mut handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        tokio::spawn(async move {
            let mut pods_asked = 0;
            while let Some((request, reply)) = handle.next_request().await {
                let of_pods = request.uri().path().ends_with("/pods");
                let (code, names) = answer(pods_asked);
                pods_asked += usize::from(of_pods);
                let items: Vec<Value> = match of_pods {
                    true => names.iter().map(|n| json!({ "metadata": { "name": n } })).collect(),
                    false => Vec::new(),
                };
                let body = match code {
                    200 => json!({ "metadata": {}, "items": items }),
                    _ => json!({ "status": "Failure", "code": code, "reason": "Forbidden",
                                 "message": "pods is forbidden: User \"u\" cannot list" }),
                };
                let body = Body::from(serde_json::to_vec(&body).expect("json"));
                reply.send_response(Response::builder().status(code).body(body).expect("valid"));
            }
        });
        kube::Client::new(service, "n")
    }

    async fn settle(client: &kube::Client, done: impl Fn(&Leftovers) -> bool) -> Result<Leftovers> {
        let (context, _keep) = test_context();
        settled(&context, client, "n", &LeftoverQuery::default(), GONE_WITHIN, done).await
    }

    #[tokio::test(start_paused = true)]
    async fn what_could_never_be_listed_is_red_and_not_gone() {
        let refusing = server(|_| (403, Vec::new()));
        let error = settle(&refusing, Leftovers::is_empty).await.expect_err("nothing was seen");
        assert_eq!(error.exit, sparkproof_base::Exit::Red);
        let text = error.to_string();
        assert!(text.contains("could not be listed") && text.contains("cannot list"), "{text}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_api_server_that_does_not_answer_is_red_and_not_gone() {
        let (service, _handle) = tower_test::mock::pair::<Request<Body>, Response<Body>>();
        let silent = kube::Client::new(service, "n");
        let error = settle(&silent, Leftovers::is_empty).await.expect_err("nothing was seen");
        assert!(error.to_string().contains("did not return"), "{error}");
    }

    /// As after kill -9 of a Spark version whose executors run on: the last list is judged.
    #[tokio::test(start_paused = true)]
    async fn what_was_seen_before_the_api_went_is_not_judged() {
        let leaving = server(|n| if n < 3 { (200, vec!["x-exec-1"]) } else { (403, Vec::new()) });
        let error = settle(&leaving, |_| false).await.expect_err("the last looks saw nothing");
        assert!(error.to_string().contains("could not be listed"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_stays_is_what_is_there_when_the_time_is_over() {
        let holding = server(|_| (200, vec!["x-exec-1"]));
        let held = settle(&holding, |_| false).await.expect("listed");
        assert_eq!(held.pods.len(), 1, "{held}");
        let emptied = server(|n| (200, if n < 2 { vec!["x-exec-1"] } else { Vec::new() }));
        assert!(settle(&emptied, Leftovers::is_empty).await.expect("listed").is_empty());
    }
}
