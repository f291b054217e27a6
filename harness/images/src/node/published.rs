//! Node images that kind and Minikube publish: used if a registry answers with exactly that digest.

use std::fmt;
use std::time::Duration;

use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::errors::Error as DockerError;
use bollard::query_parameters::CreateImageOptionsBuilder;
use futures::StreamExt;
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_base::events::StepGuard;
use sparkproof_catalog::kubernetes::KubernetesRelease;
use sparkproof_machine::engine::is_root;

use crate::credentials::{credentials, registry_of};

/// The repository of kind's node images.
pub(super) const KIND: &str = "kindest/node";
/// Time limit of the daemon's request to a registry. The daemon gives up by itself if none is
/// reachable; a slow registry still counts.
const PROBE: Duration = Duration::from_secs(60);
/// Error codes of registries that refuse (distribution specification), as the daemon passes them on
/// if its own status is less specific.
const REFUSALS: [&str; 3] = ["toomanyrequests", "unauthorized", "denied"];

/// Whether an image can be pulled.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Pull this reference, `name@digest`.
    Pull(String),
    /// It cannot be pulled, for this reason.
    Assemble(Lack),
}

/// Why an image cannot be pulled.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Lack {
    /// It is not published.
    Unpublished(String),
    /// The registry does not have it.
    Absent(String),
    /// The registry refuses this user, or refuses for now.
    Refused(String),
    /// No registry answers.
    Unreachable(String),
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Lack::Unpublished(why) => f.write_str(why),
            Lack::Absent(why) => write!(f, "the registry does not have it: {why}"),
            Lack::Refused(why) => write!(f, "the registry refuses it: {why}"),
            Lack::Unreachable(why) => write!(f, "no image registry answers ({why})"),
        }
    }
}

impl Lack {
    /// The remedy, other than assembling.
    const fn remedy(&self) -> &'static str {
        match self {
            Lack::Unpublished(_) => "choose another --kubernetes-version",
            Lack::Absent(_) => {
                "check that the registry, or its mirror in the Docker daemon's \
                                configuration, has it"
            }
            Lack::Refused(_) => {
                "`docker login` with an account that may pull it; without a login \
                                 limits are shared by all users of an address"
            }
            Lack::Unreachable(_) => {
                "configure a network, a proxy or a mirror for the Docker daemon"
            }
        }
    }

    /// Records why an image is going to be assembled.
    ///
    /// # Errors
    /// Environment: this user cannot assemble it; the remedy is for pulling.
    pub(super) fn assembling(&self, context: &Context, what: &str) -> Result<()> {
        self.assembling_as(context, what, is_root())
    }

    fn assembling_as(&self, context: &Context, what: &str, root: bool) -> Result<()> {
        if !root {
            return Err(Error::environment(format!(
                "{what}: {self}; and assembling it needs root"
            ))
            .remedy(format!("{}; or run as root", self.remedy())));
        }
        let text = format!("{what} is assembled: {self}");
        match self {
            Lack::Refused(_) => context.recorder.warn(format!("{text}; {}", self.remedy())),
            _ => context.recorder.info(text),
        }
        Ok(())
    }
}

/// Checks whether the registry has kind's image of a release.
pub(super) async fn decide(
    context: &Context,
    docker: &Docker,
    release: &KubernetesRelease,
) -> Decision {
    match &release.published {
        Some(digest) => ask(context, docker, KIND, digest).await,
        None => Decision::Assemble(Lack::Unpublished(format!(
            "this kind release publishes no node image of {}",
            release.version
        ))),
    }
}

/// Asks the registry through the daemon, which has the mirrors; the client sends the credentials.
pub(super) async fn ask(
    context: &Context,
    docker: &Docker,
    repository: &str,
    digest: &str,
) -> Decision {
    let reference = format!("{repository}@{digest}");
    let credentials = credentials_of(context, &reference).await;
    probe(docker, reference, digest, credentials).await
}

/// Credentials for a reference's registry; without them public images can still be pulled.
async fn credentials_of(context: &Context, reference: &str) -> Option<DockerCredentials> {
    credentials(context, registry_of(reference)).await.unwrap_or_else(|error| {
        context.recorder.warn(format!("pulling {reference} without credentials: {error}"));
        None
    })
}

async fn probe(
    docker: &Docker,
    reference: String,
    expected: &str,
    credentials: Option<DockerCredentials>,
) -> Decision {
    let asked = docker.inspect_registry_image(&reference, credentials);
    let Ok(answer) = tokio::time::timeout(PROBE, asked).await else {
        let why = format!("no answer within {} s", PROBE.as_secs());
        return Decision::Assemble(Lack::Unreachable(why));
    };
    Decision::Assemble(match answer {
        Ok(seen) => match seen.descriptor.digest.unwrap_or_default() {
            seen if seen == expected => return Decision::Pull(reference),
            seen => Lack::Absent(format!("it has {seen}, expected {expected}")),
        },
        Err(error) => lack_of(error),
    })
}

