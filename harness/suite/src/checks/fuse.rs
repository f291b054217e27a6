//! The privileges that FUSE needs, shown by the errors without them.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::verdict::{FirstFailure, judged, skip};
use sparkproof_strategies::mount::try_privileges;
use sparkproof_testbed::Environment;

/// Checks that anything less than a privileged container as root is refused, with the message that
/// users see; one check for each case. Returns the first red.
pub async fn fuse_privileges(context: &Context, environment: &Environment) -> Result<()> {
    let mut first = FirstFailure::default();
    let Environment { image, cluster, .. } = environment;
    let engine = environment.node_engine()?;
    for (privilege, tried) in try_privileges(context, engine, image, cluster).await? {
        let id = format!("read.2-s3fs-executor.refused.{}", privilege.name());
        let title = format!("a container {} cannot mount by FUSE", privilege.title());
        if let Some(reason) = privilege.granted(&tried) {
            skip(context, &id, &title, &reason);
            continue;
        }
        let refusal = privilege.refusal().to_owned();
        let judged = judged(context, (&id, &title), refusal, async || Ok(tried)).await;
        first.note(judged.map(drop))?;
    }
    first.or(())
}
