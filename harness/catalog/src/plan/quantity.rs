//! CPU and memory quantities, in Kubernetes' notation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// 10,000 cores: more than any node has, and small enough that sums do not overflow.
const MOST_MILLI_CPU: u64 = 10_000_000;
/// 1 PiB, for the same reason.
const MOST_MEBI_BYTES: u64 = 1 << 30;

/// Thousandths of a core: `2`, `0.5`, `300m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MilliCpu(pub u64);

/// Mebibytes: `8192` (a bare number, as Minikube takes it), `512Mi`, `512m`, `8g`, `8Gi`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MebiBytes(pub u64);

impl FromStr for MilliCpu {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no CPU quantity; write cores (`1`, `0.5`) or `300m`");
        let milli = match text.strip_suffix('m') {
            Some(milli) => milli.parse::<u64>().map_err(|_| wrong())?,
            None => {
                let cores = text.parse::<f64>().map_err(|_| wrong())?;
                // The cast saturates: negative values and NaN become 0.
                (cores * 1000.0).round() as u64
            }
        };
        match milli {
            0 => Err(wrong()),
            1..=MOST_MILLI_CPU => Ok(MilliCpu(milli)),
            _ => Err(format!("`{text}` is more than {} cores", MOST_MILLI_CPU / 1000)),
        }
    }
}

impl FromStr for MebiBytes {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no memory quantity; write `512m`, `512Mi`, `8g` or `8Gi`");
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: u64 = digits.parse().map_err(|_| wrong())?;
        let mebi = match text[digits.len()..].to_ascii_lowercase().as_str() {
            "" | "m" | "mi" | "mb" => number,
            "g" | "gi" | "gb" => number.saturating_mul(1024),
            _ => return Err(wrong()),
        };
        match mebi {
            0 => Err(wrong()),
            1..=MOST_MEBI_BYTES => Ok(MebiBytes(mebi)),
            _ => Err(format!("`{text}` is more than {MOST_MEBI_BYTES}Mi")),
        }
    }
}

impl fmt::Display for MilliCpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_multiple_of(1000) {
            write!(f, "{}", self.0 / 1000)
        } else {
            write!(f, "{}m", self.0)
        }
    }
}

impl fmt::Display for MebiBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Mi", self.0)
    }
}

macro_rules! by_text {
    ($type:ty) => {
        impl TryFrom<String> for $type {
            type Error = String;
            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }
        impl From<$type> for String {
            fn from(value: $type) -> String {
                value.to_string()
            }
        }
    };
}
by_text!(MilliCpu);
by_text!(MebiBytes);

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("1", 1000)]
    #[case("0.5", 500)]
    #[case("300m", 300)]
    fn cpu_is_read(#[case] text: &str, #[case] milli: u64) {
        assert_eq!(text.parse(), Ok(MilliCpu(milli)));
    }

    #[rstest]
    #[case("8192", 8192)]
    #[case("8g", 8192)]
    #[case("512Mi", 512)]
    fn memory_is_read(#[case] text: &str, #[case] mebi: u64) {
        assert_eq!(text.parse(), Ok(MebiBytes(mebi)));
    }

    #[test]
    fn more_than_any_machine_has_is_refused_with_the_bound() {
        let cpu = |text: &str| text.parse::<MilliCpu>().expect_err("refused");
        assert_eq!(cpu("10001"), "`10001` is more than 10000 cores");
        assert!(cpu("18446744073709551615m").contains("more than 10000 cores"));
        let memory = "18446744073709551615".parse::<MebiBytes>().expect_err("refused");
        assert_eq!(memory, "`18446744073709551615` is more than 1073741824Mi");
        assert!("18446744073709551615g".parse::<MebiBytes>().is_err());
    }

    #[rstest]
    #[case("0")]
    #[case("-1")]
    #[case("lots")]
    #[case("")]
    fn nonsense_is_refused(#[case] text: &str) {
        assert!(text.parse::<MilliCpu>().is_err());
        assert!(text.parse::<MebiBytes>().is_err());
    }
}
