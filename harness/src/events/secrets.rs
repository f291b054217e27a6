//! What must never be written: one registry of secrets, one scrubber that every writer passes.

use std::sync::{Arc, RwLock};

/// Registered secret values. Clones share the registry.
#[derive(Debug, Clone, Default)]
pub struct Secrets(Arc<RwLock<Vec<String>>>);

impl Secrets {
    /// What stands in a secret's place.
    pub const MASK: &'static str = "[secret]";

    /// Registers a value. Values shorter than 6 characters are refused silently: masking them
    /// would garble ordinary words.
    pub fn register(&self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < 6 {
            return;
        }
        if let Ok(mut known) = self.0.write()
            && !known.iter().any(|k| k == secret)
        {
            known.push(secret.to_owned());
            // The longest first, so that a secret inside another does not leave a rest.
            known.sort_by_key(|k| std::cmp::Reverse(k.len()));
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
}
