//! Words of reasons and evidence.

/// What is in a set, in a row; or `none`.
pub(crate) fn list<T: ToString>(of: impl IntoIterator<Item = T>) -> String {
    let words: Vec<String> = of.into_iter().map(|word| word.to_string()).collect();
    match words.is_empty() {
        true => "none".to_owned(),
        false => words.join(", "),
    }
}
