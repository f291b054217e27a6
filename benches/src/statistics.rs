//! The statistics of the gate themselves.

use std::hint::black_box;

use sparkproof_measure::gate::Plan;
use sparkproof_measure::gate::simulation::{Noise, Study};

use crate::Call;

/// One command with one figure and one look at this many pairs.
pub(crate) fn looked(pairs: usize) -> Call {
    let plan = Plan { looks: vec![pairs], ..Plan::new(["CPU"], 1) };
    let study = Study { plan, noise: Noise::Outliers, slow_down: 0.0, commands: 1, seed: 1 };
    Box::new(move || assert_eq!(black_box(study.run().expect("a plan")).commands(), 1))
}
