//! The observations of checks, as types, and pure judgements of them; the registry of check kinds
//! with their controls. Nothing here reaches a cluster: a control takes microseconds.

mod access;
mod cluster;
mod control;
mod executors;
mod features;
mod guide;
mod kind;
mod pods;
mod rejudge;
mod released;
mod session;
mod task;
mod teardown;

pub use access::{Granted, UserPermissions};
pub use cluster::{Accounts, Nodes, Readiness, Workload};
pub use control::{Control, Says};
pub use executors::{AfterLoss, BarrierStage};
pub use features::{ExpectedFeature, Must, Shown};
pub use guide::{Answer, Mistake, Promise, StepVerdict};
pub use kind::{Kind, LiveControl, find, kinds};
pub use pods::{Owners, PodList, PodRow, list_of};
pub use rejudge::{Rejudged, rejudge};
pub use released::{Failure, RunReleased, SessionReleased};
pub use session::{Agreement, Described, Started};
pub use task::BarrierTask;
pub use teardown::{Expected as ExpectedAfterKill, Held, Left, Leftovers};
