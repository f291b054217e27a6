//! When the credentials of a kubeconfig end.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use kube::config::{AuthInfo, Kubeconfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use secrecy::ExposeSecret;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::EvidenceItem;
use sparkproof_base::verdict::{Cause, Diagnosis};

/// Seconds that the shortest run takes: it connects, starts a session, and cleans up.
const SHORTEST_RUN: i64 = 60;

/// Credentials with an end.
#[derive(Debug, PartialEq, Eq)]
struct Ending {
    /// What they are, e.g. `the token`.
    what: &'static str,
    at: Timestamp,
    /// Whether something renews them in time.
    renewed: bool,
}

/// Checks, before anything is asked or made, that the credentials of a kubeconfig's context (its
/// current one for `None`) outlive the shortest run. Those of a plugin, and what cannot be read, are
/// left to the API server.
///
/// # Errors
/// Environment, with a [`Diagnosis`]: they have ended, or end too soon.
pub(super) fn check(read: &Kubeconfig, context: Option<&str>, now: Timestamp) -> Result<()> {
    let Some((name, user)) = user_of(read, context) else { return Ok(()) };
    let Some(ending) = ending(user) else { return Ok(()) };
    let left = ending.at.duration_since(now).as_secs();
    if left > if ending.renewed { 0 } else { SHORTEST_RUN } {
        return Ok(());
    }
    let when = match left {
        ..=0 => format!("ended {} ago", span(-left)),
        _ => format!("ends in {left} s, before a run can end"),
    };
    let says = format!("{} of the kubeconfig's user {name} {when}, at {}", ending.what, ending.at);
    let diagnosis = Diagnosis {
        cause: Cause::Unauthorized,
        says,
        evidence: vec![EvidenceItem {
            name: "this machine's time".to_owned(),
            text: now.to_string(),
        }],
        remedy: "log in again: renew the token or the certificate of the kubeconfig's user; check \
                 this machine's clock (date)"
            .to_owned(),
        also: Vec::new(),
    };
    Err(Error::environment("the kubeconfig's credentials have expired")
        .remedy(diagnosis.remedy.clone())
        .with_source(diagnosis))
}

fn span(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// The user of a context. It has no `AuthInfo` if the kubeconfig does not have it.
fn user_of<'a>(read: &'a Kubeconfig, context: Option<&str>) -> Option<(&'a str, &'a AuthInfo)> {
    let wanted = context.or(read.current_context.as_deref())?;
    let chosen = read.contexts.iter().find(|one| one.name == wanted)?.context.as_ref()?;
    let user = read.auth_infos.iter().find(|user| Some(&user.name) == chosen.user.as_ref())?;
    Some((&user.name, user.auth_info.as_ref()?))
}

/// The end of the credentials that kube uses: of a token before a certificate's. A plugin renews its
/// own.
fn ending(user: &AuthInfo) -> Option<Ending> {
    if user.exec.is_some() || user.auth_provider.is_some() {
        return None;
    }
    if let Some(token) = &user.token {
        let at = of_token(token.expose_secret())?;
        return Some(Ending { what: "the token", at, renewed: false });
    }
    if let Some(file) = &user.token_file {
        let at = of_token(fs_err::read_to_string(file).ok()?.trim())?;
        return Some(Ending { what: "the token file", at, renewed: true });
    }
    let pem = match (&user.client_certificate_data, &user.client_certificate) {
        (Some(data), _) => base64::engine::general_purpose::STANDARD.decode(data).ok()?,
        (None, Some(file)) => fs_err::read(file).ok()?,
        (None, None) => return None,
    };
    Some(Ending { what: "the client certificate", at: of_certificate(&pem)?, renewed: false })
}

/// `exp` of a JSON Web Token (RFC 7519); `None` for other tokens.
fn of_token(token: &str) -> Option<Timestamp> {
    let claims = token.split('.').nth(1)?;
    let claims = URL_SAFE_NO_PAD.decode(claims.trim_end_matches('=')).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&claims).ok()?;
    #[expect(clippy::cast_possible_truncation, reason = "seconds since 1970")]
    let seconds = claims["exp"].as_f64()? as i64;
    Timestamp::from_second(seconds).ok()
}

