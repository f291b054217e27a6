//! Whether an API server is reached through a proxy.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use kube::config::{Config, KubeConfigOptions, Kubeconfig, KubeconfigError};

use crate::error::{Error, OrFail, Result};

/// Variables by which processes learn of a proxy, and of what is not behind it.
pub(crate) const PROXY_VARIABLES: [&str; 8] = [
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
];

/// How an API server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// It runs on this machine, made by sparkproof: never through a proxy.
    Direct,
    /// The user's: as kubectl does, see [`proxy_of`].
    AsKubectl,
}

/// The proxy between this machine and the server of a kubeconfig's cluster: its `proxy-url`, always;
/// else `HTTPS_PROXY` (or `https_proxy`), unless the server is of this machine or `NO_PROXY` names it.
/// As client-go and Go's `http.ProxyFromEnvironment`. kube 5.0.0 has no part in it: it holds
/// `NO_PROXY` against the proxy's address, not the server's.
pub(super) fn proxy_of(
    server: &Uri,
    named: Option<&str>,
    environment: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let set = |text: &String| !text.is_empty();
    if let Some(named) = named.filter(|url| !url.is_empty()) {
        return Some(with_scheme(named));
    }
    let first = |names: [&str; 2]| names.into_iter().find_map(|name| environment(name).filter(set));
    let proxy = match server.scheme_str() {
        Some("http") => first(["HTTP_PROXY", "http_proxy"]),
        _ => first(["HTTPS_PROXY", "https_proxy"]),
    }?;
    let host = server.host()?.trim_matches(['[', ']']);
    let loopback = host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    if loopback || host == "localhost" {
        return None;
    }
    let excluded = first(["NO_PROXY", "no_proxy"]).unwrap_or_default();
    let matcher = Matcher::builder().all(&proxy).no(excluded).build();
    matcher.intercept(server).map(|_| with_scheme(&proxy))
}

/// `proxy:3128` is an HTTP proxy.
fn with_scheme(proxy: &str) -> String {
    if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") }
}

/// A proxy's address as kube takes it. Errors leave it out: it may hold a password.
pub(super) fn url_of(proxy: &str) -> Result<Uri> {
    const SCHEMES: [&str; 3] = ["http", "https", "socks5"];
    let url: Uri = proxy.parse().or_input("the proxy's address")?;
    let scheme = url.scheme_str().unwrap_or_default();
    match SCHEMES.contains(&scheme) {
        true => Ok(url),
        false => Err(Error::input(format!("a proxy is named by {scheme}://"))
            .remedy(format!("one of {}", SCHEMES.join(", ")))),
    }
}

/// As [`proxy_of`], in this process.
pub(super) fn proxy_here(server: &Uri, named: Option<&str>) -> Option<String> {
    proxy_of(server, named, |name| std::env::var(name).ok())
}

/// What of a proxy's variables kube cannot read, said before anything is made: it reads them with
/// every kubeconfig, also where no proxy is used.
///
/// # Errors
/// Bad input: `HTTPS_PROXY` is no URL, or `NO_PROXY` holds an empty entry or one with a space.
pub(crate) async fn accept_environment() -> Result<()> {
    let text = r#"{"clusters": [{"name": "x", "cluster": {"server": "https://127.0.0.1"}}],
                   "contexts": [{"name": "x", "context": {"cluster": "x"}}]}"#;
    let sample: Kubeconfig = serde_json::from_str(text).or_internal("a kubeconfig")?;
    let options = KubeConfigOptions { context: Some("x".to_owned()), ..Default::default() };
    match Config::from_custom_kubeconfig(sample, &options).await {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(unreadable(&error)
                .unwrap_or_else(|| Error::internal("a kubeconfig").because(error)))
        }
    }
}

/// What is wrong with a proxy's variables, when that is the error.
pub(super) fn unreadable(error: &KubeconfigError) -> Option<Error> {
    let (what, remedy) = match error {
        KubeconfigError::ParseNoProxy(_) => (
            "NO_PROXY cannot be read",
            "host names, .suffixes, addresses and CIDRs with one comma between them, none empty",
        ),
        KubeconfigError::ParseProxyUrl(_) => {
            ("the proxy's address cannot be read", "HTTPS_PROXY or proxy-url as http://HOST:PORT")
        }
        _ => return None,
    };
    let source = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    Some(Error::input(format!("{what}: {source}")).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_proxys_address_is_said_without_its_password() {
        for proxy in ["socks4://me:secret@proxy:1080", "http://me:sec ret@proxy"] {
            let error = url_of(proxy).expect_err("refused");
            assert!(!error.told().contains("sec"), "{}", error.told());
        }
        assert!(url_of("http://me:secret@proxy:3128").is_ok());
    }

    #[rstest]
    #[case::behind_the_proxy("https://api.corp:6443", None, "", Some("http://proxy:3128"))]
    #[case::loopback("https://127.0.0.1:6443", None, "", None)]
    #[case::loopback_of_ipv6("https://[::1]:6443", None, "", None)]
    #[case::localhost("https://localhost:6443", None, "", None)]
    #[case::a_cidr("https://10.1.2.3:6443", None, "192.0.2.1, 10.0.0.0/8", None)]
    #[case::another_cidr("https://10.1.2.3:6443", None, "10.2.0.0/16", Some("http://proxy:3128"))]
    #[case::a_suffix("https://api.corp:6443", None, ".corp", None)]
    #[case::a_domain("https://api.corp:6443", None, "corp", None)]
    #[case::everything("https://api.corp:6443", None, "*", None)]
    #[case::the_proxy_itself("https://api.corp:6443", None, "proxy", Some("http://proxy:3128"))]
    // Of a kubeconfig that names a proxy kubectl asks nothing else.
    #[case::named("https://api.corp:6443", Some("socks5://s:1080"), "*", Some("socks5://s:1080"))]
    fn a_users_server_is_reached_as_kubectl_reaches_it(
        #[case] server: &str,
        #[case] named: Option<&str>,
        #[case] excluded: &str,
        #[case] expected: Option<&str>,
    ) {
        let environment = |name: &str| match name {
            "https_proxy" => Some("proxy:3128".to_owned()),
            "NO_PROXY" => Some(excluded.to_owned()),
            _ => None,
        };
        let server = server.parse().expect("a URL");
        assert_eq!(proxy_of(&server, named, environment).as_deref(), expected);
        assert_eq!(proxy_of(&server, None, |_| None), None, "no proxy anywhere");
    }
}
