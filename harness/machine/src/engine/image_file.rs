//! Inspects files of images without running them.

use bollard::errors::Error as DockerError;
use bollard::models::ContainerCreateBody;
use bollard::query_parameters::{
    ContainerArchiveInfoOptionsBuilder, CreateContainerOptionsBuilder,
};
use sparkproof_base::context::Context;
use sparkproof_base::error::{ErrorContext, Result};
use sparkproof_base::ledger::{OwnedResource, labels};

use super::Engine;
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
            for program in programs {
                if !self.container_has(&name, program).await.or_environment(what())? {
                    return Ok(false);
                }
            }
            Ok(true)
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
