//! In which order the runs of a command are made.

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// What one run runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The side that is compared with: the old build, the first image.
    A,
    /// The side that is judged.
    B,
    /// A once more, prepared and run in B's place as B is: the A/A control.
    Control,
}

/// Four runs, one after the other: two pairs in opposite order, so that a linear drift cancels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockOrder {
    /// Counted from 0.
    pub number: usize,
    /// What is run: A B B A or B A A B, or the same with the control for B.
    pub runs: [Side; 4],
}

impl BlockOrder {
    /// Whether it compares A with A.
    pub fn is_control(&self) -> bool {
        self.runs.contains(&Side::Control)
    }
}

/// The blocks of a command without end: in each three, two compare A with B and one A with A; its place
/// and the order within each block are drawn.
#[derive(Debug, Clone)]
pub struct Orders {
    random: StdRng,
    number: usize,
    control: usize,
}

impl Orders {
    /// The same seed gives the same order.
    pub fn new(seed: u64) -> Orders {
        Orders { random: StdRng::seed_from_u64(seed), number: 0, control: 0 }
    }
}

impl Iterator for Orders {
    type Item = BlockOrder;

    fn next(&mut self) -> Option<BlockOrder> {
        let place = self.number % 3;
        if place == 0 {
            self.control = self.random.random_range(0..3);
        }
        let other = if place == self.control { Side::Control } else { Side::B };
        let (first, second) =
            if self.random.random() { (Side::A, other) } else { (other, Side::A) };
        let number = self.number;
        self.number += 1;
        Some(BlockOrder { number, runs: [first, second, second, first] })
    }
}
