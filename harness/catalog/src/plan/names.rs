//! Names that Kubernetes and registries take.

use sparkproof_base::error::{Error, Result};
use sparkproof_base::name::{is_dns_label, is_dns_subdomain};

use crate::plan::{Conf, RawPlan};

/// Spark's key for secrets with which nodes pull its image.
pub(super) const PULL_SECRETS: &str = "spark.kubernetes.container.image.pullSecrets";

/// Checks the image's name and its pull secret.
pub(super) fn check_image(raw: &RawPlan, conf: &Conf) -> Result<()> {
    let white = |image: &&String| image.contains(|c: char| c.is_whitespace() || c.is_control());
    if let Some(image) = raw.image.as_ref().filter(white) {
        let named = raw.named("image");
        return Err(Error::input(format!("{named} {image:?}: a name has no white space")));
    }
    let Some(secret) = &raw.image_pull_secret else { return Ok(()) };
    let named = raw.named("image-pull-secret");
    if !is_dns_subdomain(secret) {
        return Err(Error::input(format!(
            "{named} {secret:?}: Kubernetes wants lower case letters, digits, `-` and `.`"
        )));
    }
    if conf.get(PULL_SECRETS).is_some_and(|given| given != secret) {
        return Err(Error::input(format!(
            "{named} names one Secret, --conf {PULL_SECRETS} another"
        ))
        .remedy("leave out one of them"));
    }
    Ok(())
}

/// RFC 1123 label, as Kubernetes wants names of namespaces.
pub(super) fn dns_label(flag: &str, name: &str) -> Result<()> {
    if is_dns_label(name) {
        return Ok(());
    }
    Err(Error::input(format!("{flag} {name}: Kubernetes wants lower case letters, digits and `-`")))
}
