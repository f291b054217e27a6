//! The registry of check kinds.

use sparkproof_base::error::Result;
use sparkproof_base::events::Observed;
use sparkproof_base::verdict::{Judged, Observation, judge};

use crate::application::{self, dependencies, ended, stateful_set, submitted};
use crate::control::Control;
use crate::{
    access, allocation, blocks, cluster, decommission, executors, features, guide, log, pods, read,
    released, restricted, session, teardown,
};

/// A kind of check that stores its observations.
#[derive(Debug)]
pub struct Kind {
    /// Its id. A check of this kind has this id, or one of `ids`.
    pub id: &'static str,
    /// Ids of its checks, where they differ from the kind's; `*` stands for any part of an id.
    pub ids: &'static [&'static str],
    /// What a green verdict means, in one sentence.
    pub claim: &'static str,
    /// What is observed, and where.
    pub looks_at: &'static str,
    /// The scenario which shows that a real fault is observed.
    pub live: LiveControl,
    /// Makes the controls of its judgement.
    pub controls: fn() -> Vec<Control>,
    /// Judges an observation of the kind.
    pub judge: fn(&Observed) -> Result<Judged>,
}

/// The live control of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiveControl {
    /// A scenario in `scenarios/tests/live`: file and function.
    Scenario(&'static str, &'static str),
    /// There is none, for this reason.
    None(&'static str),
}

impl Kind {
    /// Whether a check of this kind has this id.
    pub fn has(&self, id: &str) -> bool {
        self.patterns().iter().any(|pattern| begins(pattern, id) == Some(true))
    }

    /// The ids of its checks.
    fn patterns(&self) -> &[&'static str] {
        if self.ids.is_empty() { std::slice::from_ref(&self.id) } else { self.ids }
    }
}

/// Checks that have no observation: their ids, each with the reason.
const WITHOUT: [(&str, &str); 2] = [
    (
        "read.*.prepared",
        "it is an action that succeeded or failed; what it prepared is looked at by the other checks of the \
         variant",
    ),
    (
        "minikube.image-tool",
        "it is only skipped, with the nodes' runtime: those of sparkproof have no Docker daemon",
    ),
];

/// Whether a check with this id has no observation, for a known reason.
pub(crate) fn needs_no_observation(id: &str) -> bool {
    WITHOUT.iter().any(|(pattern, _)| begins(pattern, id) == Some(true))
}

/// Whether an id, or what it begins with, is registered: a suite or a variant that is skipped as a
/// whole has the part that its checks have in common, e.g. `read.3-nfs`.
pub(crate) fn is_registered(id: &str) -> bool {
    let mut patterns = kinds().iter().flat_map(Kind::patterns);
    patterns.any(|pattern| begins(pattern, id).is_some()) || needs_no_observation(id)
}

/// Whether a pattern, in which `*` stands for one part, begins with the parts of an id; true if it
/// has no others.
fn begins(pattern: &str, id: &str) -> Option<bool> {
    let mut parts = pattern.split('.');
    let fits = id.split('.').all(|part| parts.next().is_some_and(|p| p == "*" || p == part));
    fits.then(|| parts.next().is_none())
}

