//! The error type: its class decides the exit code, its text says what was observed and what was
//! expected, its remedy says what to do.

use std::any::Any;
use std::fmt;

/// The result of a command for its caller. docs/exit-codes.md documents the codes.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Exit {
    /// Every check was green.
    Green,
    /// At least one check was red.
    Red,
    /// The request itself is wrong: unknown key, missing file, a number out of range.
    BadInput,
    /// The machine or the cluster cannot serve the request.
    Environment,
    /// A defect of sparkproof itself.
    Internal,
    /// Ended by SIGHUP.
    Hangup,
    /// Ended by SIGINT.
    Interrupt,
    /// Ended by SIGTERM.
    Terminate,
}

impl Exit {
    /// All of them, in the order of the documentation.
    pub const ALL: [Exit; 8] = [
        Exit::Green,
        Exit::Red,
        Exit::BadInput,
        Exit::Environment,
        Exit::Internal,
        Exit::Hangup,
        Exit::Interrupt,
        Exit::Terminate,
    ];

    /// The process exit code. Signals follow the shell's `128 + number`.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Green => 0,
            Exit::Red => 1,
            Exit::BadInput => 2,
            Exit::Environment => 3,
            Exit::Internal => 70,
            Exit::Hangup => 129,
            Exit::Interrupt => 130,
            Exit::Terminate => 143,
        }
    }

    /// The meaning in a few words.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Green => "all checks green",
            Exit::Red => "not proven",
            Exit::BadInput => "the request is wrong",
            Exit::Environment => "the environment cannot serve the request",
            Exit::Internal => "a defect of sparkproof",
            Exit::Hangup => "interrupted by SIGHUP",
            Exit::Interrupt => "interrupted by SIGINT",
            Exit::Terminate => "interrupted by SIGTERM",
        }
    }

    /// True when a signal ended the work: nothing failed.
    pub const fn is_interruption(self) -> bool {
        matches!(self, Exit::Hangup | Exit::Interrupt | Exit::Terminate)
    }
}

/// A failure with its class and its remedy.
#[derive(Debug)]
pub struct Error {
    /// The class; decides the exit code.
    pub exit: Exit,
    /// What failed, observed against expected; a lowercase fragment.
    pub what: String,
    /// What to do about it.
    pub remedy: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A result with this error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    fn new(exit: Exit, what: impl Into<String>) -> Self {
        Error { exit, what: what.into(), remedy: None, source: None }
    }

    /// The request is wrong; nothing was created.
    pub fn input(what: impl Into<String>) -> Self {
        Self::new(Exit::BadInput, what)
    }

    /// The machine or the cluster cannot serve the request.
    pub fn environment(what: impl Into<String>) -> Self {
        Self::new(Exit::Environment, what)
    }

    /// A check is red.
    pub fn red(what: impl Into<String>) -> Self {
        Self::new(Exit::Red, what)
    }

    /// A defect of sparkproof.
    pub fn internal(what: impl Into<String>) -> Self {
        Self::new(Exit::Internal, what)
    }

    /// A panic: a defect, too.
    pub fn panicked(payload: &(dyn Any + Send)) -> Self {
        let text = panic_text(payload).unwrap_or("without a message");
        Self::internal(format!("sparkproof panicked: {text}"))
            .remedy("file an issue with the run directory")
    }

    /// A signal ended the work.
    pub fn interrupted(exit: Exit) -> Self {
        Self::new(exit, "interrupted by a signal")
    }

    /// Adds a remedy.
    #[must_use]
    pub fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// Changes the class.
    #[must_use]
    pub fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Adds the underlying error.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Separates the text from the remedy in [`Error::summary`].
    pub const REMEDY: &str = "\nremedy: ";

    /// The text with its causes, and the remedy on a separate line, as `RunEnded` records it.
    pub fn summary(&self) -> String {
        match &self.remedy {
            Some(remedy) => format!("{self}{}{remedy}", Self::REMEDY),
            None => self.to_string(),
        }
    }

    /// True when a signal ended the work: nothing failed.
    pub fn is_interruption(&self) -> bool {
        self.exit.is_interruption()
    }
}

/// The message of a panic, if it is a text.
pub fn panic_text(payload: &(dyn Any + Send)) -> Option<&str> {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned.or_else(|| payload.downcast_ref::<&str>().copied())
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut message = self.what.clone();
        let mut source = self.source.as_deref().map(|s| s as &dyn std::error::Error);
        while let Some(cause) = source {
            let text = cause.to_string();
            // Some crates, and sparkproof, repeat the source in the text.
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = cause.source();
        }
        f.write_str(&message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}

impl miette::Diagnostic for Error {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.remedy.as_ref().map(|r| Box::new(r) as _)
    }
}

/// Context for errors of other crates: `file.read().or_environment("reading the kubeconfig")?`.
pub trait ErrorContext<T> {
    /// Wraps as [`Exit::Environment`].
    fn or_environment(self, what: impl Into<String>) -> Result<T>;
    /// Wraps as [`Exit::BadInput`].
    fn or_input(self, what: impl Into<String>) -> Result<T>;
    /// Wraps as [`Exit::Internal`].
    fn or_internal(self, what: impl Into<String>) -> Result<T>;
}

impl<T, E: Into<Box<dyn std::error::Error + Send + Sync>>> ErrorContext<T> for Result<T, E> {
    fn or_environment(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|e| Error::environment(what).with_source(e))
    }
    fn or_input(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|e| Error::input(what).with_source(e))
    }
    fn or_internal(self, what: impl Into<String>) -> Result<T> {
        self.map_err(|e| Error::internal(what).with_source(e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_of_a_cause_is_told_once() {
        let cause = std::io::Error::other("no route");
        let inner = Error::environment("asking the server").with_source(cause);
        let outer = Error::environment("looking for it").with_source(inner);
        assert_eq!(outer.to_string(), "looking for it: asking the server: no route");
    }
}
