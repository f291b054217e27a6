//! Jars from Maven repositories, by their exact coordinates.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_catalog::Pin;
use sparkproof_machine::engine::provide_program;
use sparkproof_machine::exec::Tool;

use super::entry::Hashing;
use super::{Cache, InUse, Key, tree};

/// The goal that resolves what a project names.
const GOAL: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:resolve";
/// What AWS' bundle of 0.7 GB takes on a line of 4 Mbit/s.
const DEADLINE: Duration = Duration::from_secs(30 * 60);

/// `group:artifact:version`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coordinate<'a> {
    group: &'a str,
    artifact: &'a str,
    version: &'a str,
}

impl<'a> Coordinate<'a> {
    /// Reads one; an internal error if it has another form.
    pub fn parse(text: &'a str) -> Result<Self> {
        match text.split(':').collect::<Vec<_>>().as_slice() {
            [group, artifact, version] => Ok(Coordinate { group, artifact, version }),
            _ => Err(Error::internal(format!("{text}: expected group:artifact:version"))),
        }
    }

    /// The name without the version, as jars of it begin.
    pub fn artifact(&self) -> &'a str {
        self.artifact
    }

    /// The file's name.
    pub fn file(&self) -> String {
        format!("{}-{}.jar", self.artifact, self.version)
    }

    /// Where a repository has it.
    fn path(&self) -> String {
        format!(
            "{}/{}/{}/{}",
            self.group.replace('.', "/"),
            self.artifact,
            self.version,
            self.file()
        )
    }
}

/// Fetches jars into the directory and verifies them. Maven does it (repositories, mirrors, proxies
/// and credentials are those of its settings), with a repository in that directory, which goes
/// again: the user's would keep a second copy. Nothing of what a jar depends on is fetched. `phase`
/// owns the progress.
///
/// # Errors
/// Environment: no Maven, no repository that answers or has it, another content than pinned.
pub async fn fetch(
    context: &Context,
    phase: &str,
    wanted: &[(Coordinate<'_>, &Pin)],
    dir: &Path,
) -> Result<()> {
    let what = "making a Maven project";
    let plugin = plugin(context, phase).await?;
    let repository = dir.join("repository");
    tree::copy(&plugin.join("repository"), &repository).or_environment(what)?;
    let coordinates: Vec<_> = wanted.iter().map(|(coordinate, _)| *coordinate).collect();
    resolve(context, phase, dir, &coordinates).await?;
    for (coordinate, pin) in wanted {
        let (from, to) = (repository.join(coordinate.path()), dir.join(coordinate.file()));
        fs_err::rename(from, &to).or_environment("taking a jar from Maven's repository")?;
        let pin = (*pin).clone();
        tokio::task::spawn_blocking(move || verify(&to, &pin))
            .await
            .or_internal("verifying a jar")??;
    }
    fs_err::remove_dir_all(repository).or_environment("removing a Maven repository")
}

/// The plugin that fetches, with its own hundred jars: a minute of small downloads, had once.
async fn plugin(context: &Context, phase: &str) -> Result<PathBuf> {
    let key = Key::new("maven-plugin").with("goal", GOAL);
    let step = StepGuard::begin(&context.recorder, phase, "Maven's dependency plugin".into());
    Cache::new(context)
        .entry(context, &key, step, async |dir, _| resolve(context, phase, dir, &[]).await)
        .await
        .map(InUse::keep)
}

/// Has Maven put these, and what it needs for it, into `dir/repository`.
async fn resolve(
    context: &Context,
    phase: &str,
    dir: &Path,
    coordinates: &[Coordinate<'_>],
) -> Result<()> {
    provide_program(context, phase, "mvn").await?;
    let project = dir.join("pom.xml");
    fs_err::write(&project, pom(coordinates)).or_environment("writing a Maven project")?;
    Tool::new("mvn")
        .args(["--batch-mode", "--quiet", "--strict-checksums"])
        .args([format!("-Dmaven.repo.local={}", dir.join("repository").display())])
        .args([GOAL])
        .dir(dir)
        .deadline(DEADLINE)
        .run(context)
        .await
        .map_err(|e| {
            Error::environment("fetching jars by Maven")
                .with_source(e)
                .remedy("give Maven a repository that answers (its settings.xml applies)")
        })?;
    fs_err::remove_file(project).or_environment("removing a Maven project")
}

/// A project that depends on exactly these.
fn pom(coordinates: &[Coordinate<'_>]) -> String {
    let mut pom = "<project><modelVersion>4.0.0</modelVersion>\
                   <groupId>sparkproof</groupId><artifactId>jars</artifactId><version>1</version>\
                   <packaging>pom</packaging><dependencies>\n"
        .to_owned();
    for Coordinate { group, artifact, version } in coordinates {
        let _ = writeln!(
            pom,
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version><exclusions><exclusion><groupId>*</groupId>\
             <artifactId>*</artifactId></exclusion></exclusions></dependency>"
        );
    }
    pom + "</dependencies></project>\n"
}

fn verify(jar: &Path, pin: &Pin) -> Result<()> {
    let what = || format!("reading {}", jar.display());
    let mut hashing = Hashing::new(std::io::sink());
    let mut file = fs_err::File::open(jar).or_environment(what())?;
    std::io::copy(&mut file, &mut hashing).or_environment(what())?;
    let (sha256, bytes) = hashing.finish();
    if (sha256.as_str(), bytes) == (pin.sha256.as_str(), pin.bytes) {
        return Ok(());
    }
    let name = jar.file_name().unwrap_or_default().to_string_lossy();
    Err(Error::environment(format!(
        "{name} has {bytes} bytes and sha256 {sha256}, expected {} and {}",
        pin.bytes, pin.sha256
    ))
    .remedy("look into the Maven repository or mirror that served it"))
}

/// The jars of these coordinates in a directory.
pub(super) fn paths<'a>(
    coordinates: impl IntoIterator<Item = &'a Coordinate<'a>>,
    dir: &Path,
) -> Vec<PathBuf> {
    coordinates.into_iter().map(|coordinate| dir.join(coordinate.file())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coordinate_says_where_its_jar_is() {
        let coordinate = Coordinate::parse("org.apache.hadoop:hadoop-aws:3.3.4").expect("valid");
        assert_eq!(coordinate.file(), "hadoop-aws-3.3.4.jar");
        assert_eq!(coordinate.path(), "org/apache/hadoop/hadoop-aws/3.3.4/hadoop-aws-3.3.4.jar");
        assert!(Coordinate::parse("org.apache.hadoop:hadoop-aws").is_err());
        insta::assert_snapshot!(pom(&[coordinate]));
    }

    #[test]
    fn another_content_is_refused_with_both() {
        let keep = tempfile::tempdir().expect("dir");
        let jar = keep.path().join("a-1.jar");
        std::fs::write(&jar, "other").expect("written");
        let pin = Pin { sha256: "00".repeat(32), bytes: 5 };
        let error = verify(&jar, &pin).expect_err("another content").to_string();
        assert!(error.contains("a-1.jar has 5 bytes") && error.contains(&pin.sha256), "{error}");
    }
}
