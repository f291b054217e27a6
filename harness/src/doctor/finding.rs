//! One prerequisite and how it stands.

/// How a prerequisite stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Ready,
    /// Not there; `--yes` installs it.
    Installable,
    /// Less than it could be: something is slower, smaller or not possible, as the finding says.
    Limited,
    /// Not there, and not for us to install.
    Missing,
}

impl State {
    /// For the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Ready => "ready",
            State::Installable => "installable",
            State::Limited => "limited",
            State::Missing => "missing",
        }
    }
}

/// One prerequisite as found.
#[derive(Debug, Clone)]
pub struct Finding {
    /// E.g. `Java for Spark 3.5.9`.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// Version, size or what was observed.
    pub found: String,
    /// What to do, when something is to be done.
    pub remedy: Option<String>,
    /// Debian packages that `--yes` installs for it.
    pub packages: Vec<&'static str>,
}

impl Finding {
    fn new(name: impl Into<String>, state: State, found: impl Into<String>) -> Self {
        let (name, found) = (name.into(), found.into());
        Finding { name, state, found, remedy: None, packages: Vec::new() }
    }

    pub(super) fn ready(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, State::Ready, found)
    }

    pub(super) fn limited(
        name: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Finding { remedy: Some(remedy.into()), ..Self::new(name, State::Limited, found) }
    }

    pub(super) fn missing(
        name: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Finding { remedy: Some(remedy.into()), ..Self::new(name, State::Missing, found) }
    }

    /// Debian packages: for `--yes` where `apt-get` is there and we are root, else for the user.
    pub(super) fn packages(name: &str, packages: &[&'static str]) -> Self {
        let command = format!("apt-get install {}", packages.join(" "));
        if crate::engine::is_root() && crate::engine::program("apt-get").is_some() {
            let remedy = Some(format!("--yes, or: {command}"));
            let packages = packages.to_vec();
            return Finding {
                remedy,
                packages,
                ..Self::new(name, State::Installable, "not installed")
            };
        }
        Self::missing(name, "not installed", format!("as root: {command}"))
    }

    /// Whether `run` can do its work with it as it stands, `--yes` given.
    pub fn is_enough(&self) -> bool {
        self.state != State::Missing
    }
}
