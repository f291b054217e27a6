//! The facts of Kubernetes' objects from which causes are named ([`sparkproof_judge::diagnosis`]).

mod around;
mod pod;

pub use around::{DNS_LABEL, Listed, around, events, in_order};
pub use pod::{cannot_start, pod, refusal, sparks_container};
