//! Checks that Spark refuses what it is declared to refuse, with the declared message.

use sha2::{Digest, Sha256};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{Findings, check};
use sparkproof_judge::{FailedRead, diagnose_read};
use sparkproof_spark::session::DriverError;
use sparkproof_strategies::Table;
use sparkproof_testbed::LiveSession;

use super::frame::request;
use super::subject::ReadCase;

/// The DataFrame read of a directory, listing included, must fail with this message. A read that
/// succeeds is red: the declaration is no longer true. First the store's client must find the files
/// of the URL, since a read of missing files always fails.
pub async fn refused(
    context: &Context,
    live: &mut LiveSession,
    subject: ReadCase<'_>,
    words: &str,
) -> Result<()> {
    let title = format!("{}: refused with the declared message", subject.variant.title);
    check(context, &subject.check_id("refused"), &title, async |findings: &mut Findings| {
        findings.add("declared", words);
        let table = subject.data.get("csv-many")?;
        let there = are_there(context, subject, table).await?;
        findings.add("in the store under that URL", format!("{there} files"));
        let frame = request(subject, table, live.executors());
        let error = match live.session().frame(&frame).await {
            Ok(_) => {
                return Err(Error::red(format!(
                    "{} was read, but declared as refused with: {words}",
                    frame.uris[0]
                ))
                .remedy("declare it green for this Spark version in strategies.toml"));
            }
            Err(error) if error.is_interruption() => return Err(error),
            Err(error) => error,
        };
        let text =
            DriverError::from_error(&error).map_or_else(|| error.to_string(), DriverError::whole);
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

/// Checks with the store's own client that all files of a table are at their URLs; returns their
/// number.
///
/// # Errors
/// Red: a file is missing or has other bytes.
async fn are_there(context: &Context, subject: ReadCase<'_>, table: &Table) -> Result<usize> {
    let kind = subject.location.store.ok_or_else(|| Error::internal("it reads from no store"))?;
    let store = subject.stores.get(kind)?;
    let uris = table.file_uris(&subject.location.uri);
    for (uri, file) in uris.iter().zip(&table.files) {
        let key = key_of(uri, &store.bucket)
            .ok_or_else(|| Error::red(format!("{uri} is not a URL of the store")))?;
        let missing = || format!("the store has no {key} of {uri}: a refusal would prove nothing");
        let found = store.get(context, key).await.map_err(|error| {
            if error.is_interruption() { error } else { Error::red(missing()).with_source(error) }
        })?;
        let seen = hex::encode(Sha256::digest(&found));
        if seen != file.sha256 {
            return Err(Error::red(format!("{uri} has sha256 {seen}, expected {}", file.sha256)));
        }
    }
    Ok(uris.len())
}

/// The key of a URL: the part after the host, without the bucket if the path begins with it.
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
