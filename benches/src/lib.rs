//! The hot paths of the harness, each prepared once and then called as often as is wanted: by criterion
//! (`cargo bench -p benches`), by a test that holds what a pod costs, and by `cargo xtask bench-gate`,
//! which compares two revisions. None needs a cluster, a network or a container engine.

mod events;
mod images;
mod pods;
mod runs;
mod statistics;

/// A hot path.
#[derive(Debug, Clone, Copy)]
pub struct HotPath {
    /// Its name, e.g. `pods-ingested`.
    pub name: &'static str,
    /// The sizes at which it is measured.
    pub sizes: &'static [usize],
    /// What a size counts.
    pub unit: &'static str,
    /// Makes what a call needs, of this size.
    prepare: fn(usize) -> Call,
}

/// A prepared call of a hot path. It keeps its files as long as it lives.
pub type Call = Box<dyn FnMut()>;

impl HotPath {
    /// A call of this size.
    pub fn prepare(&self, size: usize) -> Call {
        (self.prepare)(size)
    }
}

/// All hot paths.
pub const HOT_PATHS: [HotPath; 8] = [
    HotPath {
        name: "events-replayed",
        sizes: &[10, 1_000, 10_000],
        unit: "pods",
        prepare: events::replayed,
    },
    HotPath { name: "secrets-masked", sizes: &[1, 20], unit: "secrets", prepare: events::masked },
    HotPath {
        name: "pods-ingested",
        sizes: &[10, 1_000, 10_000],
        unit: "pods",
        prepare: pods::ingested,
    },
    HotPath {
        name: "pods-listed",
        sizes: &[10, 1_000, 10_000],
        unit: "pods",
        prepare: pods::listed,
    },
    HotPath { name: "layer-hashed", sizes: &[8], unit: "MiB", prepare: images::layer },
    HotPath { name: "archive-written", sizes: &[8], unit: "MiB", prepare: images::archive },
    HotPath { name: "sweep-planned", sizes: &[10, 100], unit: "runs", prepare: runs::planned },
    HotPath { name: "gate-looked", sizes: &[16, 48], unit: "pairs", prepare: statistics::looked },
];

/// The paths that `cargo xtask bench-gate` gates, with the size and the calls of one run. A run takes a
/// part of a second for each; a gate has at most four figures.
pub const GATED: [(&str, usize, usize); 4] = [
    ("events-replayed", 1_000, 10),
    ("secrets-masked", 20, 50),
    ("pods-ingested", 1_000, 10),
    ("archive-written", 8, 200),
];

/// The hot path of this name.
pub fn named(name: &str) -> Option<&'static HotPath> {
    HOT_PATHS.iter().find(|path| path.name == name)
}

/// The CPU seconds of this process that some work takes.
pub fn cpu_seconds(work: impl FnOnce()) -> f64 {
    let now = || rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let before = now();
    work();
    let after = now();
    (after.tv_sec - before.tv_sec) as f64 + (after.tv_nsec - before.tv_nsec) as f64 / 1e9
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_gated_is_a_hot_path_with_that_size() {
        for (name, size, calls) in GATED {
            let path = named(name).expect(name);
            assert!(path.sizes.contains(&size) && calls > 0, "{name}");
        }
    }

    /// Ten times the pods cost ten times as much if each pod costs the same, a hundred times if each
    /// looks at all others. CPU time of one process against itself, and a bound between the two.
    #[test]
    fn what_a_pod_costs_does_not_depend_on_how_many_there_are() {
        for name in ["events-replayed", "pods-ingested", "pods-listed"] {
            let path = named(name).expect(name);
            let least = |size, calls| {
                let mut call = path.prepare(size);
                (0..calls).map(|_| cpu_seconds(&mut call)).fold(f64::INFINITY, f64::min)
            };
            let (few, many) = (least(200, 3), least(2_000, 2));
            assert!(many / few < 30.0, "{name}: 200 pods {few} s, 2,000 pods {many} s");
        }
    }
}