/// All kinds whose checks store an observation and judge it.
pub fn kinds() -> &'static [Kind] {
    &[
        Kind {
            id: cluster::Readiness::KIND,
            ids: &[],
            claim: "Every node is Ready, DNS and the provisioner of storage are available, and the default \
                    account exists.",
            looks_at: "These objects, by a watch of each kind, until they are as needed or the time is over.",
            live: LiveControl::None(
                "a cluster that does not become ready costs minutes and is of no other use; that a \
                 refused watch is no observation has a test of its own",
            ),
            controls: cluster::controls,
            judge: judge::<cluster::Readiness>,
        },
        Kind {
            id: access::Granted::KIND,
            ids: &[],
            claim: "The driver's account has every permission that this Spark version uses.",
            looks_at: "The API server's answers to an access review of each verb, asked as the \
                       driver.",
            live: LiveControl::Scenario("permissions", "a_session_without_a_verb"),
            controls: access::controls,
            judge: judge::<access::Granted>,
        },
        Kind {
            id: submitted::Submitted::KIND,
            ids: &["application.*.submitted"],
            claim: "A submission creates the driver's pod under the account, and one headless \
                    Service and at least one ConfigMap that this pod owns.",
            looks_at: "The driver's pod, and the Services and ConfigMaps of the namespace with \
                       their owners, after spark-submit.",
            live: LiveControl::Scenario("application", "a_submission_without_a_right_is_named"),
            controls: submitted::controls,
            judge: judge::<submitted::Submitted>,
        },
        Kind {
            id: ended::Completed::KIND,
            ids: &["application.*.completed"],
            claim: "The driver's pod succeeds.",
            looks_at: "Phase and exit code of the driver's pod after its end, and its log.",
            live: LiveControl::Scenario("application", "an_application_that_fails_is_named"),
            controls: ended::completed_controls,
            judge: judge::<ended::Completed>,
        },
        Kind {
            id: ended::Said::KIND,
            ids: &["application.*.said"],
            claim: "The driver's log has the job's result.",
            looks_at: "The lines of the driver's log with the words, and how far the log was read.",
            live: LiveControl::Scenario("application", "what_an_application_does_not_do_is_red"),
            controls: ended::said_controls,
            judge: judge::<ended::Said>,
        },
        Kind {
            id: application::executors::RanExecutors::KIND,
            ids: &["application.*.executors"],
            claim: "As many executors as requested ran at once, under the account, and are \
                    deleted with the driver's pod.",
            looks_at: "Owners and accounts of every executor's pod that started, and how many \
                       were Running at once.",
            live: LiveControl::Scenario("application", "what_an_application_does_not_do_is_red"),
            controls: application::executors::controls,
            judge: judge::<application::executors::RanExecutors>,
        },
        Kind {
            id: ended::AfterEnd::KIND,
            ids: &["application.*.left"],
            claim: "After an application's end only its driver's pod stays, without executors, \
                    StatefulSets or claims.",
            looks_at: "The objects in the namespace, listed until the executors are gone or the \
                       time is over.",
            live: LiveControl::Scenario("application", "a_stateful_set_without_a_verb"),
            controls: ended::left_controls,
            judge: judge::<ended::AfterEnd>,
        },
        Kind {
            id: application::isolation::ReachedExecutors::KIND,
            ids: &["application.*.isolation"],
            claim: "The driver's pod and other executors reach each executor's port, a pod that is \
                    not of the application does not, and the application has a NetworkPolicy.",
            looks_at: "Connections that are asked for in each of these pods; the NetworkPolicies \
                       with the application's label.",
            live: LiveControl::Scenario("versions", "executors_without_a_policy_are_open"),
            controls: application::isolation::controls,
            judge: judge::<application::isolation::ReachedExecutors>,
        },
        Kind {
            id: application::features::DriverAddress::KIND,
            ids: &["application.*.driver-address"],
            claim: "Each executor has the address of the driver's pod.",
            looks_at: "The variable of each executor's pod, and the address of the driver's.",
            live: LiveControl::Scenario("features", "what_was_not_asked_for_is_not_seen"),
            controls: application::features::address_controls,
            judge: judge::<application::features::DriverAddress>,
        },
        Kind {
            id: application::features::LoggedEverywhere::KIND,
            ids: &["application.*.logging", "application.*.interpreter"],
            claim: "The logs of the driver and of each executor have the words that only the \
                    requested feature prints.",
            looks_at: "The lines with these words in the log of each pod, and how far it was read.",
            live: LiveControl::Scenario("application", "what_an_application_does_not_do_is_red"),
            controls: application::features::logged_controls,
            judge: judge::<application::features::LoggedEverywhere>,
        },
        Kind {
            id: application::features::Priorities::KIND,
            ids: &["application.*.priority"],
            claim: "The driver's pod has the priority of its template, executors have none.",
            looks_at: "The priority of each pod.",
            live: LiveControl::Scenario("application", "what_an_application_does_not_do_is_red"),
            controls: application::features::priority_controls,
            judge: judge::<application::features::Priorities>,
        },
        Kind {
            id: application::features::Memories::KIND,
            ids: &["application.*.memory"],
            claim: "Each pod requests its heap and the overhead by the factor, executors also \
                    PySpark's memory.",
            looks_at: "Memory request and limit of each pod.",
            live: LiveControl::Scenario("application", "what_an_application_does_not_do_is_red"),
            controls: application::features::memory_controls,
            judge: judge::<application::features::Memories>,
        },
        Kind {
            id: stateful_set::StatefulSets::KIND,
            ids: &["application.*.stateful-set"],
            claim: "One StatefulSet, which the driver's pod owns, creates the requested executors.",
            looks_at: "The StatefulSets that own executors, with owners and replicas, and the \
                       owners of each executor's pod.",
            live: LiveControl::Scenario("application", "what_an_application_does_not_do_is_red"),
            controls: stateful_set::set_controls,
            judge: judge::<stateful_set::StatefulSets>,
        },
        Kind {
            id: stateful_set::ExecutorIds::KIND,
            ids: &["application.*.executor-ids"],
            claim: "The driver numbers the executors and labels their pods.",
            looks_at: "The label `spark-exec-id` of each executor's pod.",
            live: LiveControl::Scenario("application", "a_stateful_set_without_a_verb"),
            controls: stateful_set::id_controls,
            judge: judge::<stateful_set::ExecutorIds>,
        },
        Kind {
            id: stateful_set::Claims::KIND,
            ids: &["application.*.claims"],
            claim: "Each executor's local directory is on a claim that the set created for its \
                    pod.",
            looks_at: "The claims of each executor's pod, and the lines of its log about its \
                       local directory.",
            live: LiveControl::Scenario("application", "what_an_application_does_not_do_is_red"),
            controls: stateful_set::claim_controls,
            judge: judge::<stateful_set::Claims>,
        },
        Kind {
            id: dependencies::FoundDependencies::KIND,
            ids: &[],
            claim: "Every dependency arrives complete at the driver and at each executor.",
            looks_at: "The SHA-256 of each dependency, as the program found it at the driver and \
                       at each executor.",
            live: LiveControl::Scenario(
                "application",
                "dependencies_that_were_not_given_are_missed",
            ),
            controls: dependencies::controls,
            judge: judge::<dependencies::FoundDependencies>,
        },
        Kind {
            id: blocks::SpreadBlocks::KIND,
            ids: &[
                "decommission.spread",
                "decommission-scaling.spread",
                "decommission-rolling.spread",
            ],
            claim: "Each executor computed at least one block of each kind, and their bytes are \
                    right.",
            looks_at: "The probe's report of its jobs: who computed each block, and the sum of \
                       all bytes.",
            live: LiveControl::Scenario("lifecycle", "an_executor_that_is_not_replaced_is_red"),
            controls: blocks::spread_controls,
            judge: judge::<blocks::SpreadBlocks>,
        },
        Kind {
            id: blocks::BlocksAgain::KIND,
            ids: &[
                "decommission.blocks",
                "decommission-scaling.blocks",
                "decommission-rolling.blocks",
                "dynamic-allocation.kept",
            ],
            claim: "The same jobs find every block, with the right bytes, and compute none again.",
            looks_at: "The probe's report of the same jobs: who computed a block again, and the \
                       sum of all bytes.",
            live: LiveControl::Scenario(
                "allocation",
                "a_plain_session_neither_grows_nor_decommissions",
            ),
            controls: blocks::again_controls,
            judge: judge::<blocks::BlocksAgain>,
        },
        Kind {
            id: decommission::SparkSays::KIND,
            ids: &["decommission.said", "decommission-scaling.said", "decommission-timeout.said"],
            claim: "Spark removed the executor for the expected reason.",
            looks_at: "The removed executors in Spark's REST list, with reason and time.",
            live: LiveControl::Scenario(
                "allocation",
                "a_plain_session_neither_grows_nor_decommissions",
            ),
            controls: decommission::said_controls,
            judge: judge::<decommission::SparkSays>,
        },
        Kind {
            id: decommission::EndOfPod::KIND,
            ids: &[],
            claim: "The executor whose pod was deleted ends by itself with exit code 0, long \
                    before the end of the pod's grace period.",
            looks_at: "The deleted pod in the watch, until it is gone: its exit code and the \
                       seconds.",
            live: LiveControl::Scenario(
                "allocation",
                "a_plain_session_neither_grows_nor_decommissions",
            ),
            controls: decommission::ended_controls,
            judge: judge::<decommission::EndOfPod>,
        },
        Kind {
            id: allocation::ReleasedExecutor::KIND,
            ids: &[],
            claim: "One executor is released; for 5 s after that the others stay, and none \
                    replaces it.",
            looks_at: "Pods, Running pods and Spark's list of executors, looked at about once a \
                       second.",
            live: LiveControl::Scenario(
                "allocation",
                "a_plain_session_neither_grows_nor_decommissions",
            ),
            controls: allocation::released_controls,
            judge: judge::<allocation::ReleasedExecutor>,
        },
        Kind {
            id: decommission::LastLabels::KIND,
            ids: &[],
            claim: "The released executor's pod had the requested label before it went.",
            looks_at: "The labels of the pod in its last state.",
            live: LiveControl::Scenario(
                "allocation",
                "an_executor_given_back_unasked_loses_its_blocks",
            ),
            controls: decommission::label_controls,
            judge: judge::<decommission::LastLabels>,
        },
        Kind {
            id: decommission::Rolled::KIND,
            ids: &[],
            claim: "Of the executors that are due, the one with the lowest id is removed before \
                    any other.",
            looks_at: "The removed executors in Spark's REST list, with reason and time, once \
                       there is one.",
            live: LiveControl::Scenario(
                "allocation",
                "unasked_none_is_rolled_and_none_is_ended_in_time",
            ),
            controls: decommission::first_controls,
            judge: judge::<decommission::Rolled>,
        },
        Kind {
            id: decommission::RolledAndReplaced::KIND,
            ids: &[],
            claim: "Each executor that was due is decommissioned, and replaced by a registered \
                    one.",
            looks_at: "The same list, Spark's list of executors, and the Running pods, once all \
                       are replaced or the time is over.",
            live: LiveControl::Scenario(
                "allocation",
                "unasked_none_is_rolled_and_none_is_ended_in_time",
            ),
            controls: decommission::replaced_controls,
            judge: judge::<decommission::RolledAndReplaced>,
        },
        Kind {
            id: allocation::ExecutorsAtWork::KIND,
            ids: &[],
            claim: "N tasks bring N executors, each registered and Running, with one task on each.",
            looks_at: "The pods, and Spark's list of executors with their tasks, until all are at \
                       work or the time is over.",
            live: LiveControl::Scenario(
                "allocation",
                "a_plain_session_neither_grows_nor_decommissions",
            ),
            controls: allocation::come_controls,
            judge: judge::<allocation::ExecutorsAtWork>,
        },
        Kind {
            id: allocation::IdleExecutors::KIND,
            ids: &[],
            claim: "Idle executors are stopped by the driver and their pods deleted; for 6 s \
                    after that those with needed shuffle blocks stay.",
            looks_at: "Pods, Running pods and Spark's list of executors, looked at about once a \
                       second; Spark's reasons for removals.",
            live: LiveControl::Scenario(
                "allocation",
                "a_plain_session_neither_grows_nor_decommissions",
            ),
            controls: allocation::idle_controls,
            judge: judge::<allocation::IdleExecutors>,
        },
        Kind {
            id: log::Refusals::KIND,
            ids: &["dynamic-allocation.rights", "application.*.rights"],
            claim: "The driver was refused no verb while its session ran.",
            looks_at: "The driver's log: its refusals, and how far it was read.",
            live: LiveControl::Scenario("permissions", "a_session_without_a_verb"),
            controls: log::controls,
            judge: judge::<log::Refusals>,
        },
        Kind {
            id: access::UserPermissions::KIND,
            ids: &["access.lease", "access.leftovers", "access.evidence", "access.nodes"],
            claim: "On a user's cluster the kubeconfig's user has the permissions of a feature of \
                    sparkproof; a feature that lacks one is skipped with its verbs.",
            looks_at: "The API server's answers to an access review of each verb, asked before anything \
                       is created.",
            live: LiveControl::None(
                "a verb that is denied makes the check skipped, not red; red is only a verb that the \
                 API server was never asked about, which is a defect of sparkproof",
            ),
            controls: access::user_controls,
            judge: judge::<access::UserPermissions>,
        },
        Kind {
            id: session::Started::KIND,
            ids: &[],
            claim: "The session's master is Kubernetes, reads are of this session, and N executors are \
                    registered, which are the N Running pods by id and address.",
            looks_at: "What the session says of itself, Spark's list of executors and the pods, when the \
                       start ended; a start that fails says why, with its cause.",
            live: LiveControl::Scenario("negative", "a_local_session_that_says_k8s_is_named"),
            controls: session::controls,
            judge: judge::<session::Started>,
        },
        Kind {
            id: pods::PodList::KIND,
            ids: &[],
            claim: "The namespace shows exactly N executor pods and nothing else, each Running and \
                    ready, never restarted.",
            looks_at: "The pods of the session's namespace, in the last state that the watch \
                       received.",
            live: LiveControl::Scenario("lifecycle", "an_executor_that_is_not_replaced_is_red"),
            controls: pods::list_controls,
            judge: judge::<pods::PodList>,
        },
        Kind {
            id: pods::Owners::KIND,
            ids: &[],
            claim: "The driver's pod owns every executor's pod, so they are deleted with it.",
            looks_at: "The owner references of the executor pods, and the driver pod's uid.",
            live: LiveControl::Scenario(
                "driver",
                "an_executor_that_the_drivers_pod_does_not_own_is_named",
            ),
            controls: pods::owner_controls,
            judge: judge::<pods::Owners>,
        },
        Kind {
            id: restricted::RestrictedPods::KIND,
            ids: &[],
            claim: "Every pod of the session complies with Pod Security's level restricted, and a \
                    namespace that sparkproof made refuses others.",
            looks_at: "The pods of the watch, and the API server's answer to a dry run of a pod without a \
                       security context.",
            live: LiveControl::Scenario("restricted", "pods_that_do_not_comply_are_named"),
            controls: restricted::controls,
            judge: judge::<restricted::RestrictedPods>,
        },
        Kind {
            id: read::Copies::KIND,
            ids: &["read.*.populated"],
            claim: "Every file of the variant is in the pod of each executor, with the bytes that were \
                    sent.",
            looks_at: "The files below the root in each pod after the copy, hashed there by \
                       `sha256sum`.",
            live: LiveControl::Scenario("lifecycle", "an_executor_that_is_not_replaced_is_red"),
            controls: read::copies_controls,
            judge: judge::<read::Copies>,
        },
        Kind {
            id: read::Reads::KIND,
            ids: &["read.*.executors"],
            claim: "Each executor, and nothing else, read every file of the variant to its end: its \
                    bytes by SHA-256, by Hadoop's class, on the kind of mount and in the kind of volume that \
                    are declared.",
            looks_at: "What one task on each executor reports of each file, with the mount of its \
                       path in `/proc/self/mountinfo`; the session's executor pods, with their volume at \
                       that path.",
            live: LiveControl::Scenario(
                "reading",
                "a_copy_that_is_not_everywhere_and_everywhere_the_same_is_named",
            ),
            controls: read::executors_controls,
            judge: judge::<read::Reads>,
        },
        Kind {
            id: read::Frames::KIND,
            ids: &["read.*.frame"],
            claim: "Each table of the variant, read as a DataFrame, has the rows and sums known \
                    beforehand, from each of its files, by the variant's scheme.",
            looks_at: "Count, sums and rows of each file as Spark gives them, and the schemes of the \
                       plan's files; or the exception.",
            live: LiveControl::Scenario("reading", "a_scheme_that_spark_does_not_read_is_named"),
            controls: read::frame_controls,
            judge: judge::<read::Frames>,
        },
        Kind {
            id: read::InputMetrics::KIND,
            ids: &["read.*.metrics"],
            claim: "Spark counts every record and byte of each table, read by tasks on all executors \
                    and none in the driver. What the driver reads outside of tasks is in no metric.",
            looks_at: "The tasks of each read's job group and the list of executors, by Spark's REST \
                       API, once they agree with the stages' totals.",
            live: LiveControl::Scenario("lifecycle", "an_executor_that_is_not_replaced_is_red"),
            controls: read::metrics_controls,
            judge: judge::<read::InputMetrics>,
        },
        Kind {
            id: read::Strictness::KIND,
            ids: &["read.*.strict"],
            claim: "No retry, speculation or ignored file hid a failure: the strict settings are in \
                    force, and no task of the reads failed or was killed.",
            looks_at: "The effective settings in the driver, and the tasks of each read's job group.",
            live: LiveControl::Scenario("lifecycle", "an_executor_that_is_not_replaced_is_red"),
            controls: read::strict_controls,
            judge: judge::<read::Strictness>,
        },
        Kind {
            id: read::ServerLog::KIND,
            ids: &["read.*.server"],
            claim: "The server sent the body of every file of the variant that is not empty, and none \
                    to the driver's address, where the log has a client's own address.",
            looks_at: "The requests in the server's log whose path has the variant's nonce, once a \
                       marker request of sparkproof's is in it.",
            live: LiveControl::Scenario(
                "reading",
                "a_store_that_is_down_is_named_and_its_return_is_seen",
            ),
            controls: read::server_controls,
            judge: judge::<read::ServerLog>,
        },
        Kind {
            id: read::Counters::KIND,
            ids: &["baseline.*.counters"],
            claim: "The reads of the variant cost exactly as much work as its baseline says: files, jobs, \
                    stages, tasks, rows and bytes of each table, and Spark's requests to the store.",
            looks_at: "Nothing more than the reads: the results and Spark's metrics of each DataFrame, and \
                       the server's log, where Spark itself reads from a server.",
            live: LiveControl::Scenario(
                "reading",
                "a_copy_that_is_not_everywhere_and_everywhere_the_same_is_named",
            ),
            controls: read::counters_controls,
            judge: judge::<read::Counters>,
        },
        Kind {
            id: read::Refusal::KIND,
            ids: &["read.*.refused"],
            claim: "Spark refuses to read this way, with the declared message, though the files are in \
                    the store under that very URL.",
            looks_at: "The bytes that the store's own client gets, by SHA-256; the exception of a \
                       DataFrame read of their directory.",
            live: LiveControl::Scenario("reading", "a_scheme_that_spark_does_not_read_is_named"),
            controls: read::refused_controls,
            judge: judge::<read::Refusal>,
        },
        Kind {
            id: read::NodesOfPods::KIND,
            ids: &["read.*.pinned", "read.spread"],
            claim: "All executors are on as many nodes as they should: on one with a volume of one \
                    node (`pinned`), else on every node that can have them (`spread`).",
            looks_at: "The node of each executor's pod, in the last state that the watch received.",
            live: LiveControl::Scenario("reading", "a_scheme_that_spark_does_not_read_is_named"),
            controls: read::nodes_controls,
            judge: judge::<read::NodesOfPods>,
        },
        Kind {
            id: read::MountAttempt::KIND,
            ids: &["read.2-s3fs-executor.refused.*"],
            claim: "A container with this little privilege cannot mount by FUSE, and libfuse says why.",
            looks_at: "Output and exit code of s3fs in a plain pod with this privilege.",
            live: LiveControl::Scenario("mounts", "less_than_a_privileged_root_cannot_mount"),
            controls: read::fuse_controls,
            judge: judge::<read::MountAttempt>,
        },
        Kind {
            id: executors::BarrierStage::KIND,
            ids: &[],
            claim: "A barrier stage of N tasks runs one task on each of the N executors, none on the driver.",
            looks_at: "The reports of the stage's tasks from inside the executors, and the executors' pods.",
            live: LiveControl::Scenario("lifecycle", "an_executor_that_is_not_replaced_is_red"),
            controls: executors::barrier_controls,
            judge: judge::<executors::BarrierStage>,
        },
        Kind {
            id: executors::AfterLoss::KIND,
            ids: &[],
            claim: "A lost executor's pod is gone, and another one is Running and registered with the driver.",
            looks_at: "Spark's list of executors and the pods, by id and address, until they agree or the \
                       time is over.",
            live: LiveControl::Scenario("lifecycle", "an_executor_that_is_not_replaced_is_red"),
            controls: executors::replaced_controls,
            judge: judge::<executors::AfterLoss>,
        },
        Kind {
            id: features::Shown::KIND,
            ids: &["feature.*"],
            claim: "Each executor's pod has the feature that the session's settings ask for.",
            looks_at: "The pod in the API, and from inside the container its environment, mounts and command \
                       lines; of a Secret the SHA-256, made inside.",
            live: LiveControl::Scenario("features", "what_was_not_asked_for_is_not_seen"),
            controls: features::controls,
            judge: judge::<features::Shown>,
        },
        Kind {
            id: teardown::Left::KIND,
            ids: &[
                "teardown.stop",
                "teardown.exit",
                "teardown.disconnected",
                "teardown.hangup",
                "teardown.collected",
                "teardown.removed",
            ],
            claim: "An ended session leaves nothing behind: no pods, ConfigMaps, Services, claims, \
                    StatefulSets or NetworkPolicies.",
            looks_at: "These kinds in the session's namespace, listed until they are gone or the time \
                       is over; kinds that cannot be listed are named.",
            live: LiveControl::Scenario("permissions", "a_session_without_a_verb"),
            controls: teardown::controls,
            judge: judge::<teardown::Left>,
        },
        Kind {
            id: teardown::Held::KIND,
            ids: &[],
            claim: "A killed driver's executors end; their pods and ConfigMap stay (those of Spark 3.0 run \
                    on), and nothing else is left.",
            looks_at: "The same kinds, after the executors have noticed the driver's end.",
            live: LiveControl::Scenario("lifecycle", "pods_live_as_long_as_the_session"),
            controls: teardown::kill_controls,
            judge: judge::<teardown::Held>,
        },
        Kind {
            id: released::SessionReleased::KIND,
            ids: &[],
            claim: "Of an ended session the namespace and the binding are gone; in a user's namespace, its \
                    objects and its Lease.",
            looks_at: "Each of them in the API, after its removal, until it is gone or the time is over.",
            live: LiveControl::Scenario("lifecycle", "the_permissions_of_the_guide_are_enough"),
            controls: released::session_controls,
            judge: judge::<released::SessionReleased>,
        },
        Kind {
            id: released::RunReleased::KIND,
            ids: &[],
            claim: "All resources that the run recorded are removed, and so is its state; of `exec` also the \
                    namespaces that scenarios handed over.",
            looks_at: "The run's ledger before and after, what each step of the removal said, and the run's \
                       state directory.",
            live: LiveControl::Scenario(
                "owning",
                "a_namespace_that_a_scenario_handed_over_is_proven_gone",
            ),
            controls: released::run_controls,
            judge: judge::<released::RunReleased>,
        },
        Kind {
            id: guide::Answer::KIND,
            ids: &["guide.*"],
            claim: "A step of the guide does what it promises, or shows exactly the mistake that is listed \
                    for it.",
            looks_at: "The answer of a shell or a REPL at a terminal, as its user reads it; some steps are \
                       repeated until the expected answer comes or the time is over.",
            live: LiveControl::Scenario("guide", "the_guide_is_typed"),
            controls: guide::controls,
            judge: judge::<guide::Answer>,
        },
    ]
}

