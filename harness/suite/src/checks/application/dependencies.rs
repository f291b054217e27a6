//! Dependencies of an application in cluster mode: files of this host that the submission uploads
//! to a store, and one that is there already; each must arrive at the driver and at every executor.

use std::collections::BTreeMap;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::verdict::{FirstFailure, judged, skip};
use sparkproof_catalog::{JarSet, StoreKind};
use sparkproof_images::spark::jars;
use sparkproof_judge::{Digests, FoundDependencies, SentDependencies};
use sparkproof_spark::session::{ApplicationSpec, FinishedApplication, jar};
use sparkproof_stores::Store;
use sparkproof_strategies::{no_layers, s3_conf};
use sparkproof_testbed::ScenarioContext;

use super::submitted::application;

/// The prefix of the program's line of JSON.
const MARK: &str = "sparkproof dependencies ";
const PROGRAM: &str = include_str!("../../../programs/dependencies.py");
/// A class of the jar.
const CLASS: &str = "sparkproof.Pi";
const JAR: &str = "dependency.jar";
const MODULE: &str = "sparkproof_dependency";
/// A file of this host, one in the store, and one in an archive.
const UPLOADED: &str = "uploaded.bin";
const REMOTE: &str = "remote.bin";
const INSIDE: &str = "unpacked/inside.bin";

/// The settings for dependencies.
pub const DEPENDENCY_KEYS: [&str; 4] =
    ["spark.files", "spark.archives", "spark.jars", "spark.submit.pyFiles"];

/// Runs an application whose program and dependencies are uploaded, and checks that they arrive.
/// Skipped if the image cannot get what it needs, or no S3 server is up. `change` is for controls.
pub async fn run_dependency_suite(
    proof: &ScenarioContext,
    change: impl FnOnce(&mut ApplicationSpec),
) -> Result<()> {
    let context = &proof.context;
    let store = proof.environment.stores.get(StoreKind::S3);
    let store = match (no_layers(proof.environment.engine.as_ref()), store) {
        (None, Ok(store)) => store,
        (reason, store) => {
            let reason = reason.or_else(|| store.err().map(|error| error.to_string()));
            let title = "dependencies arrive at driver and executors";
            skip(context, "application.dependencies", title, &reason.unwrap_or_default());
            return Ok(());
        }
    };
    let prefix = format!("upload-{}", context.run.id());
    let proven = async {
        let image = proof.dependency_image().await?;
        let (mut spec, expected) = dependent(proof, store, &prefix).await?;
        change(&mut spec);
        let ran = application(proof.session(), &image, &spec, MARK).await?;
        found(proof, &spec, &ran, expected).await
    };
    let mut first = FirstFailure::default();
    first.note(proven.await)?;
    first.note(store.remove(context, &prefix).await)?;
    first.or(())
}

