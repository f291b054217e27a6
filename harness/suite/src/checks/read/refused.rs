//! Checks that Spark refuses what it is declared to refuse, with the declared message.

use sha2::{Digest, Sha256};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::Looked;
use sparkproof_base::verdict::judged;
use sparkproof_judge::{ExpectedRefusal, Refusal, StoredFile, WrittenFile};
use sparkproof_testbed::LiveSession;

use super::frame::answer;
use super::subject::{ReadCase, request};

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
    let table = subject.data.get("csv-many")?;
    let frame = request(subject, table, live.executors());
    let expected = ExpectedRefusal {
        uri: frame.uris[0].clone(),
        words: words.to_owned(),
        files: subject.written(table),
    };
    let id = subject.check_id("refused");
    judged(context, (&id, &title), expected.clone(), async || {
        let found = in_store(context, subject, &expected.files).await?;
        Ok(Refusal { found, answer: answer(live, &frame).await? })
    })
    .await
    .map(drop)
}

/// The files as the store's own client gets them.
async fn in_store(
    context: &Context,
    subject: ReadCase<'_>,
    files: &[WrittenFile],
) -> Result<Vec<StoredFile>> {
    let kind = subject.location.store.ok_or_else(|| Error::internal("it reads from no store"))?;
    let store = subject.stores.get(kind)?;
    let mut found = Vec::new();
    for WrittenFile { uri, .. } in files {
        let key = key_of(uri, &store.bucket)
            .ok_or_else(|| Error::red(format!("{uri} is not a URL of the store")))?;
        let sha256 = match store.get(context, key).await {
            Ok(bytes) => Looked::Seen(hex::encode(Sha256::digest(&bytes))),
            Err(error) if error.is_interruption() => return Err(error),
            Err(error) => Looked::Unseen(error.to_string()),
        };
        found.push(StoredFile { uri: uri.clone(), key: key.to_owned(), sha256 });
    }
    Ok(found)
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
