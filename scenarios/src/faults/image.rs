//! Images and containers.

use sparkproof::verdict::Cause;

use super::fault::Change::{Conf, Image, Layer, PodTemplate, Put, Runs, Template as Made};
use super::fault::{Change, Fault, Template, container, pod};

/// A registry on the node's loopback that wants a password. Every image has Perl's base: it is of
/// Debian.
pub(super) const WANTS_PASSWORD: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: registry}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  containers:
  - name: registry
    image: $IMAGE
    command: [perl, '-MIO::Socket::INET', '-e']
    args:
    - |
      my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 21401, Listen => 8,
                                    ReuseAddr => 1) or die $!;
      while (my $c = $s->accept) {
        while (my $l = <$c>) { last unless $l =~ /\S/ }
        print $c "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"team\"\r\n"
               . "Content-Length: 0\r\nConnection: close\r\n\r\n";
        close $c;
      }
"#;
/// One that has had enough.
const HAD_ENOUGH: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: registry}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 0
  containers:
  - name: registry
    image: $IMAGE
    command: [perl, '-MIO::Socket::INET', '-e']
    args:
    - |
      my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 21402, Listen => 8,
                                    ReuseAddr => 1) or die $!;
      while (my $c = $s->accept) {
        while (my $l = <$c>) { last unless $l =~ /\S/ }
        print $c "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        close $c;
      }
"#;
const SECRET: &str = "\
apiVersion: v1
kind: Secret
metadata: {name: team-key}
stringData: {word: x}
";
const OTHER_SECRET: &str = "\
apiVersion: v1
kind: Secret
metadata: {name: team-key}
stringData: {other: x}
";
const SETTINGS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: team-settings}
data: {mode: fast}
";
const OTHER_SETTINGS: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: team-settings}
data: {other: fast}
";
/// Its handler is not one of the node's.
const NO_HANDLER: &str = "\
apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata: {name: sandboxed-$RUN}
handler: nosuch
";
/// The header of a program for s390x, which no node of ours is.
const FOREIGN: &[u8] = b"\x7fELF\x02\x02\x01\0\0\0\0\0\0\0\0\0\0\x02\0\x16\0\0\0\x01\
    \0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\x38\0\0\0\x40\0\0\0\0";
const FETCH_FAILS: &str = "\
initContainers: [{name: fetch-data, image: $IMAGE, command: [sh, -c, 'echo no such bucket; exit 3']}]";
const FETCH_UNKNOWN: &str = "\
initContainers: [{name: fetch-data, image: 'sparkproof.invalid/fetch:1', imagePullPolicy: Never}]";

fn secret_key() -> Change {
    Conf("spark.kubernetes.executor.secretKeyRef.WORD", "team-key:word")
}

