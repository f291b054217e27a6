//! The ledger's file: a JSON line for each entry, the version of its form first.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Owned, Scope};
use crate::error::{Error, OrFail, Result};

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
    Own(Owned),
    GaveBack(Owned),
}

/// What a ledger says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    /// None when it ends before that line.
    pub(super) scope: Option<Scope>,
    /// What is not removed yet, oldest first.
    pub(super) owned: Vec<Owned>,
    /// The first line that this program does not understand: what else exists is not known.
    pub(super) unknown: Option<Unknown>,
    tail: Tail,
}

/// A line of a ledger that this program does not understand: a newer one's, or a damaged one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Its number, from 1.
    pub line: usize,
    /// What stands there.
    pub text: String,
}

impl Unknown {
    /// As the error of whoever would have to act on the ledger of this run.
    pub(super) fn error(&self, dir: &Path) -> Error {
        let file = dir.join(NAME);
        Error::environment(format!(
            "this sparkproof ({}) does not understand line {} of {}: {}",
            env!("CARGO_PKG_VERSION"),
            self.line,
            file.display(),
            self.text
        ))
        .remedy(format!(
            "use the sparkproof that made this run, or a newer one; or remove by hand what {} \
             names, then that directory",
            file.display()
        ))
    }
}

/// How the file ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Tail {
    /// With a whole line.
    #[default]
    Whole,
    /// With a line whose newline is missing.
    Unended,
    /// With a part of a line, which begins at this byte.
    Torn(u64),
}

/// What the ledger of a run's directory says; no file is an empty one. A part of a line at the end
/// (kill -9 in the middle of writing) says that nothing was made yet, and is skipped; a line that is
/// whole and not understood is [`Content::unknown`].
pub(super) fn read(dir: &Path) -> Result<Content> {
    let bytes = match fs_err::read(dir.join(NAME)) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Content::default()),
        Err(e) => return Err(Error::environment("reading the ledger").because(e)),
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
                content.unknown.get_or_insert(Unknown { line: index + 1, text });
            }
        }
        if whole && !ended {
            content.tail = Tail::Unended;
        }
        begin += line.len() as u64;
    }
    Ok(content)
}

/// Opens the ledger of a run's directory to append, after a whole line: what was written half is
/// cut off. Only for who holds the run's lock.
pub(super) fn open(dir: &Path, content: &Content) -> Result<File> {
    let what = "opening the ledger";
    let path = dir.join(NAME);
    let mut file = File::options().create(true).append(true).open(path).or_environment(what)?;
    match content.tail {
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

    fn nowhere() -> Owned {
        Owned::Path { path: "/nowhere/x".into() }
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
            let mut file = open(keep.path(), &content).expect("opened");
            append(&mut file, &Line::Own(nowhere())).expect("written");
            let content = read(keep.path()).expect("readable");
            assert_eq!((content.owned, content.unknown), (vec![nowhere()], None));
        }
    }

    #[test]
    fn a_last_line_that_only_lacks_its_newline_counts_and_does_not_swallow_the_next_one() {
        let (keep, content) = ledger(OWN);
        assert_eq!(content.owned, [nowhere()]);
        let mut file = open(keep.path(), &content).expect("opened");
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
            assert_eq!(unknown.line, line, "{text}");
            let error = unknown.error(keep.path()).to_string();
            assert!(error.contains(&format!("does not understand line {line}")), "{error}");
        }
        let (_keep, content) = ledger(&format!("{{\"version\":{VERSION}}}\n{OWN}\n"));
        assert_eq!(content.unknown, None);
    }
}
