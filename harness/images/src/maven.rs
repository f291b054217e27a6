//! Jars from Maven repositories, by their paths there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_machine::engine::provide_program;
use sparkproof_machine::exec::Tool;
use sparkproof_machine::http::outward;
use tokio::io::AsyncWriteExt;

use super::entry::hash_file;
use super::{Cache, InUse, Key, tree};

/// The environment variable with the URL of a repository: jars are downloaded from it without
/// Maven.
pub const REPOSITORY: &str = "SPARKPROOF_MAVEN_REPOSITORY";
/// The goal that resolves what a project names.
const GOAL: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:resolve";
/// What AWS' bundle of 0.7 GB takes on a line of 4 Mbit/s.
const DEADLINE: Duration = Duration::from_secs(30 * 60);
/// Time limit for the next bytes of a repository.
const SILENCE: Duration = Duration::from_secs(60);
/// Attempts per jar.
const TRIES: u32 = 3;
/// Parallel downloads.
const AT_ONCE: usize = 8;

/// A jar and its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jar {
    /// Its path in every repository: `group/artifact/version/artifact-version-classifier.jar`.
    path: String,
    pub(super) sha256: String,
}

impl Jar {
    /// From `group:artifact:version`; an internal error if it has another form.
    pub fn new(coordinate: &str, sha256: &str) -> Result<Self> {
        let [group, artifact, version] = coordinate.split(':').collect::<Vec<_>>()[..] else {
            let what = format!("{coordinate}: expected group:artifact:version");
            return Err(Error::internal(what));
        };
        let path = group.replace('.', "/");
        let path = format!("{path}/{artifact}/{version}/{artifact}-{version}.jar");
        Ok(Jar { path, sha256: sha256.to_owned() })
    }

    /// From a line of `sha256sum` with a path as in a repository.
    pub(super) fn locked(line: &str) -> Option<Self> {
        let (sha256, path) = line.split_once("  ")?;
        Some(Jar { path: path.to_owned(), sha256: sha256.to_owned() })
    }

