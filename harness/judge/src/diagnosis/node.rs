//! What a node does to its pods: evictions, full disks, its own end.

use super::finding::PodRule;

pub(super) const POD: &[PodRule] = &[];
