//! Finds the specification in the arguments of an OCI runtime.

use std::path::PathBuf;

/// runc's global options that take a value in the next argument.
const GLOBAL_WITH_VALUE: [&str; 5] = ["log", "log-format", "root", "criu", "rootless"];

/// The specification file that a call reads, if any: `config.json` of the bundle for `create`,
/// `run` and `restore`, the process file for `exec`.
pub(super) fn specification(arguments: &[String]) -> Option<PathBuf> {
    let mut rest = arguments.iter();
    let command = loop {
        let argument = rest.next()?;
        match option(argument) {
            None => break argument.as_str(),
            Some((name, None)) if GLOBAL_WITH_VALUE.contains(&name) => {
                rest.next();
            }
            Some(_) => {}
        }
    };
    let rest: Vec<&str> = rest.map(String::as_str).collect();
    match command {
        "create" | "run" | "restore" => {
            let bundle = value(&rest, &["bundle", "b"]).unwrap_or(".");
            Some(PathBuf::from(bundle).join("config.json"))
        }
        "exec" => value(&rest, &["process", "p"]).map(PathBuf::from),
        _ => None,
    }
}

/// Name and attached value of `--name`, `--name=value`, `-name` or `-n`: runc's parser accepts one
/// dash as two.
fn option(argument: &str) -> Option<(&str, Option<&str>)> {
    let name = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'))?;
    Some(name.split_once('=').map_or((name, None), |(name, value)| (name, Some(value))))
}

fn value<'a>(arguments: &[&'a str], names: &[&str]) -> Option<&'a str> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match option(argument) {
            Some((name, attached)) if names.contains(&name) => {
                return attached.or_else(|| rest.next().copied());
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(
        "--root /r --log /l --log-format json create --bundle /b --pid-file /p abc",
        Some("/b/config.json")
    )]
    #[case("--root=/r --log=/l create --bundle=/b abc", Some("/b/config.json"))]
    #[case("--systemd-cgroup --debug create -b /b abc", Some("/b/config.json"))]
    #[case("run -b=/b abc", Some("/b/config.json"))]
    #[case("run abc", Some("./config.json"))]
    #[case("--root /r exec --process /p.json --detach abc", Some("/p.json"))]
    #[case("exec -p /p.json abc", Some("/p.json"))]
    #[case("exec --detach --process=/p.json abc", Some("/p.json"))]
    #[case("exec abc ls", None)]
    #[case("--root /create state abc", None)]
    #[case("--log create delete --force abc", None)]
    #[case("--version", None)]
    #[case("", None)]
    fn finds_the_specification(#[case] call: &str, #[case] expected: Option<&str>) {
        let arguments: Vec<String> = call.split_whitespace().map(str::to_owned).collect();
        assert_eq!(specification(&arguments), expected.map(PathBuf::from));
    }
}
