//! One prerequisite and its state.

use sparkproof_machine::engine::LinuxDistribution;

/// The state of a prerequisite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindingState {
    /// As required.
    Ready,
    /// Missing; `--yes` installs it.
    Installable,
    /// Weaker than it could be: the finding says what is slower, smaller or impossible.
    Limited,
    /// Missing, and sparkproof cannot install it.
    Missing,
}

impl FindingState {
    /// The word in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            FindingState::Ready => "ready",
            FindingState::Installable => "installable",
            FindingState::Limited => "limited",
            FindingState::Missing => "missing",
        }
    }
}

/// One prerequisite as found on this machine.
#[derive(Debug, Clone)]
pub struct Finding {
    /// E.g. `Java for Spark 3.5.9`.
    pub name: String,
    /// Whether the plan can be run with it.
    pub state: FindingState,
    /// Version, size or what was observed.
    pub found: String,
    /// What to do, unless it is ready.
    pub remedy: Option<String>,
    /// Packages that `--yes` installs for it.
    pub packages: Vec<&'static str>,
}

impl Finding {
    fn new(name: impl Into<String>, state: FindingState, found: impl Into<String>) -> Self {
        let (name, found) = (name.into(), found.into());
        Finding { name, state, found, remedy: None, packages: Vec::new() }
    }

    pub(super) fn ready(name: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(name, FindingState::Ready, found)
    }

    pub(super) fn limited(
        name: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Finding { remedy: Some(remedy.into()), ..Self::new(name, FindingState::Limited, found) }
    }

    pub(super) fn missing(
        name: impl Into<String>,
        found: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Finding { remedy: Some(remedy.into()), ..Self::new(name, FindingState::Missing, found) }
    }

    /// Missing programs, with the packages of this distribution that have them.
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

    /// Missing packages: `--yes` installs them as root where there is `apt-get`, else the user
    /// must.
    pub(super) fn packages(name: &str, packages: Vec<&'static str>) -> Self {
        let here = LinuxDistribution::here();
        let command = here.command(&packages);
        if sparkproof_machine::engine::is_root() && here.has_apt() {
            return Finding {
                remedy: Some(format!("--yes, or: {command}")),
                packages,
                ..Self::new(name, FindingState::Installable, "not installed")
            };
        }
        let root = if sparkproof_machine::engine::is_root() { "" } else { "as root: " };
        Self::missing(name, "not installed", format!("{root}{command}"))
    }

    /// Whether `run --yes` can work with it.
    pub fn is_enough(&self) -> bool {
        self.state != FindingState::Missing
    }
}
