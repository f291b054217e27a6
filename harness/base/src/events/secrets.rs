//! Secrets: one registry, and one scrubber that every writer uses.

use std::sync::{Arc, RwLock};

use super::{Body, Looked, Observed, Outcome, StepState, Verdict};

/// Registered secret values. Clones share the registry.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Arc<RwLock<Vec<String>>>);

impl Secrets {
    /// The mask in place of a secret.
    pub const MASK: &'static str = "[secret]";

    /// Registers a value, as it is and as JSON, Python and Java's properties escape it. Returns
    /// `false` for a value that is too short to be masked without garbling ordinary text: shorter
    /// than 6 characters, or than 4 if it has a character that words do not have.
    pub fn register(&self, secret: &str) -> bool {
        let secret = secret.trim();
        let odd = secret.chars().any(|c| !c.is_alphanumeric());
        if secret.chars().count() < if odd { 4 } else { 6 } {
            return false;
        }
        let Ok(mut known) = self.0.write() else { return false };
        for form in forms(secret) {
            if !known.contains(&form) {
                known.push(form);
            }
        }
        // The longest first, so that a secret inside another leaves no remainder.
        known.sort_by_key(|k| std::cmp::Reverse(k.len()));
        true
    }

    /// Masks the free text of an event. Tags, ids and names of phases are sparkproof's own and
    /// stay: reports need them.
    pub(super) fn scrub_body(&self, body: &mut Body) {
        let scrub = |text: &mut String| *text = self.scrub(text);
        match body {
            Body::RunStarted { title, plan, .. } => {
                scrub(title);
                self.scrub_value(plan);
            }
            Body::PhaseStarted { .. } | Body::Reading(_) => {}
            Body::Fact { value: text, .. }
            | Body::PhaseEnded { detail: text, .. }
            | Body::Note { text, .. }
            | Body::Pod { detail: text, .. }
            | Body::Artifact { title: text, .. } => scrub(text),
            Body::Step { step, state, .. } => {
                scrub(step);
                match state {
                    StepState::Progress(text) | StepState::Done(text) | StepState::Failed(text) => {
                        scrub(text);
                    }
                    StepState::Started | StepState::Cached => {}
                }
            }
            Body::PodList { title, text } => {
                scrub(title);
                scrub(text);
            }
            Body::Check(Verdict { title, outcome, evidence, .. }) => {
                scrub(title);
                match outcome {
                    Outcome::Green => {}
                    Outcome::Red { reason, remedy } => {
                        scrub(reason);
                        remedy.iter_mut().for_each(scrub);
                    }
                    Outcome::Skipped { reason } => scrub(reason),
                }
                evidence.iter_mut().for_each(|piece| scrub(&mut piece.text));
            }
            Body::Observed(observed) => self.scrub_observed(observed),
            Body::Configuration(configuration) => {
                configuration.parts.iter_mut().for_each(|part| scrub(&mut part.text));
            }
            Body::RunEnded { error, .. } => error.iter_mut().for_each(scrub),
        }
    }

    /// Masks an observation.
    pub(super) fn scrub_observed(&self, observed: &mut Observed) {
        self.scrub_value(&mut observed.expected);
        match &mut observed.seen {
            Looked::Seen(seen) => self.scrub_value(seen),
            Looked::Unseen(why) => *why = self.scrub(why),
        }
    }

    /// Masks every text inside a JSON value.
    fn scrub_value(&self, value: &mut serde_json::Value) {
        self.scrub_except(value, &[]);
    }

