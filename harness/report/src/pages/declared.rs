//! The declarations of the versions files, as tables for the pages.

use std::collections::BTreeMap;
use std::fmt::Write;

use sparkproof_base::error::Result;
use sparkproof_catalog::spark::known;
use sparkproof_catalog::{Expected, JarSet, STRATEGIES, Variant, coordinates, variants};

/// Keys and contents of all blocks that are derived from the versions files alone: `declared`,
/// `declared:0` to `declared:4`, `coordinates`.
pub fn declared() -> Result<BTreeMap<String, String>> {
    let mut blocks = BTreeMap::new();
    blocks.insert("declared".to_owned(), matrix(variants())?);
    for strategy in STRATEGIES {
        let of = variants().iter().filter(|variant| *variant.id.strategy() == strategy);
        blocks.insert(format!("declared:{}", strategy.number), matrix(of)?);
    }
    blocks.insert("coordinates".to_owned(), jars()?);
    Ok(blocks)
}

/// The declaration of a variant for one Spark version: on one node, on several nodes, and why it
/// cannot be proven.
type Cell = (Expected, Expected, Option<&'static str>);

/// One row a variant, one column for each group of Spark versions with the same declarations.
fn matrix(of: impl IntoIterator<Item = &'static Variant>) -> Result<String> {
    let variants: Vec<&'static Variant> = of.into_iter().collect();
    let mut columns: Vec<(Vec<String>, Vec<Cell>)> = Vec::new();
    for spark in known().iter().rev() {
        let version = &spark.version;
        let cells = variants.iter().map(|variant| {
            let (one, several) = (variant.expected(version, 1)?, variant.expected(version, 2)?);
            Ok((one, several, variant.unprovable(false)))
        });
        let cells: Vec<Cell> = cells.collect::<Result<_>>()?;
        match columns.last_mut() {
            Some((versions, same)) if *same == cells => versions.push(version.to_string()),
            _ => columns.push((vec![version.to_string()], cells)),
        }
    }
    let mut notes = Vec::new();
    let heads = columns.iter().map(|(versions, _)| format!("Spark {}", versions.join(", ")));
    let mut text = row(["variant".to_owned(), "what it is".to_owned()].into_iter().chain(heads));
    text += &row(std::iter::repeat_n("---".to_owned(), columns.len() + 2));
    for (index, variant) in variants.iter().enumerate() {
        let name = [format!("`{}`", variant.id), variant.title.clone()];
        let cells = columns.iter().map(|(_, cells)| word(&cells[index], &mut notes));
        let cells: Vec<String> = cells.collect();
        text += &row(name.into_iter().chain(cells));
    }
    for (number, note) in notes.iter().enumerate() {
        let _ = write!(text, "\n{}. {note}", number + 1);
    }
    Ok(if notes.is_empty() { text } else { text + "\n" })
}

fn row(cells: impl IntoIterator<Item = String>) -> String {
    let cells: Vec<String> = cells.into_iter().collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The word in a cell; a numbered note below the table has the rest.
fn word((one, several, unprovable): &Cell, notes: &mut Vec<String>) -> String {
    if let (Some(reason), None) = (unprovable, one.impossible()) {
        return format!("unprovable ({})", number(notes, format!("{reason}.")));
    }
    let base = match one {
        Expected::Green => "green".to_owned(),
        Expected::Pinned => "pinned".to_owned(),
        Expected::Refused(message) => {
            format!("refused ({})", number(notes, format!("Spark says `{message}`.")))
        }
        Expected::Absent(reason) => format!("none ({})", number(notes, format!("{reason}."))),
        Expected::Unserved(reason) => {
            format!("no server ({})", number(notes, format!("{reason}.")))
        }
    };
    if one == several {
        return base;
    }
    let differs = match several {
        Expected::Pinned => {
            "On several nodes all executors run on the one that has the volume.".to_owned()
        }
        Expected::Green => "On several nodes it is green.".to_owned(),
        Expected::Refused(message) => format!("On several nodes Spark says `{message}`."),
        Expected::Absent(reason) | Expected::Unserved(reason) => {
            format!("On several nodes: {reason}.")
        }
    };
    format!("{base} ({})", number(notes, differs))
}

/// The number of a note; a new note is added.
fn number(notes: &mut Vec<String>, note: String) -> usize {
    let known = notes.iter().position(|had| *had == note);
    known.unwrap_or_else(|| {
        notes.push(note);
        notes.len() - 1
    }) + 1
}

/// The jars that Spark does not bring, for each known Spark version.
fn jars() -> Result<String> {
    let mut text = row(["Spark", "Hadoop", "for `s3a://`", "for `wasb://`, `wasbs://`, `abfs://`"]
        .map(str::to_owned));
    text += &row(std::iter::repeat_n("---".to_owned(), 4));
    let mut seen = Vec::new();
    for spark in known() {
        if seen.contains(&&spark.hadoop) {
            continue;
        }
        seen.push(&spark.hadoop);
        let same = known().iter().filter(|other| other.hadoop == spark.hadoop);
        let versions: Vec<String> = same.map(|other| other.version.to_string()).collect();
        let list = |set| -> Result<String> {
            let names = coordinates(&spark.hadoop, set)?;
            let names = names.iter().map(|name| format!("`{name}`"));
            Ok(names.collect::<Vec<_>>().join("<br>"))
        };
        let (s3, azure) = (list(JarSet::S3)?, list(JarSet::Azure)?);
        text += &row([versions.join(", "), spark.hadoop.clone(), s3, azure]);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(key: &str) -> String {
        declared().expect("declared").remove(key).expect("a block")
    }

    #[test]
    fn versions_that_are_declared_alike_share_a_column() {
        let text = block("declared:0");
        let versions: Vec<String> = known().iter().rev().map(|s| s.version.to_string()).collect();
        let head = format!("| variant | what it is | Spark {} |", versions.join(", "));
        assert!(text.starts_with(&head), "{text}");
        assert!(text.contains("| `0-copy` | ") && text.ends_with(" | green |\n"), "{text}");
    }

    #[test]
    fn a_refusal_is_quoted_and_a_pin_is_told() {
        let text = block("declared:4");
        let wasb = "Spark says `WASB Driver using wasb(s) schema is no longer supported`.";
        assert_eq!(text.matches(wasb).count(), 1, "{text}");
        assert!(block("declared:3").contains("run on the one that has the volume"));
        // Every variant is in the matrix of all.
        let all = block("declared");
        for variant in variants() {
            assert!(all.contains(&format!("| `{}` |", variant.id)), "{}", variant.id);
        }
    }

    #[test]
    fn every_hadoop_has_its_jars() {
        let text = block("coordinates");
        for spark in known() {
            assert!(text.contains(&spark.version.to_string()), "{}", spark.version);
            assert!(text.contains(&format!("hadoop-aws:{}`", spark.hadoop)), "{}", spark.hadoop);
        }
    }
}
