//! What container runtimes say of a container that they do not make.

use sparkproof_base::verdict::Cause;

use super::super::evidence::{Evidence, PodFacts};
use super::super::finding::{Ends, Finding};

/// Words of container runtimes about a container that they do not make, what they mean, the remedy,
/// and when a wait ends.
type Words = (&'static [&'static str], Cause, &'static str, &'static str, Ends);

const KNOWN: [Words; 12] = [
    (
        // runc's `utils_linux.go`; containerd reports it as StartError, kubelet as RunContainerError.
        &["container init was OOM-killed", "memory limit too low", "minimum memory limit"],
        Cause::OutOfMemory,
        "its memory limit is too low for a container even to start",
        "raise --executor-memory or spark.executor.memoryOverhead",
        Ends::AtOnce,
    ),
    (
        &["no space left on device"],
        Cause::NodeDiskFull,
        "the node's disk is full, so the container is not made",
        "free disk space on the node",
        Ends::IfItStays,
    ),
    (
        &["failed to reserve container name", "context deadline exceeded", "is already in use by"],
        Cause::ContainerNotCreated,
        "the node's container runtime is slow, an earlier try still runs",
        "wait, or look at the load and the disk of the node",
        Ends::AtDeadline,
    ),
    (
        // moby/sys `user`, containerd's `oci/spec_opts.go`, Docker.
        &[
            "no users found",
            "unable to find user",
            "no matching entries in passwd",
            "no groups found",
            "unable to find group",
        ],
        Cause::ContainerNotCreated,
        "the image has no user of the name that it is to run as",
        "use a number as USER of the image or as runAsUser in --pod-template, or add the user to \
         the image",
        Ends::AtOnce,
    ),
    (
        &["failed to prepare subPath", "failed to create subPath"],
        Cause::VolumeNotMounted,
        "a subPath of a volume cannot be prepared",
        "correct the subPath: it must be a path within the volume that kubelet can make",
        Ends::IfItStays,
    ),
    (
        &["not a directory", "Are you trying to mount a directory onto a file"],
        Cause::ContainerNotCreated,
        "a mount does not fit: a file is mounted on a directory, or a directory on a file",
        "correct the mount path or the subPath of the volume",
        Ends::AtOnce,
    ),
    (
        &["not a shared mount", "not a shared or slave mount"],
        Cause::ContainerNotCreated,
        "a volume asks for mount propagation from a path of the node that is not shared",
        "make the path's mount shared on the node (mount --make-rshared), or mount without \
         propagation",
        Ends::AtOnce,
    ),
    (
        &["chdir to cwd"],
        Cause::ContainerNotCreated,
        "the user of the container may not enter its working directory",
        "let the user enter the image's WORKDIR, or set workingDir or runAsUser in --pod-template",
        Ends::AtOnce,
    ),
    (
        &["nvidia-container-cli", "unresolvable CDI devices", "error gathering device information"],
        Cause::ContainerNotCreated,
        "a device that it asks for is not on the node",
        "ask for a device that the node has, or install its driver there",
        Ends::IfItStays,
    ),
    (
        &["seccomp profile", "apparmor", "AppArmor"],
        Cause::ContainerNotCreated,
        "the node lacks the seccomp or AppArmor profile that it asks for",
        "load the profile on every node, or use RuntimeDefault in --pod-template",
        Ends::AtOnce,
    ),
    (
        &["create mountpoint", "make mountpoint", "read-only file system"],
        Cause::ContainerNotCreated,
        "a volume cannot be mounted where it should: the place is read-only",
        "mount it at a directory that the image has, or not below a read-only volume",
        Ends::AtOnce,
    ),
    (
        // containerd's content store and snapshots.
        &[
            "error unpacking image",
            "missing parent \"sha256",
            "failed to extract layer",
            "content digest",
            "missing content",
        ],
        Cause::ContainerNotCreated,
        "the node has only a part of the image",
        "load or pull the image into the node again",
        Ends::AtOnce,
    ),
];

pub(super) fn known(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    pod.not_started().into_iter().find_map(|(container, reason, message)| {
        let fits = |words: &&Words| words.0.iter().any(|word| message.contains(word));
        let (_, cause, says, remedy, ends) = KNOWN.iter().find(fits)?;
        // `Path /x is mounted …`, not the whole story of the runtime.
        let words = message.rsplit("runc create failed: ").next().unwrap_or(message);
        let says = match cause {
            Cause::OutOfMemory => match container.limits.get("memory") {
                Some(limit) => format!("{says}: {limit}"),
                None => (*says).to_owned(),
            },
            _ => format!("{says}: {words}"),
        };
        Some(
            Finding::new(*cause, says, *remedy)
                .of(pod)
                .because(&pod.name, format!("{} {reason}: {message}", container.name))
                .events(evidence.events_of(&pod.name).filter(|event| event.reason == "Failed"))
                .ends(*ends),
        )
    })
}