fn lack_of(error: DockerError) -> Lack {
    let DockerError::DockerResponseServerError { status_code, message } = error else {
        return Lack::Unreachable(error.to_string());
    };
    let refused = REFUSALS.iter().any(|code| message.contains(code));
    match status_code {
        401 | 403 | 429 => Lack::Refused(message),
        _ if refused => Lack::Refused(message),
        404 => Lack::Absent(message),
        _ => Lack::Unreachable(message),
    }
}

/// Pulls the image.
pub(super) async fn pull(
    context: &Context,
    docker: &Docker,
    reference: &str,
    step: &StepGuard,
) -> Result<()> {
    let credentials = credentials_of(context, reference).await;
    let options = CreateImageOptionsBuilder::default().from_image(reference).build();
    let mut progress = docker.create_image(Some(options), None, credentials);
    while let Some(item) = progress.next().await {
        let item = item.or_environment(format!("pulling {reference}"))?;
        if let (Some(layer), Some(status)) = (item.id, item.status) {
            step.progress(format!("{layer} {status}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rstest::rstest;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use sparkproof_base::testing::test_context;

    /// A daemon that answers one question, after this time; and what it was asked.
    async fn asked(
        status: &str,
        body: &str,
        after: Duration,
        credentials: Option<DockerCredentials>,
    ) -> (Decision, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let answer = format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{body}",
            body.len()
        );
        let daemon = async {
            let (mut connection, _) = listener.accept().await.expect("a connection");
            let mut bytes = vec![0; 4096];
            let read = connection.read(&mut bytes).await.expect("a request");
            tokio::time::sleep_until(tokio::time::Instant::now() + after).await;
            connection.write_all(answer.as_bytes()).await.expect("answered");
            String::from_utf8_lossy(&bytes[..read]).into_owned()
        };
        let version = bollard::API_DEFAULT_VERSION;
        let docker = Docker::connect_with_http(&format!("tcp://{address}"), 3600, version);
        let docker = docker.expect("a client");
        let reference = format!("{KIND}@sha256:a");
        tokio::join!(probe(&docker, reference, "sha256:a", credentials), daemon)
    }

    const RIGHT: &str = r#"{"Descriptor": {"digest": "sha256:a"}, "Platforms": []}"#;
    const OTHER: &str = r#"{"Descriptor": {"digest": "sha256:b"}, "Platforms": []}"#;
    const LIMITED: &str =
        r#"{"message": "toomanyrequests: You have reached your unauthenticated pull rate limit."}"#;
    const UNKNOWN: &str = r#"{"message": "manifest unknown: manifest unknown"}"#;
    const NO_HOST: &str = r#"{"message": "Get \"https://r.test/v2/\": dial tcp: no such host"}"#;

    #[rstest]
    #[case("200 OK", OTHER, "the registry does not have it: it has sha256:b, expected sha256:a")]
    #[case("404 Not Found", UNKNOWN, "the registry does not have it: manifest unknown")]
    #[case("429 Too Many Requests", LIMITED, "the registry refuses it: toomanyrequests")]
    #[case("500 Internal Server Error", LIMITED, "the registry refuses it: toomanyrequests")]
    #[case("401 Unauthorized", r#"{"message": "no"}"#, "the registry refuses it: no")]
    #[case("500 Internal Server Error", NO_HOST, "no image registry answers")]
    #[tokio::test]
    async fn what_cannot_be_pulled_is_absent_refused_or_unreachable(
        #[case] status: &str,
        #[case] body: &str,
        #[case] expected: &str,
    ) {
        let (decision, _) = asked(status, body, Duration::ZERO, None).await;
        let Decision::Assemble(lack) = decision else { panic!("pulled") };
        assert!(lack.to_string().starts_with(expected), "{lack}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_registry_is_waited_for() {
        let (decision, _) = asked("200 OK", RIGHT, Duration::from_secs(40), None).await;
        assert_eq!(decision, Decision::Pull("kindest/node@sha256:a".into()));
    }

    #[tokio::test]
    async fn the_credentials_of_a_login_are_sent() {
        let me = DockerCredentials {
            username: Some("me".into()),
            password: Some("x".into()),
            ..DockerCredentials::default()
        };
        let (decision, request) = asked("200 OK", RIGHT, Duration::ZERO, Some(me)).await;
        assert_eq!(decision, Decision::Pull("kindest/node@sha256:a".into()));
        assert!(request.to_lowercase().contains("x-registry-auth: "), "{request}");
    }

    #[test]
    fn who_cannot_assemble_is_told_why_nothing_was_pulled() {
        let (context, _keep) = test_context();
        let limited = Lack::Refused("toomanyrequests".into());
        let error = limited.assembling_as(&context, "node image", false).expect_err("not root");
        assert_eq!(error.exit, sparkproof_base::Exit::Environment);
        let message = error.summary();
        assert!(
            message.contains("toomanyrequests") && message.contains("docker login"),
            "{message}"
        );
        limited.assembling_as(&context, "node image", true).expect("root assembles");
    }
}
