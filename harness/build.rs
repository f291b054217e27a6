//! The inputs under `images/` are embedded: a file added there must lead to a new binary.

fn main() {
    println!("cargo::rerun-if-changed=../images");
}
