//! What fits on a node: the guide's 3 CPUs and 8192 MB, adapted to a smaller machine.

use sparkproof_base::error::{Error, Result};

use crate::plan::{MebiBytes, MilliCpu};

/// What kubeadm's control plane requests: apiserver 250m, controller-manager 200m, scheduler and
/// etcd 100m each, two CoreDNS 100m each, etcd 100Mi and CoreDNS 70Mi each (kubeadm's manifests).
const CONTROL_PLANE_CPU: MilliCpu = MilliCpu(850);
const CONTROL_PLANE_MEMORY: MebiBytes = MebiBytes(240);
/// What kubelet reserves (`evictionHard: memory.available<100Mi`).
const KUBELET_MEMORY: MebiBytes = MebiBytes(100);
/// What the host, the driver's JVM and the engine need in addition to the nodes.
const HOST_MEMORY: MebiBytes = MebiBytes(1536);
/// Spark adds max(10 %, 384 MiB) to the heap (`spark.executor.memoryOverheadFactor`); PySpark and
/// small heaps are always at the minimum.
const OVERHEAD: MebiBytes = MebiBytes(384);
/// CPU of a node that the defaults leave free: daemons and init containers of reading strategies
/// request 10m each.
const BESIDE_CPU: MilliCpu = MilliCpu(50);
/// With less than a tenth of a core an executor is too slow to register in time.
const LEAST_EXECUTOR_CPU: MilliCpu = MilliCpu(100);

/// CPU and memory of the guide's node.
const GUIDE_CPU: MilliCpu = MilliCpu(3000);
const GUIDE_MEMORY: MebiBytes = MebiBytes(8192);

/// The machine that hosts the nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Its cores.
    pub cpu: MilliCpu,
    /// Its memory.
    pub memory: MebiBytes,
}

impl Machine {
    /// Cores and memory of this host.
    ///
    /// # Errors
    /// Environment: they cannot be read.
    pub fn here() -> Result<Self> {
        use procfs::Current;
        let cores = std::thread::available_parallelism()
            .map_err(|e| Error::environment("counting this machine's cores").with_source(e))?;
        let memory = procfs::Meminfo::current()
            .map_err(|e| Error::environment("reading this machine's memory").with_source(e))?;
        let mebi = memory.mem_total / (1024 * 1024);
        Ok(Machine { cpu: MilliCpu(cores.get() as u64 * 1000), memory: MebiBytes(mebi) })
    }
}

/// CPU and memory of nodes and executors.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Fit {
    /// Cores of a node.
    pub node_cpu: MilliCpu,
    /// Memory of a node.
    pub node_memory: MebiBytes,
    /// Cores each executor requests.
    pub executor_cpu: MilliCpu,
    /// Heap of each executor.
    pub executor_memory: MebiBytes,
    /// Messages for the user about values that differ from the guide's.
    pub warnings: Vec<String>,
}

/// The user's explicit values.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Asked {
    pub(super) node_cpu: Option<MilliCpu>,
    pub(super) node_memory: Option<MebiBytes>,
    pub(super) executor_cpu: Option<MilliCpu>,
    /// Upper bound of a request that is not given.
    pub(super) executor_cpu_limit: Option<MilliCpu>,
    pub(super) executor_memory: Option<MebiBytes>,
    pub(super) executors: u32,
    pub(super) workers: u32,
}

