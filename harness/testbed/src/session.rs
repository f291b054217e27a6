//! Checks that a session has started.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::judged;
use sparkproof_judge::Started;
use sparkproof_spark::session::Session;

/// Checks that the context's master is `k8s://…`, that N executors are registered in Spark's REST API,
/// and that they equal the N Running pods by id and IP. A start that fails is "could not be observed",
/// with its [`sparkproof_base::verdict::Diagnosis`].
pub async fn started(
    context: &Context,
    executors: u32,
    start: impl Future<Output = Result<Session>>,
) -> Result<Session> {
    let title = "all executors registered, equal to the Running pods by id and IP";
    let mut session = None;
    let judged = judged(context, ("session.started", title), executors, async || {
        let session = session.insert(start.await?);
        Ok(Started {
            described: session.described().clone(),
            executors: session.executors().clone(),
            seconds: session.seconds(),
        })
    })
    .await;
    match (judged, session) {
        (Ok(_), Some(session)) => Ok(session),
        (Ok(_), None) => Err(Error::internal("a session is judged that did not start")),
        (Err(error), None) => Err(error),
        // Its driver must not stay.
        (Err(error), Some(session)) => session.stop().await.and(Err(error)),
    }
}
