//! A case of reading: a variant, the location of its data, and the expected results.

use sparkproof_base::events::EvidenceItem;
use sparkproof_base::verdict::Diagnosis;
use sparkproof_catalog::Variant;
use sparkproof_spark::diagnose::{FailedRead, diagnose_read};
use sparkproof_spark::session::{FileRead, JavaFailure};
use sparkproof_stores::Stores;
use sparkproof_strategies::{Dataset, Location, Mount, Table};

/// A variant in a session, as each proof uses it.
#[derive(Debug, Clone, Copy)]
pub struct ReadCase<'a> {
    /// The variant.
    pub variant: &'static Variant,
    /// The location from which Spark reads.
    pub location: &'a Location,
    /// The data with the expected results.
    pub data: &'a Dataset,
    /// The storage servers.
    pub stores: &'a Stores,
}

impl ReadCase<'_> {
    /// The id of a check of this variant.
    pub(super) fn check_id(&self, what: &str) -> String {
        format!("read.{}.{what}", self.variant.id)
    }

    /// The tables that the proofs read: all but the comparison's small files.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Table> {
        self.data.tables.iter().filter(|table| table.name != SMALL)
    }

    /// The diagnosis of an exception in a JVM.
    pub(super) fn diagnose(&self, failure: &str, whose: &str, uri: &str) -> Diagnosis {
        let mounted = matches!(self.location.mount, Some(Mount::Fuse(_)));
        diagnose_read(FailedRead { text: failure, whose, uri, mounted })
    }

    /// The same with the mount that the reader saw: if it is the expected one, a missing file is
    /// not a missing mount.
    pub(super) fn diagnose_on(&self, failure: &str, whose: &str, read: &FileRead) -> Diagnosis {
        let (Some(seen), Some(expected @ Mount::Fuse(_))) = (&read.mount, self.location.mount)
        else {
            return self.diagnose(failure, whose, &read.uri);
        };
        let mounted = expected.check(&seen.fs_type, &seen.point).is_err();
        let found = FailedRead { text: failure, whose, uri: &read.uri, mounted };
        let mut diagnosis = diagnose_read(found);
        let text = format!("{} at {}, from {}", seen.fs_type, seen.point, seen.source);
        diagnosis.evidence.push(EvidenceItem { name: "mount".into(), text });
        diagnosis
    }
}

/// The comparison's table of many small files.
pub(super) const SMALL: &str = "csv-small";

/// An exception and its causes, one line each.
pub(super) fn in_lines(failure: &JavaFailure) -> String {
    std::iter::once(format!("{}: {}", failure.class, failure.message))
        .chain(failure.causes.iter().cloned())
        .collect::<Vec<_>>()
        .join("\n")
}
