//! Inspects files of images without running them.

use std::io::Read;

use bollard::errors::Error as DockerError;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, CreateContainerOptionsBuilder,
    DownloadFromContainerOptionsBuilder,
};
use futures::TryStreamExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::ledger::{OwnedResource, labels};

use super::{Engine, gone};
use crate::docker::release_container;

/// The usual directories of programs.
const DIRECTORIES: [&str; 4] = ["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin"];

impl Engine {
    /// Whether an image has all these programs in the usual directories. Inspects a container that
    /// is created but never started.
    pub async fn image_brings(
        &self,
        context: &Context,
        reference: &str,
        programs: &[&str],
    ) -> Result<bool> {
        let looked = self.in_image(context, reference, async |name| {
            for program in programs {
                if !self.container_has(name, program).await? {
                    return Ok(false);
                }
            }
            Ok(true)
        });
        looked.await
    }

    /// A file of an image; `None` if it has none at this path.
    pub async fn image_file(
        &self,
        context: &Context,
        reference: &str,
        path: &str,
    ) -> Result<Option<Vec<u8>>> {
        let archive = self.in_image(context, reference, async |name| {
            let options = DownloadFromContainerOptionsBuilder::new().path(path).build();
            let chunks = self.docker.download_from_container(name, Some(options));
            gone(chunks.map_ok(|chunk| chunk.to_vec()).try_concat().await)
        });
        let Some(archive) = archive.await? else { return Ok(None) };
        let what = || format!("reading {path} of the image {reference}");
        let mut bytes = Vec::new();
        let mut archive = tar::Archive::new(&*archive);
        for entry in archive.entries().or_environment(what())? {
            entry.and_then(|mut e| e.read_to_end(&mut bytes)).or_environment(what())?;
        }
        Ok(Some(bytes))
    }

    /// Looks into a container that is created but never started.
    async fn in_image<T>(
        &self,
        context: &Context,
        reference: &str,
        look: impl AsyncFnOnce(&str) -> Result<T, DockerError>,
    ) -> Result<T> {
        let name = format!("sparkproof-{}-look-{:08x}", context.run.id(), rand::random::<u32>());
        let what = || format!("inspecting the image {reference}");
        let owned = OwnedResource::Container { docker: self.host.clone(), name: name.clone() };
        context.run.record(owned)?;
        let body = ContainerCreateBody {
            image: Some(reference.to_owned()),
            labels: Some(labels::docker(context.run.label(), labels::Lifetime::Run)),
            ..ContainerCreateBody::default()
        };
        let options = CreateContainerOptionsBuilder::new().name(&name).build();
        let looked = context.cancel.guard(async {
            let created = self.docker.create_container(Some(options), body).await;
            created.or_environment(what())?;
            look(&name).await.or_environment(what())
        });
        let looked = looked.await;
        release_container(context, self, &name).await?;
        looked
    }

    async fn container_has(&self, container: &str, program: &str) -> Result<bool, DockerError> {
        for directory in DIRECTORIES {
            let path = format!("{directory}/{program}");
            let options = ContainerArchiveInfoOptionsBuilder::new().path(&path).build();
            match self.docker.get_container_archive_info(container, Some(options)).await {
                Ok(_) => return Ok(true),
                Err(DockerError::DockerResponseServerError { status_code: 404, .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}