/// Adapts defaults to the machine; an explicit value is kept or refused (bad input).
pub(super) fn fit(machine: Machine, asked: Asked) -> Result<Fit> {
    let mut warnings = Vec::new();
    let node_cpu = match asked.node_cpu {
        Some(cpu) if cpu > machine.cpu => {
            return Err(Error::input(format!("--cpus {cpu}: this machine has {}", machine.cpu))
                .remedy(format!("ask for at most --cpus {}", machine.cpu)));
        }
        Some(cpu) => cpu,
        None if machine.cpu < GUIDE_CPU => {
            warnings.push(format!(
                "the guide asks for {GUIDE_CPU} CPUs, this machine has {}: the node offers {0}",
                machine.cpu
            ));
            machine.cpu
        }
        None => GUIDE_CPU,
    };
    let free = MebiBytes(machine.memory.0.saturating_sub(HOST_MEMORY.0));
    let node_memory = match asked.node_memory {
        Some(memory) if memory > free => {
            return Err(Error::input(format!(
                "--memory {memory}: this machine has {}, {HOST_MEMORY} of it kept for the driver",
                machine.memory
            ))
            .remedy(format!("ask for at most --memory {free}")));
        }
        Some(memory) => memory,
        None if free < GUIDE_MEMORY => {
            warnings.push(format!(
                "the guide asks for {GUIDE_MEMORY}, this machine has {} to spare: the node offers \
                 {free}",
                free
            ));
            free
        }
        None => GUIDE_MEMORY,
    };

    // Executors run on the workers, if there are any: then kubeadm taints the control plane.
    let nodes = u64::from(asked.workers.max(1));
    let taken = if asked.workers == 0 { CONTROL_PLANE_CPU } else { MilliCpu(0) };
    let taken_memory = if asked.workers == 0 { CONTROL_PLANE_MEMORY } else { MebiBytes(0) };
    let cpu_a_node = node_cpu.0.saturating_sub(taken.0);
    let memory_a_node = node_memory.0.saturating_sub(taken_memory.0 + KUBELET_MEMORY.0);
    let executors_a_node = u64::from(asked.executors).div_ceil(nodes);

    let most = cpu_a_node / executors_a_node;
    let room = cpu_a_node.saturating_sub(BESIDE_CPU.0) / executors_a_node;
    let executor_cpu = match asked.executor_cpu {
        Some(cpu) if cpu.0 > most => {
            return Err(Error::input(format!(
                "{} executors of {cpu} CPU do not fit: {nodes} node(s) of {node_cpu} CPU leave \
                 {}m to executors",
                asked.executors,
                cpu_a_node * nodes
            ))
            .remedy(format!("--executor-cpu {}m or fewer --executors", most.max(1))));
        }
        Some(cpu) => cpu,
        None if room >= 1000 => MilliCpu(1000),
        None if most < LEAST_EXECUTOR_CPU.0 => {
            return Err(Error::input(format!(
                "--executors {} do not fit: {nodes} node(s) of {node_cpu} CPU leave {most}m to \
                 each, and the minimum is {LEAST_EXECUTOR_CPU}",
                asked.executors
            ))
            .remedy(format!("--executors {}", cpu_a_node / LEAST_EXECUTOR_CPU.0 * nodes)));
        }
        None => {
            // Rounded down to 50m, so that a snapshot of the plan does not depend on one millicore.
            let cpu = MilliCpu((room / 50 * 50).max(LEAST_EXECUTOR_CPU.0));
            warnings.push(format!(
                "{} executors of 1 CPU do not fit on {nodes} node(s) of {node_cpu} CPU: each \
                 requests {cpu}",
                asked.executors
            ));
            cpu
        }
    };
    let executor_cpu = asked.executor_cpu_limit.map_or(executor_cpu, |most| executor_cpu.min(most));
    let executor_memory = asked.executor_memory.unwrap_or(MebiBytes(512));
    let pod = executor_memory.0 + OVERHEAD.0.max(executor_memory.0 / 10);
    if pod * executors_a_node > memory_a_node {
        return Err(Error::input(format!(
            "{} executors of {executor_memory} heap ({pod}Mi a pod) do not fit: {nodes} node(s) \
             leave {memory_a_node}Mi each",
            asked.executors
        ))
        .remedy("fewer --executors, less --executor-memory or more --memory"));
    }
    Ok(Fit { node_cpu, node_memory, executor_cpu, executor_memory, warnings })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Machine = Machine { cpu: MilliCpu(2000), memory: MebiBytes(24_000) };
    const LARGE: Machine = Machine { cpu: MilliCpu(16_000), memory: MebiBytes(64_000) };

    fn asked(executors: u32) -> Asked {
        Asked { executors, ..Asked::default() }
    }

    #[test]
    fn a_small_machine_adapts_with_warnings() {
        let fit = fit(SMALL, asked(3)).expect("fits");
        assert_eq!((fit.node_cpu, fit.executor_cpu), (MilliCpu(2000), MilliCpu(350)));
        assert_eq!(fit.warnings.len(), 2, "{:?}", fit.warnings);
    }

    #[test]
    fn executors_leave_room_for_the_daemons_beside_them() {
        let fit = fit(SMALL, Asked { workers: 2, ..asked(4) }).expect("fits");
        assert_eq!(fit.executor_cpu, MilliCpu(950));
    }

    #[test]
    fn a_large_machine_is_the_guides() {
        let fit = fit(LARGE, Asked { workers: 2, ..asked(3) }).expect("fits");
        assert_eq!((fit.node_cpu, fit.executor_cpu), (GUIDE_CPU, MilliCpu(1000)));
        assert_eq!(fit.node_memory, GUIDE_MEMORY);
        assert!(fit.warnings.is_empty(), "{:?}", fit.warnings);
    }

    #[test]
    fn what_is_asked_for_explicitly_is_kept_or_refused() {
        let cpu = |cpu| Asked { executor_cpu: Some(MilliCpu(cpu)), ..asked(3) };
        assert_eq!(fit(SMALL, cpu(300)).expect("fits").executor_cpu, MilliCpu(300));
        assert!(fit(SMALL, cpu(1000)).is_err());
        assert!(fit(SMALL, Asked { node_cpu: Some(MilliCpu(3000)), ..asked(3) }).is_err());
        assert!(fit(SMALL, Asked { node_memory: Some(MebiBytes(23_000)), ..asked(3) }).is_err());
        assert!(fit(SMALL, Asked { executor_memory: Some(MebiBytes(4096)), ..asked(3) }).is_err());
    }

    #[test]
    fn a_request_is_at_most_the_limit() {
        let limited = Asked { executor_cpu_limit: Some(MilliCpu(200)), ..asked(3) };
        assert_eq!(fit(LARGE, limited).expect("fits").executor_cpu, MilliCpu(200));
        let limited = Asked { executor_cpu_limit: Some(MilliCpu(2000)), ..asked(3) };
        assert_eq!(fit(LARGE, limited).expect("fits"), fit(LARGE, asked(3)).expect("fits"));
    }

    #[test]
    fn more_executors_than_fit_are_refused_with_the_number_that_does() {
        let error = fit(SMALL, asked(50)).expect_err("too many");
        assert_eq!(error.remedy.as_deref(), Some("--executors 11"));
        assert!(fit(SMALL, asked(5)).is_ok());
    }
}
