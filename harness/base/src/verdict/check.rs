//! Runs one check and records its verdict.

use std::time::Instant;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::events::{Evidence, Outcome, Verdict};
use crate::verdict::Diagnosis;

/// Evidence gathered by a check.
#[derive(Debug, Default)]
pub struct Findings(Vec<Evidence>);

impl Findings {
    /// Adds a piece.
    pub fn add(&mut self, name: &str, text: impl ToString) {
        self.0.push(Evidence { name: name.to_owned(), text: text.to_string() });
    }
}

/// Runs `body`; green when it returns `Ok`, red with the error's text and remedy otherwise. An
/// interruption is no verdict. The error is handed back, so that a caller can stop or go on.
///
/// The body is not dropped by an interruption but runs to its end, which comes soon since its waits
/// are guarded: so what it holds (a driver, a tool) is ended properly. It is boxed: a check is where
/// futures nest.
pub async fn check<T>(
    context: &Context,
    id: &str,
    title: &str,
    body: impl AsyncFnOnce(&mut Findings) -> Result<T>,
) -> Result<T> {
    let begun = Instant::now();
    let mut findings = Findings::default();
    let mut result = Box::pin(body(&mut findings)).await;
    if let (Err(_), Some(error)) = (&result, context.cancel.interruption()) {
        result = Err(error);
    }
    if result.as_ref().is_err_and(Error::is_interruption) {
        return result;
    }
    if let Some(diagnosis) = result.as_ref().err().and_then(Diagnosis::of) {
        findings.add("cause", diagnosis);
        findings.0.extend(diagnosis.evidence.iter().cloned());
    }
    let outcome = match &result {
        Ok(_) => Outcome::Green,
        Err(error) => Outcome::Red { reason: error.to_string(), remedy: error.remedy.clone() },
    };
    context.recorder.check(Verdict {
        id: id.to_owned(),
        title: title.to_owned(),
        outcome,
        evidence: findings.0,
        seconds: begun.elapsed().as_secs_f64(),
    });
    // Whatever broke it, a check that is not green makes the run red.
    result.map_err(|error| error.with_exit(crate::Exit::Red))
}

/// Records that a check cannot be made here, and why: found by looking, never assumed.
pub fn skip(context: &Context, id: &str, title: &str, reason: &str) {
    context.recorder.check(Verdict {
        id: id.to_owned(),
        title: title.to_owned(),
        outcome: Outcome::Skipped { reason: reason.to_owned() },
        evidence: Vec::new(),
        seconds: 0.0,
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::test_context;

    #[tokio::test(start_paused = true)]
    async fn an_interrupted_body_runs_to_its_end_and_is_no_verdict() {
        let (context, _keep) = test_context();
        let mut ended = false;
        let body = async |_: &mut Findings| {
            context.cancel.cancel(crate::Exit::Interrupt);
            let seconds = crate::wait::Waiting::up_to(60, "a driver");
            let waited =
                crate::wait::wait(&context, seconds, crate::wait::Source::Backoff, async || {
                    crate::wait::Progress::<()>::NotYet("starting".into())
                });
            assert!(waited.await.expect_err("guarded").is_interruption());
            tokio::task::yield_now().await;
            ended = true;
            Err::<(), _>(Error::environment("the driver was ended"))
        };
        let error = check(&context, "x.y", "x does y", body).await.expect_err("interrupted");
        assert!(ended, "not dropped half-way");
        assert_eq!(error.exit, crate::Exit::Interrupt);
        assert!(context.recorder.verdicts().is_empty());
    }

    #[tokio::test]
    async fn a_failure_is_red_with_reason_and_remedy() {
        let (context, keep) = test_context();
        let red = check(&context, "x.y", "x does y", async |findings: &mut Findings| {
            findings.add("seen", 41);
            Err::<(), _>(Error::environment("41 seen, 42 expected").remedy("add one"))
        });
        assert_eq!(red.await.expect_err("red").exit, crate::Exit::Red);
        let file = format!("run/events-{}.jsonl", std::process::id());
        let events = std::fs::read_to_string(keep.path().join(file)).expect("events");
        assert!(events.contains("41 seen, 42 expected") && events.contains("add one"), "{events}");
    }
}
