//! Continues after a red check, and returns the first one at the end.

use crate::error::{Error, Result};

/// The first red so far.
#[derive(Debug, Default)]
pub struct FirstFailure(Option<Error>);

impl FirstFailure {
    /// Records a red result; returns the value of a green one.
    ///
    /// # Errors
    /// An interruption, which ends everything.
    pub fn note<T>(&mut self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(green) => Ok(Some(green)),
            Err(error) if error.is_interruption() => Err(error),
            Err(error) => {
                self.0.get_or_insert(error);
                Ok(None)
            }
        }
    }

    /// The first red, if any.
    pub fn into_error(self) -> Option<Error> {
        self.0
    }

    /// The result, or the first red.
    pub fn or<T>(self, achieved: T) -> Result<T> {
        self.0.map_or(Ok(achieved), Err)
    }
}

impl From<Option<Error>> for FirstFailure {
    fn from(red: Option<Error>) -> Self {
        FirstFailure(red)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Exit;

    #[test]
    fn the_first_red_counts_and_an_interruption_ends() {
        let mut first = FirstFailure::default();
        assert_eq!(first.note(Ok(1)).expect("goes on"), Some(1));
        for text in ["one", "two"] {
            assert_eq!(first.note(Err::<(), _>(Error::red(text))).expect("goes on"), None);
        }
        let ended = first.note(Err::<(), _>(Error::interrupted(Exit::Interrupt)));
        assert!(ended.expect_err("ends").is_interruption());
        assert_eq!(first.or(()).expect_err("red").to_string(), "one");
        assert!(FirstFailure::default().or(()).is_ok());
    }
}
