//! The input for starting a driver, for all places where it can run.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use sparkproof_catalog::plan::{ClassPath, FrontEnd};

use crate::session::spec::FaultInjection;

/// How a driver ended whose JVM ended, but not its front end.
pub(super) const JVM_ENDED: &str = "the end of its JVM";

/// A command for containers that succeeds if no JVM runs; it fails while one runs, and if it cannot
/// list processes. Zombies do not count.
pub(super) const NO_JVM: &str = "pgrep --runstates D,I,R,S,T,t java > /dev/null; test $? -eq 1";

/// The input for starting a driver.
#[derive(Debug)]
pub(in crate::session) struct Launch<'a> {
    /// The front end.
    pub(in crate::session) front_end: FrontEnd,
    /// Clojure and Geni, for the front end Geni.
    pub(in crate::session) geni: Option<&'a ClassPath>,
    /// The fault to inject.
    pub(in crate::session) trap: Option<FaultInjection>,
    /// The session's name, for front ends that do not take it from the properties.
    pub(in crate::session) app_name: &'a str,
    /// Its Java; `None` for that of the host or its container.
    pub(in crate::session) java_home: Option<&'a Path>,
    /// The archive of its JVM's classes.
    pub(in crate::session) archive: Option<&'a Path>,
    /// Jars on its class path behind Spark's.
    pub(in crate::session) jars: &'a [PathBuf],
    /// The distribution.
    pub(in crate::session) spark_home: &'a Path,
    /// Its kubeconfig, in a separate directory.
    pub(in crate::session) kubeconfig: &'a Path,
    /// The proxy between it and the API server.
    pub(in crate::session) proxy: Option<&'a str>,
    /// Files of this host that its properties name.
    pub(in crate::session) files: &'a [PathBuf],
    /// Paths of this host that a container or pod needs, with their paths inside.
    pub(in crate::session) mounts: &'a [(PathBuf, PathBuf)],
    /// Host names for a pod, with their addresses.
    pub(in crate::session) hosts: &'a BTreeMap<String, IpAddr>,
    /// Whether it uses the Java, Spark and PySpark of an image.
    pub(in crate::session) in_image: bool,
}