/// `notAfter` of the first certificate.
fn of_certificate(pem: &[u8]) -> Option<Timestamp> {
    let der = CertificateDer::from_pem_slice(pem).ok()?;
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
    Timestamp::from_second(certificate.validity().not_after.timestamp()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::{Value, json};

    const NOW: i64 = 1_700_000_000;

    fn token(exp: i64) -> Value {
        let claims = URL_SAFE_NO_PAD.encode(json!({ "sub": "u", "exp": exp }).to_string());
        json!({ "token": format!("e30.{claims}.c2ln") })
    }

    fn certificate(not_after: (i32, u8, u8)) -> Value {
        let mut parameters = rcgen::CertificateParams::new(["u".to_owned()]).expect("valid");
        let (year, month, day) = not_after;
        parameters.not_after = rcgen::date_time_ymd(year, month, day);
        let key = rcgen::KeyPair::generate().expect("a key");
        let pem = parameters.self_signed(&key).expect("signed").pem();
        json!({ "client-certificate-data": base64::engine::general_purpose::STANDARD.encode(pem) })
    }

    fn checked(user: &Value) -> Result<()> {
        let read = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{ "name": "k", "cluster": { "server": "https://127.0.0.1:1" } }],
            "contexts": [{ "name": "c", "context": { "cluster": "k", "user": "u" } },
                         { "name": "none", "context": { "cluster": "k" } }],
            "users": [{ "name": "u", "user": user }],
        });
        let read: Kubeconfig = serde_json::from_value(read).expect("a kubeconfig");
        let now = Timestamp::from_second(NOW).expect("a time");
        check(&read, Some("none"), now).expect("another user");
        check(&read, None, now)
    }

    #[rstest]
    #[case::valid_for_an_hour(token(NOW + 3600), None)]
    #[case::ended(token(NOW - 7300), Some("the token of the kubeconfig's user u ended 2 h ago"))]
    #[case::ends_too_soon(token(NOW + 40), Some("ends in 40 s, before a run can end"))]
    #[case::no_web_token(json!({ "token": "opaque" }), None)]
    #[case::no_end(json!({ "token": "e30.e30.e30" }), None)]
    #[case::valid_certificate(certificate((2033, 1, 1)), None)]
    #[case::old_certificate(certificate((2023, 1, 1)), Some("the client certificate of the kubeconfig's user u ended 317 days ago"))]
    #[case::nothing(json!({}), None)]
    fn credentials_that_end_are_said_before_anything_is_made(
        #[case] user: Value,
        #[case] says: Option<&str>,
    ) {
        let checked = checked(&user);
        let Some(says) = says else { return checked.expect("valid") };
        let error = checked.expect_err("ended");
        let diagnosis = Diagnosis::from_error(&error).expect("a diagnosis");
        assert_eq!(diagnosis.cause, Cause::Unauthorized);
        assert!(diagnosis.says.contains(says), "{}", diagnosis.says);
        assert!(error.remedy.is_some_and(|words| words.contains("log in again")));
    }

    /// A plugin makes new ones.
    #[test]
    fn a_plugin_is_left_alone() {
        let mut user = token(NOW - 10);
        user["exec"] = json!({ "apiVersion": "client.authentication.k8s.io/v1", "command": "x" });
        checked(&user).expect("left alone");
    }

    #[test]
    fn a_token_file_is_read() {
        let dir = tempfile::tempdir().expect("a directory");
        let file = dir.path().join("token");
        let text = token(NOW - 10)["token"].as_str().map(str::to_owned).expect("a token");
        std::fs::write(&file, text + "\n").expect("written");
        let error = checked(&json!({ "tokenFile": file })).expect_err("ended");
        assert!(error.summary().contains("the token file"), "{}", error.summary());
    }
}
