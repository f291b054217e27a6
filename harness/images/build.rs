//! Directories that are embedded whole: a file added there must lead to a new binary. Files that are
//! embedded one by one (versions, drivers, the probe) are watched by the compiler.

fn main() {
    println!("cargo::rerun-if-changed=node");
    println!("cargo::rerun-if-changed=stores");
}
