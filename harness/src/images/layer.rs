//! stub
use std::path::PathBuf;
/// A layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// tar
    pub tar: PathBuf,
    /// id
    pub diff_id: String,
}
