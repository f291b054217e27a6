//! A case of reading: a variant, the location of its data, and the expected results.

use sparkproof_catalog::Variant;
use sparkproof_judge::{Place, WrittenFile};
use sparkproof_spark::session::Frame;
use sparkproof_stores::Stores;
use sparkproof_strategies::{Dataset, Location, Table};

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

impl<'a> ReadCase<'a> {
    /// The id of a check of this variant.
    pub(super) fn check_id(&self, what: &str) -> String {
        format!("read.{}.{what}", self.variant.id)
    }

    /// The tables that the proofs read: all but the comparison's small files.
    pub(super) fn tables(self) -> impl Iterator<Item = &'a Table> {
        self.data.tables.iter().filter(|table| table.name != SMALL)
    }

    /// A read of each table as a DataFrame, with its name.
    pub(crate) fn frames(self, executors: u32) -> Vec<(String, Frame)> {
        let tables = self.tables();
        tables.map(|table| (table.name.to_owned(), request(self, table, executors))).collect()
    }

    /// Where executors must read, and how they must see it.
    pub(super) fn place(&self) -> Place {
        Place {
            uri: self.location.uri.clone(),
            file_system: self.location.file_system.to_owned(),
            mount: self.location.mount.clone(),
            volume: self.location.volume,
        }
    }

    /// The files of a table as executors must read them.
    pub(super) fn written(&self, table: &Table) -> Vec<WrittenFile> {
        let uris = table.file_uris(&self.location.uri).into_iter();
        let written = uris.zip(&table.files).map(|(uri, file)| WrittenFile {
            uri,
            bytes: file.bytes,
            sha256: file.sha256.clone(),
        });
        written.collect()
    }
}

/// Reads one table as a DataFrame, in a new job group, for its metrics.
pub(super) fn request(subject: ReadCase<'_>, table: &Table, executors: u32) -> Frame {
    let group = format!("{}-{}-{:08x}", subject.variant.id, table.name, rand::random::<u32>());
    table.frame(&subject.location.uri, executors, &group)
}

/// The comparison's table of many small files.
pub(super) const SMALL: &str = "csv-small";
