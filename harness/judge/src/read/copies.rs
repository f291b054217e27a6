//! Copies of the data in pods.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};

use crate::control::{Control, Says};

/// What lies in the executors' pods after the data was copied there.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Copies {
    /// SHA-256 of each file, in hexadecimal digits, by its path below the root, by pod: hashed in
    /// the pod.
    pub pods: BTreeMap<String, BTreeMap<String, String>>,
    /// Seconds that the copying took.
    pub seconds: f64,
    /// Bytes that were sent.
    pub bytes: u64,
}

/// What must lie there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectedCopies {
    /// Number of executors.
    pub executors: u32,
    /// Root of the data.
    pub uri: String,
    /// SHA-256 of each file, in hexadecimal digits, by its path below the root.
    pub files: BTreeMap<String, String>,
}

impl Observation for Copies {
    type Expected = ExpectedCopies;
    const KIND: &'static str = "read.populated";

    fn judge(&self, expected: &ExpectedCopies) -> Judged {
        let judged = match self.fault(expected) {
            None => Judged::green(),
            Some(what) => Judged::red(
                what,
                "look at the free space and the events of that pod, then copy the data again",
            ),
        };
        let pods: Vec<&str> = self.pods.keys().map(String::as_str).collect();
        judged
            .with("pods", pods.join("\n"))
            .with("seconds", format!("{:.2}", self.seconds))
            .with("bytes", self.bytes)
    }
}

impl Copies {
    fn fault(&self, expected: &ExpectedCopies) -> Option<String> {
        let ExpectedCopies { executors, uri, files } = expected;
        let pods = self.pods.len();
        if pods != *executors as usize || pods == 0 || files.is_empty() {
            let files = files.len();
            return Some(format!("{files} files are in {pods} pods, expected in {executors}"));
        }
        self.pods.iter().find_map(|(pod, seen)| {
            files.iter().find_map(|(path, sent)| match seen.get(path) {
                Some(sum) if sum == sent => None,
                Some(sum) => {
                    Some(format!("{uri}/{path} has sha256 {sum} in the pod {pod}, {sent} was sent"))
                }
                None => Some(format!("{uri}/{path} is not in the pod {pod}")),
            })
        })
    }
}

/// The controls of `read.*.populated`.
pub(crate) fn controls() -> Vec<Control> {
    let files: BTreeMap<String, String> = [("big.csv", "b1"), ("many.csv/part-00.csv", "a0")]
        .map(|(path, sha256)| (path.to_owned(), sha256.repeat(32)))
        .into();
    let expected = ExpectedCopies { executors: 2, uri: "file:///var/tmp/data".to_owned(), files };
    let pods = ["x-exec-1", "x-exec-2"].map(|pod| (pod.to_owned(), expected.files.clone()));
    let seen = Copies { pods: pods.into(), seconds: 0.4, bytes: 1540 };
    let control = |name, says, change: &dyn Fn(&mut Copies)| {
        let mut seen = seen.clone();
        change(&mut seen);
        Control::seen(name, &expected, &seen, says)
    };
    // The files of the second pod.
    let last = |name, words, change: &dyn Fn(&mut BTreeMap<String, String>)| {
        control(name, Says::Red(words), &|seen| seen.pods.values_mut().skip(1).for_each(change))
    };
    let nothing = ExpectedCopies { files: BTreeMap::new(), ..expected.clone() };
    vec![
        control("every file in each pod", Says::Green, &|_| {}),
        control("other files beside them", Says::Green, &|seen| {
            let more = |files: &mut BTreeMap<_, _>| drop(files.insert("x".to_owned(), "0".into()));
            seen.pods.values_mut().for_each(more);
        }),
        last("one file missing", "many.csv/part-00.csv is not in the pod x-exec-2", &|files| {
            files.remove("many.csv/part-00.csv");
        }),
        last("an empty pod", "big.csv is not in the pod x-exec-2", &BTreeMap::clear),
        last(
            "other bytes of the same length",
            "file:///var/tmp/data/many.csv/part-00.csv has sha256 a1a0",
            &|files| {
                let other = format!("a1{}", "a0".repeat(31));
                files.insert("many.csv/part-00.csv".to_owned(), other);
            },
        ),
        control("one pod without a copy", Says::Red("in 1 pods, expected in 2"), &|seen| {
            drop(seen.pods.pop_first());
        }),
        control("one pod too many", Says::Red("in 3 pods, expected in 2"), &|seen| {
            seen.pods.insert("x-exec-3".to_owned(), expected.files.clone());
        }),
        control("no pod", Says::Red("in 0 pods, expected in 2"), &|seen| seen.pods.clear()),
        Control::seen("no file was sent", &nothing, &seen, Says::Red("0 files are in 2 pods")),
        Control::unseen::<Copies>(&expected, "the executor's user may not write into its volume"),
    ]
}
