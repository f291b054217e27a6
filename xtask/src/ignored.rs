//! Tests that a profile does not run, with their reasons: `#[ignore = "…"]` in the sources.

use std::collections::BTreeMap;
use std::path::Path;

use miette::{IntoDiagnostic, WrapErr};

/// Ignored tests (`module::function`) by their reason.
pub(crate) type Ignored = BTreeMap<String, Vec<String>>;

/// Reads the attributes of all tests below a directory.
pub(crate) fn below(dir: &Path) -> miette::Result<Ignored> {
    let mut all = Ignored::new();
    let entries = std::fs::read_dir(dir).into_diagnostic().wrap_err(dir.display().to_string())?;
    for entry in entries {
        let path = entry.into_diagnostic()?.path();
        if path.is_dir() {
            merge(&mut all, below(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).into_diagnostic()?;
            merge(&mut all, in_module(&module, &text));
        }
    }
    Ok(all)
}

fn merge(all: &mut Ignored, more: Ignored) {
    for (reason, tests) in more {
        all.entry(reason).or_default().extend(tests);
    }
}

/// Reads one source. A reason before a `#[case]` is that case's, any other the function's.
fn in_module(module: &str, text: &str) -> Ignored {
    let mut all = Ignored::new();
    let (mut pending, mut cases, mut case) = (None, Vec::new(), 0);
    for line in text.lines().map(str::trim) {
        if let Some(reason) = line.strip_prefix("#[ignore = \"").and_then(|l| l.strip_suffix("\"]"))
        {
            pending = Some(reason.to_owned());
        } else if line.starts_with("#[case") {
            case += 1;
            cases.extend(pending.take().map(|reason| (case, reason)));
        } else if let Some((_, function)) = line.split_once("fn ")
            && let Some((name, _)) = function.split_once('(')
        {
            let whole = pending.take().map(|reason| (format!("{module}::{name}"), reason));
            let of_cases = cases.drain(..);
            let of_cases =
                of_cases.map(|(case, reason)| (format!("{module}::{name}, case {case}"), reason));
            for (test, reason) in of_cases.chain(whole) {
                all.entry(reason).or_default().push(test);
            }
            case = 0;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_of_functions_and_of_cases() {
        let text = "#[rstest]\n#[case(1)]\n#[ignore = \"full: one is enough\"]\n#[case::two(2)]\n\
                    #[tokio::test]\nasync fn counts(#[case] n: u32) {}\n\
                    #[test]\n#[ignore = \"full: slow\"]\nfn waits() {}\n#[test]\nfn runs() {}\n";
        let expected = [
            ("full: one is enough".to_owned(), vec!["m::counts, case 2".to_owned()]),
            ("full: slow".to_owned(), vec!["m::waits".to_owned()]),
        ];
        assert_eq!(in_module("m", text), Ignored::from(expected));
    }

    /// Each names the profile that runs it: nothing is ignored for good.
    #[test]
    fn every_ignored_scenario_says_which_profile_runs_it() {
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scenarios/tests");
        let ignored = below(&scenarios).expect("readable");
        assert!(!ignored.is_empty());
        let other: Vec<_> = ignored.keys().filter(|reason| !reason.starts_with("full: ")).collect();
        assert_eq!(other, Vec::<&String>::new());
    }
}
