//! The guide as data: its steps, their corrected form, its mistakes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use semver::VersionReq;
use serde::Deserialize;

/// All of `harness/catalog/guide/guide.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Guide {
    /// What is another on each machine.
    #[serde(rename = "name")]
    pub names: Vec<Name>,
    /// The steps as the guide writes them; where one ends in a mistake that nothing gets past, the
    /// next has that mistake's remedy and no other.
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
    /// Without the brackets.
    pub name: String,
    /// What the guide, or its corrected form, has there.
    pub value: String,
    /// What is typed instead, in words.
    pub reason: String,
}

/// Which list of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum List {
    /// As the guide writes them.
    AsWritten,
    /// With all remedies.
    Corrected,
}

impl List {
    /// As reports and snapshots name it.
    pub fn name(self) -> &'static str {
        match self {
            List::AsWritten => "as-written",
            List::Corrected => "corrected",
        }
    }
}

/// A step, and what it promises.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Step {
    /// Unique in its list.
    pub id: String,
    /// The guide's heading.
    pub section: String,
    /// What the guide promises, in words.
    pub promise: String,
    shell: Option<String>,
    repl: Option<String>,
    clojure: Option<String>,
    act: Option<Act>,
    /// Why it is not typed.
    pub not_typed: Option<String>,
    /// Not the guide's: a question of ours about its promise.
    #[serde(default)]
    pub look: bool,
    /// Found in the answer when the promise is kept.
    #[serde(default, deserialize_with = "expression")]
    pub kept: Option<Regex>,
    /// The mistake that is met instead.
    pub erratum: Option<String>,
    /// Seconds during which a shell step is typed again until what is expected is answered.
    pub within: Option<u64>,
    /// For which versions it is.
    #[serde(default)]
    pub when: When,
    /// What it makes outside of the namespace.
    pub owns: Option<Owns>,
    /// The size of the node decides whether the mistake is met.
    #[serde(default)]
    pub of_machine: bool,
}

/// How a step is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Typed<'a> {
    /// Typed into bash.
    Shell(&'a str),
    /// A line of `clj`, which starts a REPL.
    Repl(&'a str),
    /// One form, typed into the REPL.
    Clojure(&'a str),
    /// Not by typing.
    Act(Act),
}

/// What is done without typing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// The REPL is closed, by Ctrl-D.
    Close,
    /// The REPL's JVM is killed, by kill -9.
    Kill,
}

/// What a step makes that does not go with its namespace.
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
    /// Unique.
    pub name: String,
    /// The guide's heading.
    pub section: String,
    /// What the guide says.
    pub guide: String,
    /// What is true.
    pub truth: String,
    /// What is answered where it is met; with a pattern, words about it.
    observed: Option<String>,
    /// The answer as an expression.
    #[serde(default, deserialize_with = "expression")]
    pattern: Option<Regex>,
    /// What to do.
    pub remedy: String,
    /// The step whose promise is kept by it: a corrected one, or one that applies the remedy alone.
    pub corrected: Option<String>,
    /// Why no step meets it.
    pub reason: Option<String>,
}

impl Step {
    /// How it is made. A step has exactly one way: a unit test sees to it.
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
    /// What is answered where it is met, as Markdown.
    pub fn observed(&self) -> Option<String> {
        let words = self.observed.as_ref()?;
        Some(if self.pattern.is_some() { words.clone() } else { format!("`{words}`") })
    }

    /// Where it is to be seen in an answer.
    pub fn find<'a>(&self, answer: &'a str) -> Option<regex::Match<'a>> {
        static NEVER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[^\s\S]").expect("valid"));
        match (&self.pattern, &self.observed) {
            (Some(pattern), _) => pattern.find(answer),
            (None, Some(words)) => Regex::new(&regex::escape(words)).ok()?.find(answer),
            (None, None) => NEVER.find(answer),
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
