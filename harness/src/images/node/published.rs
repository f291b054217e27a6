//! Node images that kind and Minikube publish: taken when a registry answers with exactly that
//! digest.

use std::time::Duration;

use bollard::Docker;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::StreamExt;

use super::versions::Release;
use crate::error::{OrFail, Result};
use crate::events::StepGuard;

/// The repository of kind's node images.
pub(super) const KIND: &str = "kindest/node";
/// How long a registry may take to answer. Where none is reachable, name resolution fails or hangs.
const PROBE: Duration = Duration::from_secs(8);

/// What a look at the registry came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Pull this reference, `name@digest`.
    Pull(String),
    /// Assemble, for this reason.
    Assemble(String),
}

/// Whether the registry has kind's image of a release.
pub(super) async fn decide(docker: &Docker, release: &Release) -> Decision {
    match &release.published {
        Some(digest) => ask(docker, KIND, digest).await,
        None => Decision::Assemble(format!(
            "this kind release publishes no node image of {}",
            release.version
        )),
    }
}

/// Asks the registry through the daemon, which knows its mirrors and credentials.
pub(super) async fn ask(docker: &Docker, repository: &str, digest: &str) -> Decision {
    let reference = format!("{repository}@{digest}");
    let answer = tokio::time::timeout(PROBE, docker.inspect_registry_image(&reference, None)).await;
    let digest_seen = match answer {
        Ok(Ok(seen)) => Ok(seen.descriptor.digest.unwrap_or_default()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", PROBE.as_secs())),
    };
    judge(reference, digest, digest_seen)
}

fn judge(reference: String, expected: &str, seen: Result<String, String>) -> Decision {
    match seen {
        Ok(seen) if seen == expected => Decision::Pull(reference),
        Ok(seen) => Decision::Assemble(format!("the registry has {seen}, expected {expected}")),
        Err(error) => Decision::Assemble(format!("no image registry answers ({error})")),
    }
}

/// Pulls it.
pub(super) async fn pull(docker: &Docker, reference: &str, step: &StepGuard) -> Result<()> {
    let options = CreateImageOptionsBuilder::default().from_image(reference).build();
    let mut progress = docker.create_image(Some(options), None, None);
    while let Some(item) = progress.next().await {
        let item = item.or_environment(format!("pulling {reference}"))?;
        if let (Some(layer), Some(status)) = (item.id, item.status) {
            step.progress(format!("{layer} {status}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_published_digest_is_pulled() {
        let judge = |expected: &str, seen| judge(format!("{KIND}@{expected}"), expected, seen);
        let right = judge("sha256:a", Ok("sha256:a".into()));
        assert_eq!(right, Decision::Pull("kindest/node@sha256:a".into()));
        let other = judge("sha256:a", Ok("sha256:b".into()));
        assert_eq!(
            other,
            Decision::Assemble("the registry has sha256:b, expected sha256:a".into())
        );
        let none = judge("sha256:a", Err("no such host".into()));
        assert_eq!(none, Decision::Assemble("no image registry answers (no such host)".into()));
    }
}
