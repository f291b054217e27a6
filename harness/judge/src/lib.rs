//! The observations of checks, as types, and pure judgements of them; the registry of check kinds
//! with their controls. Nothing here reaches a cluster: a control takes microseconds.

mod access;
mod application;
mod control;
mod kind;
mod log;
mod pods;
mod rejudge;
mod teardown;

pub use access::Granted;
pub use application::dependencies::{Digests, FoundDependencies, SentDependencies};
pub use application::ended::{AfterEnd, Completed, Said};
pub use application::executors::{ExecutorPod, RanExecutors, RequestedExecutors};
pub use application::features::{
    DriverAddress, ExpectedMemory, ExpectedPriority, ExpectedWords, LoggedEverywhere, Memories,
    PodMemory, Priorities,
};
pub use application::object::Object;
pub use application::stateful_set::{
    Claims, ExecutorIds, ExpectedClaims, PodClaims, SetOfExecutors, StatefulSets,
};
pub use application::submitted::{Service, Submitted};
pub use control::{Control, Says};
pub use kind::{Kind, LiveControl, find, kinds};
pub use log::{CUT_OUT, FoundLines, LogRead, NOT_READ_ON, Refusals};
pub use pods::{Owners, PodList, PodRow, list_of};
pub use rejudge::{Rejudged, rejudge};
pub use teardown::{Expected as ExpectedAfterKill, Held, Left, Leftovers};
