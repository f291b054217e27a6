//! Which applications are asked about.

use std::time::Duration;

use sparkproof_base::error::{Error, Result};
use sparkproof_judge::diagnosis::ApplicationRun;

/// Which applications are asked about, and what else is known of them.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// An application's id, its name by a label, or the name of its driver's pod.
    pub app: Option<String>,
    /// Only those that were active within this time.
    pub since: Option<Duration>,
    /// What its event log says, so that nobody else is asked.
    pub run: Option<ApplicationRun>,
}

impl Wanted {
    /// The applications among what was found that are asked about.
    ///
    /// # Errors
    /// Bad input: there is none.
    pub(super) fn pick<T>(
        &self,
        found: Vec<T>,
        place: &str,
        names: impl Fn(&T) -> Vec<String>,
    ) -> Result<Vec<T>> {
        let all: Vec<String> =
            found.iter().filter_map(|one| names(one).into_iter().next()).collect();
        if all.is_empty() {
            return Err(Error::input(format!("no Spark application in {place}")).remedy(
                "an application is found by its pods' label spark-role, as long as one of them exists",
            ));
        }
        let Some(app) = &self.app else { return Ok(found) };
        let picked: Vec<T> = found.into_iter().filter(|one| names(one).contains(app)).collect();
        match picked.is_empty() {
            false => Ok(picked),
            true => Err(Error::input(format!("no Spark application {app} in {place}"))
                .remedy(format!("there are: {}", all.join(", ")))),
        }
    }
}
