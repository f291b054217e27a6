//! versitygw, from its Go module.

use std::path::Path;

use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::events::StepGuard;

use crate::golang::go_build;

/// Adds the programs to the build context.
pub(super) async fn fill(context: &Context, step: &StepGuard, dir: &Path) -> Result<()> {
    let source = dir.join("source");
    fs_err::create_dir_all(&source).or_environment("making inputs")?;
    for name in ["go.mod", "go.sum", "pause"] {
        fs_err::rename(dir.join(name), source.join(name)).or_environment("placing go.mod")?;
    }
    let args = ["-o", "../", "./pause", "github.com/versity/versitygw/cmd/versitygw"];
    go_build(context, &source, step, "readonly", "", &args).await?;
    fs_err::remove_dir_all(source).or_environment("removing sources")
}
