//! An emptyDir in memory, filled by an init container of the pod template.

use std::collections::BTreeMap;

use futures::future::LocalBoxFuture;
use k8s_openapi::api::core::v1::{
    Capabilities, Container, EmptyDirVolumeSource, ResourceRequirements, SeccompProfile,
    SecurityContext, Volume, VolumeMount,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use serde_json::Value;
use sparkproof_base::error::Result;
use sparkproof_catalog::Variant;
use sparkproof_kubernetes::access::{CONFIG_MAP, Rule};
use sparkproof_spark::session::SessionOverlay;

use super::content::{self, VolumeContent};
use crate::{
    DataFile, DataSize, Dataset, Location, MountKind, SetupCost, Strategy, StrategyContext,
    VolumeUse,
};

/// Path of the files in the init container.
const SOURCE: &str = "/sparkproof/source";
/// Copies everything that is not hidden (the kubelet's `..data`), following links.
const FILL: &str = "cp --recursive --dereference \"$1\"/* \"$2\"";

/// The variant `3-emptydir`: each pod has its own files, in memory that counts against the pod's
/// limit. They come from a ConfigMap, so that no server and no further permission is needed.
#[derive(Debug)]
pub struct EmptyDir {
    variant: &'static Variant,
    content: VolumeContent,
}

impl EmptyDir {
    /// Of this variant.
    pub fn new(variant: &'static Variant) -> Self {
        EmptyDir { variant, content: VolumeContent::default() }
    }
}

impl Strategy for EmptyDir {
    fn variant(&self) -> &'static Variant {
        self.variant
    }

    fn limit(&self, size: DataSize) -> DataSize {
        content::limit(size)
    }

    fn needs(&self) -> Vec<Rule> {
        CONFIG_MAP.to_vec()
    }

    fn prepare<'a>(
        &'a mut self,
        scene: StrategyContext<'a>,
        data: &'a Dataset,
    ) -> LocalBoxFuture<'a, Result<SetupCost>> {
        Box::pin(async move {
            let (content, setup) = VolumeContent::put(scene, self.variant, data).await?;
            self.content = content;
            Ok(setup)
        })
    }

    fn contribute(&self, scene: StrategyContext<'_>) -> Result<SessionOverlay> {
        let path = scene.path(self.variant).display().to_string();
        let image = &scene.environment.image.reference;
        Ok(contribution(&scene.name(self.variant), image, &path, &self.content.files))
    }

    fn objects(&self) -> Vec<Value> {
        self.content.shown.clone().into_iter().collect()
    }

    fn location(&self, scene: StrategyContext<'_>) -> Location {
        Location::local(scene.path(self.variant), MountKind::Memory, None)
            .in_volume(VolumeUse::EmptyDir)
    }

    fn cleanup<'a>(&'a mut self, scene: StrategyContext<'a>) -> LocalBoxFuture<'a, Result<()>> {
        Box::pin(VolumeContent::remove(scene, self.variant))
    }
}

/// The init container uses the session's image, which every node has or can pull.
fn contribution(name: &str, image: &str, path: &str, files: &[DataFile]) -> SessionOverlay {
    let source = format!("{name}-source");
    let mount = |name: &str, path: &str, read_only: bool| VolumeMount {
        name: name.to_owned(),
        mount_path: path.to_owned(),
        read_only: Some(read_only),
        ..VolumeMount::default()
    };
    let space = space(files);
    let memory =
        EmptyDirVolumeSource { medium: Some("Memory".to_owned()), size_limit: Some(mebi(space)) };
    let init = Container {
        name: name.to_owned(),
        image: Some(image.to_owned()),
        image_pull_policy: Some("IfNotPresent".to_owned()),
        command: Some(["sh", "-c", FILL, "sh", SOURCE, path].map(str::to_owned).into()),
        resources: Some(resources(space)),
        security_context: Some(unprivileged()),
        volume_mounts: Some(vec![mount(&source, SOURCE, true), mount(name, path, false)]),
        ..Container::default()
    };
    SessionOverlay {
        volumes: vec![
            content::volume(&source, name, files),
            Volume { name: name.to_owned(), empty_dir: Some(memory), ..Volume::default() },
        ],
        mounts: vec![mount(name, path, true)],
        init_containers: vec![init],
        ..SessionOverlay::default()
    }
}

/// MiB for the files, with pages of 4 KiB: the last page of a file is only partly used, and every
/// directory has one page.
fn space(files: &[DataFile]) -> u64 {
    let pages: u64 = files.iter().map(|file| file.bytes.div_ceil(4096) + 2).sum();
    (pages * 4096).div_ceil(1 << 20) + 1
}

fn mebi(space: u64) -> Quantity {
    Quantity(format!("{space}Mi"))
}

/// What the init container writes counts against its own limit. It has one, because a pod with an
/// unlimited container is not limited as a whole.
fn resources(space: u64) -> ResourceRequirements {
    let memory = ("memory".to_owned(), mebi(space + 32));
    ResourceRequirements {
        requests: Some(BTreeMap::from([
            ("cpu".to_owned(), Quantity("10m".to_owned())),
            memory.clone(),
        ])),
        limits: Some(BTreeMap::from([memory])),
        ..ResourceRequirements::default()
    }
}

/// As required in restricted namespaces, except for the user, which is the image's.
fn unprivileged() -> SecurityContext {
    SecurityContext {
        allow_privilege_escalation: Some(false),
        capabilities: Some(Capabilities {
            drop: Some(vec!["ALL".to_owned()]),
            ..Capabilities::default()
        }),
        read_only_root_filesystem: Some(true),
        seccomp_profile: Some(SeccompProfile {
            type_: "RuntimeDefault".to_owned(),
            ..SeccompProfile::default()
        }),
        ..SecurityContext::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn file(path: &str, bytes: u64) -> DataFile {
        DataFile { path: path.to_owned(), bytes, sha256: String::new(), rows: 1 }
    }

    #[test]
    fn an_init_container_fills_it() {
        let files = [file("big.csv", 200_000), file("many.csv/part-00.csv", 9_000)];
        let image = "localhost/sparkproof/spark:3.5.9-0123456789ab";
        let added = contribution("sparkproof-x-3-emptydir", image, "/var/tmp/data", &files);
        let shown = json!({
            "volumes": added.volumes,
            "initContainers": added.init_containers,
            "volumeMounts": added.mounts,
        });
        insta::assert_snapshot!(serde_json::to_string_pretty(&shown).expect("JSON"));
    }

    #[test]
    fn there_is_room_for_pages_and_directories() {
        assert_eq!(space(&[file("empty", 0)]), 2);
        let many: Vec<DataFile> = (0..1000).map(|i| file(&i.to_string(), 1)).collect();
        assert!(space(&many) * (1 << 20) >= 1000 * 2 * 4096);
    }
}
