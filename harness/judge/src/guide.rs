//! What a step of the guide was answered.

use regex::Regex;
use serde::{Deserialize, Serialize};
use sparkproof_base::verdict::{Judged, Observation};
use sparkproof_catalog::{Guide, Step};

use crate::control::{Control, Says};

/// The answer of a shell or a REPL to a step; empty for an act that is not typed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer(pub String);

/// What a step promises, and which mistake is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Promise {
    /// The step's id.
    pub step: String,
    /// Matches the answer if the promise is kept; `None` for an act, which has only to be made.
    pub kept: Option<String>,
    /// The mistake that occurs instead.
    pub mistake: Option<Mistake>,
    /// Whether the mistake occurs depends on the size of the node.
    pub of_machine: bool,
}

/// A listed mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mistake {
    /// Its name.
    pub name: String,
    /// Matches the answer that shows it; `None`: no answer does.
    pub shown: Option<String>,
    /// What to do.
    pub remedy: String,
}

impl Promise {
    /// Of a step.
    pub fn of(guide: &Guide, step: &Step) -> Self {
        let mistake = step.erratum.as_deref().and_then(|name| guide.erratum(name));
        Promise {
            step: step.id.clone(),
            kept: step.kept.as_ref().map(|kept| kept.as_str().to_owned()),
            mistake: mistake.map(|erratum| Mistake {
                name: erratum.name.clone(),
                shown: erratum.expression(),
                remedy: erratum.remedy.clone(),
            }),
            of_machine: step.of_machine,
        }
    }
}

/// The result of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepVerdict {
    /// The promise was kept.
    Kept,
    /// A listed mistake occurred.
    Met {
        /// The mistake's name.
        erratum: String,
        /// The line of the answer that shows it.
        line: String,
    },
    /// The step was not typed; the reason.
    NotTyped(String),
    /// The mistake occurs or not, depending on the size of the node.
    OfMachine(String),
}

impl Answer {
    /// Whether the promise is kept, a listed mistake occurs, or neither: then why, and what to do.
    ///
    /// # Errors
    /// A listed mistake did not occur, or the answer is neither the promised one nor a listed mistake.
    pub fn verdict(&self, promise: &Promise) -> Result<StepVerdict, (String, &'static str)> {
        let Answer(answer) = self;
        let Promise { step, kept: promised, mistake, of_machine } = promise;
        let is_match = |text: &String| Regex::new(text).is_ok_and(|of| of.is_match(answer));
        let kept = promised.as_ref().is_none_or(is_match);
        let met = mistake.as_ref().and_then(|mistake| line_of(mistake.shown.as_ref()?, answer));
        match (mistake, met, kept) {
            (Some(mistake), met, kept) if *of_machine && (kept || met.is_some()) => {
                Ok(StepVerdict::OfMachine(mistake.name.clone()))
            }
            (Some(Mistake { name, .. }), Some(line), _) => {
                Ok(StepVerdict::Met { erratum: name.clone(), line })
            }
            (None, _, true) => Ok(StepVerdict::Kept),
            (Some(Mistake { name, .. }), None, true) => Err((
                format!(
                    "step {step}: the listed mistake {name} did not occur: the promise is kept"
                ),
                "remove it from harness/catalog/guide/guide.toml, or limit it to some versions",
            )),
            (mistake, _, false) => {
                let expected = match mistake {
                    Some(mistake) => format!("expected the mistake {}", mistake.name),
                    None => format!("expected `{}`", promised.as_deref().unwrap_or_default()),
                };
                let lines: Vec<&str> = answer.trim().lines().collect();
                let last = lines[lines.len().saturating_sub(LINES)..].join("\n");
                Err((
                    format!(
                        "step {step}: the answer is not a listed one; {expected}, answered: {last}"
                    ),
                    "list it in harness/catalog/guide/guide.toml with its remedy",
                ))
            }
        }
    }
}

/// How many lines of an answer a reason shows.
const LINES: usize = 12;
/// Longest part of a line that is kept, in characters: a longer line is a whole map or command.
const LINE: usize = 300;

/// The line of an answer that shows a mistake.
fn line_of(shown: &str, answer: &str) -> Option<String> {
    let shown = Regex::new(shown).ok()?;
    let found = shown.find(answer)?;
    let from = answer[..found.start()].rfind('\n').unwrap_or(0);
    let to = answer[found.end()..].find('\n').map_or(answer.len(), |at| found.end() + at);
    let line = answer[from..to].trim();
    Some(if line.len() > LINE { found.as_str() } else { line }.to_owned())
}

