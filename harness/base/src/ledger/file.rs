//! The ledger's file: a JSON line for each entry, the version of its form first.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{OwnedResource, Scope};
use crate::error::{Error, ErrorContext, Result};

/// Its name in the run's directory.
pub(super) const NAME: &str = "ledger.jsonl";
/// The version that this program writes; 1 is also what ledgers without a version are. It grows when
/// a line gets another meaning or another field: who does not know it must not act on such a ledger.
pub(super) const VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Line {
    Version(u32),
    Scope(Scope),
    Own(OwnedResource),
    GaveBack(OwnedResource),
}

/// What a ledger says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// None when it has no such line: then [`Content::unknown`] says so.
    pub(super) scope: Option<Scope>,
    /// What is not removed yet, oldest first.
    pub(super) owned: Vec<OwnedResource>,
    /// Why what else exists is not known.
    pub(super) unknown: Option<Unknown>,
    /// How the file ends.
    pub(super) tail: Tail,
}

/// Why it is not known what a run owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unknown {
    /// The first line that this program does not understand: a newer one's, or a damaged one.
    Line {
        /// Its number, from 1.
        line: usize,
        /// What stands there.
        text: String,
    },
    /// A run's directory appears with its lock, its ledger and the scope in it. One of them is not
    /// there: the directory is damaged, or was never a run's.
    Missing(&'static str),
}

impl Unknown {
    /// As the error of whoever would have to act on the ledger of this run.
    pub(super) fn error(&self, dir: &Path) -> Error {
        let file = dir.join(NAME);
        let (dir, file) = (dir.display(), file.display());
        match self {
            Unknown::Line { line, text } => Error::environment(format!(
                "this sparkproof ({}) does not understand line {line} of {file}: {text}",
                env!("CARGO_PKG_VERSION"),
            ))
            .remedy(format!(
                "use the sparkproof that made this run, or a newer one; or remove by hand what \
                 {file} names, then that directory"
            )),
            Unknown::Missing(what) => Error::environment(format!(
                "{dir} has no {what}: it is damaged, and what its run made is not known"
            ))
            .remedy(format!("remove by hand what that run made, if anything, then {dir}")),
        }
    }
}

/// How the file ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Tail {
    /// With a whole line.
    #[default]
    Whole,
    /// With a line whose newline is missing.
    Unended,
    /// With a part of a line, which begins at this byte.
    Torn(u64),
}

/// What the ledger of a run's directory says, of a directory that is gone nothing. A part of a line
/// at the end (kill -9 in the middle of writing) says that nothing was made yet, and is skipped; a
/// line that is whole and not understood is [`Content::unknown`], and so is a missing scope. Changes
/// nothing.
pub(super) fn read(dir: &Path) -> Result<Content> {
    let bytes = match fs_err::read(dir.join(NAME)) {
        Ok(bytes) => bytes,
        // The run ended and took its directory along.
        Err(e) if e.kind() == ErrorKind::NotFound && !dir.exists() => {
            return Ok(Content::default());
        }
        Err(e) if e.kind() == ErrorKind::NotFound => {
            let unknown = Some(Unknown::Missing(NAME));
            return Ok(Content { unknown, ..Content::default() });
        }
        Err(e) => return Err(Error::environment("reading the ledger").with_source(e)),
    };
    let mut content = Content::default();
    let mut begin = 0;
    for (index, line) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let ended = line.ends_with(b"\n");
        let whole = ended || serde_json::from_slice::<serde_json::Value>(line).is_ok();
        match serde_json::from_slice(line) {
            _ if !whole => content.tail = Tail::Torn(begin),
            Ok(Line::Version(version)) if version <= VERSION => {}
            Ok(Line::Scope(scope)) => content.scope = Some(scope),
            Ok(Line::Own(owned)) => content.owned.push(owned),
            Ok(Line::GaveBack(owned)) => content.owned.retain(|other| *other != owned),
            Ok(Line::Version(_)) | Err(_) => {
                let text = String::from_utf8_lossy(line).trim_end().to_owned();
                content.unknown.get_or_insert(Unknown::Line { line: index + 1, text });
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

/// Opens the ledger of a run's directory to append, after a whole line: what was written half is
/// cut off. Only for who holds the run's lock.
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

/// Writes a line; on disk when this returns, before the thing itself exists.
pub(super) fn append(ledger: &mut File, line: &Line) -> Result<()> {
    let text = serde_json::to_string(line).or_internal("writing a ledger line")?;
    ledger.write_all(format!("{text}\n").as_bytes()).or_environment("writing the ledger")?;
    ledger.sync_data().or_environment("writing the ledger")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: &str = r#"{"own":{"kind":"path","path":"/nowhere/x"}}"#;

    fn ledger(text: &str) -> (tempfile::TempDir, Content) {
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
            append(&mut file, &Line::Own(nowhere())).expect("written");
            let content = read(keep.path()).expect("readable");
            assert_eq!((content.owned, content.unknown), (vec![nowhere()], None));
        }
    }

    #[test]
    fn a_last_line_that_only_lacks_its_newline_counts_and_does_not_swallow_the_next_one() {
        let (keep, content) = ledger(OWN);
        assert_eq!(content.owned, [nowhere()]);
        let mut file = open(keep.path(), content.tail).expect("opened");
        append(&mut file, &Line::Scope(Scope::Run)).expect("written");
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
        assert_eq!(read(&empty.path().join("gone")).expect("looked"), Content::default());
    }
}
