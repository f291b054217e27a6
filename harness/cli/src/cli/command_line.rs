//! Checks before anything is created that the command of `exec` can be started.

use std::ffi::{OsStr, OsString};
use std::process::Stdio;
use std::time::Duration;

use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_machine::engine::LinuxDistribution;

/// Time limit of `cargo --list`.
const LIST: Duration = Duration::from_secs(30);

/// Checks that the command can be started: its program is on `PATH`, also behind `env NAME=VALUE`,
/// and for `cargo X` cargo knows X (built in, an alias, or `cargo-X`).
///
/// # Errors
/// Environment: the program or the cargo subcommand is missing.
pub(super) async fn check_command(command: &[OsString]) -> Result<()> {
    let Some((program, args)) = command.split_first() else { return Ok(()) };
    if which::which(program).is_err() {
        return Err(missing(program));
    }
    if let Some(inner) = behind_env(program, args) {
        return Box::pin(check_command(inner)).await;
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

/// The error for a program that cannot be run.
fn missing(program: &OsStr) -> Error {
    let name = program.to_string_lossy();
    if !name.contains('/') {
        return Error::environment(format!("`{name}`, the command of `exec`, is not on PATH"))
            .remedy(LinuxDistribution::here().how_to_get(&name));
    }
    // A path is not searched on `PATH`.
    let path = std::path::Path::new(program);
    let (what, remedy) = match (path.is_dir(), path.exists()) {
        (true, _) => ("is a directory", "name a program in it"),
        (false, true) => {
            ("cannot be run: it is not executable", "chmod +x, or name its interpreter")
        }
        (false, false) => ("does not exist", "correct its path"),
    };
    Error::environment(format!("`{name}`, the command of `exec`, {what}")).remedy(remedy)
}

/// The command behind `env NAME=VALUE`. None with options, which may take values, and with `PATH=`,
/// which changes where `env` searches: these are not checked.
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

/// The cargo subcommand of a command line, if it is the first word after cargo.
fn subcommand<'a>(program: &OsStr, args: &'a [OsString]) -> Option<&'a str> {
    if std::path::Path::new(program).file_name() != Some(OsStr::new("cargo")) {
        return None;
    }
    let mut words = args.iter().map(|word| word.to_str().unwrap_or_default()).peekable();
    words.next_if(|word| word.starts_with('+'));
    // Flags of cargo itself may take a value: not checked.
    words.next().filter(|word| !word.starts_with('-') && !word.is_empty())
}

fn how_to_get(subcommand: &str) -> String {
    let install = format!("cargo install --locked cargo-{subcommand}");
    match subcommand {
        "nextest" => format!("{install}; or in a checkout `cargo xtask test`, which brings it"),
        _ => install,
    }
}

/// The subcommands that cargo has in this directory, aliases included.
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
            // Only `env` can resolve these.
            "env -u X no-such-program-here",
            "env PATH=/opt/x no-such-program-here",
        ] {
            check_command(&words(line)).await.expect(line);
        }
        for (line, missing) in [
            ("no-such-program-here --x", "`no-such-program-here`"),
            ("cargo no-such-command run", "cargo-no-such-command is not on PATH"),
            ("cargo +stable no-such-command", "cargo has no `no-such-command`"),
            ("env X=1 no-such-program-here", "`no-such-program-here`"),
            ("env X=1 Y= cargo no-such-command", "cargo has no `no-such-command`"),
            ("/etc/passwd", "`/etc/passwd`, the command of `exec`, cannot be run"),
            ("/etc", "is a directory"),
            ("./no/such/program", "does not exist"),
        ] {
            let error = check_command(&words(line)).await.expect_err(line);
            assert_eq!(error.exit, sparkproof_base::Exit::Environment);
            assert!(error.to_string().contains(missing) && error.remedy.is_some(), "{error}");
            let by_path = line.starts_with(['/', '.']);
            assert!(!(by_path && error.summary().contains("PATH")), "{}", error.summary());
        }
    }

    #[test]
    fn nextest_comes_with_both_ways_to_get_it() {
        let says = how_to_get("nextest");
        assert!(says.contains("cargo-nextest") && says.contains("cargo xtask test"), "{says}");
    }
}
