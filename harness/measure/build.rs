//! Watches the committed baselines, so that a new file leads to a new binary.

fn main() {
    println!("cargo::rerun-if-changed=baselines");
}
