//! Narrows a specification to what the host grants. Works on plain JSON, so that no field of a
//! newer specification is lost.

use serde_json::Value;

use crate::engine::Capabilities;

const SETS: [&str; 5] = ["bounding", "effective", "inheritable", "permitted", "ambient"];

/// Narrows a container's `config.json` (with a `process` member) or a process file of `exec`.
/// Returns whether it changed.
pub(super) fn narrow(specification: &mut Value, host: &Capabilities) -> bool {
    let process = match specification.get_mut("process") {
        Some(process) => process,
        None => specification,
    };
    let capabilities = narrow_capabilities(process, host);
    let oom = narrow_oom(process, host);
    capabilities || oom
}

fn narrow_capabilities(process: &mut Value, host: &Capabilities) -> bool {
    let mut changed = false;
    for set in SETS {
        let Some(Value::Array(names)) = process.pointer_mut(&format!("/capabilities/{set}")) else {
            continue;
        };
        let before = names.len();
        names.retain(|name| !name.as_str().is_some_and(|name| host.missing.contains(name)));
        changed |= names.len() != before;
    }
    changed
}

fn narrow_oom(process: &mut Value, host: &Capabilities) -> bool {
    let Some(score) = process.get_mut("oomScoreAdj") else { return false };
    let refused = score.as_i64().is_some_and(|score| score < 0 && score < host.lowest_oom);
    if refused {
        *score = host.lowest_oom.into();
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn host() -> Capabilities {
        let set = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect();
        Capabilities {
            bounding: set(&["CAP_CHOWN", "CAP_SYS_ADMIN"]),
            missing: set(&["CAP_SYS_RESOURCE", "CAP_SYS_TIME"]),
            lowest_oom: 0,
        }
    }

    fn process() -> Value {
        let all = json!(["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_SYS_RESOURCE", "CAP_SYS_TIME"]);
        json!({
            "terminal": false,
            "user": {"uid": 0, "gid": 0, "additionalGids": [10]},
            "args": ["/usr/local/bin/entrypoint", "/sbin/init"],
            "cwd": "/",
            "capabilities": {
                "bounding": all, "effective": all, "permitted": all, "inheritable": all,
                "ambient": ["CAP_SYS_TIME"]
            },
            "oomScoreAdj": -998,
            "ofTheFuture": {"kept": [1, 2]}
        })
    }

    #[test]
    fn a_privileged_container_loses_what_the_host_lacks_and_nothing_else() {
        let mut spec = json!({
            "ociVersion": "1.0.2-dev",
            "process": process(),
            "root": {"path": "/data/overlay2/x/merged"},
            "linux": {"resources": {"devices": [{"allow": true, "access": "rwm"}]}},
            "unknown": 1
        });
        assert!(narrow(&mut spec, &host()));
        let narrowed = json!(["CAP_CHOWN", "CAP_SYS_ADMIN"]);
        let mut expected = process();
        for set in ["bounding", "effective", "permitted", "inheritable"] {
            expected["capabilities"][set] = narrowed.clone();
        }
        expected["capabilities"]["ambient"] = json!([]);
        expected["oomScoreAdj"] = json!(0);
        assert_eq!(spec["process"], expected);
        assert_eq!(spec["unknown"], 1);
        assert_eq!(spec["linux"]["resources"]["devices"][0]["access"], "rwm");
    }

    #[test]
    fn an_exec_process_file_is_narrowed_too() {
        let mut spec = process();
        assert!(narrow(&mut spec, &host()));
        assert_eq!(spec["capabilities"]["effective"], json!(["CAP_CHOWN", "CAP_SYS_ADMIN"]));
        assert_eq!((&spec["oomScoreAdj"], &spec["ofTheFuture"]["kept"][1]), (&json!(0), &json!(2)));
    }

    #[test]
    fn what_fits_is_left_as_it_is() {
        let mut spec = json!({"process": {
            "capabilities": {"bounding": ["CAP_CHOWN", "CAP_OF_THE_FUTURE"]}, "oomScoreAdj": 500
        }});
        let before = spec.clone();
        assert!(!narrow(&mut spec, &host()));
        assert_eq!(spec, before);
        assert!(!narrow(&mut json!({"process": {"args": []}}), &host()), "no members to narrow");
        assert!(!narrow(&mut json!({}), &host()));
    }

    #[test]
    fn a_full_host_narrows_nothing() {
        let full = Capabilities {
            bounding: host().bounding,
            missing: std::collections::BTreeSet::new(),
            lowest_oom: -1000,
        };
        assert!(!narrow(&mut json!({"process": process()}), &full));
    }
}
