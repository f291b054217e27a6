//! Sizes as Spark writes them, and the memory of a pod.

/// The least overhead of a JVM, in MiB (`ResourceProfile.MEMORY_OVERHEAD_MIN_MIB`).
const LEAST_OVERHEAD: f64 = 384.0;

/// The memory of a pod in MiB: heap (`None`: Spark's default) and overhead, given or by its factor.
pub(super) fn memory(heap: Option<&str>, overhead: Option<&str>, factor: f64) -> f64 {
    let heap = heap.and_then(mebibytes).unwrap_or(1024.0);
    let overhead = overhead.and_then(mebibytes);
    (heap + overhead.unwrap_or_else(|| (heap * factor).max(LEAST_OVERHEAD))).floor()
}

/// A size (`JavaUtils.byteStringAsMb`); a number without a unit is in MiB.
fn mebibytes(size: &str) -> Option<f64> {
    let size = size.trim().to_ascii_lowercase();
    let size = size.strip_suffix('b').unwrap_or(&size);
    let (number, unit) = match size.char_indices().last()? {
        (at, unit) if unit.is_ascii_alphabetic() => (&size[..at], unit),
        _ => (size, 'm'),
    };
    let number: f64 = number.parse().ok()?;
    Some(match unit {
        'k' => number / 1024.0,
        'm' => number,
        'g' => number * 1024.0,
        't' => number * 1024.0 * 1024.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("512m", Some(512.0))]
    #[case("512MB", Some(512.0))]
    #[case("2g", Some(2048.0))]
    #[case("700", Some(700.0))]
    #[case("1024k", Some(1.0))]
    #[case("much", None)]
    fn sizes_are_as_spark_writes_them(#[case] size: &str, #[case] expected: Option<f64>) {
        assert_eq!(mebibytes(size), expected);
    }

    #[test]
    fn memory_is_heap_and_overhead() {
        assert_eq!(memory(None, None, 0.1), 1408.0);
        assert_eq!(memory(Some("10g"), None, 0.1), 11264.0);
        assert_eq!(memory(Some("1g"), None, 0.4), 1433.0);
        assert_eq!(memory(Some("1g"), Some("100m"), 0.4), 1124.0);
    }
}
