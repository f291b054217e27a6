//! What the command of `exec` needs, looked for before anything is made.

use std::ffi::{OsStr, OsString};
use std::process::Stdio;
use std::time::Duration;

use crate::engine::LinuxDistribution;
use crate::error::{Error, OrFail, Result};

/// The longest that `cargo --list` may take.
const LIST: Duration = Duration::from_secs(30);

/// Whether the command line can begin here: its program is on `PATH`, and for `cargo X` cargo knows
/// X (its own, an alias, or `cargo-X`).
///
/// # Errors
/// Environment: what is missing, and what to do.
pub(super) async fn look(command: &[OsString]) -> Result<()> {
    let Some((program, args)) = command.split_first() else { return Ok(()) };
    let name = program.to_string_lossy();
    if which::which(program).is_err() {
        return Err(Error::environment(format!(
            "`{name}`, which `exec` is to run, is not on PATH"
        ))
        .remedy(LinuxDistribution::here().how_to_get(&name)));
    }
    match subcommand(program, args) {
        None => Ok(()),
        Some(wanted) => {
            let known = list(program).await?;
            if known.iter().any(|known| known == wanted) {
                return Ok(());
            }
            Err(Error::environment(format!(
                "cargo has no `{wanted}`: cargo-{wanted} is not on PATH"
            ))
            .remedy(how_to_get(wanted)))
        }
    }
}

/// What of cargo is called, where its first words say so.
fn subcommand<'a>(program: &OsStr, args: &'a [OsString]) -> Option<&'a str> {
    if std::path::Path::new(program).file_name() != Some(OsStr::new("cargo")) {
        return None;
    }
    let mut words = args.iter().map(|word| word.to_str().unwrap_or_default()).peekable();
    words.next_if(|word| word.starts_with('+'));
    // Flags of cargo itself may take a value: left to cargo.
    words.next().filter(|word| !word.starts_with('-') && !word.is_empty())
}

fn how_to_get(subcommand: &str) -> String {
    let install = format!("cargo install --locked cargo-{subcommand}");
    match subcommand {
        "nextest" => format!("{install}; or in a checkout `cargo xtask test`, which brings it"),
        _ => install,
    }
}

/// The subcommands that cargo knows in this directory.
async fn list(cargo: &OsStr) -> Result<Vec<String>> {
    let what = "asking `cargo --list`";
    let asked = tokio::process::Command::new(cargo)
        .arg("--list")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let answer = tokio::time::timeout(LIST, asked).await;
    let answer = answer
        .map_err(|_| Error::environment(format!("{what}: no answer in {} s", LIST.as_secs())))?
        .or_environment(what)?;
    if !answer.status.success() {
        let said = String::from_utf8_lossy(&answer.stderr).into_owned();
        return Err(Error::environment(format!("{what}: {}: {said}", answer.status)));
    }
    let text = String::from_utf8_lossy(&answer.stdout);
    let names = text.lines().filter_map(|line| line.strip_prefix("    "));
    Ok(names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[tokio::test]
    async fn what_the_command_needs_is_looked_for() {
        for line in ["true", "cargo", "cargo build", "cargo --version", "cargo +stable build"] {
            look(&words(line)).await.expect(line);
        }
        for (line, missing) in [
            ("no-such-program-here --x", "`no-such-program-here`"),
            ("cargo no-such-command run", "cargo-no-such-command is not on PATH"),
            ("cargo +stable no-such-command", "cargo has no `no-such-command`"),
        ] {
            let error = look(&words(line)).await.expect_err(line);
            assert_eq!(error.exit, crate::Exit::Environment);
            assert!(error.to_string().contains(missing) && error.remedy.is_some(), "{error}");
        }
    }

    #[test]
    fn nextest_comes_with_both_ways_to_get_it() {
        let told = how_to_get("nextest");
        assert!(told.contains("cargo-nextest") && told.contains("cargo xtask test"), "{told}");
    }
}
