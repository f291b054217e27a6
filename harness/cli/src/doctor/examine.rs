//! All prerequisites, in the order in which a run needs them.

use sparkproof_base::context::Context;
use sparkproof_base::error::Result;
use sparkproof_base::events::PhaseGuard;
use sparkproof_catalog::kubernetes;
use sparkproof_catalog::plan::ResolvedPlan;
use sparkproof_images::node;
use sparkproof_images::spark::base::is_held;
use sparkproof_machine::engine::{
    Capabilities, Engine, Found, LinuxDistribution, apt, inspect, is_root, program,
};

use super::needs::Needs;
use super::{Finding, host, tools};

/// Examines what a plan needs on this machine; changes nothing.
///
/// # Errors
/// Bad input: the plan names something that does not exist. Internal: an embedded table cannot be
/// read. Interruptions.
pub async fn examine(context: &Context, plan: &ResolvedPlan) -> Result<Vec<Finding>> {
    let needs = Needs::for_plan(plan);
    let mut findings = Vec::new();
    let mut base = needs.base;
    if needs.engine {
        let (finding, found) = docker(context).await?;
        findings.push(finding);
        let engine = found.as_ref().and_then(Found::engine);
        base = base && !is_held(context, engine).await?;
        // A running daemon has these already.
        if !matches!(found, Some(Found::Theirs(_))) {
            findings.push(match (program("iptables"), program("ip")) {
                (Some(_), Some(_)) => Finding::ready("iptables, iproute2", "installed"),
                _ => Finding::programs("iptables, iproute2", &["iptables", "ip"]),
            });
        }
    }
    findings.insert(0, host::rights(is_root(), base, needs.assembled));
    if needs.cluster {
        findings.push(match program("docker") {
            Some(_) => Finding::ready("docker CLI", "installed"),
            None => Finding::programs("docker CLI", &["docker"]),
        });
        findings.push(capabilities(&Capabilities::of_this_host()));
        findings.push(host::control_groups());
    }
    if needs.fuse {
        findings.push(host::fuse());
    }
    let go = tools::go(context, &node::go_version()?).await;
    if needs.kind {
        let found = format!("{}, built from its Go module", kubernetes::kind_version()?);
        findings.push(match go.is_enough() {
            true => Finding::ready("kind", found),
            false => Finding::missing("kind", found, "it needs Go"),
        });
    }
    if needs.minikube {
        findings.push(match (program("curl"), go.is_enough()) {
            (None, false) => Finding::missing(
                "Minikube",
                "downloaded by curl, or built from its Go module: neither is installed",
                LinuxDistribution::here().how_to_get("curl"),
            ),
            _ => Finding::ready(
                "Minikube",
                format!(
                    "{}, downloaded or built from its Go module",
                    kubernetes::minikube_version()?
                ),
            ),
        });
    }
    if needs.go {
        findings.push(go);
    }
    if base || needs.assembled {
        findings.push(match program("debootstrap") {
            Some(_) => Finding::ready("debootstrap", "installed"),
            None => Finding::programs("debootstrap", &["debootstrap"]),
        });
    }
    if needs.maven {
        findings.push(tools::maven(context).await);
    }
    if needs.python || needs.pip {
        findings.push(tools::python(context).await);
    }
    if needs.pip {
        findings.push(tools::pip(context).await);
    }
    if let Some(version) = &needs.java {
        findings.extend(tools::java(context, version).await);
    }
    findings.push(tools::java_compiler(context).await);
    findings.push(tools::compiler(context).await);
    findings.push(host::disk("disk, state", &context.dirs.state, host::STATE_BYTES));
    if needs.engine {
        findings.push(host::disk("disk, cache", &context.dirs.cache, host::CACHE_BYTES));
    }
    if needs.cluster {
        findings.extend(host::size()?);
    }
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
    if packages.is_empty() { Ok(()) } else { apt(context, phase.name(), &packages).await }
}

