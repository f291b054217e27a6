//! The facts of Kubernetes' objects from which causes are named ([`sparkproof_judge::diagnosis`]).

mod around;
mod pod;

pub use around::{around, events};
pub use pod::{cannot_start, pod, refusal};
