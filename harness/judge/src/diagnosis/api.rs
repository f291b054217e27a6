//! The API server, as the driver reaches it.

use super::finding::{PodRule, SessionRule};

pub(super) const SESSION: &[SessionRule] = &[];
pub(super) const POD: &[PodRule] = &[];
