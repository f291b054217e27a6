//! What variants add to a session: another one beside it gets the same.

use std::path::PathBuf;

use sparkproof_spark::session::SessionOverlay;
use sparkproof_testbed::PreparedSession;

/// The additions of a session's variants.
#[derive(Debug, Clone)]
pub(super) struct Furnished {
    /// The image with their layers, if they have any.
    pub(super) image: Option<String>,
    pub(super) added: SessionOverlay,
    /// Directories that a driver in a container sees, with their paths there.
    pub(super) mounts: Vec<(PathBuf, PathBuf)>,
}

impl Furnished {
    /// Adds them to a session that is prepared.
    pub(super) fn onto<'a>(&self, ground: PreparedSession<'a>) -> PreparedSession<'a> {
        let Furnished { image, added, mounts } = self.clone();
        ground.with(image, added).driver_mounts(mounts)
    }
}
