//! `sparkproof inventory`: lists everything that a run could leave behind, and compares two lists.
#![expect(clippy::print_stdout, reason = "the output of the command")]

use std::path::PathBuf;

use sparkproof_base::error::{ErrorContext, Exit, Result};
use sparkproof_suite::reclaim::inventory::{Inventory, diff, not_compared, take};

use super::cluster_args::ClusterArgs;
use super::ephemeral_run::with_ephemeral_run;

/// List the resources of this machine, its container engine and a cluster; compare with a saved
/// list.
#[derive(Debug, clap::Args)]
pub(super) struct InventoryArgs {
    /// Save the list to a file, for `--against`
    #[arg(long, value_name = "FILE", conflicts_with = "against")]
    save: Option<PathBuf>,
    /// Compare with a saved list: exit code 1 if something was added, is missing, or cannot be
    /// compared
    #[arg(long, value_name = "FILE")]
    against: Option<PathBuf>,
    #[command(flatten)]
    cluster: ClusterArgs,
}

pub(super) async fn run(args: InventoryArgs) -> Result<Exit> {
    let before = args.against.as_deref().map(read).transpose()?;
    with_ephemeral_run(async |context| {
        let phase = context.recorder.phase("inventory");
        let now = phase.step("look");
        let taken = take(context, &phase, args.cluster.shared().as_ref()).await?;
        now.done("");
        phase.done("");
        if let Some(file) = &args.save {
            let text = serde_json::to_string_pretty(&taken).or_internal("writing the inventory")?;
            fs_err::write(file, text).or_input("writing the inventory")?;
        }
        match before {
            Some(before) => Ok(compare(&before, &taken)),
            None => {
                show(&taken, args.save.is_some());
                Ok(Exit::Green)
            }
        }
    })
    .await
}

fn read(file: &std::path::Path) -> Result<Inventory> {
    let what = || format!("reading the inventory {}", file.display());
    let text = fs_err::read(file).or_input(what())?;
    serde_json::from_slice(&text).or_input(what())
}

fn compare(before: &Inventory, now: &Inventory) -> Exit {
    let unseen = not_compared(before, now);
    for (kind, reason) in &unseen {
        println!("  not compared: {kind}: {reason}");
    }
    let changes = diff(before, now);
    for change in &changes {
        println!("{change}");
    }
    // What could not be listed is never green.
    if changes.is_empty() && unseen.is_empty() {
        let resources: usize = now.compared.values().map(|names| names.len()).sum();
        println!("no differences: {resources} resources of {} kinds", now.compared.len());
        return Exit::Green;
    }
    Exit::Red
}

fn show(taken: &Inventory, counts_only: bool) {
    let kinds = taken.compared.iter().chain(&taken.listed);
    for (kind, names) in kinds {
        println!("{kind}: {}", names.len());
        for name in names.iter().filter(|_| !counts_only) {
            println!("  {name}");
        }
    }
    println!("process: {}", taken.processes.len());
    for (kind, reason) in &taken.not_seen {
        println!("{kind}: not listed: {reason}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_compared_is_not_green() {
        let whole = Inventory::default();
        assert_eq!(compare(&whole, &whole), Exit::Green);
        let mut unseen = Inventory::default();
        unseen.not_seen.insert("container".to_owned(), "Docker does not answer".to_owned());
        for (before, now) in [(&unseen, &whole), (&whole, &unseen), (&unseen, &unseen)] {
            assert_eq!(compare(before, now), Exit::Red);
        }
    }
}
