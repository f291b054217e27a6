//! A read that Spark is declared to refuse.

use serde::{Deserialize, Serialize};
use sparkproof_base::events::Looked;
use sparkproof_base::verdict::{Judged, Observation};

use super::expected::WrittenFile;
use super::frame::{FrameAnswer, FrameResult};
use crate::control::{Control, Says};
use crate::diagnosis::{FailedRead, diagnose_read};

/// What the store's own client found under the URL, and Spark's answer to a read of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// The files in the store.
    pub found: Vec<StoredFile>,
    /// What the read of their directory as a DataFrame gave.
    pub answer: FrameAnswer,
}

/// A file in the store, as the store's own client got it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its URL for Spark.
    pub uri: String,
    /// Its key in the store.
    pub key: String,
    /// SHA-256 of its bytes, in hexadecimal digits; or why it could not be got.
    pub sha256: Looked<String>,
}

/// What must be refused, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedRefusal {
    /// The URL of the directory.
    pub uri: String,
    /// The declared words of Spark's message.
    pub words: String,
    /// The files below the URL.
    pub files: Vec<WrittenFile>,
}

impl Observation for Refusal {
    type Expected = ExpectedRefusal;
    const KIND: &'static str = "read.refused";

    fn judge(&self, expected: &ExpectedRefusal) -> Judged {
        let judged = match self.missing(expected) {
            Ok(()) => self.refused(expected),
            Err(missing) => missing,
        };
        let judged = judged
            .with("declared", &expected.words)
            .with("in the store under that URL", format!("{} files", self.found.len()));
        match &self.answer {
            FrameAnswer::Read(_) => judged,
            FrameAnswer::Failed(text) => {
                let (whose, uri, mounted) = ("the driver", expected.uri.as_str(), false);
                let read = FailedRead { text, whose, uri, mounted };
                judged.with("Spark says", text).with("cause", diagnose_read(read).cause)
            }
        }
    }
}

impl Refusal {
    /// A file that is not in the store as it was written: its read would fail anyway.
    fn missing(&self, expected: &ExpectedRefusal) -> Result<(), Judged> {
        let remedy = "put the files into the store again";
        for WrittenFile { uri, sha256, .. } in &expected.files {
            let found = self.found.iter().find(|found| found.uri == *uri);
            let what = match found.map(|found| (&found.key, &found.sha256)) {
                Some((_, Looked::Seen(seen))) if seen == sha256 => continue,
                Some((_, Looked::Seen(seen))) => {
                    format!("{uri} has sha256 {seen}, expected {sha256}")
                }
                Some((key, Looked::Unseen(why))) => {
                    format!("the store has no {key} of {uri}: a refusal would prove nothing: {why}")
                }
                None => format!("{uri} was not looked for in the store"),
            };
            return Err(Judged::red(what, remedy));
        }
        match expected.files.is_empty() {
            true => Err(Judged::red("there is no file that could be read", remedy)),
            false => Ok(()),
        }
    }

    fn refused(&self, expected: &ExpectedRefusal) -> Judged {
        let ExpectedRefusal { uri, words, .. } = expected;
        match &self.answer {
            FrameAnswer::Read(_) => Judged::red(
                format!("{uri} was read, but declared as refused with: {words}"),
                "declare it green for this Spark version in strategies.toml",
            ),
            FrameAnswer::Failed(text) if text.contains(words) && !words.is_empty() => {
                Judged::green()
            }
            FrameAnswer::Failed(text) => Judged::red(
                format!("refused, but without `{words}`: {text}"),
                "correct the declared message in strategies.toml",
            ),
        }
    }
}

/// The controls of `read.*.refused`.
pub(crate) fn controls() -> Vec<Control> {
    let uri = |name: &str| format!("http://172.18.0.9:7070/data/7f3a-x/many.csv/{name}");
    let file = |name: &str| WrittenFile { uri: uri(name), bytes: 70, sha256: "a0".repeat(32) };
    let expected = ExpectedRefusal {
        uri: "http://172.18.0.9:7070/data/7f3a-x/many.csv".to_owned(),
        words: "UnsupportedOperationException".to_owned(),
        files: vec![file("part-00.csv"), file("part-01.csv")],
    };
    let stored = |name: &str| StoredFile {
        uri: uri(name),
        key: format!("7f3a-x/many.csv/{name}"),
        sha256: Looked::Seen("a0".repeat(32)),
    };
    let seen = Refusal {
        found: vec![stored("part-00.csv"), stored("part-01.csv")],
        answer: FrameAnswer::Failed(
            "java.lang.UnsupportedOperationException: \n\tat AbstractHttpFileSystem.listStatus"
                .to_owned(),
        ),
    };
    let control = |name, says, change: &dyn Fn(&mut Refusal)| {
        let mut seen = seen.clone();
        change(&mut seen);
        Control::seen(name, &expected, &seen, says)
    };
    let last = |name, words, change: &dyn Fn(&mut StoredFile)| {
        control(name, Says::Red(words), &|seen| seen.found.iter_mut().skip(1).for_each(change))
    };
    let with = |name, says, change: &dyn Fn(&mut ExpectedRefusal)| {
        let mut expected = expected.clone();
        change(&mut expected);
        Control::seen(name, &expected, &seen, says)
    };
    let read = FrameResult {
        rows: 40,
        sum_id: 780,
        sum_v: 12,
        crc: 98_765,
        files: Vec::new(),
        planned_files: 2,
        schemes: vec!["http".to_owned()],
        planning_seconds: 0.1,
        total_seconds: 0.4,
    };
    vec![
        control("refused with the declared words", Says::Green, &|_| {}),
        control("it was read", Says::Red("was read, but declared as refused with"), &|seen| {
            seen.answer = FrameAnswer::Read(read.clone());
        }),
        control("refused with other words", Says::Red("refused, but without `Unsup"), &|seen| {
            seen.answer = FrameAnswer::Failed("java.io.IOException: 403 Forbidden".to_owned());
        }),
        control("refused without a word", Says::Red("refused, but without"), &|seen| {
            seen.answer = FrameAnswer::Failed(String::new());
        }),
        with("no words are declared", Says::Red("refused, but without ``"), &|expected| {
            expected.words.clear();
        }),
        last("one file is not in the store", "part-01.csv: a refusal would prove nothing", &|f| {
            f.sha256 = Looked::Unseen("404 Not Found".to_owned());
        }),
        last("other bytes in the store", "part-01.csv has sha256 a1a0", &|file| {
            file.sha256 = Looked::Seen(format!("a1{}", "a0".repeat(31)));
        }),
        last("a file under another URL", "part-01.csv was not looked for", &|file| {
            file.uri = file.uri.replace("7f3a-x", "81bc-x");
        }),
        control("one file was not looked for", Says::Red("was not looked for"), &|seen| {
            drop(seen.found.pop());
        }),
        control("no file was looked for", Says::Red("part-00.csv was not looked for"), &|seen| {
            seen.found.clear();
        }),
        with("no file was written", Says::Red("there is no file"), &|e| e.files.clear()),
        Control::unseen::<Refusal>(&expected, "the driver ended with status 1"),
    ]
}
