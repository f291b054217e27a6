//! `sparkproof cache ls` and `cache prune`.

#![expect(clippy::print_stdout, reason = "the output of the command")]

use sparkproof_base::dirs::Dirs;
use sparkproof_base::error::{Exit, Result};
use sparkproof_catalog::plan::MebiBytes;
use sparkproof_images::{entries, prune};

/// List the cache or prune it.
#[derive(Debug, clap::Args)]
pub(super) struct CacheArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List entries, the least recently used first
    Ls,
    /// Remove the least recently used entries, down to a size
    Prune {
        /// The size to keep, e.g. `4g`; without it everything is removed
        #[arg(long, value_name = "SIZE")]
        keep: Option<MebiBytes>,
    },
}

pub(super) fn run(args: &CacheArgs) -> Result<Exit> {
    let dirs = Dirs::of_user()?;
    match &args.what {
        What::Ls => {
            let all = entries(&dirs)?;
            for entry in &all {
                println!("{:>7} MB  {}", entry.bytes / 1_000_000, entry.id);
            }
            let total: u64 = all.iter().map(|e| e.bytes).sum();
            println!("{:>7} MB  in {} entries", total / 1_000_000, all.len());
        }
        What::Prune { keep } => {
            let limit = keep.map_or(0, |keep| keep.0 * 1024 * 1024);
            let pruned = prune(&dirs, limit)?;
            let all = [("removed", &pruned.removed), ("in use ", &pruned.in_use)];
            for (what, entries) in all {
                for entry in entries {
                    println!("{what} {:>7} MB  {}", entry.bytes / 1_000_000, entry.id);
                }
            }
            let (gone, stay) = (pruned.removed.len(), pruned.in_use.len());
            println!("{gone} entries removed, {stay} kept because runs use them");
        }
    }
    Ok(Exit::Green)
}
