//! The keys of a configuration that the Spark in use does not know, or that change nothing.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use regex::bytes::Regex;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_catalog::plan::Conf;
use sparkproof_images::spark::SparkImage;
use sparkproof_images::{Cache, Key};
use sparkproof_judge::diagnosis::{DeployMode, KeyNotes, unknown_keys, without_effect};

/// The file of an entry of the cache: one key a line.
const FILE: &str = "keys.txt";

/// A string constant of a class (JVMS 4.4.7, `CONSTANT_Utf8`: tag, length, bytes) that is a key.
static CONSTANT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s-u)\x01(..)(spark\.[A-Za-z0-9._-]+)").expect("a valid expression")
});

/// What is to be said of a user's configuration. Empty if the distribution cannot be read.
pub(super) async fn notes(
    context: &Context,
    image: &SparkImage,
    conf: &Conf,
    mode: DeployMode,
) -> Result<KeyNotes> {
    if conf.iter().next().is_none() {
        return Ok(KeyNotes::default());
    }
    let plain = conf.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let known = match known_keys(context, image).await {
        Ok(known) => known,
        Err(error) if error.is_interruption() => return Err(error),
        Err(error) => {
            context.recorder.warn(format!("the keys of --conf were not looked up: {error}"));
            return Ok(KeyNotes::default());
        }
    };
    let mut unknown = unknown_keys(&plain, &known);
    // Libraries have keys of their own: only what looks like one of Spark's is meant to be one.
    unknown.retain(|(key, meant)| meant.is_some() || key.starts_with("spark.kubernetes."));
    Ok(KeyNotes { unknown, without_effect: without_effect(&plain, mode) })
}

/// Every key that is a string constant in Spark's own classes.
async fn known_keys(context: &Context, image: &SparkImage) -> Result<BTreeSet<String>> {
    let jars = jars(&image.spark_home)?;
    let key = Key::new("spark-keys").with("spark", image.version.to_string());
    let key = jars.iter().fold(key, |key, (jar, size)| {
        key.with(&jar.file_name().unwrap_or_default().to_string_lossy(), size.to_le_bytes())
    });
    let step = StepGuard::begin(&context.recorder, "session", "keys of the configuration".into());
    let entry = Cache::new(context)
        .entry(context, &key, step, async |dir, _| {
            let file = dir.join(FILE);
            let read = tokio::task::spawn_blocking(move || {
                let mut keys = BTreeSet::new();
                jars.iter().try_for_each(|(jar, _)| keys_of(jar, &mut keys)).map(|()| keys)
            });
            let keys = read.await.or_internal("reading Spark's jars")??;
            let text = keys.into_iter().collect::<Vec<_>>().join("\n");
            fs_err::write(file, text).or_environment("writing the keys of a configuration")
        })
        .await?;
    let text = fs_err::read_to_string(entry.keep().join(FILE));
    let text = text.or_environment("reading the keys of a configuration")?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// Spark's own jars, with their sizes in bytes.
fn jars(spark_home: &Path) -> Result<Vec<(PathBuf, u64)>> {
    let what = "reading Spark's jars";
    let mut jars = Vec::new();
    for entry in fs_err::read_dir(spark_home.join("jars")).or_environment(what)? {
        let entry = entry.or_environment(what)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("spark-") && name.ends_with(".jar") {
            jars.push((entry.path(), entry.metadata().or_environment(what)?.len()));
        }
    }
    jars.sort();
    if jars.is_empty() {
        return Err(Error::environment(format!("no jars of Spark in {}", spark_home.display())));
    }
    Ok(jars)
}

fn keys_of(jar: &Path, keys: &mut BTreeSet<String>) -> Result<()> {
    let what = || format!("reading {}", jar.display());
    let mut archive =
        zip::ZipArchive::new(File::open(jar).or_environment(what())?).or_environment(what())?;
    let mut class = Vec::new();
    for at in 0..archive.len() {
        let mut member = archive.by_index(at).or_environment(what())?;
        if !member.name().ends_with(".class") {
            continue;
        }
        class.clear();
        member.read_to_end(&mut class).or_environment(what())?;
        keys.extend(constants(&class));
    }
    Ok(())
}

/// The keys among the string constants of a class.
fn constants(class: &[u8]) -> impl Iterator<Item = String> {
    CONSTANT.captures_iter(class).filter_map(|found| {
        let length = u16::from_be_bytes(found[1].try_into().ok()?);
        // The bytes of what follows may be letters, too.
        let key = found[2].get(..usize::from(length))?;
        String::from_utf8(key.to_owned()).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn string_constants_of_a_class_are_keys_of_their_length() {
        let constant = |text: &str| {
            let length = u16::try_from(text.len()).expect("short").to_be_bytes();
            [&[1][..], &length, text.as_bytes()].concat()
        };
        let class = [
            constant("spark.executor.memory"),
            constant("a"),
            constant("org.apache.spark.Foo"),
            // A longer one than the letters that can be a key.
            constant("spark.executor.memory is deprecated"),
            constant("spark.task.cpus"),
            b"x".to_vec(),
        ]
        .concat();
        let keys: Vec<String> = constants(&class).collect();
        assert_eq!(keys, ["spark.executor.memory", "spark.task.cpus"]);
    }
}
