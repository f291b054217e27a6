//! The observations of checks, as types, and pure judgements of them; the registry of check kinds
//! with their controls. Nothing here reaches a cluster: a control takes microseconds.

mod access;
mod control;
mod kind;
mod pods;
mod read;
mod rejudge;
mod task;
mod teardown;

pub use access::Granted;
pub use control::{Control, Says};
pub use kind::{Kind, LiveControl, find, kinds};
pub use pods::{Owners, PodList, PodRow, list_of};
pub use read::{
    Copies, CountedTable, Declared, ExecutorMetrics, ExecutorTotals, ExpectedCopies,
    ExpectedFrames, ExpectedLog, ExpectedMetrics, ExpectedNodes, ExpectedReads, ExpectedRefusal,
    ExpectedStrictness, FileRead, FrameAnswer, FrameFile, FrameRead, FrameResult, Frames,
    GroupMetrics, InputMetrics, JavaFailure, Measured, Mount, MountAttempt, MountKind, NodesOfPods,
    Place, ReadTable, ReadTask, Reads, Refusal, ServerLog, ServerRequest, Share, ShareFailure,
    SmallFiles, StoredFile, Strictness, VolumeSource, VolumeUse, WrittenFile, WrittenTable,
};
pub use rejudge::{Rejudged, rejudge};
pub use task::BarrierTask;
pub use teardown::{Expected as ExpectedAfterKill, Held, Left, Leftovers};
