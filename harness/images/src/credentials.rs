//! Credentials for registries, from `docker login` or credential helpers.

use std::time::Duration;

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, ErrorContext, Result};

/// Docker Hub's name in docker's configuration; references omit it.
const HUB: &str = "https://index.docker.io/v1/";
/// A helper's message if it has no credentials for a registry (docker-credential-helpers,
/// `credentials.ErrCredentialsNotFound`; docker's CLI compares the same text).
const NOT_FOUND: &str = "credentials not found in native keychain";

/// Time limit of a credential helper.
const HELPER: Duration = Duration::from_secs(30);

/// The registry of a reference, as docker's configuration names it: its first part if that is a
/// host (with a dot or a port, or `localhost`), else Docker Hub.
pub(super) fn registry_of(reference: &str) -> &str {
    let first = reference.split_once('/').map_or("", |(first, _)| first);
    match first.contains(['.', ':']) || first == "localhost" {
        true if first != "docker.io" => first,
        _ => HUB,
    }
}

/// The credentials for a registry from docker's configuration, if there are any. Their secret is
/// registered to be masked.
///
/// # Errors
/// Bad input: the configuration or a helper cannot be read.
pub(super) async fn credentials(
    context: &Context,
    registry: &str,
) -> Result<Option<DockerCredentials>> {
    let name = registry.to_owned();
    // A helper is a program, which may wait for a password that nobody can type.
    let asked = tokio::task::spawn_blocking(move || docker_credential::get_credential(&name));
    let held = tokio::time::timeout(HELPER, asked).await.map_err(|_| {
        let seconds = HELPER.as_secs();
        Error::input(format!("a credential helper for {registry} did not answer in {seconds} s"))
            .remedy("see credHelpers and credsStore in docker's config.json")
    })?;
    usable(held.or_internal("asking for credentials")?, registry, |secret| {
        context.recorder.secrets().register(secret);
    })
}

fn usable(
    held: Result<DockerCredential, CredentialRetrievalError>,
    registry: &str,
    mask: impl Fn(&str),
) -> Result<Option<DockerCredentials>> {
    let absent = |said: &str| said.trim() == NOT_FOUND;
    match held {
        Ok(DockerCredential::UsernamePassword(username, password)) => {
            mask(&password);
            Ok(Some(DockerCredentials {
                username: Some(username),
                password: Some(password),
                ..DockerCredentials::default()
            }))
        }
        Ok(DockerCredential::IdentityToken(token)) => {
            mask(&token);
            Ok(Some(DockerCredentials {
                identitytoken: Some(token),
                ..DockerCredentials::default()
            }))
        }
        // Without a login there is no file.
        Err(
            CredentialRetrievalError::NoCredentialConfigured
            | CredentialRetrievalError::ConfigNotFound
            | CredentialRetrievalError::ConfigReadError,
        ) => Ok(None),
        Err(CredentialRetrievalError::HelperFailure { stdout, stderr, .. })
            if absent(&stdout) || absent(&stderr) =>
        {
            Ok(None)
        }
        Err(error) => Err(Error::input(format!("reading the credentials of {registry}"))
            .with_source(error)
            .remedy("run `docker login` again")),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("kindest/node@sha256:a", HUB)]
    #[case("docker.io/kindest/node:v1", HUB)]
    #[case("ubuntu", HUB)]
    #[case("gcr.example/k8s-minikube/kicbase@sha256:a", "gcr.example")]
    #[case("localhost:5000/x", "localhost:5000")]
    fn a_reference_names_its_registry(#[case] reference: &str, #[case] registry: &str) {
        assert_eq!(registry_of(reference), registry);
    }

    #[test]
    fn a_helper_that_holds_nothing_is_no_failure() {
        let failed = |stdout: &str| {
            Err(CredentialRetrievalError::HelperFailure {
                helper: "desktop".to_owned(),
                stdout: stdout.to_owned(),
                stderr: String::new(),
            })
        };
        let nothing =
            usable(failed("credentials not found in native keychain\n"), "r.test", |_| {});
        assert_eq!(nothing.expect("no credentials"), None);
        let broken = usable(failed("keychain is locked"), "r.test", |_| {});
        assert_eq!(broken.expect_err("refused").exit, sparkproof_base::Exit::BadInput);
        let held = DockerCredential::UsernamePassword("me".to_owned(), "secret".to_owned());
        let masked = std::cell::RefCell::new(Vec::new());
        let got = usable(Ok(held), "r.test", |secret| masked.borrow_mut().push(secret.to_owned()));
        let got = got.expect("read").expect("credentials");
        assert_eq!(
            (got.username.as_deref(), masked.into_inner()),
            (Some("me"), vec!["secret".to_owned()])
        );
    }
}
