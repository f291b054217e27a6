//! Kernel state: mounts, links, routes, rules, settings, control groups.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_machine::engine;
use sparkproof_machine::exec::Tool;
use sparkproof_machine::mounts::mounts;

use crate::reclaim::inventory::Inventory;

/// Adds all of it to the inventory.
pub(super) async fn collect(context: &Context, inventory: &mut Inventory) -> Result<()> {
    let point =
        |m: &procfs::process::MountInfo| format!("{} {}", m.mount_point.display(), m.fs_type);
    inventory.add("mount", mounts().iter().map(point));
    let groups = mounts().into_iter().filter(|m| m.fs_type.starts_with("cgroup"));
    let inside = groups.flat_map(|m| fs_err::read_dir(m.mount_point).into_iter().flatten());
    let dirs = inside.filter_map(|e| e.ok()).filter(|e| e.file_type().is_ok_and(|t| t.is_dir()));
    inventory.add("control group", dirs.map(|e| e.path().display().to_string()));
    let settings = engine::sysctls().into_iter().map(|(name, value)| format!("{name} = {value}"));
    inventory.add("sysctl", settings);
    let links = procfs::net::dev_status().map(|links| links.into_keys().collect::<Vec<_>>());
    inventory.add("link", links.unwrap_or_default());
    if let Some(ip) = engine::program("ip") {
        for family in ["-4", "-6"] {
            let words = [family, "route", "show", "table", "all"];
            let shown = Tool::new(&ip).args(words).run(context).await?;
            inventory.add("route", shown.stdout.lines().map(without_age));
        }
    } else {
        inventory.not_seen.insert("route".to_owned(), "`ip` is not on PATH".to_owned());
    }
    if engine::is_root() {
        for (family, text) in engine::rules(context).await? {
            inventory.add(
                "rule",
                engine::rule_lines(&text).into_iter().map(|l| format!("{family} {l}")),
            );
        }
    } else {
        inventory
            .not_seen
            .insert("rule".to_owned(), "reading iptables rules needs root".to_owned());
    }
    Ok(())
}

/// A route without the parts that change by themselves: `expires 86393sec`, `linkdown`.
fn without_age(route: &str) -> String {
    let mut words = Vec::new();
    let mut rest = route.split_whitespace();
    while let Some(word) = rest.next() {
        match word {
            "expires" | "hoplimit" => drop(rest.next()),
            "linkdown" | "dead" => {}
            word => words.push(word),
        }
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_does_not_age() {
        let route = "default via fe80::1 dev eth0 proto ra metric 1 expires 1793sec pref medium";
        assert_eq!(
            without_age(route),
            "default via fe80::1 dev eth0 proto ra metric 1 pref medium"
        );
    }
}
