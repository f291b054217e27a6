//! Watches directories that are embedded as a whole, so that a new file leads to a new binary. The
//! compiler watches files that are embedded one by one (versions, drivers, the probe).

fn main() {
    println!("cargo::rerun-if-changed=node");
    println!("cargo::rerun-if-changed=stores");
}
