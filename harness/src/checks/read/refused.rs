//! Spark refuses what it is declared to refuse, in the declared words.

use super::frame::request;
use super::subject::{Subject, in_lines};
use crate::checks::check::{Findings, check};
use crate::context::Context;
use crate::diagnose::{FailedRead, diagnose_read};
use crate::error::{Error, Result};
use crate::proof::Live;
use crate::session::DriverError;

/// The DataFrame read of a directory, listing included, fails with these words; a green read is
/// red: what the versions file declares is not true any more.
pub async fn refused(
    context: &Context,
    live: &mut Live,
    subject: Subject<'_>,
    words: &str,
) -> Result<()> {
    let title = format!("{}: refused with the declared words", subject.variant.title);
    check(context, &subject.check_id("refused"), &title, async |findings: &mut Findings| {
        findings.add("declared", words);
        let frame = request(subject, subject.data.get("csv-many")?, live.executors());
        let error = match live.session().frame(&frame).await {
            Ok(_) => {
                return Err(Error::red(format!(
                    "{} was read, declared is: {words}",
                    frame.uris[0]
                ))
                .remedy("declare it green for this Spark in strategies.toml"));
            }
            Err(error) if error.is_interruption() => return Err(error),
            Err(error) => error,
        };
        let mut text =
            DriverError::of(&error).map_or_else(|| error.to_string(), DriverError::whole);
        // Spark turns a refused listing into `PATH_NOT_FOUND`; Hadoop says what the server said.
        if let Some(failure) = live.session().list(&frame.uris[0]).await?.error {
            text = format!("{text}\n{}", in_lines(&failure));
        }
        findings.add("Spark says", &text);
        let read =
            FailedRead { text: &text, whose: "the driver", uri: &frame.uris[0], mounted: false };
        findings.add("cause", diagnose_read(read).cause);
        if text.contains(words) {
            return Ok(());
        }
        Err(Error::red(format!("refused, but without `{words}`: {text}"))
            .remedy("correct the declared message in strategies.toml"))
    })
    .await
}