/// The faults of this group.
pub fn faults() -> Vec<Fault> {
    let mode = || {
        container(
            "env: [{name: MODE, valueFrom: {configMapKeyRef: {name: team-settings, key: mode}}}]",
        )
    };
    vec![
        Fault::new("image-never-pulled", Cause::ImageNeverPulled)
            .with(Image("sparkproof.invalid/spark:none"))
            .with(Conf("spark.kubernetes.container.image.pullPolicy", "Never"))
            .says(&["sparkproof.invalid/spark:none"]),
        Fault::new("image-not-in-the-registry", Cause::WrongImage)
            // The kubelet's health endpoint speaks HTTP and says 404.
            .with(Image("127.0.0.1:10248/team/spark:1"))
            .says(&["127.0.0.1:10248/team/spark:1"]),
        Fault::new("image-name-invalid", Cause::InvalidImageName)
            .with(Image("sparkproof.invalid/Team/Spark:1"))
            .says(&["sparkproof.invalid/Team/Spark:1"]),
        Fault::new("registry-refuses-connections", Cause::RegistryUnreachable)
            .with(Image("127.0.0.1:9/team/spark:1"))
            .says(&["127.0.0.1:9"])
            .not(Cause::WrongImage),
        Fault::new("registry-of-no-name", Cause::RegistryUnreachable)
            .with(Image("registry.sparkproof.invalid/team/spark:1"))
            .says(&["registry.sparkproof.invalid"])
            .not(Cause::WrongImage),
        // kube-proxy's health endpoint, at an address for which the node wants TLS.
        Fault::new("registry-without-tls", Cause::RegistryTls)
            .with(Image("$ADDRESS:10256/team/spark:1"))
            .says(&["$ADDRESS:10256"])
            .not(Cause::WrongImage),
        // The API server, whose authority the node's runtime does not know.
        Fault::new("registry-of-unknown-authority", Cause::RegistryTls)
            .with(Image("$ADDRESS:6443/team/spark:1"))
            .says(&["$ADDRESS:6443"])
            .not(Cause::WrongImage),
        Fault::new("registry-wants-a-password", Cause::RegistryDenies)
            .with(Put(WANTS_PASSWORD))
            .with(Runs("registry"))
            .with(Image("127.0.0.1:21401/team/spark:1"))
            .says(&["127.0.0.1:21401"])
            .not(Cause::WrongImage),
        Fault::new("registry-has-had-enough", Cause::RegistryRateLimit)
            .with(Put(HAD_ENOUGH))
            .with(Runs("registry"))
            .with(Image("127.0.0.1:21402/team/spark:1"))
            .says(&["127.0.0.1:21402"])
            .not(Cause::WrongImage),
        Fault::new("secret-missing", Cause::SecretMissing)
            .with(secret_key())
            .says(&["team-key"])
            .cured_by(Put(SECRET)),
        Fault::new("secret-without-the-key", Cause::SecretMissing)
            .with(Put(OTHER_SECRET))
            .with(secret_key())
            .says(&["team-key", "word"])
            .cured_by(Put(SECRET)),
        Fault::new("secret-of-a-volume-missing", Cause::SecretMissing)
            .with(Conf("spark.kubernetes.executor.secrets.team-key", "/etc/team"))
            .says(&["team-key"])
            .not(Cause::VolumeNotMounted)
            .cured_by(Put(SECRET)),
        Fault::new("config-map-missing", Cause::ConfigMapMissing)
            .with(container("envFrom: [{configMapRef: {name: team-settings}}]"))
            .says(&["team-settings"])
            .cured_by(Put(SETTINGS)),
        Fault::new("config-map-without-the-key", Cause::ConfigMapMissing)
            .with(Put(OTHER_SETTINGS))
            .with(mode())
            .says(&["team-settings", "mode"])
            .cured_by(Put(SETTINGS)),
        Fault::new("config-map-of-a-volume-missing", Cause::ConfigMapMissing)
            .with(Made(Template {
                pod: "volumes: [{name: data, configMap: {name: team-settings}}]",
                container: "volumeMounts: [{name: data, mountPath: /data}]",
                beside: "",
            }))
            .says(&["team-settings"])
            .not(Cause::VolumeNotMounted)
            .cured_by(Put(SETTINGS)),
        Fault::new("runs-as-root", Cause::RunsAsRoot)
            .with(pod("securityContext: {runAsNonRoot: true, runAsUser: 0}"))
            .cured_by(PodTemplate(Template {
                pod: "securityContext: {runAsNonRoot: true, runAsUser: 185}",
                container: "",
                beside: "",
            })),
        Fault::new("image-of-another-architecture", Cause::ImageOtherArchitecture)
            .with(Layer("/opt/entrypoint.sh", FOREIGN)),
        Fault::new("image-without-entrypoint", Cause::ImageWithoutSpark)
            .with(Layer("/opt/.wh.entrypoint.sh", b""))
            .says(&["entrypoint"]),
        Fault::new("image-without-jars", Cause::ImageWithoutSpark)
            .with(Layer("/opt/spark/.wh.jars", b"")),
        Fault::new("command-missing", Cause::ContainerNotCreated)
            .or(Cause::ImageWithoutSpark)
            .with(container("command: [/no/such/program]"))
            .says(&["/no/such/program"]),
        Fault::new("init-container-fails", Cause::InitContainerFailed)
            .with(pod(FETCH_FAILS))
            .says(&["fetch-data"]),
        Fault::new("init-containers-image", Cause::ImageNeverPulled)
            .with(pod(FETCH_UNKNOWN))
            .says(&["sparkproof.invalid/fetch:1"])
            .not(Cause::InitContainerFailed),
        Fault::new("sandbox-without-handler", Cause::SandboxFailed)
            .with(Put(NO_HANDLER))
            .with(pod("runtimeClassName: sandboxed-$RUN"))
            .says(&["nosuch"]),
    ]
}
