//! Templates of the user: merged with what strategies add, for executors and the driver's pod.

use k8s_openapi::api::core::v1::Pod;
use scenarios::frame::{Outcome, expect_red, little, proof, started};
use sparkproof::catalog::VariantId;
use sparkproof::catalog::plan::{DriverPlace, PodPlan, PodTemplate};
use sparkproof::dirs::private_file;
use sparkproof::error::{Error, Result};
use sparkproof::testbed::ScenarioContext;

const TEMPLATE: &str = "\
apiVersion: v1
kind: Pod
metadata:
  labels: {team: data}
  annotations: {team.example.com/cost: '42'}
spec:
  tolerations: [{key: dedicated, operator: Equal, value: data, effect: NoSchedule}]
  volumes: [{name: own, emptyDir: {sizeLimit: 1Mi}}]
  containers:
  - name: spark
    env: [{name: TEAM, value: data}]
    volumeMounts: [{name: own, mountPath: /own}]
    resources: {limits: {ephemeral-storage: 2Gi}}
";

/// As `--pod-template` reads it.
fn template(p: &ScenarioContext, yaml: &str) -> Result<PodPlan> {
    let file = p.context.run.dir().join("pod-template.yaml");
    private_file(&file, yaml.as_bytes())?;
    let template = PodTemplate::read("--pod-template", &file)?;
    Ok(PodPlan { executor: Some(template.clone()), driver: Some(template), restricted: false })
}

/// Which of the template's values a pod lacks.
fn lacks(pod: &Pod) -> Vec<&'static str> {
    let has = |of: &Option<std::collections::BTreeMap<String, String>>, key: &str, value: &str| {
        of.as_ref().and_then(|of| of.get(key)).is_some_and(|had| had == value)
    };
    let spec = pod.spec.clone().unwrap_or_default();
    let [container] = &*spec.containers else { return vec!["one container"] };
    let tolerates = |key: &str| {
        let mut all = spec.tolerations.iter().flatten();
        all.any(|toleration| toleration.key.as_deref() == Some(key))
    };
    let mounts = |path: &str| {
        let mut all = container.volume_mounts.iter().flatten();
        all.any(|mount| mount.mount_path == path)
    };
    let sets = |name: &str| container.env.iter().flatten().any(|variable| variable.name == name);
    let limits = container.resources.as_ref().and_then(|resources| resources.limits.as_ref());
    let limited = |name: &str| limits.is_some_and(|limits| limits.contains_key(name));
    [
        (has(&pod.metadata.labels, "team", "data"), "label"),
        (has(&pod.metadata.annotations, "team.example.com/cost", "42"), "annotation"),
        (tolerates("dedicated"), "toleration"),
        (mounts("/own"), "mount"),
        (sets("TEAM"), "variable"),
        (limited("ephemeral-storage"), "limit"),
        (limited("memory"), "limit of memory"),
    ]
    .into_iter()
    .filter(|(met, _)| !met)
    .map(|(_, what)| what)
    .collect()
}

#[tokio::test]
#[ignore = "full: a session and reads"]
async fn a_template_is_merged() -> Outcome {
    proof("a_template_is_merged", async |p| {
        let pods = template(p, TEMPLATE)?;
        let variants = [VariantId::Copy, VariantId::ConfigMap, VariantId::EmptyDir, VariantId::S3];
        let builder =
            little(p, &variants).session(|session| session.driver(DriverPlace::Pod).pods(pods));
        let mut session = started(builder).await?;
        let live = &session.live;
        let driver = live.driver_pod().ok_or_else(|| Error::red("the driver is in no pod"))?;
        for pod in live.executor_pods().into_values().chain([driver]) {
            let lacks = lacks(&pod);
            if !lacks.is_empty() {
                let name = pod.metadata.name.as_deref().unwrap_or_default();
                return Err(Error::red(format!("{name} lacks {}", lacks.join(", "))));
            }
        }
        session.prove_all().await?;
        session.stop().await.map(drop)
    })
    .await
}

/// The path is known only when the strategy is prepared.
#[tokio::test]
#[ignore = "full: what can be known from the file is a unit test"]
async fn a_template_that_takes_a_path_of_a_strategy_is_refused() -> Outcome {
    proof("a_template_that_takes_a_path_of_a_strategy_is_refused", async |p| {
        let path = format!("/var/tmp/sparkproof-{}-{}", p.context.run.id(), VariantId::ConfigMap);
        let yaml = TEMPLATE.replace("mountPath: /own", &format!("mountPath: {path}"));
        let pods = template(p, &yaml)?;
        let builder = little(p, &[VariantId::ConfigMap]).session(|session| session.pods(pods));
        let words = ["cannot be merged", &path, "another one than what sparkproof adds"];
        expect_red(started(builder).await, &words).map(drop)
    })
    .await
}
