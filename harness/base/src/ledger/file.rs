//! The file of a ledger: one JSON line an entry, the format's version first.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{OwnedResource, Scope};
use crate::error::{Error, ErrorContext, Result};

/// File name in the run's directory.
pub(super) const NAME: &str = "ledger.jsonl";
/// The format's version; ledgers without one are of version 1. It grows when a line gets a new
/// meaning or field: a program that does not know the version must not act on the ledger.
pub(super) const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum LedgerLine {
    Version(u32),
    Scope(Scope),
    Own(OwnedResource),
    GaveBack(OwnedResource),
}

/// The content of a ledger.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct LedgerContent {
    /// The scope; `None` without such a line, and then [`LedgerContent::unknown`] is set.
    pub(super) scope: Option<Scope>,
    /// Resources that are not removed yet, oldest first.
    pub(super) owned: Vec<OwnedResource>,
    /// Why the list of resources may be incomplete.
    pub(super) unknown: Option<Unknown>,
    /// How the file ends.
    pub(super) tail: Tail,
}

/// Why the resources of a run are not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// The first line that this program does not understand: it is newer, or damaged.
    LedgerLine {
        /// Number of the line, from 1.
        line: usize,
        /// Text of the line.
        text: String,
    },
    /// The lock, the ledger or its scope is missing. A run's directory is created with all three,
    /// so this one is damaged, or was never a run's.
    Missing(&'static str),
}

impl Unknown {
    /// The error for anyone who would have to act on this ledger.
    pub(super) fn error(&self, dir: &Path) -> Error {
        let file = dir.join(NAME);
        let (dir, file) = (dir.display(), file.display());
        match self {
            Unknown::LedgerLine { line, text } => Error::environment(format!(
                "this sparkproof ({}) does not understand line {line} of {file}: {text}",
                env!("CARGO_PKG_VERSION"),
            ))
            .remedy(format!(
                "use the version of sparkproof that made this run, or a newer one; or remove by hand what \
                 {file} names, then that directory"
            )),
            Unknown::Missing(what) => Error::environment(format!(
                "{dir} has no {what}: it is damaged, and the resources of its run are not known"
            ))
            .remedy(format!("remove by hand the resources of that run, if there are any, then {dir}")),
        }
    }
}

/// How the file ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Tail {
    /// With a complete line.
    #[default]
    Whole,
    /// With a line whose newline is missing.
    Unended,
    /// With an incomplete line, which begins at this byte.
    Torn(u64),
}

/// Reads the ledger in a run's directory; empty if the directory is gone. Changes nothing.
///
/// An incomplete last line (kill -9 while writing) is ignored: its resource was not created yet. A
/// complete line that is not understood sets [`LedgerContent::unknown`], and so does a missing
/// scope.
pub(super) fn read(dir: &Path) -> Result<LedgerContent> {
    let bytes = match fs_err::read(dir.join(NAME)) {
        Ok(bytes) => bytes,
        // The run ended and removed its directory.
        Err(e) if e.kind() == ErrorKind::NotFound && !dir.exists() => {
            return Ok(LedgerContent::default());
        }
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let unknown = Some(Unknown::Missing(NAME));
            return Ok(LedgerContent { unknown, ..LedgerContent::default() });
        }
        Err(e) => return Err(Error::environment("reading the ledger").with_source(e)),
    };
    let mut content = LedgerContent::default();
    let mut begin = 0;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let ended = line.ends_with(b"\n");
        let whole = ended || serde_json::from_slice::<serde_json::Value>(line).is_ok();
        match serde_json::from_slice(line) {
            _ if !whole => content.tail = Tail::Torn(begin),
            Ok(LedgerLine::Version(version)) if version <= VERSION => {}
            Ok(LedgerLine::Scope(scope)) => content.scope = Some(scope),
            Ok(LedgerLine::Own(owned)) => content.owned.push(owned),
            Ok(LedgerLine::GaveBack(owned)) => content.owned.retain(|other| *other != owned),
            Ok(LedgerLine::Version(_)) | Err(_) => {
                let text = String::from_utf8_lossy(line).trim_end().to_owned();
                content.unknown.get_or_insert(Unknown::LedgerLine { line: index + 1, text });
            }
        }
        if whole && !ended {
            content.tail = Tail::Unended;
        }
        begin += line.len() as u64;
    }
    if content.scope.is_none() {
        content.unknown.get_or_insert(Unknown::Missing("scope in its ledger"));
    }
    Ok(content)
}

