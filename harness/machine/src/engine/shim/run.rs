//! Runs the shim: reads and narrows the specification, then becomes runc.

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use sparkproof_base::error::{ErrorContext, Result};

use super::arguments::specification;
use super::narrow::narrow;
use crate::engine::Capabilities;

/// The name under which the binary is the shim.
pub const NAME: &str = "sparkproof-oci-shim";
/// The runtime that it becomes.
const RUNC: &str = "runc";

/// Whether the program was started as the shim: by the file name in `argv[0]`.
pub fn is_called(argv0: &OsStr) -> bool {
    Path::new(argv0).file_name() == Some(OsStr::new(NAME))
}

/// Runs as an OCI runtime, with `arguments` without `argv[0]`. Returns only if runc could not be
/// started; otherwise the process is runc from here on.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let texts: Vec<String> = arguments.iter().map(|a| a.to_string_lossy().into_owned()).collect();
    if let Some(path) = specification(&texts)
        && let Err(error) = rewrite(&path, &Capabilities::of_this_host())
    {
        // Not fatal: runc reports what it lacks, and containerd shows this line with it.
        say(&error.to_string());
    }
    let failed = Command::new(RUNC).args(&arguments).exec();
    say(&format!("starting {RUNC}: {failed}"));
    ExitCode::FAILURE
}

/// Rewrites the file in place if it must change: the bundle belongs to this call alone.
fn rewrite(path: &Path, host: &Capabilities) -> Result<()> {
    let text = fs_err::read(path).or_environment("reading the specification")?;
    let mut spec = serde_json::from_slice(&text).or_environment("reading the specification")?;
    if narrow(&mut spec, host) {
        let text = serde_json::to_vec(&spec).or_internal("writing the specification")?;
        fs_err::write(path, text).or_environment("writing the specification")?;
    }
    Ok(())
}

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{NAME}: {text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn called_by_its_name_only() {
        assert!(is_called(OsStr::new("/state/engine/sparkproof-oci-shim")));
        assert!(is_called(OsStr::new("sparkproof-oci-shim")));
        assert!(!is_called(OsStr::new("sparkproof")));
    }

    #[test]
    fn a_file_that_fits_is_not_touched() {
        let keep = tempfile::tempdir().expect("temporary directory");
        let path = keep.path().join("config.json");
        let text = "{ \"process\" : {\"capabilities\":{\"bounding\":[\"CAP_KILL\"]}} }";
        std::fs::write(&path, text).expect("written");
        let host = |missing: &[&str]| Capabilities {
            bounding: Default::default(),
            missing: missing.iter().map(|&m| m.to_owned()).collect(),
            lowest_oom: 0,
        };
        rewrite(&path, &host(&["CAP_SYS_TIME"])).expect("readable");
        assert_eq!(std::fs::read_to_string(&path).expect("readable"), text);
        rewrite(&path, &host(&["CAP_KILL"])).expect("rewritten");
        let after = std::fs::read_to_string(&path).expect("readable");
        assert_eq!(after, r#"{"process":{"capabilities":{"bounding":[]}}}"#);
    }
}
