//! Spark images: from PyPI's package of a version, from a user's distribution, or the user's image.

pub mod base;
mod build;
mod class_data;
mod distribution;
mod driver;
mod examples;
mod image;
mod jars;
mod java;
mod provide;
mod tool;

pub use distribution::{Distribution, composed};
pub use driver::driver_image;
pub use examples::{
    EXAMPLE_INTERPRETER, EXAMPLE_JAR, EXAMPLE_PYTHON, PYTHON_IN_IMAGE, SAYS_PYTHON,
    SPARK_HOME_IN_IMAGE, example_layers, python_layers,
};
pub use image::{SparkImage, from_home, from_reference, from_version};
pub use jars::{jar_layer, jars, jars_of};
pub use java::program as java_program;
pub use provide::provide;