/// The kind of a check with this id.
pub fn find(kind: &str) -> Option<&'static Kind> {
    kinds().iter().find(|known| known.id == kind)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;
    use std::path::{Path, PathBuf};

    use sparkproof_base::events::Looked;

    use super::*;
    use crate::control::Says;

    #[test]
    fn each_control_says_what_it_must() {
        let mut controls = 0;
        for kind in kinds() {
            for control in (kind.controls)() {
                let judged = (kind.judge)(&control.observed).expect("its form");
                let (id, name) = (kind.id, control.name);
                match (&judged.red, control.says) {
                    (None, Says::Green) => {}
                    (Some((reason, _)), Says::Red(words)) => {
                        assert!(reason.contains(words), "{id}, {name}: {reason}");
                    }
                    (red, says) => panic!("{id}, {name}: {red:?}, expected {says:?}"),
                }
                controls += 1;
            }
        }
        assert!(controls >= 3 * kinds().len());
    }

    #[test]
    fn each_kind_has_a_true_observation_a_perturbed_one_and_one_that_could_not_be_made() {
        for kind in kinds() {
            let controls = (kind.controls)();
            let unseen = |c: &Control| matches!(c.observed.seen, Looked::Unseen(_));
            assert!(controls.iter().any(|c| c.says == Says::Green), "{}", kind.id);
            assert!(controls.iter().any(|c| c.says != Says::Green && !unseen(c)), "{}", kind.id);
            assert!(controls.iter().any(unseen), "{}", kind.id);
            assert!(controls.iter().all(|c| c.observed.kind == kind.id), "{}", kind.id);
        }
    }

    #[test]
    fn ids_are_of_their_kind_and_parts_of_them_are_known() {
        let kind = |id| find(id).expect("registered");
        assert!(kind("pods.list").has("pods.list") && !kind("pods.list").has("pods.owner"));
        assert!(
            kind("teardown.left").has("teardown.stop") && !kind("teardown.left").has("teardown")
        );
        assert!(kind("feature").has("feature.secrets"));
        for known in ["feature", "feature.secrets", "pods.list", "dynamic-allocation"] {
            assert!(is_registered(known), "{known}");
        }
        for unknown in ["", "features", "pods.lists", "pods.list.more", "feature.secrets.more"] {
            assert!(!is_registered(unknown), "{unknown}");
        }
    }

    fn root(path: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
    }

    #[test]
    fn each_live_control_is_a_scenario() {
        for kind in kinds() {
            match kind.live {
                LiveControl::Scenario(file, name) => {
                    let path = root("scenarios/tests/live").join(format!("{file}.rs"));
                    let text = std::fs::read_to_string(path).expect("a file of scenarios");
                    assert!(text.contains(&format!("async fn {name}(")), "{}: {name}", kind.id);
                }
                LiveControl::None(why) => assert!(why.len() > 20, "{}: {why}", kind.id),
            }
        }
    }

    /// Writes the page when it differs, so that a second run is green and the change is reviewed.
    #[test]
    fn the_page_in_the_docs_is_that_of_the_registry() {
        let mut page = String::from(PAGE);
        for kind in kinds() {
            let ids: Vec<String> = kind.patterns().iter().map(|id| format!("`{id}`")).collect();
            let controls: Vec<&str> = (kind.controls)().iter().map(|c| c.name).collect();
            let live = match kind.live {
                LiveControl::Scenario(file, name) => format!("`{file}::{name}`"),
                LiveControl::None(why) => format!("none: {why}"),
            };
            let (ids, controls) = (ids.join(", "), controls.join("; "));
            let (claim, looks_at) = (kind.claim, kind.looks_at);
            writeln!(page, "| {ids} | {claim} | {looks_at} | {controls} | {live} |").expect("text");
        }
        page.push_str("\n## Checks without an observation\n");
        for (id, why) in WITHOUT {
            writeln!(page, "- `{id}`: {why}.").expect("text");
        }
        let path = root("docs/checks.md");
        if std::fs::read_to_string(&path).unwrap_or_default() != page {
            std::fs::write(&path, page).expect("written");
            panic!("docs/checks.md was written anew: review it");
        }
    }

    const PAGE: &str = "# Checks: what each claims, and what shows that it can be red

A check is a look and a judgement. The look writes what it saw into the run directory, complete, with \
secrets masked; the judgement is a pure function of that. So `sparkproof report DIR --rejudge` derives \
the verdicts of a finished run again, and says where a stored one differs or an observation was \
changed. Judgement controls are observations, true ones and perturbed ones, of which a test knows what \
must be said; they need no cluster. A live control is a scenario in which the fault is made for real: \
it shows that the look sees it.

This page is made of the registry (`harness/judge/src/kind.rs`) by its test. A scenario fails when a \
check has an id that is not here.

| checks | claim | looked at | judgement controls | live control |
| --- | --- | --- | --- | --- |
";
}
