//! `sparkproof sweep`: removes what runs that died left behind.
#![expect(clippy::print_stdout, reason = "what the user asked to see")]

use super::chore::with_chore;
use crate::error::{Exit, Result};
use crate::ledger;
use crate::report::Mode;

/// Remove what runs that died left behind.
#[derive(Debug, clap::Args)]
pub(super) struct Args {}

pub(super) async fn run(_: Args, mode: Mode) -> Result<Exit> {
    with_chore(async |context| {
        let phase = context.recorder.phase("sweep");
        let swept = ledger::sweep(context, &phase).await;
        let swept = phase.end(swept, |swept| format!("{} removed", swept.removed.len()))?;
        if matches!(mode, Mode::Lines) {
            for text in &swept.removed {
                println!("removed     {text}");
            }
            for text in &swept.left_alone {
                println!("left alone  {text}");
            }
            if swept.removed.is_empty() && swept.failed.is_empty() {
                println!("nothing to remove");
            }
        }
        swept.complete()?;
        Ok(Exit::Green)
    })
    .await
}
