//! Hadoop's servers, from Maven Central by exact coordinates: `jars.lock` lists what Maven resolves
//! from `pom.xml`.

use std::path::Path;

use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::events::StepGuard;

use super::inputs::STORES;
use crate::maven::{self, Jar};

/// Adds the jars to the build context, and empty web applications, without which the servers do not
/// start (Hadoop's are in its archive only).
pub(super) async fn fill(
    context: &Context,
    phase: &str,
    step: &StepGuard,
    dir: &Path,
) -> Result<()> {
    let (what, jars) = ("placing Hadoop's servers", locked());
    step.progress(format!("{} jars of Hadoop", jars.len()));
    fs_err::create_dir_all(dir.join("jars")).or_environment(what)?;
    maven::fetch(context, phase, &jars, &dir.join("jars")).await?;
    for name in ["hdfs", "datanode"] {
        let place = dir.join("webroot/webapps").join(name);
        fs_err::create_dir_all(&place).or_environment(what)?;
        fs_err::write(place.join(".keep"), "").or_environment(what)?;
    }
    Ok(())
}

fn locked() -> Vec<Jar> {
    STORES.text("hdfs/jars.lock").lines().filter_map(Jar::locked).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_has_the_servers_of_the_pom() {
        let lock = STORES.text("hdfs/jars.lock");
        assert_eq!(locked().len(), lock.lines().count());
        assert!(locked().iter().all(|jar| jar.sha256.len() == 64));
        for dependency in STORES.text("hdfs/pom.xml").split("<dependency>").skip(1) {
            let of = |tag: &str| dependency.split(['<', '>']).skip_while(|t| *t != tag).nth(1);
            let (name, version) =
                (of("artifactId").expect("named"), of("version").expect("pinned"));
            let path = format!("org/apache/hadoop/{name}/{version}/{name}-{version}.jar\n");
            assert!(lock.contains(&path), "{path}");
        }
    }
}
