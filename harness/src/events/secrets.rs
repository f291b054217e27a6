//! What must never be written: one registry of secrets, one scrubber that every writer passes.

use std::sync::{Arc, RwLock};

/// Registered secret values. Clones share the registry.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Arc<RwLock<Vec<String>>>);

impl Secrets {
    /// What stands in a secret's place.
    pub const MASK: &'static str = "[secret]";

    /// Registers a value, as it is and as JSON escapes it. One that could be part of ordinary text is
    /// refused with `false`: masking it would garble words. That is one shorter than 6 characters, or
    /// than 4 where it has a character that words have not.
    pub fn register(&self, secret: &str) -> bool {
        let secret = secret.trim();
        let odd = secret.chars().any(|c| !c.is_alphanumeric());
        if secret.len() < if odd { 4 } else { 6 } {
            return false;
        }
        let quoted = serde_json::Value::from(secret).to_string();
        let escaped = quoted.trim_matches('"').to_owned();
        let Ok(mut known) = self.0.write() else { return false };
        for form in [secret.to_owned(), escaped] {
            if !known.contains(&form) {
                known.push(form);
            }
        }
        // The longest first, so that a secret inside another does not leave a rest.
        known.sort_by_key(|k| std::cmp::Reverse(k.len()));
        true
    }

    /// The same with every text inside a JSON value.
    pub(super) fn scrub_value(&self, value: &mut serde_json::Value) {
        use serde_json::Value;
        match value {
            Value::String(text) => *text = self.scrub(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.scrub_value(item)),
            Value::Object(fields) => fields.values_mut().for_each(|field| self.scrub_value(field)),
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

#[cfg(test)]
mod tests {
    use super::Secrets;

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
        assert!(secrets.register("a\"b\\c"));
        assert_eq!(
            secrets.scrub(r#"spark a"b\c {"k": "a\"b\\c"}"#),
            r#"spark [secret] {"k": "[secret]"}"#
        );
    }
}
