//! One pod of the user's template and of what sparkproof and its strategies add; made to comply with Pod
//! Security's level `restricted` if the plan asks for it.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Container, Pod, PodSpec, ResourceRequirements};
use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::plan::pod_template::sparks;
use sparkproof_catalog::plan::{PodPlan, PodRole, restricted};

use super::overlay::{one, union};

/// The template with `ours` in it, which has at most one container: Spark's.
///
/// # Errors
/// Bad input: the template has something else under a name or at a path that `ours` needs. Internal:
/// `ours` violates `restricted`.
pub(super) fn merged(role: PodRole, plan: &PodPlan, ours: Pod) -> Result<Pod> {
    let mut pod = match plan.template(role) {
        None => ours,
        Some(template) => {
            template.check("the pod template", role, plan.restricted)?;
            into(role, template.pod().clone(), ours).map_err(|clash| {
                let file = template.file().display();
                Error::input(format!("the pod template {file} cannot be merged: {clash}"))
                    .remedy("give it another name or path in the template (docs/pod-templates.md)")
            })?
        }
    };
    if plan.restricted {
        // Spark adds its container to a pod without one; here it needs a security context.
        let spec = pod.spec.get_or_insert_default();
        if spec.containers.is_empty() {
            spec.containers.push(Container::default());
        }
        restricted::comply(&mut pod);
        let violated = restricted::violations(&pod);
        if !violated.is_empty() {
            let all = violated.join("; ");
            return Err(Error::internal(format!("a pod is not restricted: {all}")));
        }
    }
    for container in pod.spec.iter_mut().flat_map(|spec| &mut spec.containers) {
        if container.name.is_empty() {
            role.container().clone_into(&mut container.name);
        }
    }
    Ok(pod)
}

/// Adds `ours`; or what clashes.
fn into(role: PodRole, mut base: Pod, ours: Pod) -> Result<Pod, String> {
    let (had, more) = (&mut base.metadata, ours.metadata);
    had.name = more.name;
    had.namespace = more.namespace;
    add(had.labels.get_or_insert_default(), more.labels, "label")?;
    add(had.annotations.get_or_insert_default(), more.annotations, "annotation")?;
    base.status = None;
    let (had, more) = (base.spec.get_or_insert_default(), ours.spec.unwrap_or_default());
    let mut container = sparks(had, role).cloned().unwrap_or_default();
    role.container().clone_into(&mut container.name);
    let PodSpec { containers, .. } = &more;
    if let Some(ours) = containers.first() {
        of_container(&mut container, ours.clone())?;
    }
    had.containers = vec![container];
    had.service_account_name = more.service_account_name;
    had.restart_policy = more.restart_policy.or(had.restart_policy.take());
    if !one(&mut had.priority_class_name, more.priority_class_name) {
        return Err("priorityClassName is another one".to_owned());
    }
    merge(&mut had.volumes, more.volumes, |volume| volume.name.clone(), "volume")?;
    let name = |container: &Container| container.name.clone();
    merge(&mut had.init_containers, more.init_containers, name, "init container")?;
    merge(&mut had.image_pull_secrets, more.image_pull_secrets, |s| s.name.clone(), "secret")?;
    merge(&mut had.host_aliases, more.host_aliases, |alias| alias.ip.clone(), "hostAliases of")?;
    let key = |c: &k8s_openapi::api::core::v1::TopologySpreadConstraint| {
        format!("{} {}", c.topology_key, c.when_unsatisfiable)
    };
    let (had, more) = (&mut had.topology_spread_constraints, more.topology_spread_constraints);
    merge(had, more, key, "topologySpreadConstraint of")?;
    Ok(base)
}

fn of_container(had: &mut Container, ours: Container) -> Result<(), String> {
    had.image = ours.image.or(had.image.take());
    had.image_pull_policy = ours.image_pull_policy.or(had.image_pull_policy.take());
    had.command = ours.command.or(had.command.take());
    merge(&mut had.env, ours.env, |variable| variable.name.clone(), "variable")?;
    merge(&mut had.volume_mounts, ours.volume_mounts, |m| m.mount_path.clone(), "mount at")?;
    if !one(&mut had.security_context, ours.security_context) {
        return Err("the securityContext of Spark's container is another one".to_owned());
    }
    if let Some(ours) = ours.resources {
        let both: &mut ResourceRequirements = had.resources.get_or_insert_default();
        both.requests.get_or_insert_default().extend(ours.requests.unwrap_or_default());
        both.limits.get_or_insert_default().extend(ours.limits.unwrap_or_default());
    }
    Ok(())
}

