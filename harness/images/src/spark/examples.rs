//! Additions to images for drivers in pods: Python with PySpark; and jobs.

use std::path::Path;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_machine::engine::Engine;

use super::{SparkImage, base, driver};
use crate::{Entry, Layer, debian_layer};

/// Path of Spark in images.
pub const SPARK_HOME_IN_IMAGE: &str = "/opt/spark";
/// Path of PySpark from [`python_layers`].
pub const PYTHON_IN_IMAGE: &str = "/opt/spark/python/lib";
/// Path of the jar from [`example_layers`].
pub const EXAMPLE_JAR: &str = "/opt/spark/sparkproof/probe.jar";
/// Path of Spark's `pi.py` from [`example_layers`].
pub const EXAMPLE_PYTHON: &str = "/opt/spark/sparkproof/pi.py";
/// A Python that prints [`SAYS_PYTHON`] on standard error.
pub const EXAMPLE_INTERPRETER: &str = "/opt/spark/sparkproof/python";
/// The output of [`EXAMPLE_INTERPRETER`].
pub const SAYS_PYTHON: &str = "this is /opt/spark/sparkproof/python";

/// The layers that add a jar with a job, Spark's `pi.py`, and Python if the image has none.
///
/// # Errors
/// Environment: the image has another base and no Python; the distribution has no example.
pub async fn example_layers(
    context: &Context,
    engine: &Engine,
    phase: &str,
    image: &SparkImage,
    jar: &Path,
) -> Result<Vec<Layer>> {
    let mut layers = python_layers(context, engine, phase, image).await?;
    let entries = [
        (EXAMPLE_JAR.to_owned(), Entry::file(jar, 0o644)),
        (EXAMPLE_PYTHON.to_owned(), Entry::file(python_example(&image.spark_home)?, 0o644)),
        (EXAMPLE_INTERPRETER.to_owned(), Entry::bytes(interpreter(), 0o755)),
    ];
    layers.push(Layer::of_entries(entries).await?);
    Ok(layers)
}

/// The layers that add PySpark, and Python if the image has none.
///
/// # Errors
/// Environment: the image has another base and no Python.
pub async fn python_layers(
    context: &Context,
    engine: &Engine,
    phase: &str,
    image: &SparkImage,
) -> Result<Vec<Layer>> {
    let mut layers = Vec::new();
    if !engine.image_brings(context, &image.reference, &["python3"]).await? {
        if !base::is_under(context, engine, phase, &image.reference).await? {
            return Err(Error::environment(format!(
                "{} has no python3, and Debian's fits only into images on sparkproof's base",
                image.reference
            ))
            .remedy("use an image with Python, or --spark-version"));
        }
        let (name, packages) = driver::PYTHON;
        layers.push(Layer::of_tar(debian_layer(context, phase, name, &packages).await?).await?);
    }
    let mut entries = Vec::new();
    // `pyspark.zip` and py4j, which spark-submit puts on Python's path
    // (`PythonUtils.sparkPythonPath`).
    let lib = image.spark_home.join("python/lib");
    for zip in fs_err::read_dir(&lib).or_environment("looking for PySpark")? {
        let zip = zip.or_environment("looking for PySpark")?;
        let name = format!("{PYTHON_IN_IMAGE}/{}", zip.file_name().to_string_lossy());
        entries.push((name, Entry::file(zip.path(), 0o644)));
    }
    layers.push(Layer::of_entries(entries).await?);
    Ok(layers)
}

fn interpreter() -> String {
    format!("#!/bin/sh\necho '{SAYS_PYTHON}' >&2\nexec python3 \"$@\"\n")
}

/// `examples/pi.py` of PyPI's package, `examples/src/main/python/pi.py` of Apache's.
fn python_example(spark_home: &Path) -> Result<std::path::PathBuf> {
    let places = ["examples/pi.py", "examples/src/main/python/pi.py"];
    let found = places.iter().map(|place| spark_home.join(place)).find(|path| path.is_file());
    found.ok_or_else(|| {
        Error::environment(format!("{} has no {}", spark_home.display(), places.join(" and no ")))
    })
}
