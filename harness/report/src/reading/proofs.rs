//! The table of proofs: one row a variant, one column a kind of proof.

use sparkproof_catalog::{ReadCheck, STRATEGIES, Variant, order_of, read_check, strategy_of_id};

use crate::model::{Check, CheckOutcome};

/// A column of the table.
pub(crate) struct Column {
    /// Its number, shown alone on narrow pages.
    pub(crate) mark: &'static str,
    /// Its name.
    pub(crate) word: &'static str,
    /// What it shows.
    pub(crate) says: &'static str,
    /// The checks in it, by the last part of their ids.
    checks: &'static [&'static str],
}

const SET_UP: Column = Column {
    mark: "S",
    word: "set-up",
    says: "the data is in place, before the session and in the pods",
    checks: &["prepared", "populated"],
};

const PROOFS: [Column; 5] = [
    Column {
        mark: "1",
        word: "executors",
        says: "each executor reads every byte, in its JVM, in exactly this way",
        checks: &["executors"],
    },
    Column {
        mark: "2",
        word: "DataFrame",
        says: "the ordinary read gives the sums known beforehand",
        checks: &["frame"],
    },
    Column {
        mark: "3",
        word: "metrics",
        says: "Spark's metrics show who read what",
        checks: &["metrics"],
    },
    Column {
        mark: "4",
        word: "server",
        says: "the server's log shows the reads (if there is a server)",
        checks: &["server"],
    },
    Column {
        mark: "5",
        word: "strict",
        says: "no retry, speculation or ignored file hid a failure",
        checks: &["strict"],
    },
];

const REFUSED: &str = "refused";

/// The table.
pub(crate) struct Proofs<'a> {
    pub(crate) columns: Vec<&'static Column>,
    pub(crate) strategies: Vec<Strategy<'a>>,
}

/// The rows of a strategy.
pub(crate) struct Strategy<'a> {
    pub(crate) number: &'static str,
    pub(crate) title: &'static str,
    pub(crate) green: usize,
    pub(crate) made: usize,
    pub(crate) rows: Vec<ProofRow<'a>>,
}

/// A variant's row.
pub(crate) struct ProofRow<'a> {
    pub(crate) variant: &'a str,
    pub(crate) title: &'a str,
    pub(crate) cells: Vec<Cell<'a>>,
    /// Checks that have no column, e.g. `pinned`.
    pub(crate) beside: Vec<(&'a str, &'a Check)>,
}

/// A cell: the check that decides it, or none if nothing was to be proven.
pub(crate) struct Cell<'a> {
    /// The number of columns that it spans.
    pub(crate) span: usize,
    pub(crate) check: Option<&'a Check>,
    /// A text beside the mark.
    pub(crate) words: &'a str,
}

impl Column {
    /// The heading on wide pages.
    pub(crate) fn head(&self) -> String {
        match self.mark.parse::<u8>() {
            Ok(number) => format!("{number} {}", self.word),
            Err(_) => self.word.to_owned(),
        }
    }
}

/// The table of a run; `None` when nothing was read.
pub(crate) fn proofs(checks: &[Check]) -> Option<Proofs<'_>> {
    let mut variants: Vec<(&str, Vec<(&str, &Check)>)> = Vec::new();
    for check in checks {
        let Some(ReadCheck { variant, subject, .. }) = read_check(&check.id) else { continue };
        let seen = (subject.unwrap_or_default(), check);
        match variants.iter_mut().find(|(id, _)| *id == variant) {
            Some((_, checks)) => checks.push(seen),
            None => variants.push((variant, vec![seen])),
        }
    }
    variants.sort_by_key(|(variant, _)| order_of(variant));
    let columns: Vec<&Column> = std::iter::once(&SET_UP).chain(&PROOFS).collect();
    let strategies = STRATEGIES.iter().filter_map(|strategy| {
        let of = |(id, _): &&(&str, Vec<_>)| strategy_of_id(id) == Some(strategy);
        let of: Vec<_> = variants.iter().filter(of).collect();
        let outcomes = of.iter().flat_map(|(_, checks)| checks).map(|(_, check)| check.outcome);
        let made: Vec<_> = outcomes.filter(|o| *o != CheckOutcome::Skipped).collect();
        Some(Strategy {
            number: strategy.number,
            title: strategy.title,
            green: made.iter().filter(|o| **o == CheckOutcome::Green).count(),
            made: made.len(),
            rows: of.iter().map(|(id, checks)| row(id, checks)).collect(),
        })
        .filter(|strategy| !strategy.rows.is_empty())
    });
    let strategies: Vec<_> = strategies.collect();
    (!strategies.is_empty()).then_some(Proofs { columns, strategies })
}