    /// The file's name.
    pub fn file(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The artifact's name, without its version.
    pub fn artifact(&self) -> &str {
        self.path.rsplit('/').nth(2).unwrap_or_default()
    }

    /// As a dependency in a POM, without its own dependencies.
    fn dependency(&self) -> Result<String> {
        let parts: Vec<&str> = self.path.rsplitn(4, '/').collect();
        let [file, version, artifact, group] = parts[..] else {
            return Err(Error::internal(format!("{}: no path of a repository", self.path)));
        };
        let group = group.replace('/', ".");
        let rest = file.strip_prefix(&format!("{artifact}-{version}"));
        let classifier = rest.and_then(|rest| rest.strip_prefix('-')?.strip_suffix(".jar"));
        let classifier = classifier.unwrap_or_default();
        Ok(format!(
            "<dependency><groupId>{group}</groupId><artifactId>{artifact}</artifactId>\
             <version>{version}</version><classifier>{classifier}</classifier>\
             <exclusions><exclusion><groupId>*</groupId>\
             <artifactId>*</artifactId></exclusion></exclusions></dependency>\n"
        ))
    }
}

/// The URL in [`REPOSITORY`].
pub fn repository() -> Option<String> {
    std::env::var(REPOSITORY).ok().filter(|url| !url.is_empty())
}

/// Downloads jars, without their dependencies, into the directory and verifies them: from the
/// repository in the environment, else by Maven with its settings (repositories, mirrors, proxies,
/// credentials). Progress belongs to `phase`.
///
/// # Errors
/// Environment: no Maven, no repository that answers or has it, another content than pinned.
pub async fn fetch(context: &Context, phase: &str, jars: &[Jar], dir: &Path) -> Result<()> {
    match repository() {
        Some(url) => get_all(context, &url, jars, dir).await?,
        None => by_maven(context, phase, jars, dir).await?,
    }
    for jar in jars {
        let (file, jar) = (dir.join(jar.file()), jar.clone());
        let verified = tokio::task::spawn_blocking(move || verify(&file, &jar)).await;
        verified.or_internal("verifying a jar")??;
    }
    Ok(())
}

/// Downloads each jar by a GET.
async fn get_all(context: &Context, url: &str, jars: &[Jar], dir: &Path) -> Result<()> {
    let client = outward().read_timeout(SILENCE).build().or_environment("making an HTTP client")?;
    let gets = jars.iter().map(async |jar| {
        let mut tries = 0;
        let waiting = Waiting::up_to(DEADLINE.as_secs(), jar.path.as_str());
        wait(context, waiting, Source::Backoff, async || {
            tries += 1;
            match get(&client, url, jar, dir).await {
                Ok(()) => Progress::Met(()),
                Err(error) if tries < TRIES => Progress::NotYet(error.to_string()),
                Err(error) => Progress::Never(error),
            }
        })
        .await
    });
    futures::stream::iter(gets).buffer_unordered(AT_ONCE).try_collect().await
}

async fn get(client: &reqwest::Client, url: &str, jar: &Jar, dir: &Path) -> Result<()> {
    let what = || format!("getting {} from the repository of {REPOSITORY}", jar.path);
    // The URL may hold a password.
    let failed = |e: reqwest::Error| {
        let remedy = format!("correct {REPOSITORY}, or unset it: then Maven downloads the jars");
        Error::environment(what()).with_source(e.without_url()).remedy(remedy)
    };
    let asked = client.get(format!("{}/{}", url.trim_end_matches('/'), jar.path)).send().await;
    let mut reply = asked.and_then(reqwest::Response::error_for_status).map_err(failed)?;
    let file = fs_err::tokio::File::create(dir.join(jar.file())).await;
    let mut file = file.or_environment(what())?;
    while let Some(bytes) = reply.chunk().await.map_err(failed)? {
        file.write_all(&bytes).await.or_environment(what())?;
    }
    file.flush().await.or_environment(what())
}

/// Downloads by Maven into a repository in the directory, which is removed: in the user's a second
/// copy would stay.
async fn by_maven(context: &Context, phase: &str, jars: &[Jar], dir: &Path) -> Result<()> {
    let plugin = plugin(context, phase).await?;
    let repository = dir.join("repository");
    tree::copy(&plugin.join("repository"), &repository).or_environment("copying Maven's plugin")?;
    resolve(context, phase, dir, jars).await?;
    for jar in jars {
        fs_err::rename(repository.join(&jar.path), dir.join(jar.file()))
            .or_environment("taking a jar from Maven's repository")?;
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
async fn resolve(context: &Context, phase: &str, dir: &Path, jars: &[Jar]) -> Result<()> {
    provide_program(context, phase, "mvn").await?;
    let project = dir.join("pom.xml");
    fs_err::write(&project, pom(jars)?).or_environment("writing a Maven project")?;
    Tool::new("mvn")
        .args(["--batch-mode", "--quiet", "--strict-checksums"])
        .args([format!("-Dmaven.repo.local={}", dir.join("repository").display())])
        .args([GOAL])
        .dir(dir)
        .deadline(DEADLINE)
        .run(context)
        .await
        .map_err(|e| {
            Error::environment("fetching jars by Maven").with_source(e).remedy(format!(
                "configure a repository that answers for Maven (settings.xml), or name one \
                 by {REPOSITORY}"
            ))
        })?;
    fs_err::remove_file(project).or_environment("removing a Maven project")
}

/// A project that depends on exactly these.
fn pom(jars: &[Jar]) -> Result<String> {
    let dependencies: String = jars.iter().map(Jar::dependency).collect::<Result<_>>()?;
    Ok(format!(
        "<project><modelVersion>4.0.0</modelVersion>\
         <groupId>sparkproof</groupId><artifactId>jars</artifactId><version>1</version>\
         <packaging>pom</packaging><dependencies>\n{dependencies}</dependencies></project>\n"
    ))
}

fn verify(file: &Path, jar: &Jar) -> Result<()> {
    let (sha256, bytes) = hash_file(file).or_environment("reading a jar")?;
    if sha256 == jar.sha256 {
        return Ok(());
    }
    let message =
        format!("{} has {bytes} bytes and sha256 {sha256}, expected {}", jar.path, jar.sha256);
    Err(Error::environment(message)
        .remedy("look into the Maven repository or mirror that served it"))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use sha2::{Digest, Sha256};
    use sparkproof_base::testing::{server, test_context};

    use super::*;

    #[test]
    fn a_coordinate_says_where_its_jar_is() {
        let jar = Jar::new("org.apache.hadoop:hadoop-aws:3.3.4", "").expect("valid");
        assert_eq!(jar.file(), "hadoop-aws-3.3.4.jar");
        assert_eq!(jar.path, "org/apache/hadoop/hadoop-aws/3.3.4/hadoop-aws-3.3.4.jar");
        assert!(Jar::new("org.apache.hadoop:hadoop-aws", "").is_err());
        let classified = Jar::locked("00  io/netty/epoll/4.1/epoll-4.1-linux-x86_64.jar");
        insta::assert_snapshot!(pom(&[jar, classified.expect("a line")]).expect("a project"));
    }

    #[tokio::test]
    async fn jars_come_from_a_repository_that_answers_at_last() {
        let (context, keep) = test_context();
        let busy = AtomicU32::new(0);
        let address = server(move |path| match path {
            "/maven/g/a/1/a-1.jar" => (200, "jar"),
            "/maven/g/b/1/b-1.jar" if busy.fetch_add(1, Ordering::Relaxed) == 0 => (503, "busy"),
            "/maven/g/b/1/b-1.jar" => (200, "another"),
            _ => (404, "none"),
        });
        let jar = |name| Jar::new(name, &hex::encode(Sha256::digest("jar"))).expect("valid");
        let (a, b, c) = (jar("g:a:1"), jar("g:b:1"), jar("g:c:1"));
        let url = format!("http://me:hunter2@{address}/maven/");
        let dir = keep.path();
        let got = get_all(&context, &url, &[a.clone(), b.clone()], dir).await;
        got.expect("two jars");
        verify(&dir.join(a.file()), &a).expect("as pinned");
        let other = verify(&dir.join(b.file()), &b).expect_err("another content").to_string();
        assert!(other.starts_with("g/b/1/b-1.jar has 7 bytes and sha256 "), "{other}");
        assert!(other.ends_with(&b.sha256), "{other}");
        let none = get_all(&context, &url, &[c], dir).await.expect_err("none").summary();
        assert!(none.contains("g/c/1/c-1.jar") && none.contains("404"), "{none}");
        assert!(!none.contains("hunter2") && !none.contains(&address), "{none}");
    }
}
