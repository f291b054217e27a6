//! docs/guide-errata.md: the guide's mistakes, and the corrected guide.

use std::collections::BTreeMap;
use std::fmt::Write;

use sparkproof_catalog::{Act, Erratum, Guide, List, Step, Typed, guide};

/// Keys and contents of the page's blocks, derived from harness/catalog/guide/guide.toml alone.
pub fn errata() -> BTreeMap<&'static str, String> {
    let guide = guide();
    BTreeMap::from([
        ("overview", overview(guide)),
        ("as-written", as_written(guide)),
        ("errata", details(guide)),
        ("corrected", corrected(guide)),
        ("not-typed", not_typed(guide)),
        ("names", names(guide)),
    ])
}

/// A line for each mistake.
fn overview(guide: &Guide) -> String {
    let mut text =
        "| mistake | in the guide | met by typing | remedy |\n| --- | --- | --- | --- |\n"
            .to_owned();
    for erratum in &guide.errata {
        let Erratum { name, section, remedy, reason, .. } = erratum;
        let met = if reason.is_none() { "yes" } else { "no" };
        let _ = writeln!(
            text,
            "| [`{name}`](#{name}) | {section} | {met} | {} |",
            guide.written(remedy)
        );
    }
    text
}

fn details(guide: &Guide) -> String {
    let mut text = String::new();
    for erratum in &guide.errata {
        let line = |label: &str, words: &str| format!("- {label}: {}\n", guide.written(words));
        let _ = writeln!(text, "### {}\n*{}*\n", erratum.name, erratum.section);
        text += &line("The guide", &erratum.guide);
        text += &line("In truth", &sentence(&erratum.truth));
        let met = |step: &&Step| step.erratum.as_ref() == Some(&erratum.name);
        for step in guide.as_written.iter().filter(met) {
            let question = format!("{}{}: {}?", short(step), condition(step), step.promise);
            text += &line("Typed", &question);
        }
        if let Some(observed) = erratum.observed() {
            text += &line("Answered", &observed);
        }
        text += &line("Remedy", &sentence(&erratum.remedy));
        if let Some(step) = guide.remedied(erratum) {
            text += &line("With it", &sentence(&format!("{}: {}", short(step), step.promise)));
        }
        if let Some(reason) = &erratum.reason {
            text += &line("Not met by typing", &sentence(reason));
        }
        text.push('\n');
    }
    text.trim_end().to_owned() + "\n"
}

fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_uppercase().to_string()).unwrap_or_default();
    let end = if words.ends_with(['.', '…']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

/// The typed text, in one line.
fn short(step: &Step) -> String {
    match step.typed() {
        Typed::Shell(text) | Typed::Clojure(text) if !text.trim().contains('\n') => {
            format!("`{}`", text.trim())
        }
        Typed::Act(Act::Kill) => "kill -9".to_owned(),
        Typed::Act(Act::Close) => "Ctrl-D".to_owned(),
        _ => format!("step `{}`", step.id),
    }
}

/// The versions that a step is for, in words.
fn condition(step: &Step) -> String {
    let when = [("Geni", &step.when.geni), ("Spark", &step.when.spark), ("Java", &step.when.java)];
    let when = when.into_iter().filter_map(|(of, req)| Some(format!("{of} {}", req.as_ref()?)));
    let when: Vec<String> = when.collect();
    if when.is_empty() { String::new() } else { format!(" ({})", when.join(", ")) }
}

/// A row for each step of the guide as written.
fn as_written(guide: &Guide) -> String {
    let mut text = "| step | the guide promises | observed |\n| --- | --- | --- |\n".to_owned();
    for step in guide.steps(List::AsWritten) {
        let came = match (&step.erratum, step.of_machine, &step.not_typed) {
            (Some(name), false, _) => format!("[`{name}`](#{name})"),
            (Some(name), true, _) => {
                format!("[`{name}`](#{name}), or as promised on a larger node")
            }
            (.., Some(_)) => "not typed".to_owned(),
            (None, ..) => "as promised".to_owned(),
        };
        let promise = guide.written(&step.promise);
        let _ = writeln!(text, "| `{}`{} | {promise} | {came} |", step.id, condition(step));
    }
    text
}

/// The corrected guide, ready to be typed.
fn corrected(guide: &Guide) -> String {
    let mut text = String::new();
    let mut section = "";
    for step in guide.steps(List::Corrected) {
        if step.section != section {
            section = &step.section;
            let _ = writeln!(text, "### {section}");
        }
        let promise = sentence(&guide.written(&step.promise));
        let promise = format!("{}{}", promise.trim_end_matches('.'), condition(step));
        let block = |language: &str, typed: &str| {
            format!("{promise}:\n```{language}\n{}\n```\n\n", guide.written(typed.trim()))
        };
        text += &match step.typed() {
            Typed::Shell(typed) | Typed::Repl(typed) => block("bash", typed),
            Typed::Clojure(typed) => block("clojure", typed),
            Typed::Act(Act::Close | Act::Kill) => format!("{promise}.\n\n"),
        };
    }
    text.trim_end().to_owned() + "\n"
}

fn not_typed(guide: &Guide) -> String {
    let mut text = "| list | step | why it is not typed |\n| --- | --- | --- |\n".to_owned();
    for list in [List::AsWritten, List::Corrected] {
        for step in guide.steps(list) {
            if let Some(reason) = &step.not_typed {
                let _ = writeln!(text, "| {} | `{}` | {reason} |", list.name(), step.id);
            }
        }
    }
    text
}

fn names(guide: &Guide) -> String {
    let mut text = "| here | in a scenario |\n| --- | --- |\n".to_owned();
    for name in &guide.names {
        let _ = writeln!(text, "| `{}` | {} |", name.value, name.reason);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::blocks;
    use std::path::Path;

    /// Writes the blocks when they differ, so that a second run is green and the change is
    /// reviewed.
    #[test]
    fn the_page_of_errata_says_what_the_guide_s_data_says() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide-errata.md");
        let page = std::fs::read_to_string(&path).expect("the page");
        let mut written = page.clone();
        for (key, content) in errata() {
            written = blocks::replace(&written, key, &content).expect("a block");
        }
        if written != page {
            std::fs::write(&path, written).expect("written");
            panic!("docs/guide-errata.md did not say what guide.toml says; it does now: review it");
        }
    }

    #[test]
    fn every_mistake_has_its_line_and_its_part() {
        let blocks = errata();
        for erratum in &guide().errata {
            let name = &erratum.name;
            assert!(blocks["overview"].contains(&format!("| [`{name}`](#{name}) |")), "{name}");
            assert!(blocks["errata"].contains(&format!("### {name}\n")), "{name}");
        }
        let corrected = &blocks["corrected"];
        assert!(corrected.contains("\"k8s://https://172.17.0.3:8443\""), "{corrected}");
        assert!(!corrected.contains("<namespace>"), "{corrected}");
    }
}
