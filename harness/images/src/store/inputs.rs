//! The files of `harness/images/stores/`.

use include_dir::include_dir;

use crate::embedded::Embedded;

/// One directory a server.
pub(super) static STORES: Embedded = Embedded(include_dir!("$CARGO_MANIFEST_DIR/stores"));
