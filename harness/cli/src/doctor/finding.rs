//! One prerequisite and how it stands.

use sparkproof_machine::engine::LinuxDistribution;

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
    /// Packages that `--yes` installs for it.
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

    /// Programs that are not there: by their packages of this distribution.
    pub(super) fn programs(name: &str, programs: &[&str]) -> Self {
        let here = LinuxDistribution::here();
        let found: Option<Vec<_>> = programs.iter().map(|program| here.package(program)).collect();
        match found {
            Some(packages) => Self::packages(name, packages),
            None => {
                let remedies: Vec<_> = programs.iter().map(|it| here.how_to_get(it)).collect();
                Self::missing(name, "not installed", remedies.join("; "))
            }
        }
    }

    /// Packages: for `--yes` where `apt-get` is there and we are root, else for the user.
    pub(super) fn packages(name: &str, packages: Vec<&'static str>) -> Self {
        let here = LinuxDistribution::here();
        let command = here.command(&packages);
        if sparkproof_machine::engine::is_root() && here.has_apt() {
            return Finding {
                remedy: Some(format!("--yes, or: {command}")),
                packages,
                ..Self::new(name, State::Installable, "not installed")
            };
        }
        let root = if sparkproof_machine::engine::is_root() { "" } else { "as root: " };
        Self::missing(name, "not installed", format!("{root}{command}"))
    }

    /// Whether `run` can do its work with it as it stands, `--yes` given.
    pub fn is_enough(&self) -> bool {
        self.state != State::Missing
    }
}
