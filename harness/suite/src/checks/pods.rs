//! The pod list while the session lives, against its snapshot.

use kube::ResourceExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::Body;
use sparkproof_base::verdict::{Findings, check};
use sparkproof_kubernetes::observe::PodList;
use sparkproof_testbed::LiveSession;

/// The list of one executor, normalised; those of others follow from it. The reviewed snapshots in
/// `snapshots/` are the same.
const ONE: [&str; 2] = [
    "NAME                      READY   STATUS    RESTARTS   AGE",
    "sparkproof-[APP]-exec-1   1/1     Running   0          [AGE]",
];

/// Exactly N executor pods and nothing else, each Running and ready, as the snapshot shows.
pub async fn pod_list(context: &Context, live: &LiveSession) -> Result<PodList> {
    let title = format!("the namespace shows exactly {} Running executor pods", live.executors());
    check(context, "pods.list", &title, async |findings: &mut Findings| {
        let list = live.pod_list();
        let title = format!("{} executors registered", live.executors());
        context.recorder.emit(Body::PodList { title, text: list.to_string() });
        findings.add("pod list", &list);
        let observed = list.normalised().to_string();
        let expected = expected(live.executors());
        if observed == expected {
            return Ok(list);
        }
        findings.add("expected", &expected);
        findings.add("observed", &observed);
        Err(Error::red(format!("the pod list differs from the expected one:\n{observed}")).remedy(
            "look at what else runs there; if the new list is right, change `checks/pods.rs` and \
             review the snapshot: cargo insta review",
        ))
    })
    .await
}

/// Whether an object is collected when its owner goes.
pub(super) fn is_owned_by(object: &impl ResourceExt, owner: &impl ResourceExt) -> bool {
    let uid = owner.uid();
    object.owner_references().iter().any(|named| Some(&named.uid) == uid.as_ref())
}

/// The pod of a driver owns every executor's: they go with it, whatever becomes of the driver. Of a
/// driver elsewhere there is nothing to see.
pub async fn owned_by_driver(context: &Context, live: &LiveSession) -> Result<()> {
    let Some(driver) = live.driver_pod() else { return Ok(()) };
    let title = "the driver's pod is the owner of every executor's";
    check(context, "pods.owner", title, async |findings: &mut Findings| {
        findings.add("driver", driver.name_any());
        let pods = live.executor_pods();
        let others: Vec<&str> = pods
            .iter()
            .filter(|(_, pod)| !is_owned_by(&***pod, &*driver))
            .map(|(name, _)| name.as_str())
            .collect();
        findings.add("executors", pods.keys().cloned().collect::<Vec<_>>().join("\n"));
        if others.is_empty() && !pods.is_empty() {
            return Ok(());
        }
        Err(Error::red(format!("not owned by {}: {}", driver.name_any(), others.join(", ")))
            .remedy("set spark.kubernetes.driver.pod.name to the driver's pod"))
    })
    .await
}

/// The list of N executors.
fn expected(executors: u32) -> String {
    let [head, row] = ONE;
    let width = executors.to_string().len() - 1;
    let mut rows: Vec<String> = (1..=executors)
        .map(|id| {
            let pad = " ".repeat(width + 1 - id.to_string().len());
            row.replacen("-exec-1", &format!("-exec-{id}{pad}"), 1)
        })
        .collect();
    // As the list is: by name.
    rows.sort();
    let head = head.replacen("NAME", &format!("NAME{}", " ".repeat(width)), 1);
    std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_numbers_follow_the_single_row() {
        for executors in [1, 3, 5] {
            insta::with_settings!({
                snapshot_path => concat!(env!("CARGO_MANIFEST_DIR"), "/../../snapshots"),
                prepend_module_to_snapshot => false,
                omit_expression => true,
            }, {
                insta::assert_snapshot!(format!("pod_list_{executors}"), expected(executors));
            });
        }
        let two = expected(2);
        assert_eq!(two.lines().count(), 3);
        assert!(two.lines().nth(2).is_some_and(|l| l.contains("-exec-2   1/1")), "{two}");
        let ten = expected(10);
        assert!(ten.lines().nth(2).is_some_and(|l| l.contains("-exec-10   1/1")), "{ten}");
        assert!(ten.lines().nth(1).is_some_and(|l| l.contains("-exec-1    1/1")), "{ten}");
    }
}