/// The state of the engine, and the engine itself.
async fn docker(context: &Context) -> Result<(Finding, Option<Found>)> {
    let name = "Docker";
    let answers = async |engine: &Engine, whose: &str| match engine.version().await {
        Ok(version) => Finding::ready(name, format!("{version}, {whose}")),
        Err(e) => Finding::missing(name, e.to_string(), "read that daemon's log"),
    };
    let found = match inspect(&context.dirs).await {
        Ok(found) => found,
        Err(e) if e.is_interruption() => return Err(e),
        Err(e) => {
            let remedy = e.remedy.clone().unwrap_or_default();
            return Ok((Finding::missing(name, e.to_string(), remedy), None));
        }
    };
    let finding = match &found {
        Found::Theirs(engine) => {
            answers(engine, &format!("running at {}, used as it is", engine.host)).await
        }
        Found::Ours(engine) => answers(engine, "started by sparkproof").await,
        Found::Installed(path) if is_root() => {
            let found = format!("{}, not running: a run starts its own daemon", path.display());
            Finding::ready(name, found)
        }
        Found::Installed(_) => Finding::missing(
            name,
            "installed, not running, and starting one needs root",
            "run as root, or start a daemon and set DOCKER_HOST",
        ),
        Found::Missing => match LinuxDistribution::here() {
            here if here.has_apt() => Finding::packages(name, here.docker_packages()),
            _ => Finding::programs(name, &["dockerd", "docker"]),
        },
    };
    Ok((finding, Some(found)))
}

fn capabilities(host: &Capabilities) -> Finding {
    let name = "capabilities";
    let missing: Vec<&str> = host.missing.iter().map(String::as_str).collect();
    match missing.as_slice() {
        [] => Finding::ready(name, "full: privileged containers need no help"),
        missing => Finding::ready(
            name,
            format!(
                "this host lacks {}: containers of sparkproof's daemon start through its OCI runtime \
                 shim",
                missing.join(", ")
            ),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::FindingState;
    use sparkproof_base::testing::test_context;
    use sparkproof_catalog::plan::{Machine, RawPlan};

    fn plan(change: impl FnOnce(&mut RawPlan)) -> ResolvedPlan {
        let mut raw = RawPlan::default();
        change(&mut raw);
        ResolvedPlan::new(raw, Machine::here().expect("a machine")).expect("a plan")
    }

    #[tokio::test]
    async fn looks_at_everything_and_changes_nothing() {
        let (context, keep) = test_context();
        let before = walkdir::WalkDir::new(keep.path()).into_iter().count();
        let findings = examine(&context, &plan(|_| {})).await.expect("looked");
        assert_eq!(walkdir::WalkDir::new(keep.path()).into_iter().count(), before);
        for name in [
            "Docker",
            "docker CLI",
            "kind",
            "Go",
            "Python 3",
            "pip",
            "capabilities",
            "cores",
            "memory",
        ] {
            assert!(findings.iter().any(|f| f.name == name), "{name}");
        }
        let has_remedy = |f: &Finding| f.state == FindingState::Ready || f.remedy.is_some();
        assert!(findings.iter().all(has_remedy), "what is not ready has a remedy");
    }

    #[tokio::test]
    async fn what_the_plan_does_not_need_is_not_missing() {
        let (context, keep) = test_context();
        let kubeconfig = keep.path().join("kubeconfig");
        std::fs::write(&kubeconfig, "").expect("written");
        let plan = plan(|raw| {
            raw.kubeconfig = Some(kubeconfig);
            raw.image = Some("registry.test/spark:3.5.9".into());
            raw.strategies = Some(vec!["none".into()]);
            raw.driver = Some(sparkproof_catalog::plan::DriverPlace::Pod);
        });
        let findings = examine(&context, &plan).await.expect("looked");
        for name in ["Docker", "docker CLI", "debootstrap", "Maven", "Go", "kind", "cores"] {
            assert!(findings.iter().all(|f| f.name != name), "{name}");
        }
        assert!(findings.iter().any(|f| f.name == "pip"), "the distribution comes from PyPI");
    }

    #[test]
    fn a_smaller_capability_set_is_explained() {
        let mut host = Capabilities::of_this_host();
        host.missing = ["CAP_SYS_RESOURCE".to_owned()].into();
        let finding = capabilities(&host);
        assert!(finding.found.contains("CAP_SYS_RESOURCE") && finding.found.contains("shim"));
    }
}
