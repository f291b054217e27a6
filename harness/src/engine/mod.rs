//! The container engine: finding, installing, starting and explaining it; the OCI runtime shim.

/// A Docker daemon that answers.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The client our own code talks through.
    pub docker: bollard::Docker,
    /// `DOCKER_HOST` for the tools we call.
    pub host: String,
}
