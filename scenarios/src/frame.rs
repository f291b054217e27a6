//! The frame of scenarios, and how they expect a red check.

use std::path::{Path, PathBuf};

use sparkproof::catalog::Variant;
use sparkproof::catalog::VariantId;
use sparkproof::cluster::InPod;
use sparkproof::events::{Body, Event, Outcome as Verdict};
use sparkproof::flow::{ReadingBuilder, ReadingSession};
use sparkproof::judge::diagnosis::{Evidence, Finding, findings};
use sparkproof::judge::{Rejudged, rejudge};
use sparkproof::read::DataSize;
use sparkproof::session::ENDED;
use sparkproof::testbed::{EndKind, LiveSession, ScenarioContext};
use sparkproof::verdict::Cause;
use sparkproof::{Error, checks};

/// The result of a scenario; nextest prints its message.
pub type Outcome = miette::Result<()>;

/// Runs a scenario in its frame. Its verdicts must follow from what was observed, and each must be of
/// a registered kind of check. In sessions that it stops, the rules of diagnosis must name no cause.
pub async fn proof(
    name: &str,
    body: impl AsyncFnOnce(&ScenarioContext) -> sparkproof::Result<()>,
) -> Outcome {
    proof_with(name, &[], body).await
}

/// The same of a scenario that makes faults in sessions which it then stops: these causes, and no others,
/// may be named.
pub async fn proof_with(
    name: &str,
    made: &[Cause],
    body: impl AsyncFnOnce(&ScenarioContext) -> sparkproof::Result<()>,
) -> Outcome {
    let judged_again = async |p: &ScenarioContext| {
        body(p).await?;
        let events = sparkproof::report::stored_events(p.context.recorder.dir())?;
        let Rejudged { differing, without, .. } = rejudge(&events);
        let without = without.into_keys().map(|id| format!("{id} has no observation"));
        let named = named_in_healthy(p.context.recorder.dir(), &events, made)?;
        let faults: Vec<String> = differing.into_iter().chain(without).chain(named).collect();
        match faults.is_empty() {
            true => Ok(()),
            false => Err(Error::red(format!("judged again: {}", faults.join("; ")))),
        }
    };
    sparkproof::flow::scenario(name, judged_again).await.map_err(miette::Report::new)
}

/// Causes that the rules name in sessions which were stopped, so nothing had failed but what was `made`.
fn named_in_healthy(
    dir: &Path,
    events: &[Event],
    made: &[Cause],
) -> sparkproof::Result<Vec<String>> {
    let mut named = Vec::new();
    for event in events {
        let Body::Artifact { path, .. } = &event.body else { continue };
        if Path::new(path).file_name() != Some(ENDED.as_ref()) {
            continue;
        }
        let text = std::fs::read_to_string(dir.join(path))
            .map_err(|e| Error::internal(format!("reading {path}: {e}")))?;
        let evidence: Evidence = serde_json::from_str(&text)
            .map_err(|e| Error::internal(format!("{path} is no evidence: {e}")))?;
        let of = |finding: &Finding| format!("{path}: {}: {}", finding.cause, finding.says);
        named.extend(findings(&evidence).iter().filter(|f| !made.contains(&f.cause)).map(of));
    }
    Ok(named)
}

/// Checks a session: its pods as in the snapshot, a task on each executor, and what is left after
/// its end.
pub async fn lives_and_ends(
    p: &ScenarioContext,
    mut live: LiveSession,
    ending: EndKind,
) -> sparkproof::Result<()> {
    checks::pod_list(&p.context, &live).await?;
    checks::owned_by_driver(&p.context, &live).await?;
    checks::barrier(&p.context, &mut live).await?;
    match ending {
        EndKind::Stopped => {
            let ended = live.stop().await?;
            checks::nothing_left(&p.context, &ended).await
        }
        EndKind::Exited => {
            let ended = live.exit_without_stop().await?;
            checks::nothing_left(&p.context, &ended).await
        }
        EndKind::Disconnected => {
            let ended = live.disconnect().await?;
            checks::nothing_left(&p.context, &ended).await
        }
        EndKind::HungUp => {
            let ended = live.hang_up().await?;
            checks::nothing_left(&p.context, &ended).await
        }
        EndKind::Killed => {
            let ended = live.kill().await?;
            checks::executors_stay_after_kill(&p.context, &ended).await
        }
        EndKind::Collected => Err(Error::internal("the session's driver is not in a pod")),
    }
}

