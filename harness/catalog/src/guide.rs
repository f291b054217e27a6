//! The guide as data: its steps, their corrected form, its mistakes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use semver::VersionReq;
use serde::Deserialize;

/// The content of `harness/catalog/guide/guide.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Guide {
    /// Names for values that differ between machines.
    #[serde(rename = "name")]
    pub names: Vec<Name>,
    /// The steps as the guide writes them. After a mistake that blocks the rest, the next step
    /// applies that mistake's remedy only.
    pub as_written: Vec<Step>,
    /// The steps with all remedies.
    pub corrected: Vec<Step>,
    /// The mistakes.
    #[serde(rename = "erratum")]
    pub errata: Vec<Erratum>,
}

/// A name in the text of steps, written `<name>`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Name {
    /// The name without the brackets.
    pub name: String,
    /// The value in the guide, or in its corrected form.
    pub value: String,
    /// What a scenario types instead, in words.
    pub reason: String,
}

/// A list of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// The steps as the guide writes them.
    AsWritten,
    /// The steps with all remedies.
    Corrected,
}

impl List {
    /// The name in reports and snapshots.
    pub fn name(self) -> &'static str {
        match self {
            List::AsWritten => "as-written",
            List::Corrected => "corrected",
        }
    }
}

/// A step with its promise.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// Id, unique in its list.
    pub id: String,
    /// The guide's heading.
    pub section: String,
    /// What the guide promises, in words.
    pub promise: String,
    shell: Option<String>,
    repl: Option<String>,
    clojure: Option<String>,
    act: Option<Act>,
    /// Why it is not typed, if it is not.
    pub not_typed: Option<String>,
    /// Not a step of the guide: a command that checks its promise.
    #[serde(default)]
    pub look: bool,
    /// Matches the answer if the promise is kept.
    #[serde(default, deserialize_with = "expression")]
    pub kept: Option<Regex>,
    /// The mistake that occurs instead.
    pub erratum: Option<String>,
    /// Seconds in which a shell step is repeated until the expected answer comes.
    pub within: Option<u64>,
    /// The versions that it is for.
    #[serde(default)]
    pub when: When,
    /// What it creates outside of the namespace.
    pub owns: Option<Owns>,
    /// Whether the mistake occurs depends on the size of the node.
    #[serde(default)]
    pub of_machine: bool,
}

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed<'a> {
    /// Typed into bash.
    Shell(&'a str),
    /// A line of `clj`, which starts a REPL.
    Repl(&'a str),
    /// One form, typed into the REPL.
    Clojure(&'a str),
    /// Not typed.
    Act(Act),
}

/// An action that is not typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// The REPL is closed, by Ctrl-D.
    Close,
    /// The REPL's JVM is killed, by kill -9.
    Kill,
}

/// What a step creates that is not deleted with its namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owns {
    /// The namespace.
    Namespace,
    /// The cluster role binding.
    ClusterRoleBinding,
    /// The directory of data, on this host.
    Data,
}

/// Requirements of versions.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    /// Geni's.
    pub geni: Option<VersionReq>,
    /// Spark's.
    pub spark: Option<VersionReq>,
    /// Java's, whose first number is the feature release.
    pub java: Option<VersionReq>,
}

/// A mistake of the guide.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erratum {
    /// Unique name.
    pub name: String,
    /// The guide's heading.
    pub section: String,
    /// What the guide says.
    pub guide: String,
    /// What is true.
    pub truth: String,
    /// The answer that shows it; with a pattern, a description of the answer.
    observed: Option<String>,
    /// The answer as a regular expression.
    #[serde(default, deserialize_with = "expression")]
    pattern: Option<Regex>,
    /// What to do.
    pub remedy: String,
    /// The step that shows the remedy: a corrected one, or one that applies the remedy alone.
    pub corrected: Option<String>,
    /// Why no step shows it.
    pub reason: Option<String>,
}

impl Step {
    /// The kind of the step. A unit test checks that a step has exactly one.
    pub fn typed(&self) -> Typed<'_> {
        match (&self.shell, &self.repl, &self.clojure, self.act) {
            (Some(text), ..) => Typed::Shell(text),
            (_, Some(line), ..) => Typed::Repl(line),
            (.., Some(form), _) => Typed::Clojure(form),
            (.., act) => Typed::Act(act.unwrap_or(Act::Close)),
        }
    }

    /// How many ways it has.
    #[cfg(test)]
    fn ways(&self) -> usize {
        let texts = [&self.shell, &self.repl, &self.clojure].into_iter().flatten().count();
        texts + usize::from(self.act.is_some())
    }
}

impl Erratum {
    /// The answer that shows it, as Markdown.
    pub fn observed(&self) -> Option<String> {
        let words = self.observed.as_ref()?;
        Some(if self.pattern.is_some() { words.clone() } else { format!("`{words}`") })
    }

    /// The answer that shows it, as a regular expression.
    pub fn expression(&self) -> Option<String> {
        match (&self.pattern, &self.observed) {
            (Some(pattern), _) => Some(pattern.as_str().to_owned()),
            (None, words) => words.as_deref().map(regex::escape),
        }
    }
}

impl Guide {
    /// A list of steps.
    pub fn steps(&self, list: List) -> &[Step] {
        match list {
            List::AsWritten => &self.as_written,
            List::Corrected => &self.corrected,
        }
    }

    /// The step that shows a mistake's remedy.
    pub fn remedied(&self, erratum: &Erratum) -> Option<&Step> {
        let id = erratum.corrected.as_ref()?;
        self.corrected.iter().chain(&self.as_written).find(|step| step.id == *id)
    }

    /// A mistake by its name.
    pub fn erratum(&self, name: &str) -> Option<&Erratum> {
        self.errata.iter().find(|erratum| erratum.name == name)
    }

    /// A text with the guide's own values.
    pub fn written(&self, text: &str) -> String {
        let values = self.names.iter().map(|n| (n.name.as_str(), n.value.clone())).collect();
        filled(text, &values)
    }
}

/// A text with values in place of `<name>`.
pub fn filled(text: &str, values: &BTreeMap<&str, String>) -> String {
    values
        .iter()
        .fold(text.to_owned(), |text, (name, value)| text.replace(&format!("<{name}>"), value))
}

/// The guide.
pub fn guide() -> &'static Guide {
    static GUIDE: LazyLock<Guide> = LazyLock::new(|| {
        // Embedded and read by a unit test: it cannot be wrong in a binary that passed its tests.
        toml::from_str(include_str!("../guide/guide.toml")).expect("guide.toml is valid")
    });
    &GUIDE
}

fn expression<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Regex>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| Regex::new(&text).map_err(serde::de::Error::custom)).transpose()
}

#[cfg(test)]
mod tests;
