//! A cluster that sparkproof did not make, and a registry that its nodes pull from.

use std::path::Path;
use std::process::{Command, Output};

use scenarios::commands::{exe, said};
use scenarios::frame::{Outcome, proof};
use scenarios::registry::{PULL, Registry};
use scenarios::team::Team;
use sparkproof::error::{ErrorContext, Result};
use sparkproof::testbed::ScenarioContext;

/// A run as the team's user, with these credentials for the registry.
async fn run(
    p: &ScenarioContext,
    team: &Team<'_>,
    registry: &Registry,
    docker_config: &Path,
    more: &[&str],
) -> Result<(Output, String)> {
    let state = tempfile::tempdir().or_environment("a directory")?;
    let (host, name) = (p.environment.cluster.host_address.to_string(), registry.name());
    let kubeconfig = team.kubeconfig();
    let mut command = Command::new(exe());
    command
        .args(["run", "--kubeconfig", &kubeconfig, "--namespace", &team.namespace])
        .args(["--registry", &name, "--driver-host", &host, "--executors", "1"])
        .args(["--executor-cpu", "300m", "--strategies", "none", "--report-dir"])
        .arg(state.path())
        .args(more)
        .env("DOCKER_CONFIG", docker_config)
        .env("NO_COLOR", "1");
    let ran = tokio::task::spawn_blocking(move || command.output()).await;
    let output = ran.or_internal("running")?.or_environment("running sparkproof")?;
    let said = said(&output);
    Ok((output, said))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "full: a registry is built and pushed to, three runs"]
async fn images_are_pushed_where_the_nodes_pull() -> Outcome {
    proof("images_are_pushed_where_the_nodes_pull", async |p| {
        let team = Team::new(p).await?;
        let registry = Registry::start(p).await?;
        let proven = pushed_and_pulled(p, &team, &registry).await;
        registry.end().await?;
        proven
    })
    .await
}

async fn pushed_and_pulled(
    p: &ScenarioContext,
    team: &Team<'_>,
    registry: &Registry,
) -> Result<()> {
    // Without a login it ends before anything is created.
    let before = team.holds().await?;
    let no_login = tempfile::tempdir().or_environment("a directory")?;
    let (output, said) = run(p, team, registry, no_login.path(), &[]).await?;
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("docker login 127.0.0.1:"), "{said}");
    assert_eq!(team.holds().await?, before);

    // Pushed, but the nodes have no secret.
    let login = registry.login.path();
    let (output, said) = run(p, team, registry, login, &[]).await?;
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("registry-denies"), "{said}");
    assert_eq!(team.holds().await?, before);

    registry.secret(p, team).await?;
    let before = team.holds().await?;
    let (output, said) = run(p, team, registry, login, &["--image-pull-secret", PULL]).await?;
    assert_eq!(output.status.code(), Some(0), "{said}");
    let pushed = format!("{}/sparkproof/spark@sha256:", registry.name());
    assert!(said.contains(&pushed), "{pushed}: {said}");
    assert_eq!(team.holds().await?, before);
    Ok(())
}
