//! The code of each variant.

use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::Variant;

use super::mount::{Client, ExecutorMount, NodeMount};
use super::{Baked, Copy, Remote, Scheme, Strategy, volume};

/// The strategy of a variant.
///
/// # Errors
/// Environment: no machine can prove it. Internal: it is declared, but has no code.
pub fn strategy_of(variant: &'static Variant) -> Result<Box<dyn Strategy>> {
    let remote = |scheme| Box::new(Remote::new(variant, scheme));
    Ok(match variant.id.as_str() {
        "0-copy" => Box::new(Copy::new(variant)),
        "1-baked" => Box::new(Baked::new(variant)),
        "2-s3fs-node" => Box::new(NodeMount::new(variant, Client::S3fs)),
        "2-rclone-node" | "2-rclone-azure-node" => {
            Box::new(NodeMount::new(variant, Client::Rclone))
        }
        "2-blobfuse2-node" => Box::new(NodeMount::new(variant, Client::Blobfuse2)),
        "2-s3fs-executor" => Box::new(ExecutorMount::new(variant, Client::S3fs)),
        "3-hostpath" => Box::new(volume::HostPath::new(variant)),
        "3-pvc-static" => Box::new(volume::StaticClaim::new(variant)),
        "3-pvc-dynamic" => Box::new(volume::DynamicClaim::new(variant)),
        "3-emptydir" => Box::new(volume::EmptyDir::new(variant)),
        "3-configmap" => Box::new(volume::ConfigMap::new(variant)),
        "4-hdfs" => remote(Scheme::Hdfs),
        "4-s3" | "4-s3-moto" => remote(Scheme::S3a),
        "4-wasb" => remote(Scheme::Wasb),
        "4-wasbs" => remote(Scheme::Wasbs),
        "4-abfs" => remote(Scheme::Abfs),
        "4-http" => remote(Scheme::Http),
        "4-https" => remote(Scheme::Https),
        id => {
            return Err(match variant.unprovable(true) {
                Some(reason) => Error::environment(format!("{id} cannot be proven: {reason}")),
                None => {
                    Error::internal(format!("{id} is declared in strategies.toml without code"))
                }
            });
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_kubernetes::access::every;

    #[test]
    fn everything_that_is_used_is_asked_for() {
        let asked = every("3.5.9");
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

    #[test]
    fn a_variant_without_code_fails_by_name() {
        let row = "id = \"4-gopher\"\ntitle = \"a file by gopher://\"\nexpect = []";
        let row: Variant = toml::from_str(row).expect("a row");
        let error = strategy_of(Box::leak(Box::new(row))).err().expect("no code");
        assert!(error.to_string().contains("4-gopher"), "{error}");
    }
}
