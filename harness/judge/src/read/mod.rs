//! Reading files: what executors, the driver, Spark's metrics and the servers' logs show of it; one
//! file a proof.

mod copies;
mod counters;
mod executors;
mod executors_controls;
mod expected;
mod frame;
mod fuse;
mod group;
mod metrics;
mod mount;
mod nodes;
mod place;
mod refused;
mod server;
mod strict;
mod table;
mod task;
mod volume;

pub(crate) use copies::controls as copies_controls;
pub(crate) use counters::controls as counters_controls;
pub(crate) use executors_controls::controls as executors_controls;
pub(crate) use frame::controls as frame_controls;
pub(crate) use fuse::controls as fuse_controls;
pub(crate) use metrics::controls as metrics_controls;
pub(crate) use nodes::controls as nodes_controls;
pub(crate) use refused::controls as refused_controls;
pub(crate) use server::controls as server_controls;
pub(crate) use strict::controls as strict_controls;

pub use copies::{Copies, ExpectedCopies};
pub use counters::{COUNTERS_SCHEMA, Counters, ExpectedCounters, REQUESTS};
pub use executors::{Measured, Reads};
pub use expected::{Declared, ExpectedReads, SmallFiles, WrittenFile};
pub use frame::{
    ExpectedFrames, FrameAnswer, FrameFile, FrameRead, FrameResult, Frames, WrittenTable,
};
pub use fuse::MountAttempt;
pub use group::{ExecutorMetrics, ExecutorTotals, GroupMetrics};
pub use metrics::{CountedTable, ExpectedMetrics, InputMetrics};
pub use mount::MountKind;
pub use nodes::{ExpectedNodes, NodesOfPods};
pub use place::Place;
pub use refused::{ExpectedRefusal, Refusal, StoredFile};
pub use server::{ExpectedLog, ServerLog, ServerRequest};
pub use strict::{ExpectedStrictness, Strictness};
pub use table::ReadTable;
pub use task::{FileRead, JavaFailure, Mount, ReadTask, Share, ShareFailure};
pub use volume::{VolumeSource, VolumeUse};
