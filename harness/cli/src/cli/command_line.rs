//! What the command of `exec` needs, looked for before anything is made.

use std::ffi::{OsStr, OsString};
use std::process::Stdio;
use std::time::Duration;

use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_machine::engine::LinuxDistribution;

/// The longest that `cargo --list` may take.
const LIST: Duration = Duration::from_secs(30);

/// Whether the command line can begin here: its program is on `PATH`, also behind `env NAME=VALUE`, and
/// for `cargo X` cargo knows X (its own, an alias, or `cargo-X`).
///
/// # Errors
/// Environment: what is missing, and what to do.
pub(super) async fn look(command: &[OsString]) -> Result<()> {
    let Some((program, args)) = command.split_first() else { return Ok(()) };
    if which::which(program).is_err() {
        return Err(missing(program));
    }
    if let Some(inner) = behind_env(program, args) {
        return Box::pin(look(inner)).await;
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

/// What is said of a program that cannot be run.
fn missing(program: &OsStr) -> Error {
    let name = program.to_string_lossy();
    if !name.contains('/') {
        return Error::environment(format!("`{name}`, which `exec` is to run, is not on PATH"))
            .remedy(LinuxDistribution::here().how_to_get(&name));
    }
    // A path is looked for nowhere else.
    let path = std::path::Path::new(program);
    let (what, remedy) = match (path.is_dir(), path.exists()) {
        (true, _) => ("is a directory", "name a program in it"),
        (false, true) => {
            ("cannot be run: it is not executable", "chmod +x, or name its interpreter")
        }
        (false, false) => ("does not exist", "correct its path"),
    };
    Error::environment(format!("`{name}`, which `exec` is to run, {what}")).remedy(remedy)
}

/// The command behind `env NAME=VALUE`. Its options may take values, and `PATH=` changes where it
/// looks: both are left to it.
fn behind_env<'a>(program: &OsStr, args: &'a [OsString]) -> Option<&'a [OsString]> {
    if std::path::Path::new(program).file_name() != Some(OsStr::new("env")) {
        return None;
    }
    let is_setting = |word: &&OsString| word.to_string_lossy().contains('=');
    let settings = args.iter().take_while(is_setting).count();
    let (settings, command) = args.split_at(settings);
    let moved = settings.iter().any(|word| word.to_string_lossy().starts_with("PATH="));
    let option = command.first().is_some_and(|word| word.to_string_lossy().starts_with('-'));
    (!moved && !option).then_some(command)
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
        for line in [
            "true",
            "cargo",
            "cargo build",
            "cargo --version",
            "cargo +stable build",
            "env",
            "env X=1",
            "env X=1 true --x",
            "/usr/bin/env X=1 env Y=2 cargo build",
            // What env alone knows.
            "env -u X no-such-program-here",
            "env PATH=/opt/x no-such-program-here",
        ] {
            look(&words(line)).await.expect(line);
        }
        for (line, missing) in [
            ("no-such-program-here --x", "`no-such-program-here`"),
            ("cargo no-such-command run", "cargo-no-such-command is not on PATH"),
            ("cargo +stable no-such-command", "cargo has no `no-such-command`"),
            ("env X=1 no-such-program-here", "`no-such-program-here`"),
            ("env X=1 Y= cargo no-such-command", "cargo has no `no-such-command`"),
            ("/etc/passwd", "`/etc/passwd`, which `exec` is to run, cannot be run"),
            ("/etc", "is a directory"),
            ("./no/such/program", "does not exist"),
        ] {
            let error = look(&words(line)).await.expect_err(line);
            assert_eq!(error.exit, sparkproof_base::Exit::Environment);
            assert!(error.to_string().contains(missing) && error.remedy.is_some(), "{error}");
            let by_path = line.starts_with(['/', '.']);
            assert!(!(by_path && error.summary().contains("PATH")), "{}", error.summary());
        }
    }

    #[test]
    fn nextest_comes_with_both_ways_to_get_it() {
        let told = how_to_get("nextest");
        assert!(told.contains("cargo-nextest") && told.contains("cargo xtask test"), "{told}");
    }
}
