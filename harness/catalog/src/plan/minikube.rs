//! Refuses requests that `minikube start` would refuse, before anything is created, with Minikube's
//! message (its cmd/minikube/cmd/start.go) and exit code.

use sparkproof_base::error::{Error, Result};

use crate::plan::{Machine, MebiBytes, MilliCpu};

/// Its `minimumCPUS` and `minUsableMem`.
const LEAST_CPUS: u64 = 2;
const LEAST_MEMORY: MebiBytes = MebiBytes(1800);

/// Errors: bad input. As root, Minikube has to be started with `--force`, which turns these refusals
/// into warnings; then the container does not start.
pub(super) fn accept(
    machine: Machine,
    cpus: Option<MilliCpu>,
    memory: Option<MebiBytes>,
) -> Result<()> {
    if let Some(cpu) = cpus {
        let refuse = |reason: &str| {
            Error::input(format!("--cpus {cpu}: {reason}")).remedy(
                "without --cpus the node offers what this machine has, at most the guide's 3",
            )
        };
        let (count, available) = (cpu.0 / 1000, machine.cpu.0 / 1000);
        if cpu.0 % 1000 != 0 {
            return Err(refuse("Minikube gives its nodes whole CPUs"));
        }
        if count > available {
            return Err(refuse(&format!(
                "minikube start ends with 29, RSRC_INSUFFICIENT_CORES: Requested cpu count {count} \
                 is greater than the available cpus of {available}"
            )));
        }
        if count < LEAST_CPUS {
            return Err(refuse(&format!(
                "minikube start ends with 29, RSRC_INSUFFICIENT_CORES: Requested cpu count {count} \
                 is less than the minimum allowed of {LEAST_CPUS}"
            )));
        }
    }
    match memory {
        Some(memory) if memory < LEAST_MEMORY => Err(Error::input(format!(
            "--memory {memory}: minikube start ends with 23, RSRC_INSUFFICIENT_REQ_MEMORY: Requested \
             memory allocation {}MiB is less than the usable minimum of {}MB",
            memory.0, LEAST_MEMORY.0
        ))
        .remedy("ask for more, or leave out --memory")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use sparkproof_base::Exit;

    const MACHINE: Machine = Machine { cpu: MilliCpu(2000), memory: MebiBytes(24_000) };

    #[rstest]
    #[case(3000, "Requested cpu count 3 is greater than the available cpus of 2")]
    #[case(1000, "Requested cpu count 1 is less than the minimum allowed of 2")]
    #[case(1500, "whole CPUs")]
    fn cpus_that_minikube_refuses(#[case] cpus: u64, #[case] reason: &str) {
        let error = accept(MACHINE, Some(MilliCpu(cpus)), None).expect_err("refused");
        assert_eq!(error.exit, Exit::BadInput);
        assert!(error.to_string().contains(reason), "{error}");
    }

    #[test]
    fn memory_that_minikube_refuses() {
        let error = accept(MACHINE, None, Some(MebiBytes(1024))).expect_err("refused");
        assert!(error.to_string().contains("RSRC_INSUFFICIENT_REQ_MEMORY"), "{error}");
    }

    #[test]
    fn what_it_takes_and_what_was_not_asked_for_pass() {
        accept(MACHINE, Some(MilliCpu(2000)), Some(MebiBytes(1800))).expect("taken");
        accept(MACHINE, None, None).expect("nothing asked for");
    }
}
