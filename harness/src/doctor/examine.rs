//! All prerequisites in the order in which a proof meets them.

use super::{Finding, host, tools};
use crate::context::Context;
use crate::engine::{Capabilities, DOCKER_PACKAGES, Engine, Found, apt, look, program};
use crate::error::Result;
use crate::events::PhaseGuard;
use crate::images::node;

/// Looks at every prerequisite; changes nothing.
///
/// # Errors
/// Internal: a table of ours cannot be read. Interruptions.
pub async fn examine(context: &Context) -> Result<Vec<Finding>> {
    let mut findings = vec![host::rights()];
    findings.push(docker(context).await?);
    findings.push(match (program("iptables"), program("ip")) {
        (Some(_), Some(_)) => Finding::ready("iptables, iproute2", "installed"),
        _ => Finding::packages("iptables, iproute2", &["iptables", "iproute2"]),
    });
    findings.push(capabilities(&Capabilities::of_this_host()));
    findings.push(host::control_groups());
    findings.push(host::fuse());
    let go = tools::go(context, &node::go_version()?).await;
    findings.push(match go.is_enough() {
        true => {
            Finding::ready("kind", format!("{}, built from its Go module", node::kind_version()?))
        }
        false => Finding::missing("kind", "built from its Go module, which needs Go", "install Go"),
    });
    findings.push(match (program("curl"), go.is_enough()) {
        (None, false) => Finding::limited(
            "Minikube",
            "downloaded by curl, or built from its Go module: neither is installed",
            "only --provider minikube needs it: install curl or Go",
        ),
        _ => Finding::ready(
            "Minikube",
            format!("{}, downloaded or built from its Go module", node::minikube_version()?),
        ),
    });
    findings.push(go);
    findings.push(match program("debootstrap") {
        Some(_) => Finding::ready("debootstrap", "installed"),
        None => Finding::packages("debootstrap", &["debootstrap"]),
    });
    findings.push(tools::maven(context).await);
    findings.push(tools::python(context).await);
    findings.push(tools::pip(context).await);
    findings.extend(tools::java(context).await);
    findings.push(tools::compiler(context).await);
    findings.push(host::disk("disk, state", &context.dirs.state, host::STATE_BYTES));
    findings.push(host::disk("disk, cache", &context.dirs.cache, host::CACHE_BYTES));
    findings.extend(host::size()?);
    Ok(findings)
}

/// Installs every package that findings name.
///
/// # Errors
/// Environment: the installation failed.
pub async fn install(context: &Context, phase: &PhaseGuard, findings: &[Finding]) -> Result<()> {
    let mut packages: Vec<&str> =
        findings.iter().flat_map(|finding| finding.packages.iter().copied()).collect();
    packages.sort_unstable();
    packages.dedup();
    if packages.is_empty() { Ok(()) } else { apt(context, phase, &packages).await }
}

async fn docker(context: &Context) -> Result<Finding> {
    let name = "Docker";
    let answers = async |engine: Engine, whose: &str| match engine.version().await {
        Ok(version) => Finding::ready(name, format!("{version}, {whose}")),
        Err(e) => Finding::missing(name, e.to_string(), "look into that daemon's log"),
    };
    Ok(match look(&context.dirs).await {
        Ok(Found::Theirs(engine)) => {
            let whose = format!("answers at {}, used as it is", engine.host);
            answers(engine, &whose).await
        }
        Ok(Found::Ours(engine)) => answers(engine, "started by us").await,
        Ok(Found::Installed(path)) if crate::engine::is_root() => {
            let found =
                format!("{}, not running: a run starts a daemon of its own", path.display());
            Finding::ready(name, found)
        }
        Ok(Found::Installed(_)) => Finding::missing(
            name,
            "installed, not running, and starting one needs root",
            "run as root, or start a daemon and set DOCKER_HOST",
        ),
        Ok(Found::Missing) => Finding::packages(name, &DOCKER_PACKAGES),
        Err(e) if e.is_interruption() => return Err(e),
        Err(e) => {
            let remedy = e.remedy.clone().unwrap_or_default();
            Finding::missing(name, e.to_string(), remedy)
        }
    })
}

fn capabilities(host: &Capabilities) -> Finding {
    let name = "capabilities";
    let missing: Vec<&str> = host.missing.iter().map(String::as_str).collect();
    match missing.as_slice() {
        [] => Finding::ready(name, "full: privileged containers need no help"),
        missing => Finding::ready(
            name,
            format!(
                "this host lacks {}: containers of a daemon of ours start through our OCI runtime \
                 shim",
                missing.join(", ")
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;
    use crate::ledger::test_context;

    #[tokio::test]
    async fn looks_at_everything_and_changes_nothing() {
        let (context, keep) = test_context();
        let before = walkdir::WalkDir::new(keep.path()).into_iter().count();
        let findings = examine(&context).await.expect("looked");
        assert_eq!(walkdir::WalkDir::new(keep.path()).into_iter().count(), before);
        for name in [
            "Docker",
            "kind",
            "Minikube",
            "Go",
            "Python 3",
            "pip",
            "capabilities",
            "cores",
            "memory",
        ] {
            assert!(findings.iter().any(|f| f.name == name), "{name}");
        }
        let told = |f: &Finding| f.state == State::Ready || f.remedy.is_some();
        assert!(findings.iter().all(told), "whatever is not ready says what to do");
    }

    #[test]
    fn a_smaller_capability_set_is_explained() {
        let mut host = Capabilities::of_this_host();
        host.missing = ["CAP_SYS_RESOURCE".to_owned()].into();
        let finding = capabilities(&host);
        assert!(finding.found.contains("CAP_SYS_RESOURCE") && finding.found.contains("shim"));
    }
}