    /// Masks every text inside a JSON value, but for texts of fields with these names: their words are
    /// sparkproof's own.
    pub fn scrub_except(&self, value: &mut serde_json::Value, own: &[&str]) {
        use serde_json::Value;
        match value {
            Value::String(text) => *text = self.scrub(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.scrub_except(item, own)),
            Value::Object(fields) => {
                let all = fields.iter_mut();
                all.filter(|(key, value)| !(value.is_string() && own.contains(&key.as_str())))
                    .for_each(|(_, field)| self.scrub_except(field, own));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// The text with every registered secret masked.
    pub fn scrub(&self, text: &str) -> String {
        let Ok(known) = self.0.read() else { return Self::MASK.to_owned() };
        known.iter().fold(text.to_owned(), |text, secret| {
            if text.contains(secret.as_str()) {
                text.replace(secret.as_str(), Self::MASK)
            } else {
                text
            }
        })
    }
}

/// The forms in which a secret can be written: as it is; as JSON, with non-ASCII characters as they
/// are and escaped (Python's `json.dumps`); as Python's `repr`; as Java's properties, as sparkproof
/// writes them and as `Properties.store` does.
fn forms(secret: &str) -> [String; 8] {
    let quoted = serde_json::Value::from(secret).to_string();
    let json = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(&quoted);
    let mut repr = String::new();
    let mut stored = String::new();
    for c in secret.chars() {
        match c {
            '\\' => repr.push_str("\\\\"),
            '\n' => repr.push_str("\\n"),
            '\r' => repr.push_str("\\r"),
            '\t' => repr.push_str("\\t"),
            c => repr.push(c),
        }
    }
    for c in repr.chars() {
        if matches!(c, '=' | ':' | '#' | '!') {
            stored.push('\\');
        }
        stored.push(c);
    }
    [
        secret.to_owned(),
        json.to_owned(),
        ascii(json, |unit| format!("\\u{unit:04x}")),
        // `repr` of a text with both kinds of quotes.
        repr.replace('\'', "\\'"),
        ascii(&stored, |unit| format!("\\u{unit:04X}")),
        ascii(&stored, |unit| format!("\\u{unit:04x}")),
        stored,
        repr,
    ]
}

/// Escapes everything but printable ASCII, by UTF-16 units.
fn ascii(text: &str, escape: impl Fn(u16) -> String) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            ' '..='~' => out.push(c),
            c => out.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| escape(*unit))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn a_registered_secret_is_masked_everywhere() {
        let secrets = Secrets::default();
        secrets.register("hunter2-hunter2");
        secrets.register("hunter2-hunter2-longer");
        assert_eq!(
            secrets.scrub("a hunter2-hunter2-longer b hunter2-hunter2"),
            "a [secret] b [secret]"
        );
        assert_eq!(secrets.scrub("nothing here"), "nothing here");
    }

    #[test]
    fn words_are_not_registered() {
        let secrets = Secrets::default();
        assert!(!secrets.register("spark") && !secrets.register("a-b"));
        assert!(!secrets.register("äöüßä"), "5 characters");
        assert!(secrets.register("a\"b\\c"));
        assert_eq!(
            secrets.scrub(r#"spark a"b\c {"k": "a\"b\\c"}"#),
            r#"spark [secret] {"k": "[secret]"}"#
        );
    }

    #[rstest]
    #[case::properties(r"pa=ss:wo\rd", r"spark.x=pa\=ss\:wo\\rd")]
    #[case::properties_of_sparkproof(r"pa=ss:wo\rd", r"spark.x=pa=ss:wo\\rd")]
    #[case::properties_in_ascii("pässwörd", r"spark.x=p\u00E4ssw\u00F6rd")]
    #[case::repr(r"pass\word", r"{'k': 'pass\\word'}")]
    #[case::repr_with_both_quotes(r#"p'a"ss"#, r#"{'k': 'p\'a"ss'}"#)]
    #[case::json_in_ascii("pässwörd😀", r#"{"k": "p\u00e4ssw\u00f6rd\ud83d\ude00"}"#)]
    #[case::json_with_a_quote_at_the_end(r#"password""#, r#"{"k": "password\""}"#)]
    fn a_secret_is_masked_as_others_escape_it(#[case] secret: &str, #[case] text: &str) {
        let secrets = Secrets::default();
        assert!(secrets.register(secret));
        let scrubbed = secrets.scrub(text);
        assert!(scrubbed.contains("[secret]") && !scrubbed.contains("ss"), "{scrubbed}");
        assert!(!scrubbed.contains('\\'), "{scrubbed}");
    }

    #[test]
    fn an_event_keeps_its_own_words_whatever_is_secret() {
        let secrets = Secrets::default();
        for word in ["phase-ended", "engine", "skipped", "teardown.run", "run-started"] {
            assert!(secrets.register(word));
        }
        let mut ended = Body::PhaseEnded {
            phase: "engine".into(),
            detail: "skipped the engine".into(),
            seconds: 1.0,
            ok: true,
        };
        secrets.scrub_body(&mut ended);
        let line = serde_json::to_string(&ended).expect("JSON");
        assert!(line.contains(r#""event":"phase-ended","phase":"engine""#), "{line}");
        assert!(line.contains("[secret] the [secret]"), "{line}");
        let mut check = Body::Check(Verdict {
            id: "teardown.run".into(),
            title: "x".into(),
            outcome: Outcome::Skipped { reason: "phase-ended".into() },
            evidence: Vec::new(),
            seconds: 0.0,
        });
        secrets.scrub_body(&mut check);
        let line = serde_json::to_string(&check).expect("JSON");
        let read: Body = serde_json::from_str(&line).expect("an event still");
        let Body::Check(verdict) = read else { panic!("{line}") };
        assert_eq!(verdict.id, "teardown.run");
        assert_eq!(verdict.outcome, Outcome::Skipped { reason: "[secret]".into() });
    }
}