/// The application, and the digests of its dependencies by their names in the program.
async fn dependent(
    proof: &ScenarioContext,
    store: &Store,
    prefix: &str,
) -> Result<(ApplicationSpec, BTreeMap<String, String>)> {
    let (context, image) = (&proof.context, &proof.environment.image);
    // Removed with the run's private directory.
    let dir = context.run.dir().join(prefix);
    fs_err::create_dir_all(&dir).or_environment("writing dependencies")?;
    let mut expected = BTreeMap::new();
    let mut write = |name: &str, path: &str, bytes: &[u8]| {
        expected.insert(name.to_owned(), hex::encode(Sha256::digest(bytes)));
        let path = dir.join(path);
        fs_err::write(&path, bytes).or_environment("writing dependencies")?;
        Ok::<_, Error>(path)
    };
    let fresh = |name: &str| format!("{name} {:032x}\n", rand::random::<u128>()).repeat(500);
    let program = dir.join("dependencies.py");
    fs_err::write(&program, PROGRAM).or_environment("writing dependencies")?;
    let uploaded = write(UPLOADED, UPLOADED, fresh(UPLOADED).as_bytes())?;
    let remote = write(REMOTE, REMOTE, fresh(REMOTE).as_bytes())?;
    let inside = write(INSIDE, "inside.bin", fresh(INSIDE).as_bytes())?;
    let module = format!("VALUE = {:?}\n", fresh(MODULE));
    let module = write(MODULE, &format!("{MODULE}.py"), module.as_bytes())?;
    let probe = jar(context, "dependencies", &image.spark_home, &image.version).await?;
    let probe = fs_err::read(probe).or_environment("reading the probe's jar")?;
    let jar_file = write(JAR, JAR, &probe)?;
    let archive = dir.join("archive.tar.gz");
    pack(&inside, &archive)?;
    store.put_all(context, prefix, &[(REMOTE.to_owned(), remote)].into()).await?;

    let file = |path: &Path| format!("file://{}", path.display());
    let s3 = format!("s3a://{}/{prefix}", store.bucket);
    let mut spec = proof.python_pi(2);
    "dependencies".clone_into(&mut spec.name);
    spec.resource = file(&program);
    let names: Vec<&String> = expected.keys().filter(|name| *name != MODULE).collect();
    let asked = json!({
        "executors": spec.executors, "files": names, "module": MODULE, "class": CLASS,
    });
    spec.arguments = vec![asked.to_string()];
    spec.class_path = jars(context, "dependencies", image, JarSet::S3).await?;
    spec.conf.extend(s3_conf(store, image)?.iter());
    let [files, archives, jars, modules] = DEPENDENCY_KEYS;
    for (key, value) in [
        // After each write s3a deletes the directory markers above it, and retries that for
        // minutes: versitygw has real directories and refuses to delete one that is not empty.
        ("spark.hadoop.fs.s3a.directory.marker.retention", "keep".to_owned()),
        ("spark.kubernetes.file.upload.path", s3.clone()),
        (files, format!("{},{s3}/{REMOTE}", file(&uploaded))),
        (archives, format!("{}#unpacked", file(&archive))),
        (jars, file(&jar_file)),
        (modules, file(&module)),
    ] {
        spec.conf.insert(key, value);
    }
    Ok((spec, expected))
}

/// A tar.gz of one file.
fn pack(file: &Path, archive: &Path) -> Result<()> {
    let packed = || {
        let gzip = GzEncoder::new(fs_err::File::create(archive)?, Compression::default());
        let mut tar = tar::Builder::new(gzip);
        tar.append_path_with_name(file, file.file_name().unwrap_or_default())?;
        tar.into_inner()?.finish().map(drop)
    };
    packed().or_environment("packing an archive")
}

/// The program's line of JSON.
#[derive(Debug, Deserialize)]
struct Printed {
    driver: Option<Digests>,
    class: Option<String>,
    /// By executor's id.
    #[serde(flatten)]
    executors: BTreeMap<String, Digests>,
}

/// Checks that driver and executors have every byte.
async fn found(
    proof: &ScenarioContext,
    spec: &ApplicationSpec,
    finished: &FinishedApplication,
    digests: BTreeMap<String, String>,
) -> Result<()> {
    let title = "files, archive, jar and module arrive complete at the driver and each executor";
    let (jar, class) = (JAR.to_owned(), CLASS.to_owned());
    let sent = SentDependencies { digests, jar, class, executors: spec.executors };
    judged(&proof.context, (&spec.check_id("found"), title), sent, async || {
        let line = finished.log.lines().find_map(|line| line.split_once(MARK));
        let (_, line) = line.ok_or_else(|| Error::red(format!("the log has no `{MARK}`")))?;
        let printed: Printed =
            serde_json::from_str(line).or_internal("what the program printed")?;
        let Printed { driver, class, executors } = printed;
        Ok(FoundDependencies { executors, driver, class })
    })
    .await
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_program_is_read() {
        let line = r#"{"1": {"a": "9", "b": null}, "driver": {"a": "9"}, "class": null}"#;
        let printed: Printed = serde_json::from_str(line).expect("its form");
        assert_eq!(printed.executors.keys().collect::<Vec<_>>(), ["1"]);
        assert_eq!(printed.executors["1"]["b"], None);
        assert_eq!(printed.driver.map(|files| files.len()), Some(1));
    }
}
