//! What `sparkproof diagnose` found, as text and as a page.

use askama::Template;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::verdict::Diagnosis;

use super::Console;
use super::text::{Paint, hanging, line};

/// Evidence of more lines than this is only in the page and in JSON.
const LINES: usize = 8;
/// Where the second column begins.
const COLUMN: usize = 12;

/// What was found of one application.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    /// Which it is, and what became of it.
    pub title: String,
    /// What the absence of a cause means.
    pub no_cause: &'static str,
    /// The cause.
    pub cause: Option<&'a Diagnosis>,
    /// What went wrong without stopping it.
    pub passed: &'a [Diagnosis],
    /// Its pods, one line each.
    pub pods: &'a [String],
    /// Advice: topic, weight, what was observed, what to do.
    pub advice: Vec<[String; 4]>,
    /// What could not be looked at, each with its reason.
    pub unseen: Vec<(&'a str, &'a str)>,
}

impl Found<'_> {
    /// The parts that could not be looked at, by reason.
    fn unseen_by_reason(&self) -> Vec<(String, &str)> {
        let mut reasons: Vec<(String, &str)> = Vec::new();
        for (what, why) in &self.unseen {
            match reasons.iter_mut().find(|(_, known)| known == why) {
                Some((all, _)) => *all = format!("{all}, {what}"),
                None => reasons.push(((*what).to_owned(), why)),
            }
        }
        reasons
    }
}

/// The text of what was found, with colours on a terminal. Brief: without advice and what could not
/// be looked at.
pub fn found_text(found: &Found<'_>, brief: bool) -> String {
    text(found, brief, Paint(Console::colours()))
}

fn text(found: &Found<'_>, brief: bool, paint: Paint) -> String {
    let more = "in --json";
    let row =
        |name: &str, text: &str| format!("  {name:<9} {}\n", hanging(text, COLUMN, LINES, more));
    let mut shown = format!("{}\n", paint.bold(&line(&found.title)));
    match found.cause {
        Some(diagnosis) => {
            let cause = paint.red(&format!("{:<8}", diagnosis.cause.to_string()));
            let says = hanging(&diagnosis.says, COLUMN, LINES, more);
            shown += &format!("{} {cause}  {says}\n", paint.red("✗"));
            shown += &details(diagnosis, row);
            for also in &diagnosis.also {
                shown += &row("also", &also.to_string());
                shown += &details(also, row);
            }
        }
        None => shown += &format!("  {}\n", paint.green(found.no_cause)),
    }
    if brief {
        return shown;
    }
    for passed in found.passed {
        shown += &row("passed", &passed.to_string());
        shown += &details(passed, row);
    }
    for [topic, weight, says, remedy] in &found.advice {
        shown += &paint.yellow(&row("advice", &format!("{topic} ({weight}): {says}")));
        shown += &row("", remedy);
    }
    for (what, why) in found.unseen_by_reason() {
        shown += &paint.dim(&row("not seen", &format!("{what}: {why}")));
    }
    shown
}

fn details(diagnosis: &Diagnosis, row: impl Fn(&str, &str) -> String) -> String {
    let evidence = diagnosis.evidence.iter().filter(|item| !item.text.trim().is_empty());
    let evidence: String = evidence
        .map(|item| match item.text.starts_with(&item.name) {
            true => row("evidence", &item.text),
            false => row("evidence", &format!("{}: {}", item.name, item.text)),
        })
        .collect();
    evidence + &row("remedy", &diagnosis.remedy)
}

#[derive(Template)]
#[template(path = "diagnosed.html")]
struct Page<'a> {
    version: &'static str,
    title: &'a str,
    all: &'a [Found<'a>],
}

/// The page of what was found: one file that works offline.
///
/// # Errors
/// Internal: it cannot be rendered.
pub fn found_page(title: &str, all: &[Found<'_>]) -> Result<String> {
    let page = Page { version: env!("CARGO_PKG_VERSION"), title, all };
    page.render().or_internal("rendering the page")
}

#[cfg(test)]
mod tests {
    use sparkproof_base::events::EvidenceItem;
    use sparkproof_base::verdict::Cause;

    use super::*;

    fn diagnosis(also: Vec<Diagnosis>) -> Diagnosis {
        Diagnosis {
            cause: Cause::OutOfMemory,
            says: "pi-exec-1: it was killed".into(),
            evidence: vec![EvidenceItem {
                name: "pi-exec-1".into(),
                text: "pi-exec-1 Failed, ended with 137 OOMKilled <b>\u{1b}[31m".into(),
            }],
            remedy: "raise spark.executor.memory".into(),
            also,
        }
    }

    fn found(cause: Option<&Diagnosis>) -> Found<'_> {
        Found {
            title: "spark-1 · pi · failed".into(),
            no_cause: "no cause was found",
            cause,
            passed: &[],
            pods: &[],
            advice: vec![
                ["idle-cores", "moderate", "60 % had no task", "fewer"].map(str::to_owned),
            ],
            unseen: vec![("events", "forbidden"), ("quotas", "forbidden"), ("nodes", "no")],
        }
    }

    #[test]
    fn a_cause_is_shown_with_evidence_and_remedy() {
        let cause = diagnosis(vec![diagnosis(Vec::new())]);
        insta::assert_snapshot!(text(&found(Some(&cause)), false, Paint(false)));
        let brief = text(&found(None), true, Paint(false));
        assert_eq!(brief, "spark-1 · pi · failed\n  no cause was found\n");
    }

    #[test]
    fn the_page_escapes_what_it_shows() {
        let cause = diagnosis(Vec::new());
        let page =
            found_page("namespace <x>", &[found(Some(&cause)), found(None)]).expect("a page");
        assert!(page.contains("out-of-memory") && page.contains("no cause was found"), "{page}");
        assert!(!page.contains("<x>") && !page.contains("<b>"), "{page}");
    }
}
