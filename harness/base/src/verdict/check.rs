//! Runs one check and records its verdict.

use std::time::Instant;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::events::{EvidenceItem, Outcome, Verdict};
use crate::verdict::Diagnosis;

/// The evidence that a check gathers.
#[derive(Debug, Default)]
pub struct Findings(Vec<EvidenceItem>);

impl Findings {
    /// Adds a piece of evidence.
    pub fn add(&mut self, name: &str, text: impl ToString) {
        self.0.push(EvidenceItem { name: name.to_owned(), text: text.to_string() });
    }
}

/// Runs `body` and records its verdict: green for `Ok`, red with the error's text and remedy
/// otherwise. An interruption is no verdict. The error is returned, so that the caller can stop or
/// go on.
///
/// An interruption does not drop the body: it runs to its end, which comes soon because its waits
/// are guarded, and so can end a driver or a tool properly. It is boxed, because futures nest here.
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
    if let Some(diagnosis) = result.as_ref().err().and_then(Diagnosis::from_error) {
        findings.add("cause", diagnosis);
        findings.0.extend(diagnosis.evidence.iter().cloned());
        for other in &diagnosis.also {
            findings.add("also", format!("{other}; what to do: {}", other.remedy));
        }
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
    // Any other error of a check makes the run red, too.
    result.map_err(|error| error.with_exit(crate::Exit::Red))
}

/// Records a check as skipped, with the reason, which must be observed, never assumed.
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