impl Observation for Answer {
    type Expected = Promise;
    const KIND: &'static str = "guide";

    fn judge(&self, promise: &Promise) -> Judged {
        let judged = match self.verdict(promise) {
            Ok(_) => Judged::green(),
            Err((reason, remedy)) => Judged::red(reason, remedy),
        };
        let judged = judged.with("answered", self.0.trim());
        match (self.verdict(promise), &promise.mistake) {
            (Ok(StepVerdict::Met { erratum, line }), Some(mistake)) => {
                judged.with("mistake", format!("{erratum}: {line}")).with("remedy", &mistake.remedy)
            }
            _ => judged,
        }
    }
}

pub(crate) fn controls() -> Vec<Control> {
    let promise = |kept: Option<&str>, mistake: Option<(&str, &str)>| Promise {
        step: "pods".to_owned(),
        kept: kept.map(str::to_owned),
        mistake: mistake.map(|(name, shown)| Mistake {
            name: name.to_owned(),
            shown: Some(shown.to_owned()),
            remedy: "pull it".to_owned(),
        }),
        of_machine: false,
    };
    let plain = promise(Some(r"(?m)^x-exec-3 .* Running"), None);
    let listed = promise(Some("Running"), Some(("image-not-there", "ErrImagePull")));
    let room = Promise { of_machine: true, ..listed.clone() };
    let act = promise(None, None);
    let control = |name, promise: &Promise, answer: &str, says| {
        Control::seen(name, promise, &Answer(answer.to_owned()), says)
    };
    let unlisted = Says::Red("step pods: the answer is not a listed one; expected `");
    let mistake = Says::Red("not a listed one; expected the mistake image-not-there, answered: ");
    let running = "x-exec-1 1/1 Running\nx-exec-2 1/1 Running\nx-exec-3 1/1 Running\n[exit 0]";
    vec![
        control("the promise is kept", &plain, running, Says::Green),
        control("the listed mistake occurs", &listed, "x-exec-1 0/1 ErrImagePull", Says::Green),
        control("an act is made", &act, "", Says::Green),
        control("on a large node: kept", &room, "1/1 Running", Says::Green),
        control("on a small node: the mistake", &room, "ErrImagePull", Says::Green),
        control("one line too few", &plain, &running[..42], unlisted),
        control("another word", &plain, &running.replace("3 1/1 Running", "3 0/1 Error"), unlisted),
        control("no answer", &plain, "", unlisted),
        control("the shell's error", &plain, "kubectl: command not found\n[exit 127]", unlisted),
        control(
            "the listed mistake does not occur",
            &listed,
            running,
            Says::Red("the listed mistake image-not-there did not occur: the promise is kept"),
        ),
        control("another mistake", &listed, "x-exec-1 0/1 Pending", mistake),
        control("no answer, a mistake is listed", &listed, "", mistake),
        control("on a node: neither", &room, "untolerated taint", mistake),
        Control::unseen::<Answer>(&plain, "no REPL is open: the step that opens it failed"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_the_guide_is_judged_by_its_own_expressions() {
        let guide = sparkproof_catalog::guide();
        let step = guide.as_written.iter().find(|step| step.id == "read").expect("a step");
        let answer = "Syntax error compiling at (REPL:1:1).\nNo such var: g/read\n";
        let (answer, promise) = (Answer(answer.to_owned()), Promise::of(guide, step));
        let line = "No such var: g/read".to_owned();
        let met = StepVerdict::Met { erratum: "no-read".into(), line };
        assert_eq!(answer.verdict(&promise), Ok(met));
        let names = answer.judge(&promise).evidence.into_iter().map(|piece| piece.name);
        assert_eq!(names.collect::<Vec<_>>(), ["answered", "mistake", "remedy"]);
    }

    #[test]
    fn a_mistake_is_shown_by_its_line_or_of_a_long_line_by_its_words() {
        assert_eq!(line_of("b", "a\na b c\nc\n").as_deref(), Some("a b c"));
        let long = "a".repeat(LINE - 1) + "b";
        assert_eq!(line_of("b", &long), Some(long.clone()));
        assert_eq!(line_of("b", &(long + "c")).as_deref(), Some("b"));
    }
}