/// Opens the ledger in a run's directory for appending, and cuts off an incomplete last line. The
/// caller must hold the run's lock.
pub(super) fn open(dir: &Path, tail: Tail) -> Result<File> {
    let what = "opening the ledger";
    let path = dir.join(NAME);
    let mut file = File::options().create(true).append(true).open(path).or_environment(what)?;
    match tail {
        Tail::Whole => {}
        Tail::Unended => file.write_all(b"\n").or_environment(what)?,
        Tail::Torn(begin) => file.set_len(begin).or_environment(what)?,
    }
    Ok(file)
}

/// Writes a line. It is on disk when this returns, before the resource is created.
pub(super) fn append(ledger: &mut File, line: &LedgerLine) -> Result<()> {
    let text = serde_json::to_string(line).or_internal("writing a ledger line")?;
    ledger.write_all(format!("{text}\n").as_bytes()).or_environment("writing the ledger")?;
    ledger.sync_data().or_environment("writing the ledger")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = r#"{"own":{"kind":"path","path":"/nowhere/x"}}"#;

    fn ledger(text: &str) -> (tempfile::TempDir, LedgerContent) {
        let keep = tempfile::tempdir().expect("temporary directory");
        std::fs::write(keep.path().join(NAME), text).expect("written");
        let content = read(keep.path()).expect("readable");
        (keep, content)
    }

    fn nowhere() -> OwnedResource {
        OwnedResource::Path { path: "/nowhere/x".into() }
    }

    #[test]
    fn a_torn_last_line_is_skipped_and_does_not_swallow_the_next_one() {
        // In the middle of a character, too.
        for torn in [&b"{\"own\":{\"ki"[..], b"{\"own\":{\"path\":\"/\xc3", b"\0\0\0"] {
            let (keep, _) = ledger("");
            let path = keep.path().join(NAME);
            std::fs::write(&path, [b"{\"scope\":\"user\"}\n", torn].concat()).expect("written");
            let content = read(keep.path()).expect("readable");
            assert_eq!((content.scope, &content.unknown), (Some(Scope::User), &None));
            let mut file = open(keep.path(), content.tail).expect("opened");
            append(&mut file, &LedgerLine::Own(nowhere())).expect("written");
            let content = read(keep.path()).expect("readable");
            assert_eq!((content.owned, content.unknown), (vec![nowhere()], None));
        }
    }

    #[test]
    fn a_last_line_that_only_lacks_its_newline_counts_and_does_not_swallow_the_next_one() {
        let (keep, content) = ledger(OWN);
        assert_eq!(content.owned, [nowhere()]);
        let mut file = open(keep.path(), content.tail).expect("opened");
        append(&mut file, &LedgerLine::Scope(Scope::Run)).expect("written");
        let content = read(keep.path()).expect("readable");
        assert_eq!((content.scope, content.owned), (Some(Scope::Run), vec![nowhere()]));
    }

    #[test]
    fn a_line_of_a_newer_sparkproof_is_not_dropped() {
        let newer = r#"{"own":{"kind":"spaceship","name":"x"}}"#;
        for (text, line) in [
            (format!("{OWN}\n{newer}\n{OWN}\n"), 2),
            // Without its newline it is whole, too.
            (format!("{OWN}\n{newer}"), 2),
            (format!("{{\"version\":{}}}\n{OWN}\n", VERSION + 1), 1),
            // What an older one appended to a torn line.
            (format!("{OWN}\n{{\"own\":{{\"ki{OWN}\n"), 2),
        ] {
            let (keep, content) = ledger(&text);
            let unknown = content.unknown.expect("not understood");
            let error = unknown.error(keep.path()).to_string();
            assert!(error.contains(&format!("does not understand line {line}")), "{error}");
        }
        let (_keep, content) =
            ledger(&format!("{{\"version\":{VERSION}}}\n{{\"scope\":\"run\"}}\n{OWN}\n"));
        assert_eq!(content.unknown, None);
    }

    #[test]
    fn a_ledger_that_is_missing_or_says_no_scope_is_not_one_that_owns_nothing() {
        for text in ["", "{\"version\":1}\n", "{\"version\":1}\n{\"scope\":\"ru", "{\"ver", OWN] {
            let (keep, content) = ledger(text);
            let error = content.unknown.expect(text).error(keep.path()).to_string();
            assert!(error.contains("has no scope in its ledger: it is damaged"), "{error}");
        }
        let empty = tempfile::tempdir().expect("temporary directory");
        let error = read(empty.path()).expect("looked").unknown.expect("none").error(empty.path());
        assert!(error.to_string().contains("has no ledger.jsonl"), "{error}");
        // A run that ended meanwhile is no damage.
        assert_eq!(read(&empty.path().join("gone")).expect("looked"), LedgerContent::default());
    }
}
