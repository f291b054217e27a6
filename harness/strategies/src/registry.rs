//! The code of each variant.

use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::{Variant, VariantId};

use super::mount::{Client, ExecutorMount, NodeMount};
use super::{Baked, Copy, Remote, Scheme, Strategy, volume};

/// The strategy of a variant.
///
/// # Errors
/// Environment: no machine can prove it.
pub fn strategy_of(variant: &'static Variant) -> Result<Box<dyn Strategy>> {
    let remote = |scheme| Box::new(Remote::new(variant, scheme));
    Ok(match variant.id {
        VariantId::Copy => Box::new(Copy::new(variant)),
        VariantId::Baked => Box::new(Baked::new(variant)),
        VariantId::S3fsNode => Box::new(NodeMount::new(variant, Client::S3fs)),
        VariantId::RcloneNode | VariantId::RcloneAzureNode => {
            Box::new(NodeMount::new(variant, Client::Rclone))
        }
        VariantId::Blobfuse2Node => Box::new(NodeMount::new(variant, Client::Blobfuse2)),
        VariantId::S3fsExecutor => Box::new(ExecutorMount::new(variant, Client::S3fs)),
        VariantId::HostPath => Box::new(volume::HostPath::new(variant)),
        VariantId::PvcStatic => Box::new(volume::StaticClaim::new(variant)),
        VariantId::PvcDynamic => Box::new(volume::DynamicClaim::new(variant)),
        VariantId::EmptyDir => Box::new(volume::EmptyDir::new(variant)),
        VariantId::ConfigMap => Box::new(volume::ConfigMap::new(variant)),
        VariantId::Hdfs => remote(Scheme::Hdfs),
        VariantId::S3 | VariantId::S3Moto => remote(Scheme::S3a),
        VariantId::Wasb => remote(Scheme::Wasb),
        VariantId::Wasbs => remote(Scheme::Wasbs),
        VariantId::Abfs => remote(Scheme::Abfs),
        VariantId::Http => remote(Scheme::Http),
        VariantId::Https => remote(Scheme::Https),
        VariantId::Nfs => {
            let reason = variant.unprovable(true).unwrap_or("it has no code");
            let id = variant.id;
            return Err(Error::environment(format!("{id} cannot be proven: {reason}")));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_catalog::SparkVersion;
    use sparkproof_kubernetes::access::every;

    #[test]
    fn everything_that_is_used_is_asked_for() {
        let asked = every(&SparkVersion::new(3, 5, 9));
        for variant in sparkproof_catalog::variants() {
            let Ok(strategy) = strategy_of(variant) else { continue };
            for rule in strategy.needs().iter().chain(&strategy.verbs()) {
                assert!(asked.contains(rule), "{}: {rule}", variant.id);
            }
        }
    }

    #[test]
    fn each_declared_variant_has_its_code_or_says_why_not() {
        for variant in sparkproof_catalog::variants() {
            match strategy_of(variant) {
                Ok(strategy) => assert_eq!(strategy.variant().id, variant.id),
                Err(error) => {
                    let reason = variant.unprovable(true).unwrap_or("none is declared");
                    assert!(error.to_string().contains(reason), "{error}");
                }
            }
        }
    }
}
