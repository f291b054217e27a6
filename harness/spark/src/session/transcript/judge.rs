//! Judges an answer: the promise is kept, a listed mistake occurs, or neither.

use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::{Erratum, Guide, Step, guide};

use super::super::driver::last_lines;

/// Filters for what differs between runs and proves nothing.
static FILTERS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let of = |(from, to)| (Regex::new(from).expect("valid"), to);
    vec![
        // kubelet switches between the two.
        of((r"ErrImagePull|ImagePullBackOff", "[NO IMAGE]")),
        // The node had room for any of the three.
        of((r"-[0-9a-f]{16}-exec-\d+", "-[APP]-exec-[N]")),
        of((r"/[^\s':]+/(jars|bin)/", "[SPARK_HOME]/$1/")),
        of((r"\bspark-[0-9a-f]{8}\b", "[NAMESPACE]")),
        of((r"https://[^\s'/]+", "https://[SERVER]")),
        // The groups of kind and of Minikube.
        of(("kubeadm:cluster-admins|system:masters", "[ADMINISTRATORS]")),
        of((r"@0x[0-9a-f]+|@[0-9a-f]{6,8}\b|0x[0-9a-f]{6,}", "[HASH]")),
        of((r"\b\d+(m\d+)?(ms|s|m)\b", "[AGE]")),
        of((r"\s{2,}", " ")),
    ]
});

/// The result of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The promise was kept.
    Kept,
    /// A listed mistake occurred.
    Met {
        /// The mistake's name.
        erratum: String,
        /// The filtered line of the answer that shows it.
        line: String,
    },
    /// The step was not typed; the reason.
    NotTyped(String),
    /// The mistake occurs or not, depending on the size of the node.
    OfMachine(String),
}

/// A step with its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The step's id.
    pub step: String,
    /// Its result.
    pub verdict: Verdict,
}

/// All steps of a list, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcript(pub Vec<Heard>);

/// Judges the answer to a step.
///
/// # Errors
/// Red: a listed mistake did not occur, or the answer is neither the promised one nor a listed mistake.
pub fn judge(guide: &Guide, step: &Step, answer: &str) -> Result<Verdict> {
    let listed = step.erratum.as_deref().and_then(|name| guide.erratum(name));
    let kept = step.kept.as_ref().is_none_or(|kept| kept.is_match(answer));
    match (listed, listed.and_then(|erratum| line_of(erratum, answer)), kept) {
        (Some(erratum), _, _) if step.of_machine && (kept || erratum.find(answer).is_some()) => {
            Ok(Verdict::OfMachine(erratum.name.clone()))
        }
        (Some(erratum), Some(line), _) => Ok(Verdict::Met { erratum: erratum.name.clone(), line }),
        (None, _, true) => Ok(Verdict::Kept),
        (Some(erratum), None, true) => Err(Error::red(format!(
            "step {}: the listed mistake {} did not occur: the promise is kept",
            step.id, erratum.name
        ))
        .remedy("remove it from harness/catalog/guide/guide.toml, or limit it to some versions")),
        (listed, _, false) => {
            let expected = listed.map_or_else(
                || format!("expected {:?}", step.kept.as_ref().map_or("", Regex::as_str)),
                |erratum| format!("expected the mistake {}", erratum.name),
            );
            Err(Error::red(format!(
                "step {}: the answer is not a listed one; {expected}, answered: {}",
                step.id,
                last_lines(answer.trim())
            ))
            .remedy("list it in harness/catalog/guide/guide.toml with its remedy"))
        }
    }
}

/// Longest part of a line that is kept, in characters: a longer line is a whole map or command.
const LINE: usize = 300;

/// The line of an answer that shows a mistake.
fn line_of(erratum: &Erratum, answer: &str) -> Option<String> {
    let found = erratum.find(answer)?;
    let from = answer[..found.start()].rfind('\n').map_or(0, |at| at + 1);
    let to = answer[found.end()..].find('\n').map_or(answer.len(), |at| found.end() + at);
    let line = answer[from..to].trim();
    Some(if line.len() > LINE { found.as_str() } else { line }.to_owned())
}

