//! Spark refuses what it is declared to refuse, in the declared words.

use sha2::{Digest, Sha256};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{Findings, check};
use sparkproof_spark::diagnose::{FailedRead, diagnose_read};
use sparkproof_spark::session::DriverError;
use sparkproof_strategies::Table;
use sparkproof_testbed::LiveSession;

use super::frame::request;
use super::subject::ReadCase;

/// The DataFrame read of a directory, listing included, fails with these words; a green read is
/// red: what the versions file declares is not true any more. First the store itself must have what the
/// URL names: of what is not there any read fails.
pub async fn refused(
    context: &Context,
    live: &mut LiveSession,
    subject: ReadCase<'_>,
    words: &str,
) -> Result<()> {
    let title = format!("{}: refused with the declared words", subject.variant.title);
    check(context, &subject.check_id("refused"), &title, async |findings: &mut Findings| {
        findings.add("declared", words);
        let table = subject.data.get("csv-many")?;
        let there = are_there(context, subject, table).await?;
        findings.add("in the store under that URL", format!("{there} files"));
        let frame = request(subject, table, live.executors());
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
        let text = DriverError::of(&error).map_or_else(|| error.to_string(), DriverError::whole);
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

/// How many of a table's files the store has under their URLs, by its own client: all of them.
///
/// # Errors
/// Red: one is not there, or other bytes are.
async fn are_there(context: &Context, subject: ReadCase<'_>, table: &Table) -> Result<usize> {
    let kind = subject.location.store.ok_or_else(|| Error::internal("it reads from no store"))?;
    let store = subject.stores.get(kind)?;
    let uris = table.file_uris(&subject.location.uri);
    for (uri, file) in uris.iter().zip(&table.files) {
        let key = key_of(uri, &store.bucket)
            .ok_or_else(|| Error::red(format!("{uri} names nothing in a store")))?;
        let missing =
            || format!("the store has no {key}, which {uri} names: a refusal proves nothing");
        let found = store.get(context, key).await.map_err(|error| {
            if error.is_interruption() { error } else { Error::red(missing()).with_source(error) }
        })?;
        let seen = hex::encode(Sha256::digest(&found));
        if seen != file.sha256 {
            return Err(Error::red(format!(
                "{uri} has sha256 {seen}, {} was put there",
                file.sha256
            )));
        }
    }
    Ok(uris.len())
}

/// The key that a URL names: what follows its host, without the bucket where the path begins with it.
fn key_of<'a>(uri: &'a str, bucket: &str) -> Option<&'a str> {
    let (_, path) = uri.split_once("://")?.1.split_once('/')?;
    let bucket = bucket.trim_matches('/');
    let inside = path.strip_prefix(bucket).and_then(|rest| rest.strip_prefix('/'));
    Some(inside.unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_a_key_of_the_store() {
        for uri in [
            "http://10.0.0.2:7070/data/7f3a-x/many/a.csv",
            "wasbs://data@account.azurite.test:10443/7f3a-x/many/a.csv",
            "s3a://data/7f3a-x/many/a.csv",
            "hdfs://10.0.0.2:9000/data/7f3a-x/many/a.csv",
        ] {
            assert_eq!(key_of(uri, "data"), Some("7f3a-x/many/a.csv"), "{uri}");
        }
        assert_eq!(key_of("http://host", "data"), None);
    }
}
