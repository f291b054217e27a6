//! What a driver is started with, wherever it runs.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use sparkproof_catalog::plan::{ClassPath, FrontEnd};

use crate::session::spec::FaultInjection;

/// What is said of a driver whose JVM ended and whose front end did not.
pub(super) const JVM_ENDED: &str = "the end of its JVM";

/// In a container: succeeds when no JVM lives, fails while one does, and when it cannot look. One that
/// ended may wait for its parent to ask how.
pub(super) const NO_JVM: &str = "pgrep --runstates D,I,R,S,T,t java > /dev/null; test $? -eq 1";

/// What a driver is started with.
#[derive(Debug)]
pub(in crate::session) struct Launch<'a> {
    /// Which front end.
    pub(in crate::session) front_end: FrontEnd,
    /// Clojure and Geni, for that front end.
    pub(in crate::session) geni: Option<&'a ClassPath>,
    /// What shall go wrong.
    pub(in crate::session) trap: Option<FaultInjection>,
    /// The session's name, where a front end does not take it from the properties.
    pub(in crate::session) app_name: &'a str,
    /// The Java it runs with; none for the host's, or its container's.
    pub(in crate::session) java_home: Option<&'a Path>,
    /// The distribution.
    pub(in crate::session) spark_home: &'a Path,
    /// Its credentials, in a directory of their own.
    pub(in crate::session) kubeconfig: &'a Path,
    /// The proxy between it and the API server.
    pub(in crate::session) proxy: Option<&'a str>,
    /// Files of this host that its properties name.
    pub(in crate::session) files: &'a [PathBuf],
    /// What a container or pod shall see of this host, and at which paths.
    pub(in crate::session) mounts: &'a [(PathBuf, PathBuf)],
    /// Names of hosts that a pod shall know.
    pub(in crate::session) hosts: &'a BTreeMap<String, IpAddr>,
    /// Whether Java, Spark and PySpark are those of an image.
    pub(in crate::session) in_image: bool,
}
