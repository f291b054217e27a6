//! The binary under the shim's name: narrows the specification, then becomes runc with the same
//! arguments.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

use sparkproof_machine::engine::{Capabilities, shim};

/// A stand-in for runc that prints its arguments.
const RUNC: &str = "#!/bin/sh\necho \"$0 $*\"\nexit 7\n";

#[test]
fn narrows_and_becomes_runc() {
    let keep = tempfile::tempdir().expect("directory");
    let path = keep.path();
    let runc = path.join("runc");
    std::fs::write(&runc, RUNC).expect("written");
    std::fs::set_permissions(&runc, PermissionsExt::from_mode(0o755)).expect("executable");
    let shim = path.join(shim::NAME);
    symlink(env!("CARGO_BIN_EXE_sparkproof"), &shim).expect("linked");
    let host = Capabilities::of_this_host();
    let all: Vec<&String> = host.bounding.union(&host.missing).collect();
    let spec = serde_json::json!({"process": {"capabilities": {"bounding": all}}, "kept": 1});
    std::fs::write(path.join("config.json"), spec.to_string()).expect("written");

    let arguments = ["--root", "/r", "create", "--bundle", path.to_str().expect("text"), "id"];
    let output = Command::new(&shim)
        .args(arguments)
        .env("PATH", format!("{}:/usr/bin:/bin", path.display()))
        .output()
        .expect("started");
    assert_eq!(output.status.code(), Some(7), "runc's own status");
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), format!("{} {}", runc.display(), arguments.join(" ")));
    let after = std::fs::read(path.join("config.json")).expect("readable");
    let after: serde_json::Value = serde_json::from_slice(&after).expect("json");
    let bounding: Vec<&String> = host.bounding.iter().collect();
    assert_eq!(after["process"]["capabilities"]["bounding"], serde_json::json!(bounding));
    assert_eq!(after["kept"], 1);
}
