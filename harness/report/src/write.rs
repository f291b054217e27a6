//! Writes the reports into the run directory.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sparkproof_base::error::{ErrorContext, Result};

use super::{Model, Summary, html, junit};

/// The file of a run's sum.
pub const SUMMARY: &str = "summary.json";

/// Derives `junit.xml`, `summary.json` and `report.html` from the events of a run directory, each
/// atomically: whoever collects them sees a whole file.
pub fn write_all(dir: &Path) -> Result<Summary> {
    let summary = Summary::from_model(Model::read(dir)?);
    let json = serde_json::to_string_pretty(&summary).or_internal("writing the summary")?;
    put(dir, SUMMARY, &(json + "\n"))?;
    put(dir, "junit.xml", &junit::junit(&summary)?)?;
    put(dir, "report.html", &html::page(&summary)?)?;
    Ok(summary)
}

fn put(dir: &Path, name: &str, text: &str) -> Result<()> {
    let what = || format!("writing {name}");
    let mut file = tempfile::Builder::new()
        .prefix(".report-")
        // Reports are for others, too; the umask still counts.
        .permissions(std::fs::Permissions::from_mode(0o666))
        .tempfile_in(dir)
        .or_environment(what())?;
    file.write_all(text.as_bytes()).or_environment(what())?;
    file.persist(dir.join(name)).or_environment(what())?;
    Ok(())
}
