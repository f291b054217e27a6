//! Objects in container engines; installed packages.

use std::collections::BTreeMap;

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::events::PhaseGuard;
use sparkproof_machine::docker::everything;
use sparkproof_machine::engine::{Daemon, EngineUse, Found, INSTALLED, inspect, is_root};
use sparkproof_machine::exec::Tool;

use crate::reclaim::inventory::Inventory;

/// The kinds of resources that are listed.
const KINDS: [&str; 3] = ["container", "network", "volume"];
/// Networks that every daemon has.
const PREDEFINED: [&str; 3] = ["bridge", "host", "none"];

/// Lists the resources of the running daemon and of sparkproof's, which is started for it.
pub(super) async fn collect(
    context: &Context,
    phase: &PhaseGuard,
    inventory: &mut Inventory,
) -> Result<()> {
    let theirs = async {
        let Found::Theirs(engine) = inspect(&context.dirs).await? else {
            return Ok(BTreeMap::new());
        };
        everything(&engine).await
    };
    match theirs.await {
        Ok(found) => {
            for kind in KINDS {
                inventory.add(kind, []);
            }
            add(inventory, found, "");
        }
        Err(error) => {
            not_seen(inventory, &error.summary());
            return Ok(());
        }
    }
    let daemon = Daemon::new(&context.dirs);
    if daemon.has_data() && is_root() {
        let used = EngineUse::of_ours(context, phase).await?;
        let found = everything(&used.engine).await;
        used.leave(context).await?;
        add(inventory, found?, " (sparkproof daemon)");
    } else if daemon.has_data() {
        not_seen(inventory, "its Docker daemon does not run, and starting it needs root");
    }
    Ok(())
}

/// What could not be listed is not empty.
fn not_seen(inventory: &mut Inventory, why: &str) {
    inventory.not_seen.extend(KINDS.map(|kind| (kind.to_owned(), why.to_owned())));
}

fn add(inventory: &mut Inventory, found: BTreeMap<&'static str, Vec<String>>, whose: &str) {
    for (kind, names) in found {
        let names =
            names.into_iter().filter(|n| kind != "network" || !PREDEFINED.contains(&n.as_str()));
        inventory.add(kind, names.map(|name| format!("{name}{whose}")));
    }
}

/// Lists packages that sparkproof may have installed; empty on other distributions.
pub(super) async fn packages(context: &Context, inventory: &mut Inventory) {
    let words = ["--show", "--showformat", "${db:Status-Abbrev}${Package} ${Version}\n"];
    for package in INSTALLED {
        let shown = Tool::new("dpkg-query").args(words).args([package]).run(context).await;
        let shown = shown.map(|shown| shown.stdout).unwrap_or_default();
        let installed = shown.lines().filter_map(|line| line.strip_prefix("ii "));
        inventory.list("package", installed.map(str::to_owned));
    }
}
