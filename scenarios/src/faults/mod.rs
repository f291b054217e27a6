//! Faults that are made for real, each with the cause that must be named. They are made from what users
//! report, without a look at the rules that name them.

mod admission;
mod api;
mod between;
mod claims;
mod configuration;
mod fault;
mod files;
mod ground;
mod image;
mod network;
mod node;
mod process;
mod run;
mod scheduling;
mod several;
mod submitted;
mod unseen;

pub use fault::{Fault, Judgement};
pub use run::is_named;

/// All faults, by group.
pub fn all() -> Vec<Fault> {
    let groups = [
        ("admission", admission::faults()),
        ("scheduling", scheduling::faults()),
        ("claims", claims::faults()),
        ("image", image::faults()),
        ("node", node::faults()),
        ("api", api::faults()),
        ("network", network::faults()),
        ("process", process::faults()),
        ("files", files::faults()),
        ("configuration", configuration::faults()),
        ("several", several::faults()),
    ];
    let of = |group| move |fault| Fault { group, ..fault };
    let groups = groups.into_iter().chain(unseen::groups());
    groups.flat_map(|(group, faults)| faults.into_iter().map(of(group))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use sparkproof::judge::diagnosis::causes;
    use sparkproof::testbed::Obstacles;

    use super::fault::Change;
    use super::*;

    #[test]
    fn each_fault_has_a_scenario_and_an_id_of_its_own() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/live/causes.rs");
        let scenarios = std::fs::read_to_string(file).expect("readable");
        let cases: Vec<&str> = scenarios
            .lines()
            .filter_map(|line| line.trim().strip_prefix("#[case::")?.split('"').nth(1))
            .collect();
        let all = all();
        let ids: Vec<&str> = all.iter().map(|fault| fault.id).collect();
        assert_eq!(cases, ids);
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    }

    /// docs/causes.md is made of that table. It was frozen when the unseen ones were chosen.
    #[test]
    fn the_table_of_causes_has_the_faults_of_each() {
        let all: Vec<Fault> =
            all().into_iter().filter(|fault| !fault.group.starts_with("unseen")).collect();
        for entry in causes() {
            let expect = all.iter().filter(|fault| fault.expected.contains(&entry.cause));
            let ids: Vec<&str> = expect.map(|fault| fault.id).collect();
            assert_eq!(entry.faults, ids, "{}", entry.cause);
        }
    }

    /// So that a mistake in a table does not show on a cluster only.
    #[test]
    fn all_objects_and_templates_are_yaml() {
        for fault in all() {
            for change in fault.changes.iter().chain(&fault.cure) {
                let yaml = match change {
                    Change::Put(yaml) | Change::Node(yaml) => (*yaml).to_owned(),
                    Change::Remove(yaml) | Change::OncePlaced(yaml) => (*yaml).to_owned(),
                    Change::Template(template) => template.yaml("executor"),
                    Change::Init(json) => format!("apiVersion: v1\nkind: Pod\nspec: {json}"),
                    _ => continue,
                };
                let objects = Obstacles::parsed(&yaml);
                let objects = objects.unwrap_or_else(|error| panic!("{}: {error}", fault.id));
                let named = |types: &_| format!("{types:?}").contains("kind");
                assert!(objects.iter().all(|o| o.types.as_ref().is_some_and(named)), "{yaml}");
            }
        }
    }

    #[test]
    fn there_are_enough_of_each_sort() {
        let all = all();
        let two = all.iter().filter(|fault| !fault.both.is_empty()).count();
        let quiet = all.iter().filter(|fault| fault.loudest.is_some()).count();
        assert!(all.len() >= 64 && two >= 6 && quiet >= 12, "{} {two} {quiet}", all.len());
        let loud = |fault: &&Fault| fault.loudest.is_some_and(|not| fault.expected.contains(&not));
        assert_eq!(all.iter().find(loud).map(|fault| fault.id), None);
    }
}