/// Adds entries to a list; an entry under the same key must be the same.
fn merge<T: PartialEq>(
    had: &mut Option<Vec<T>>,
    more: Option<Vec<T>>,
    key: impl Fn(&T) -> String,
    what: &str,
) -> Result<(), String> {
    let Some(more) = more else { return Ok(()) };
    match union(had.get_or_insert_default(), more, key) {
        None => Ok(()),
        Some(name) => Err(format!("the {what} {name} is another one than what sparkproof adds")),
    }
}

fn add(
    had: &mut BTreeMap<String, String>,
    more: Option<BTreeMap<String, String>>,
    what: &str,
) -> Result<(), String> {
    for (key, value) in more.unwrap_or_default() {
        if had.insert(key.clone(), value.clone()).is_some_and(|before| before != value) {
            return Err(format!("the {what} {key} has another value"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, from_value, json};
    use sparkproof_base::Exit;
    use sparkproof_catalog::plan::PodTemplate;

    fn plan(template: &Value, restricted: bool) -> PodPlan {
        let made = json!({ "file": "/x.yaml", "pod": template });
        let template: PodTemplate = from_value(made).expect("a template");
        PodPlan { executor: Some(template.clone()), driver: Some(template), restricted }
    }

    fn ours() -> Pod {
        from_value(json!({
            "spec": {
                "containers": [{
                    "name": "spark-kubernetes-executor",
                    "volumeMounts": [{ "name": "data", "mountPath": "/data" }],
                    "resources": { "requests": { "cpu": "300m" } },
                }],
                "initContainers": [{ "name": "fill", "image": "x" }],
                "volumes": [{ "name": "data", "configMap": { "name": "data" } }],
            },
        }))
        .expect("a pod")
    }

    #[test]
    fn what_is_added_joins_what_the_template_has() {
        let template = json!({
            "metadata": { "labels": { "team": "a" }, "name": "mine" },
            "spec": {
                "tolerations": [{ "key": "dedicated", "operator": "Exists" }],
                "containers": [{
                    "name": "mine",
                    "env": [{ "name": "A", "value": "1" }],
                    "volumeMounts": [{ "name": "own", "mountPath": "/own" }],
                    "resources": { "requests": { "cpu": "1" }, "limits": { "nvidia.com/gpu": "1" } },
                }],
                "initContainers": [{ "name": "first", "image": "y" }],
                "volumes": [{ "name": "own", "emptyDir": {} }],
            },
        });
        let made = merged(PodRole::Executor, &plan(&template, true), ours()).expect("merged");
        insta::assert_json_snapshot!(made);
        let driver = merged(PodRole::Driver, &plan(&template, false), Pod::default());
        let spec = driver.expect("merged").spec.expect("a specification");
        assert_eq!(spec.containers[0].name, "spark-kubernetes-driver");
    }

    #[test]
    fn without_a_template_ours_is_all_and_can_be_restricted() {
        let plain = merged(PodRole::Executor, &PodPlan::default(), ours()).expect("merged");
        assert_eq!(plain, ours());
        let restricted = PodPlan { restricted: true, ..PodPlan::default() };
        let made = merged(PodRole::Driver, &restricted, Pod::default()).expect("merged");
        assert_eq!(sparkproof_catalog::plan::restricted::violations(&made), Vec::<String>::new());
        let spec = made.spec.expect("a specification");
        assert_eq!(spec.containers[0].name, "spark-kubernetes-driver");
    }

    #[rstest]
    #[case(json!({ "spec": { "containers": [], "volumes": [{ "name": "data", "emptyDir": {} }] } }), "volume data")]
    #[case(json!({ "spec": { "containers": [], "initContainers": [{ "name": "fill", "image": "z" }] } }), "container fill")]
    #[case(json!({ "spec": { "containers": [{ "name": "a", "volumeMounts": [
        { "name": "other", "mountPath": "/data" }] }] } }), "mount at /data")]
    #[case(json!({ "spec": { "containers": [{ "name": "a", "command": ["sh"] }] } }), "command")]
    fn a_conflict_is_named(#[case] template: Value, #[case] words: &str) {
        let error = merged(PodRole::Executor, &plan(&template, false), ours()).expect_err(words);
        assert_eq!(error.exit, Exit::BadInput);
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().contains("/x.yaml"), "{error}");
    }
}
