//! The files of `images/stores/`.

use include_dir::include_dir;

use crate::images::embedded::Embedded;

/// One directory a server.
pub(super) static STORES: Embedded = Embedded(include_dir!("$CARGO_MANIFEST_DIR/../images/stores"));
