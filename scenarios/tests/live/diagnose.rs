//! An application that somebody else runs, diagnosed by the command under its Role, and from files.

use std::path::Path;
use std::process::Command;

use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, ResourceQuota};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, Resource, ResourceExt};
use scenarios::commands::{exe, said};
use scenarios::frame::{Outcome, proof};
use scenarios::team::{Team, USER};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use sparkproof::access::submission;
use sparkproof::error::{Error, ErrorContext, Result};
use sparkproof::session::Application;
use sparkproof::verdict::Diagnosis;
use sparkproof::{checks, diagnose};

/// Its main class does not exist. The user of another namespace may only read, by the Role of
/// docs/diagnosing.md; from a dump of the same objects the name is the same.
#[tokio::test]
#[ignore = "full: its rules and files are tested without a cluster"]
async fn a_foreign_application_is_diagnosed_under_its_role_and_from_files() -> Outcome {
    proof("a_foreign_application_is_diagnosed_under_its_role_and_from_files", async |p| {
        let team = Team::new(p).await?;
        let image = p.example_image().await?;
        let mut spec = p.pi(1);
        spec.class = Some("org.example.None".to_owned());
        let ground = p.session().verbs(&submission(&image.version)).grant().await?;
        let namespace = ground.access().namespace.clone();
        let (context, cluster) = (&p.context, &p.environment.cluster);
        let submitting =
            Application::submit(context, cluster, ground.access(), &image, &spec, ground.pods());
        let application = Box::pin(submitting).await?;
        let driver = application.driver.clone();
        let ended = Box::pin(application.end(context, cluster, ground.access())).await;
        let (expected, log) = match ended {
            Ok(finished) => (finished.diagnosis, finished.log),
            Err(error) => (Diagnosis::from_error(&error).cloned(), String::new()),
        };
        let expected = expected.ok_or_else(|| Error::red("the application did not fail"))?;

        let client = p.client();
        may_read(client, &namespace, &team).await?;
        let live = diagnosed(&[
            "--kubeconfig",
            &team.kubeconfig(),
            "--namespace",
            &namespace,
            "--app",
            &driver,
        ])?;
        let dir = tempfile::tempdir().or_environment("a directory")?;
        dump(client, &namespace, dir.path()).await?;
        let files = diagnosed(&["--from", &dir.path().display().to_string()])?;
        let names = [&live, &files].map(|one| one["cause"]["cause"].as_str().unwrap_or_default());
        let expected = expected.cause.to_string();
        assert_eq!(names, [&*expected, &*expected], "{live:#}\n{files:#}");
        for (what, seen) in [("events", true), ("quotas", true), ("nodes", false)] {
            let unseen = live["unseen"].as_array().into_iter().flatten();
            let unseen: Vec<&Value> = unseen.filter(|part| part["what"] == what).collect();
            assert_eq!(unseen.is_empty(), seen, "{what}: {live:#}");
        }
        let ended = ground.collect(&driver, log).await?;
        checks::let_go(p, ended).await.map(drop)
    })
    .await
}

/// The one application that was found; a cause was found.
fn diagnosed(args: &[&str]) -> Result<Value> {
    let output = Command::new(exe()).arg("diagnose").args(args).arg("--json").output();
    let output = output.or_environment("running sparkproof diagnose")?;
    if output.status.code() != Some(1) {
        return Err(Error::red(format!("{}: {}", output.status, said(&output))));
    }
    let document: Value = serde_json::from_slice(&output.stdout).or_internal("its document")?;
    match document["applications"].as_array().map(Vec::as_slice) {
        Some([one]) => Ok(one.clone()),
        _ => Err(Error::red(format!("not one application: {document:#}"))),
    }
}

/// The team's user gets the Role of docs/diagnosing.md in this namespace.
async fn may_read(client: &Client, namespace: &str, team: &Team<'_>) -> Result<()> {
    let name = "sparkproof-diagnose";
    let roles: Api<Role> = Api::namespaced(client.clone(), namespace);
    let made = roles.create(&PostParams::default(), &diagnose::role(name, namespace)).await;
    made.or_environment("making a Role")?;
    let binding: RoleBinding = serde_json::from_value(json!({
        "metadata": { "name": name },
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
        "subjects": [{ "kind": "ServiceAccount", "name": USER, "namespace": team.namespace }],
    }))
    .or_internal("a RoleBinding")?;
    let bindings: Api<RoleBinding> = Api::namespaced(client.clone(), namespace);
    let made = bindings.create(&PostParams::default(), &binding).await;
    made.or_environment("making a RoleBinding").map(drop)
}

/// What `kubectl get -o json` and `kubectl logs` write.
async fn dump(client: &Client, namespace: &str, dir: &Path) -> Result<()> {
    let pods = list::<Pod>(client, namespace, dir).await?;
    list::<Event>(client, namespace, dir).await?;
    list::<ConfigMap>(client, namespace, dir).await?;
    list::<ResourceQuota>(client, namespace, dir).await?;
    let api: Api<Pod> = Api::namespaced(client.clone(), namespace);
    for pod in pods {
        if let Ok(log) = api.logs(&pod.name_any(), &Default::default()).await {
            let file = dir.join(format!("{}.log", pod.name_any()));
            std::fs::write(file, log).or_environment("writing a log")?;
        }
    }
    Ok(())
}

async fn list<K>(client: &Client, namespace: &str, dir: &Path) -> Result<Vec<K>>
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope>,
    K: Clone + std::fmt::Debug + Serialize + DeserializeOwned,
    K::DynamicType: Default,
{
    let api: Api<K> = Api::namespaced(client.clone(), namespace);
    let items = api.list(&ListParams::default()).await.or_environment("listing")?.items;
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let name = format!("{}.json", K::plural(&K::DynamicType::default()));
    std::fs::write(dir.join(name), list.to_string()).or_environment("writing a list")?;
    Ok(items)
}
