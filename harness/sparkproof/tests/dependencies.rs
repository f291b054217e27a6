//! Whoever writes scenarios builds what scenarios need, not what the command line does.

use std::collections::BTreeSet;
use std::path::Path;

use toml::{Table, Value};

fn manifest(path: impl AsRef<Path>) -> Table {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path).join("Cargo.toml");
    std::fs::read_to_string(path).expect("readable").parse().expect("TOML")
}

/// What a crate of `harness/` depends on by default, directly or by others there, as `crate` and
/// `crate/feature`.
fn collect(folder: &str, workspace: &Table, all: &mut BTreeSet<String>) {
    for (name, stated) in manifest(folder)["dependencies"].as_table().expect("a table") {
        if stated.get("optional").and_then(Value::as_bool) == Some(true)
            || !all.insert(name.clone())
        {
            continue;
        }
        let features = [stated, &workspace[name]].map(|of| of.get("features")?.as_array());
        let features = features.into_iter().flatten().flatten().filter_map(Value::as_str);
        all.extend(features.map(|feature| format!("{name}/{feature}")));
        if let Some(folder) = name.strip_prefix("sparkproof-") {
            collect(folder, workspace, all);
        }
    }
}

#[test]
fn the_command_lines_own_and_the_report_are_not_built_for_scenarios() {
    let root = manifest("..");
    let workspace = root["workspace"]["dependencies"].as_table().expect("a table");
    let mut all = BTreeSet::new();
    collect("sparkproof", workspace, &mut all);
    assert!(all.contains("kube") && all.contains("kube/client"), "the test sees none: {all:?}");
    let not_for_scenarios = |of: &&String| {
        of.starts_with("miette/")
            || ["sparkproof-report", "sparkproof-cli", "indicatif"].contains(&of.as_str())
    };
    let found: Vec<_> = all.iter().filter(not_for_scenarios).collect();
    assert_eq!(found, Vec::<&String>::new());
}