/// The filtered text, as snapshots have it.
fn filtered(text: &str) -> String {
    let filters = FILTERS.iter();
    filters.fold(text.to_owned(), |text, (from, to)| from.replace_all(&text, *to).into_owned())
}

fn remedy(erratum: &str) -> &'static str {
    guide().erratum(erratum).map_or("none", |erratum| &erratum.remedy)
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Heard { step, verdict } in &self.0 {
            match verdict {
                Verdict::Kept => writeln!(f, "{step}: as promised")?,
                Verdict::NotTyped(_) => writeln!(f, "{step}: not typed")?,
                Verdict::OfMachine(erratum) => {
                    writeln!(f, "{step}: {erratum}, or as promised on a larger node")?;
                    writeln!(f, "    remedy: {}", remedy(erratum))?;
                }
                Verdict::Met { erratum, line } => {
                    writeln!(f, "{step}: {erratum}\n    {}", filtered(line))?;
                    writeln!(f, "    remedy: {}", remedy(erratum))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(id: &str, answer: &str) -> Result<Verdict> {
        let guide = guide();
        let step = guide.as_written.iter().find(|step| step.id == id).expect("a step");
        judge(guide, step, answer)
    }

    #[test]
    fn a_listed_mistake_is_met_with_its_line() {
        let answer = "Syntax error compiling at (REPL:1:1).\nNo such var: g/read\n";
        let met = judged("read", answer).expect("listed");
        let line = "No such var: g/read".to_owned();
        assert_eq!(met, Verdict::Met { erratum: "no-read".into(), line });
        let kept = judged("namespace", "namespace/spark-7f3a created\n[exit 0]\n").expect("kept");
        assert_eq!(kept, Verdict::Kept);
    }

    /// The negative controls of the transcript.
    #[test]
    fn a_listed_mistake_that_is_not_met_and_one_that_is_not_listed_are_red() {
        let not_met = judged("other-namespaces", "no\n[exit 1]\n").expect_err("red").to_string();
        assert!(not_met.contains("listed mistake cluster-wide did not occur"), "{not_met}");
        for (step, answer) in [
            ("read", "Execution error (IllegalStateException)\n"),
            ("namespace", "Error from server (AlreadyExists)\n[exit 1]\n"),
        ] {
            let unlisted = judged(step, answer).expect_err("red").to_string();
            assert!(unlisted.contains("the answer is not a listed one"), "{unlisted}");
            assert!(unlisted.contains(answer.trim()), "{unlisted}");
        }
    }

    #[test]
    fn what_the_node_decides_may_be_either_but_nothing_else() {
        for answer in ["\n[exit 0]\n", "0/1 nodes are available: 1 Insufficient cpu.\n[exit 0]\n"] {
            let either = judged("room", answer).expect("either");
            assert_eq!(either, Verdict::OfMachine("three-cpus".into()));
        }
        judged("room", "untolerated taint\n[exit 0]\n").expect_err("red");
    }

    #[test]
    fn a_transcript_shows_no_run_and_no_machine() {
        let line = "my-app-0123456789abcdef-exec-1   0/1     ErrImagePull   0          31s".into();
        let heard = |step: &str, verdict| Heard { step: step.into(), verdict };
        let met = Verdict::Met { erratum: "image-not-there".into(), line };
        let transcript = Transcript(vec![
            heard("minikube", Verdict::NotTyped("why".into())),
            heard("pods", met),
            heard("room", Verdict::OfMachine("three-cpus".into())),
        ]);
        insta::assert_snapshot!(transcript.to_string(), @r#"
        minikube: not typed
        pods: image-not-there
            my-app-[APP]-exec-[N] 0/1 [NO IMAGE] 0 [AGE]
            remedy: `minikube image load` or `kind load docker-image` puts it on the nodes; never the tag `latest`, which is pulled always
        room: three-cpus, or as promised on a larger node
            remedy: `--cpus 4`, or `:spark.kubernetes.executor.request.cores "500m"`
        "#);
    }
}
