//! The observations of checks, as types, and pure judgements of them; the registry of check kinds
//! with their controls. Nothing here reaches a cluster: a control takes microseconds.

mod access;
mod allocation;
mod application;
mod blocks;
mod cluster;
mod control;
mod decommission;
pub mod diagnosis;
mod executors;
mod features;
mod guide;
mod kind;
mod log;
mod pods;
mod read;
mod rejudge;
mod released;
mod restricted;
mod session;
mod task;
mod teardown;
mod words;

pub use access::{Granted, UserPermissions};
pub use allocation::{
    ExecutorsAtWork, ExecutorsLook, ExpectedToStay, IdleExecutors, ReleasedExecutor,
};
pub use application::dependencies::{Digests, FoundDependencies, SentDependencies};
pub use application::ended::{AfterEnd, Completed, Said};
pub use application::executors::{ExecutorPod, RanExecutors, RequestedExecutors};
pub use application::features::{
    DriverAddress, ExpectedMemory, ExpectedPriority, ExpectedWords, LoggedEverywhere, Memories,
    PodMemory, Priorities,
};
pub use application::isolation::{Attempt, Caller, ReachedExecutors};
pub use application::object::Object;
pub use application::stateful_set::{
    Claims, ExecutorIds, ExpectedClaims, PodClaims, SetOfExecutors, StatefulSets,
};
pub use application::submitted::{Service, Submitted};
pub use blocks::{BlockJobs, BlocksAgain, BlocksResult, KindOfBlock, SpreadBlocks};
pub use cluster::{Accounts, Nodes, Readiness, Workload};
pub use control::{Control, Says};
pub use decommission::{
    EndOfPod, ExpectedReason, LastLabels, Removed, RemovedExecutors, Rolled, RolledAndReplaced,
    SparkSays,
};
pub use executors::{AfterLoss, BarrierStage};
pub use features::{ExpectedFeature, Must, Shown};
pub use guide::{Answer, Mistake, Promise, StepVerdict};
pub use kind::{Kind, LiveControl, find, kinds};
pub use log::{CUT_OUT, FoundLines, LogRead, NOT_READ_ON, Refusals};
pub use pods::{Owners, PodList, PodRow, list_of};
pub use read::{
    COUNTERS_SCHEMA, Copies, CountedTable, Counters, Declared, ExecutorMetrics, ExecutorTotals,
    ExpectedCopies, ExpectedCounters, ExpectedFrames, ExpectedLog, ExpectedMetrics, ExpectedNodes,
    ExpectedReads, ExpectedRefusal, ExpectedStrictness, FileRead, FrameAnswer, FrameFile,
    FrameRead, FrameResult, Frames, GroupMetrics, InputMetrics, JavaFailure, Measured, Mount,
    MountAttempt, MountKind, NodesOfPods, Place, REQUESTS, ReadTable, ReadTask, Reads, Refusal,
    ServerLog, ServerRequest, Share, ShareFailure, SmallFiles, StoredFile, Strictness,
    VolumeSource, VolumeUse, WrittenFile, WrittenTable,
};
pub use rejudge::{Rejudged, rejudge};
pub use released::{Failure, RunReleased, SessionReleased};
pub use restricted::RestrictedPods;
pub use session::{Agreement, Described, Started};
pub use task::BarrierTask;
pub use teardown::{Expected as ExpectedAfterKill, Held, Left, Leftovers};
