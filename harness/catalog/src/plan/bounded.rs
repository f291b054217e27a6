//! Whole numbers with bounds, parsed from a flag or a file by the same rule.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A whole number from `MIN` to `MAX`. The bounds are far above any real value; they keep sums, products
/// and deadlines computed from it from overflowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Bounded<const MIN: u32, const MAX: u32>(u32);

/// Executors of a session.
pub type ExecutorCount = Bounded<1, 10_000>;
/// Worker nodes of a cluster.
pub type WorkerCount = Bounded<0, 1000>;
/// Seconds, up to a day.
pub type Seconds = Bounded<1, 86_400>;

impl<const MIN: u32, const MAX: u32> Bounded<MIN, MAX> {
    /// The number itself.
    pub const fn get(self) -> u32 {
        self.0
    }

    fn of(number: i128) -> Option<Self> {
        let fits = (i128::from(MIN)..=i128::from(MAX)).contains(&number);
        fits.then(|| u32::try_from(number).ok().map(Bounded)).flatten()
    }

    fn refusal(text: impl fmt::Display) -> String {
        format!("{text} is not a whole number from {MIN} to {MAX}")
    }
}

impl<const MIN: u32, const MAX: u32> FromStr for Bounded<MIN, MAX> {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().ok().and_then(Self::of).ok_or_else(|| Self::refusal(text))
    }
}

impl<const MIN: u32, const MAX: u32> TryFrom<i64> for Bounded<MIN, MAX> {
    type Error = String;
    fn try_from(number: i64) -> Result<Self, String> {
        Self::of(number.into()).ok_or_else(|| Self::refusal(number))
    }
}

impl<const MIN: u32, const MAX: u32> From<Bounded<MIN, MAX>> for i64 {
    fn from(number: Bounded<MIN, MAX>) -> i64 {
        number.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("0")]
    #[case("86401")]
    #[case("18446744073709551615")]
    #[case("999999999999999999999999999999999999999999")]
    #[case("-1")]
    #[case("many")]
    fn what_is_out_of_bounds_is_refused_with_the_bounds(#[case] text: &str) {
        let error = text.parse::<Seconds>().expect_err("out of bounds");
        assert_eq!(error, format!("{text} is not a whole number from 1 to 86400"));
    }

    #[test]
    fn bounds_themselves_are_in() {
        assert_eq!("1".parse::<Seconds>().expect("in").get(), 1);
        assert_eq!(Seconds::try_from(86_400).expect("in").get(), 86_400);
        assert!(ExecutorCount::try_from(0).is_err());
        assert_eq!(WorkerCount::try_from(0).expect("in").get(), 0);
    }
}
