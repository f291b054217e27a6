//! What `.github/workflows` promise of caches.

use serde_json::Value;

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The action saves and restores as the job's user, after the last step.
#[test]
fn the_cache_of_ci_lies_where_the_jobs_user_can_read_it() {
    let workflow = include_str!("../../../.github/workflows/ci.yml");
    let workflow: Value = serde_saphyr::from_str(workflow).expect("YAML");
    let steps = workflow["jobs"]["ci"]["steps"].as_array().expect("steps");
    let cache = steps.iter().find(|step| text(&step["uses"]).starts_with("actions/cache@"));
    let path = text(&cache.expect("a cache")["with"]["path"]);
    assert!(path.starts_with("/home/runner/"), "{path}: root's home is closed to the job's user");
    let at = steps.iter().position(|step| text(&step["run"]).ends_with(".ci/run"));
    let at = at.expect("a step that runs .ci/run");
    let home = text(&steps[at]["env"]["XDG_CACHE_HOME"]);
    assert_eq!(format!("{home}/sparkproof/entries"), path, "what is cached is what is written");
    let run = text(&steps[at]["run"]);
    assert!(run.contains("XDG_CACHE_HOME"), "sudo hands it on: {run}");
    let after = &steps[at + 1..];
    let given = |step: &&Value| {
        text(&step["run"]).starts_with("sudo chown") && text(&step["run"]).contains(path)
    };
    let given = after.iter().find(given).expect("root's files are the job's user's in the end");
    assert_eq!(text(&given["if"]), "always()");
}
