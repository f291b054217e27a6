//! What mounting by FUSE takes, by what it is told without it.

use super::FirstRed;
use super::check::check;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::proof::Environment;
use crate::read::mount::try_privileges;

/// Less than a privileged container of root is refused, in the words that users see; a check for
/// each. The first red is returned.
pub async fn fuse_privileges(context: &Context, environment: &Environment) -> Result<()> {
    let mut first = FirstRed::default();
    for (privilege, said) in try_privileges(context, environment).await? {
        let id = format!("read.2-s3fs-executor.refused.{}", privilege.name());
        let title = format!("a container {} cannot mount by FUSE", privilege.title());
        let judged = check(context, &id, &title, async |findings| {
            findings.add("s3fs says", &said);
            findings.add("expected", privilege.refusal());
            if said.contains(privilege.refusal()) {
                return Ok(());
            }
            Err(Error::red(format!("expected `{}`, s3fs said: {said}", privilege.refusal()))
                .remedy("if nodes grant more than kind's, less privilege is enough there"))
        });
        first.note(judged.await)?;
    }
    first.or(())
}
