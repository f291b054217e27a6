//! One run for `cargo xtask bench-gate`: what each gated path costs, in CPU seconds, as JSON.
#![expect(clippy::print_stdout, reason = "its output is its result")]

use std::collections::BTreeMap;

use benches::{GATED, cpu_seconds, named};

fn main() {
    let costs = GATED.iter().filter_map(|(name, size, calls)| {
        let mut call = named(name)?.prepare(*size);
        // The first call warms caches.
        call();
        let seconds = cpu_seconds(|| (0..*calls).for_each(|_| call()));
        Some((*name, seconds))
    });
    println!("{}", serde_json::json!(costs.collect::<BTreeMap<_, _>>()));
}