/// A task runs on each executor, and all JVMs map their archives of classes, if there are any: one that
/// does not fit is ignored without a word, so JVMs are asked.
pub async fn maps_archived_classes(
    p: &ScenarioContext,
    live: &mut LiveSession,
) -> sparkproof::Result<()> {
    let stage = checks::barrier(&p.context, live).await?;
    if p.environment.image.driver_archive.is_none() {
        return Ok(());
    }
    let java = &live.session().described().java;
    assert!(java.ends_with(" with classes of driver.jsa"), "the driver's Java is {java}");
    for task in stage.tasks {
        let (java, of) = (task.java, task.executor);
        assert!(java.ends_with(" with classes of executor.jsa"), "executor {of}'s Java is {java}");
    }
    Ok(())
}

/// A session that reads little data by these variants.
pub fn little<'a>(p: &'a ScenarioContext, ids: &[VariantId]) -> ReadingBuilder<'a> {
    let variants: Vec<_> = ids.iter().copied().map(Variant::get).collect();
    ReadingBuilder::new(p, &variants).size(DataSize::tiny())
}

/// Starts it with the data of every variant; fails with the first variant that cannot be set up.
pub async fn started(builder: ReadingBuilder<'_>) -> sparkproof::Result<ReadingSession<'_>> {
    let (session, failed) = builder.start().await?;
    failed.map_or(Ok(session), Err)
}

/// The location of a variant's files.
pub fn path_of(session: &ReadingSession<'_>, id: VariantId) -> sparkproof::Result<PathBuf> {
    Ok(session.scene().path(session.subject(id)?.strategy.variant()))
}

/// The first executor's pod.
pub fn first_pod(session: &ReadingSession<'_>) -> sparkproof::Result<InPod> {
    let pods = session.live.executor_pods();
    let pod = pods.keys().next().ok_or_else(|| Error::red("no executor runs"))?;
    Ok(session.live.executor(pod))
}

/// Stops a session and checks that nothing of it is left, claims included.
pub async fn leaves_nothing(
    p: &ScenarioContext,
    session: ReadingSession<'_>,
) -> sparkproof::Result<()> {
    let ended = session.stop().await?;
    checks::nothing_left(&p.context, &ended).await
}

/// A negative control: it must be red, and its message must contain these words.
pub fn expect_red<T>(
    result: sparkproof::Result<T>,
    reasons: &[&str],
) -> sparkproof::Result<String> {
    let Err(error) = result else {
        return Err(Error::red("a negative control is green"));
    };
    if error.is_interruption() {
        return Err(error);
    }
    let text = error.to_string();
    match reasons.iter().find(|reason| !text.contains(**reason)) {
        None => Ok(text),
        Some(missing) => {
            Err(Error::red(format!("red, but its message does not contain `{missing}`: {text}")))
        }
    }
}

/// A negative control of several checks: exactly these are red.
pub fn expect_all_red(
    p: &ScenarioContext,
    ids: impl IntoIterator<Item = String>,
) -> sparkproof::Result<()> {
    let verdicts = p.context.recorder.verdicts();
    let red = |id: &String| {
        verdicts.iter().any(|(of, verdict)| of == id && matches!(verdict, Verdict::Red { .. }))
    };
    match ids.into_iter().find(|id| !red(id)) {
        None => Ok(()),
        Some(id) => Err(Error::red(format!("{id} is not red as expected"))),
    }
}

/// A negative control of several checks: these are red, each with these words in its reason.
pub fn expect_each_red(p: &ScenarioContext, expected: &[(&str, &str)]) -> sparkproof::Result<()> {
    let verdicts = p.context.recorder.verdicts();
    let red = |id: &str, words: &str| {
        let says = |verdict: &Verdict| matches!(verdict, Verdict::Red { reason, .. } if reason.contains(words));
        verdicts.iter().any(|(of, verdict)| of == id && says(verdict))
    };
    match expected.iter().find(|(id, words)| !red(id, words)) {
        None => Ok(()),
        Some((id, words)) => {
            Err(Error::red(format!("{id} is not red as expected, with the words `{words}`")))
        }
    }
}

/// Compares with a reviewed snapshot in `snapshots/`.
#[macro_export]
macro_rules! assert_snapshot_of {
    ($name:expr, $text:expr) => {
        insta::with_settings!({
            snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../snapshots"),
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!($name, $text);
        });
    };
}
