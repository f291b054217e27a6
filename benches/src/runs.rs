//! A sweep planned: the runs that nobody holds, and what their ledgers say is to be removed.

use std::hint::black_box;
use std::path::PathBuf;

use sparkproof_base::dirs::Dirs;
use sparkproof_base::ledger::{OwnedResource, Run, Scope, StaleRun};

use crate::Call;

/// What the ledger of each run names.
const OWNED: usize = 20;

pub(crate) fn planned(runs: usize) -> Call {
    let keep = tempfile::tempdir().expect("a directory");
    let dirs = Dirs::at(keep.path().join("state"), keep.path().join("cache")).expect("directories");
    for _ in 0..runs {
        let run = Run::begin(&dirs, Scope::Run).expect("a run");
        for number in 0..OWNED {
            let path = PathBuf::from(format!("/tmp/{}/{number}", run.id()));
            run.record(OwnedResource::Path { path }).expect("recorded");
        }
        // Not ended: its lock is free now, as after kill -9.
        drop(run);
    }
    Box::new(move || {
        let _ = keep.path();
        let stale = StaleRun::find(&dirs).expect("readable");
        let doomed: usize = stale.found.iter().map(|stale| stale.run.owned().len()).sum();
        assert_eq!(black_box(doomed), runs * OWNED);
    })
}
