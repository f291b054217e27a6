//! How the faults of `scenarios/tests/live/causes.rs` came out.

use std::path::Path;

use miette::{IntoDiagnostic, WrapErr, miette};
use serde_json::Value;

/// Name of the file of a scenario's run directory.
const FILE: &str = "faults.jsonl";

/// The table of the faults in this file, or in all run directories below this one. Of several tries of a
/// fault the first one counts.
///
/// # Errors
/// A file cannot be read or is not of such lines; there is none.
pub(crate) fn table(path: &Path) -> miette::Result<String> {
    let mut lines = Vec::new();
    gather(path, &mut lines)?;
    match lines.is_empty() {
        true => Err(miette!("no results of faults in {}", path.display())),
        false => Ok(render(lines)),
    }
}

fn gather(path: &Path, lines: &mut Vec<Value>) -> miette::Result<()> {
    let named = || path.display().to_string();
    if path.is_dir() {
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(path).into_diagnostic().wrap_err_with(named)? {
            let entry = entry.into_diagnostic()?;
            let changed = entry.metadata().and_then(|known| known.modified()).into_diagnostic()?;
            entries.push((changed, entry.path()));
        }
        // The first try counts.
        entries.sort();
        for (_, path) in entries {
            if path.is_dir() || path.file_name().is_some_and(|name| name == FILE) {
                gather(&path, lines)?;
            }
        }
        return Ok(());
    }
    let text = std::fs::read_to_string(path).into_diagnostic().wrap_err_with(named)?;
    for line in text.lines() {
        lines.push(serde_json::from_str(line).into_diagnostic().wrap_err_with(named)?);
    }
    Ok(())
}

fn render(lines: Vec<Value>) -> String {
    let mut first: Vec<Value> = Vec::new();
    for line in lines {
        if !first.iter().any(|other| other["id"] == line["id"]) {
            first.push(line);
        }
    }
    first.sort_by_key(|line| (word(line, "group").to_owned(), word(line, "id").to_owned()));
    let mut text = String::from("| group | fault | expected | got | | seconds | cure |\n");
    text += "| --- | --- | --- | --- | --- | --- | --- |\n";
    for line in &first {
        let mut result = word(line, "judgement").to_owned();
        let missing = list(&line["missing"], ", ");
        if !missing.is_empty() {
            result += &format!(", without `{missing}`");
        }
        let both = list(&line["both"], " + ");
        let expected = if both.is_empty() { list(&line["expected"], " or ") } else { both };
        let also = list(&line["also"], " + ");
        let got = match also.is_empty() {
            true => word(line, "got").to_owned(),
            false => format!("{} + {also}", word(line, "got")),
        };
        let cure = match line["cure"].as_str() {
            None | Some("green") => word(line, "cure"),
            Some(_) => "red",
        };
        text += &format!(
            "| {} | {} | {expected} | {got} | {result} | {:.1} | {cure} |\n",
            word(line, "group"),
            word(line, "id"),
            seconds(line),
        );
    }
    let of = |name: &str| first.iter().filter(|line| word(line, "judgement") == name).count();
    let mut taken: Vec<f64> = first.iter().map(seconds).collect();
    taken.sort_by(f64::total_cmp);
    let (median, worst) = (taken[taken.len() / 2], taken[taken.len() - 1]);
    text += &format!(
        "\n{} faults: {} right, {} with a wrong name, {} without a name, {} green; \
         median {median:.1} s, worst {worst:.1} s\n",
        first.len(),
        of("right"),
        of("wrong"),
        of("unknown"),
        of("green"),
    );
    text
}

fn word<'a>(line: &'a Value, key: &str) -> &'a str {
    line[key].as_str().unwrap_or("–")
}

fn seconds(line: &Value) -> f64 {
    line["seconds"].as_f64().unwrap_or_default()
}

fn list(values: &Value, between: &str) -> String {
    let words: Vec<&str> =
        values.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    words.join(between)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_try_of_each_fault_is_counted() {
        let line = |id: &str, got: Value, judgement: &str, seconds: f64| {
            json!({
                "id": id, "group": "claims", "expected": ["claim-lost", "claim-pending"],
                "both": [], "got": got, "also": ["taint"], "judgement": judgement,
                "missing": ["team"], "seconds": seconds, "cure": null,
            })
        };
        let text = render(vec![
            line("b", json!("claim-lost"), "right", 9.0),
            line("a", json!(null), "unknown", 2.0),
            line("a", json!("claim-lost"), "right", 1.0),
            line("c", json!("taint"), "wrong", 4.0),
        ]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[2],
            "| claims | a | claim-lost or claim-pending | – + taint | unknown, without `team` | 2.0 \
             | – |"
        );
        assert_eq!(
            lines[6],
            "3 faults: 1 right, 1 with a wrong name, 1 without a name, 0 green; median 4.0 s, \
             worst 9.0 s"
        );
    }
}
