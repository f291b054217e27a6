//! The privileges that FUSE needs, shown by the errors without them.

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::verdict::{FirstFailure, check, skip};
use sparkproof_strategies::mount::{Tried, try_privileges};
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
        let judged = check(context, &id, &title, async |findings| {
            findings.add("s3fs says", &tried.said);
            findings.add("exit code", tried.exit);
            findings.add("expected", privilege.refusal());
            if tried.exit != 0 && tried.said.contains(privilege.refusal()) {
                return Ok(());
            }
            let Tried { said, exit, .. } = &tried;
            let expected = privilege.refusal();
            Err(Error::red(format!("expected `{expected}`, s3fs ended with {exit}: {said}"))
                .remedy("nodes that grant more than kind's need less privilege"))
        });
        first.note(judged.await)?;
    }
    first.or(())
}
