//! A summary of reading in one line.

use std::collections::BTreeMap;

use sparkproof_base::events::Outcome;
use sparkproof_catalog::{STRATEGIES, read_check};

/// Green and all checks by strategy: `0 copy 6/6 · 3 volume 22/23, 1 skipped`. Checks that are of
/// no variant are not counted.
pub fn tally<'a>(verdicts: impl IntoIterator<Item = (&'a str, &'a Outcome)>) -> String {
    #[derive(Default)]
    struct Count {
        green: usize,
        made: usize,
        skipped: usize,
    }
    let mut counts = BTreeMap::<&str, Count>::new();
    for (id, outcome) in verdicts {
        let Some(of) = read_check(id) else { continue };
        let count = counts.entry(of.strategy.number).or_default();
        match outcome {
            Outcome::Skipped { .. } => count.skipped += 1,
            Outcome::Green => (count.green, count.made) = (count.green + 1, count.made + 1),
            Outcome::Red { .. } => count.made += 1,
        }
    }
    let parts = STRATEGIES.iter().filter_map(|strategy| {
        let Count { green, made, skipped } = counts.get(strategy.number)?;
        let skipped = match skipped {
            0 => String::new(),
            skipped => format!(", {skipped} skipped"),
        };
        Some(format!("{} {} {green}/{made}{skipped}", strategy.number, strategy.word))
    });
    parts.collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn red() -> Outcome {
        Outcome::Red { reason: "2 of 3 executors".into(), remedy: None }
    }

    fn skipped() -> Outcome {
        Outcome::Skipped { reason: "no kernel client".into() }
    }

    fn summary(verdicts: &[(&str, Outcome)]) -> String {
        tally(verdicts.iter().map(|(id, outcome)| (*id, outcome)))
    }

    #[test]
    fn strategies_stand_in_order_with_what_is_green() {
        let verdicts = [
            ("read.4-s3.server", Outcome::Green),
            ("read.0-copy.prepared", Outcome::Green),
            ("read.0-copy.frame", Outcome::Green),
            ("read.3-hostpath.frame", red()),
            ("read.3-pvc-dynamic.frame", Outcome::Green),
        ];
        assert_eq!(summary(&verdicts), "0 copy 2/2 · 3 volume 1/2 · 4 remote 1/1");
    }

    #[test]
    fn what_was_skipped_is_said_and_not_counted() {
        let verdicts = [("read.3-nfs", skipped()), ("read.3-hostpath.frame", Outcome::Green)];
        assert_eq!(summary(&verdicts), "3 volume 1/1, 1 skipped");
        assert_eq!(summary(&verdicts[..1]), "3 volume 0/0, 1 skipped");
    }

    #[test]
    fn checks_of_no_variant_are_left_out() {
        let verdicts = [("read.spread", Outcome::Green), ("session.started", red())];
        assert_eq!(summary(&verdicts), "");
    }
}