fn row<'a>(variant: &'a str, checks: &[(&'a str, &'a Check)]) -> ProofRow<'a> {
    let title = Variant::title_of(variant);
    let named = |name: &str| worst(checks.iter().filter(|(what, _)| *what == name));
    let cell = |column: &Column| Cell {
        span: 1,
        check: worst(checks.iter().filter(|(what, _)| column.checks.contains(what))),
        words: "",
    };
    if let Some(whole) = named("") {
        let words = whole.reason.as_deref().unwrap_or_default();
        let cells = vec![Cell { span: 1 + PROOFS.len(), check: Some(whole), words }];
        return ProofRow { variant, title, cells, beside: Vec::new() };
    }
    let mut cells = vec![cell(&SET_UP)];
    match named(REFUSED) {
        Some(refused) => {
            let words = match refused.outcome {
                CheckOutcome::Green => "refused, as declared",
                CheckOutcome::Red | CheckOutcome::Skipped => "declared to be refused",
            };
            cells.push(Cell { span: PROOFS.len(), check: Some(refused), words });
        }
        None => cells.extend(PROOFS.iter().map(cell)),
    }
    let known = |what: &str| {
        what == REFUSED || std::iter::once(&SET_UP).chain(&PROOFS).any(|c| c.checks.contains(&what))
    };
    let beside = checks.iter().filter(|(what, _)| !known(what)).copied().collect();
    ProofRow { variant, title, cells, beside }
}

/// Order of importance: red, skipped, green.
fn worst<'a, 'b>(checks: impl Iterator<Item = &'b (&'a str, &'a Check)>) -> Option<&'a Check>
where
    'a: 'b,
{
    let rank = |check: &&Check| match check.outcome {
        CheckOutcome::Red => 0,
        CheckOutcome::Skipped => 1,
        CheckOutcome::Green => 2,
    };
    checks.map(|(_, check)| *check).min_by_key(rank)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, outcome: CheckOutcome) -> Check {
        let reason = (outcome != CheckOutcome::Green).then(|| "no kernel client".to_owned());
        Check {
            id: id.into(),
            title: String::new(),
            outcome,
            reason,
            remedy: None,
            at: 0.0,
            seconds: 0.1,
            evidence: Vec::new(),
        }
    }

    fn marks(row: &ProofRow<'_>) -> String {
        let mark = |cell: &Cell<'_>| match cell.check.map(|check| check.outcome) {
            None => "-",
            Some(CheckOutcome::Green) => "g",
            Some(CheckOutcome::Red) => "r",
            Some(CheckOutcome::Skipped) => "s",
        };
        row.cells.iter().map(|cell| mark(cell).repeat(cell.span)).collect()
    }

    #[test]
    fn a_row_a_variant_and_a_column_a_proof() {
        use CheckOutcome::{Green, Red, Skipped};
        let checks = [
            check("session.started", Green),
            check("read.3-hostpath.prepared", Green),
            check("read.0-copy.prepared", Green),
            check("read.0-copy.populated", Red),
            check("read.3-hostpath.executors", Green),
            check("read.3-hostpath.frame", Red),
            check("read.3-hostpath.pinned", Green),
            check("read.3-nfs", Skipped),
            check("read.4-http.prepared", Green),
            check("read.4-http.refused", Green),
            check("read.spread", Green),
        ];
        let table = proofs(&checks).expect("something was read");
        assert_eq!(table.columns.len(), 6);
        let seen: Vec<(&str, usize, usize)> =
            table.strategies.iter().map(|s| (s.number, s.green, s.made)).collect();
        assert_eq!(seen, [("0", 1, 2), ("3", 3, 4), ("4", 2, 2)]);
        let rows: Vec<&ProofRow<'_>> = table.strategies.iter().flat_map(|s| &s.rows).collect();
        let seen: Vec<(&str, String)> = rows.iter().map(|r| (r.variant, marks(r))).collect();
        let expected = [
            ("0-copy", "r-----"),
            ("3-hostpath", "ggr---"),
            ("3-nfs", "ssssss"),
            ("4-http", "gggggg"),
        ];
        assert_eq!(seen, expected.map(|(id, marks)| (id, marks.to_owned())));
        assert_eq!(rows[1].beside.len(), 1);
        assert_eq!(rows[2].cells[0].words, "no kernel client");
        assert!(proofs(&checks[..1]).is_none());
    }
}
