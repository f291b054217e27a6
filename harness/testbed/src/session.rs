//! Checks that a session has started.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::{Findings, check};
use sparkproof_spark::session::Session;

/// Checks that the context's master is `k8s://…`, that N executors are registered in Spark's REST API,
/// and that they equal the N Running pods by id and IP.
pub async fn started(
    context: &Context,
    start: impl Future<Output = Result<Session>>,
) -> Result<Session> {
    let title = "all executors registered, equal to the Running pods by id and IP";
    check(context, "session.started", title, async |findings: &mut Findings| {
        let session = start.await?;
        let described = session.described();
        findings.add("sparkContext.master", &described.context_master);
        findings.add("application", &described.application);
        let (spark, java) = (&described.version, &described.java);
        findings.add("versions", format!("Spark {spark}, {}, Java {java}", described.language));
        findings.add("seconds", format!("{:.1}", session.seconds()));
        let executors = session.executors().iter();
        let rows: Vec<String> =
            executors.map(|(id, e)| format!("executor {id} at {}", e.address)).collect();
        findings.add("executors", rows.join("\n"));
        Ok(session)
    })
    .await
}
