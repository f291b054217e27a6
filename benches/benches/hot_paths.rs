//! Every hot path at every size: `cargo bench -p benches`. nextest runs each once, to see that it works.

use benches::HOT_PATHS;
use criterion::{BenchmarkId, Criterion, Throughput};

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for path in &HOT_PATHS {
        let mut group = criterion.benchmark_group(path.name);
        // Calls of ten thousand pods take a second.
        group.sample_size(10);
        for size in path.sizes {
            let id = BenchmarkId::from_parameter(format!("{size}-{}", path.unit));
            group.throughput(Throughput::Elements(*size as u64));
            group.bench_with_input(id, size, |bencher, size| {
                let mut call = path.prepare(*size);
                bencher.iter(&mut call);
            });
        }
        group.finish();
    }
    criterion.final_summary();
}
