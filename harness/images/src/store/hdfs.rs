//! Hadoop's servers, from Maven Central by exact coordinates.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use sha2::{Digest, Sha256};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_machine::engine::provide_program;
use sparkproof_machine::exec::Tool;

/// Maven's plugin that copies a POM's dependencies, pinned like them.
const COPY: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

/// Adds the jars to the build context, and empty web applications, without which the servers do not
/// start (Hadoop's are in its archive only).
pub(super) async fn fill(
    context: &Context,
    phase: &str,
    step: &StepGuard,
    dir: &Path,
) -> Result<()> {
    provide_program(context, phase, "mvn").await?;
    step.progress("mvn dependency:copy-dependencies");
    Tool::new("mvn")
        .args(["--quiet", "--batch-mode", COPY, "-DincludeScope=runtime"])
        .args(["-DoutputDirectory=layout", "-Dmdep.useRepositoryLayout=true"])
        .dir(dir)
        .deadline(Duration::from_secs(900))
        .run(context)
        .await
        .map_err(|e| {
            Error::environment("fetching Hadoop's servers by Maven")
                .with_source(e)
                .remedy("configure a repository that answers for Maven, or use your own HDFS")
        })?;
    let dir = dir.to_owned();
    tokio::task::spawn_blocking(move || place(&dir)).await.or_internal("placing jars")?
}

fn place(dir: &Path) -> Result<()> {
    let layout = dir.join("layout");
    let lock = dir.join("jars.lock");
    let locked = locked(&fs_err::read_to_string(&lock).or_environment("reading jars.lock")?);
    let jars = dir.join("jars");
    fs_err::create_dir_all(&jars).or_environment("placing jars")?;
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(&layout) {
        let entry = entry.or_environment("reading what Maven copied")?;
        let path = entry.path();
        if path.extension().is_none_or(|e| e != "jar") {
            continue;
        }
        let bytes = fs_err::read(path).or_environment("reading a jar")?;
        let name = path.strip_prefix(&layout).unwrap_or(path).display().to_string();
        found.insert(name, hex::encode(Sha256::digest(&bytes)));
        fs_err::rename(path, jars.join(entry.file_name())).or_environment("placing a jar")?;
    }
    if let Some(difference) = difference(&locked, &found) {
        return Err(Error::environment(format!(
            "Maven's jars are not the pinned ones: {difference}"
        ))
        .remedy("a mirror serves other files than Maven Central: ask its operator"));
    }
    for name in ["hdfs", "datanode"] {
        let place = dir.join("webroot/webapps").join(name);
        fs_err::create_dir_all(&place).or_environment("making a web root")?;
        fs_err::write(place.join(".keep"), "").or_environment("making a web root")?;
    }
    fs_err::remove_dir_all(layout).or_environment("removing Maven's layout")
}

/// Path and digest, from lines of sha256sum(1).
fn locked(text: &str) -> BTreeMap<String, String> {
    let pair = |line: &str| line.split_once("  ").map(|(d, p)| (p.to_owned(), d.to_owned()));
    text.lines().filter_map(pair).collect()
}

/// The first missing, changed or unexpected file.
fn difference(
    locked: &BTreeMap<String, String>,
    found: &BTreeMap<String, String>,
) -> Option<String> {
    for (path, digest) in locked {
        match found.get(path) {
            None => return Some(format!("{path} is missing")),
            Some(other) if other != digest => {
                return Some(format!("{path} has sha256 {other}, expected {digest}"));
            }
            Some(_) => {}
        }
    }
    found
        .keys()
        .find(|path| !locked.contains_key(*path))
        .map(|path| format!("{path} is not locked"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::inputs::STORES;

    #[test]
    fn the_lock_has_the_servers_of_the_pom() {
        let locked = locked(STORES.text("hdfs/jars.lock"));
        let pom = STORES.text("hdfs/pom.xml");
        for name in ["hadoop-hdfs", "hadoop-hdfs-client", "hadoop-common"] {
            let path = locked.keys().find(|p| p.starts_with(&format!("org/apache/hadoop/{name}/")));
            let version = path.and_then(|p| p.split('/').nth(4)).expect("locked");
            assert!(pom.contains(&format!("<version>{version}</version>")), "{name} {version}");
        }
        assert!(locked.values().all(|digest| digest.len() == 64));
    }

    #[test]
    fn what_is_not_as_locked_is_named() {
        let locked = locked("aa  x/a.jar\nbb  x/b.jar\n");
        let mut found = locked.clone();
        assert_eq!(difference(&locked, &found), None);
        found.insert("x/c.jar".into(), "cc".into());
        assert_eq!(difference(&locked, &found).as_deref(), Some("x/c.jar is not locked"));
        found.insert("x/a.jar".into(), "dd".into());
        let named = difference(&locked, &found).expect("changed");
        assert_eq!(named, "x/a.jar has sha256 dd, expected aa");
        found.remove("x/a.jar");
        assert_eq!(difference(&locked, &found).as_deref(), Some("x/a.jar is missing"));
    }
}
