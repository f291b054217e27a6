//! Programs that a run calls, and their versions.

use std::path::PathBuf;

use sparkproof_base::context::Context;
use sparkproof_catalog::SparkVersion;
use sparkproof_catalog::spark;
use sparkproof_images::maven;
use sparkproof_images::spark::java_program;
use sparkproof_machine::engine::LinuxDistribution;
use sparkproof_machine::exec::Tool;

use super::Finding;

/// The oldest JDK that can build the probe: `jar` has `--date` since then (JDK-8279453).
const PROBE_JDK: &str = "a JDK of at least 17.0.3";

/// The first line of a program's version output; `None` if it cannot be run.
async fn says(context: &Context, program: impl Into<PathBuf>, words: &[&str]) -> Option<String> {
    let said = Tool::new(program.into()).args(words).run(context).await.ok()?;
    // `java -version` prints to standard error.
    let text = if said.stdout.trim().is_empty() { said.stderr } else { said.stdout };
    // Maven prints an escape sequence even to a pipe.
    text.lines().next().map(|line| console::strip_ansi_codes(line).trim().to_owned())
}

/// Go builds kind and the node's programs. An older one downloads the toolchain that it needs.
pub(super) async fn go(context: &Context, wanted: &str) -> Finding {
    let Some(found) = says(context, "go", &["env", "GOVERSION"]).await else {
        let get = LinuxDistribution::here().how_to_get("go");
        let remedy = format!("Go of at least {wanted}: {get}");
        return Finding::missing("Go", "not on PATH", remedy);
    };
    let numbers = |text: &str| -> Vec<u32> {
        let digits = text.trim_start_matches("go").split('.');
        digits.map_while(|part| part.parse().ok()).collect()
    };
    if numbers(&found) >= numbers(wanted) {
        return Finding::ready("Go", found);
    }
    let remedy = format!("it downloads Go {wanted} itself, if a module proxy answers");
    Finding::limited("Go", found, remedy)
}

pub(super) async fn python(context: &Context) -> Finding {
    match says(context, "python3", &["--version"]).await {
        Some(found) => Finding::ready("Python 3", found),
        None => Finding::programs("Python 3", &["python3"]),
    }
}

pub(super) async fn pip(context: &Context) -> Finding {
    match says(context, "python3", &["-m", "pip", "--version"]).await {
        Some(found) => Finding::ready("pip", found.split(" from ").next().unwrap_or_default()),
        None => Finding::missing(
            "pip",
            "python3 has no pip",
            format!(
                "{}, or name a distribution with --spark-home",
                LinuxDistribution::here().how_to_get("pip")
            ),
        ),
    }
}

/// Maven downloads the jars that Spark lacks for S3 and Azure, unless the environment names a
/// repository.
pub(super) async fn maven(context: &Context) -> Finding {
    if maven::repository().is_some() {
        let found = format!("not needed: {} names a repository", maven::REPOSITORY);
        return Finding::ready("Maven", found);
    }
    match says(context, "mvn", &["--batch-mode", "--version"]).await {
        Some(found) => Finding::ready("Maven", found),
        None => Finding::programs("Maven", &["mvn"]),
    }
}

pub(super) async fn compiler(context: &Context) -> Finding {
    match says(context, "cc", &["--version"]).await {
        Some(found) => Finding::ready("C compiler", found),
        None => Finding::limited(
            "C compiler",
            "not on PATH",
            format!(
                "only building sparkproof from source needs it: {}",
                LinuxDistribution::here().how_to_get("cc")
            ),
        ),
    }
}

/// The Java that Spark's launcher would use, for each set of runtimes that Spark versions share.
/// The one of `wanted` is required.
pub(super) async fn java(context: &Context, wanted: &SparkVersion) -> Vec<Finding> {
    let found = says(context, java_program("java"), &["-version"]).await;
    let major = found.as_deref().and_then(major);
    let mut findings: Vec<Finding> = Vec::new();
    for (runtimes, versions) in by_runtimes() {
        let names: Vec<String> = versions.iter().map(ToString::to_string).collect();
        let name = format!("Java for Spark {}", names.join(", "));
        let majors = runtimes.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
        let remedy = format!("install Java {majors} and set JAVA_HOME to it");
        let brought = spark::find(versions[0]).ok().and_then(spark::SparkRelease::runtime);
        if let Some(runtime) = brought {
            findings
                .push(Finding::ready(name, format!("provided by sparkproof, {}", runtime.package)));
            continue;
        }
        findings.push(match (&found, major) {
            (Some(found), Some(major)) if runtimes.contains(&major) => Finding::ready(name, found),
            (found, _) => {
                let found = found.clone().unwrap_or_else(|| "not on PATH".to_owned());
                match versions.contains(&wanted) {
                    true => Finding::missing(name, found, remedy),
                    false => Finding::limited(name, found, remedy),
                }
            }
        });
    }
    findings
}

/// The JDK that compiles the probe.
pub(super) async fn java_compiler(context: &Context) -> Finding {
    let name = "Java compiler";
    match says(context, "javac", &["-version"]).await {
        Some(found) => Finding::ready(name, found),
        None => {
            let get = LinuxDistribution::here().how_to_get("javac");
            Finding::missing(name, "not on PATH", format!("{PROBE_JDK}: {get}"))
        }
    }
}

/// Spark versions with the same runtimes, in the order of the table.
fn by_runtimes() -> Vec<(&'static [u8], Vec<&'static SparkVersion>)> {
    let mut groups: Vec<(&[u8], Vec<&SparkVersion>)> = Vec::new();
    for version in spark::known() {
        match groups.iter_mut().find(|(runtimes, _)| *runtimes == version.java) {
            Some((_, versions)) => versions.push(&version.version),
            None => groups.push((&version.java, vec![&version.version])),
        }
    }
    groups
}

/// The major version: `openjdk version "17.0.15" 2025-04-15` is 17, `java version "1.8.0_392"` is
/// 8.
fn major(line: &str) -> Option<u8> {
    let quoted = line.split('"').nth(1)?;
    let mut parts = quoted.split(['.', '_', '-', '+']);
    match parts.next()?.parse().ok()? {
        1 => parts.next()?.parse().ok(),
        major => Some(major),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn java_versions_are_read() {
        assert_eq!(major("openjdk version \"17.0.15\" 2025-04-15"), Some(17));
        assert_eq!(major("java version \"1.8.0_392\""), Some(8));
        assert_eq!(major("openjdk version \"21-ea\" 2023-09-19"), Some(21));
        assert_eq!(major("no java"), None);
    }

    #[test]
    fn spark_versions_with_the_same_runtimes_share_a_line() {
        let groups = by_runtimes();
        let has = |spark: &[&SparkVersion]| spark.contains(&&SparkVersion::new(3, 5, 9));
        assert!(groups.iter().any(|(java, spark)| java.contains(&8) && has(spark)));
        assert!(groups.iter().any(|(java, spark)| java.contains(&21) && !has(spark)));
    }
}
