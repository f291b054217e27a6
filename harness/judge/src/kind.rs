//! The registry of check kinds.

use sparkproof_base::error::Result;
use sparkproof_base::events::Observed;
use sparkproof_base::verdict::{Judged, Observation, judge};

use crate::control::Control;
use crate::{access, cluster, executors, features, guide, pods, released, session, teardown};

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
            looks_at: "The API server's answers to an access review of each verb, asked as the driver.",
            live: LiveControl::Scenario("permissions", "a_session_without_a_verb"),
            controls: access::controls,
            judge: judge::<access::Granted>,
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
            looks_at: "The pods of the session's namespace, in the last state that the watch received.",
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
            claim: "An ended session leaves nothing behind: no pods, ConfigMaps, Services, claims or \
                    StatefulSets.",
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
            live: LiveControl::None(
                "no real Spark driver cleans up when it is killed; the observation is \
                 made as for `teardown.stop`",
            ),
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
            claim: "All resources that the run recorded are removed, and so is its state.",
            looks_at: "The run's ledger before and after, what each step of the removal said, and the run's \
                       state directory.",
            live: LiveControl::None(
                "what is left when a run is cut short has a unit test with a Docker daemon that never \
                 answers; `cargo xtask soak` interrupts runs at seeded times",
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

    use sparkproof_base::events::RunListing;

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
            let unseen = |c: &Control| matches!(c.observed.seen, RunListing::Unseen(_));
            assert!(controls.iter().any(|c| c.says == Says::Green), "{}", kind.id);
            assert!(controls.iter().any(|c| c.says != Says::Green && !unseen(c)), "{}", kind.id);
            assert!(controls.iter().any(unseen), "{}", kind.id);
            assert!(controls.iter().all(|c| c.observed.kind == kind.id), "{}", kind.id);
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
            let ids: Vec<String> = match kind.ids {
                [] => vec![format!("`{}`", kind.id)],
                ids => ids.iter().map(|id| format!("`{id}`")).collect(),
            };
            let controls: Vec<&str> = (kind.controls)().iter().map(|c| c.name).collect();
            let live = match kind.live {
                LiveControl::Scenario(file, name) => format!("`{file}::{name}`"),
                LiveControl::None(why) => format!("none: {why}"),
            };
            let (ids, controls) = (ids.join(", "), controls.join("; "));
            let (claim, looks_at) = (kind.claim, kind.looks_at);
            writeln!(page, "| {ids} | {claim} | {looks_at} | {controls} | {live} |").expect("text");
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

This page is made of the registry (`harness/judge/src/kind.rs`) by its test. Kinds that are not listed \
have no stored observation yet: their looks and judgements are one, and their controls are scenarios \
only.

| checks | claim | looked at | judgement controls | live control |
| --- | --- | --- | --- | --- |
";
}
