//! The facts of Kubernetes' objects from which causes are named ([`sparkproof_judge::diagnosis`]).

mod around;
mod planned;
mod pod;

pub use around::{DNS_LABEL, DNS_SERVICE, Listed, around, events, in_order, looked};
pub use planned::{held, planned};
pub use pod::{cannot_start, has_started, pod, refusal, sparks_container};
