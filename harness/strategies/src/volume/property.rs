//! Volumes of executors by Spark's properties (running-on-kubernetes.md, "Using Kubernetes
//! Volumes").

use std::path::Path;

use sparkproof_catalog::SparkVersion;
use sparkproof_spark::session::SessionOverlay;

/// A directory of the node, `from`, mounted at `to`. Spark before 4.0 cannot require that it exists
/// (`options.type`, SPARK-49731): the kubelet then creates an empty one, and a mistyped path looks
/// like a missing file.
pub fn by_host_path(name: &str, spark: &SparkVersion, from: &Path, to: &Path) -> SessionOverlay {
    let path = from.to_string_lossy();
    let mut options = vec![("path", path.as_ref())];
    if spark.minor() >= (4, 0) {
        options.push(("type", "Directory"));
    }
    volume("hostPath", name, to, true, &options)
}

/// An existing claim, mounted at `to`.
pub fn by_claim(name: &str, claim: &str, to: &Path) -> SessionOverlay {
    volume("persistentVolumeClaim", name, to, true, &[("claimName", claim)])
}

/// A claim that Spark creates for each executor, with a class and a size such as `1Gi`, mounted at
/// `to`.
pub fn on_demand(name: &str, class: &str, size: &str, to: &Path) -> SessionOverlay {
    let options = [("claimName", "OnDemand"), ("storageClass", class), ("sizeLimit", size)];
    volume("persistentVolumeClaim", name, to, false, &options)
}

fn volume(
    kind: &str,
    name: &str,
    to: &Path,
    read_only: bool,
    options: &[(&str, &str)],
) -> SessionOverlay {
    let key = |rest: &str| format!("spark.kubernetes.executor.volumes.{kind}.{name}.{rest}");
    let mount = [
        (key("mount.path"), to.display().to_string()),
        (key("mount.readOnly"), read_only.to_string()),
    ];
    let options =
        options.iter().map(|(option, value)| (key(&format!("options.{option}")), (*value).into()));
    SessionOverlay { conf: mount.into_iter().chain(options).collect(), ..SessionOverlay::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(contribution: &SessionOverlay) -> String {
        let lines = contribution.conf.iter().map(|(key, value)| format!("{key}={value}"));
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn a_directory_of_the_node_must_exist_where_spark_can_say_so() {
        let of = |spark: SparkVersion| {
            let (from, to) = (Path::new("/node/data"), Path::new("/var/tmp/data"));
            lines(&by_host_path("data", &spark, from, to))
        };
        insta::assert_snapshot!("host_path_3.5.9", of(SparkVersion::new(3, 5, 9)));
        insta::assert_snapshot!("host_path_4.3.0", of(SparkVersion::new(4, 3, 0)));
    }

    #[test]
    fn claims() {
        let to = Path::new("/var/tmp/data");
        insta::assert_snapshot!("claim", lines(&by_claim("data", "mine", to)));
        insta::assert_snapshot!("on_demand", lines(&on_demand("data", "standard", "1Gi", to)));
    }
}
