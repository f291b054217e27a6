//! The proxy through which an API server is reached.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;
use sparkproof_base::error::{Error, ErrorContext, Result};

/// Environment variables for a proxy and its exceptions.
pub const PROXY_VARIABLES: [&str; 8] = [
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
    /// Directly: sparkproof made it, on this machine.
    Direct,
    /// As kubectl does, for a user's cluster: see [`proxy_of`].
    AsKubectl,
}

/// A proxy, with the setting that names it.
#[derive(Clone)]
pub(super) struct Proxy {
    /// Its URL, which may contain a password.
    pub(super) url: String,
    /// `proxy-url` of the kubeconfig, or a variable: `HTTPS_PROXY`.
    pub(super) named_by: &'static str,
}

/// The proxy between this machine and the server of a kubeconfig's cluster: its `proxy-url`,
/// always; else `HTTPS_PROXY` (or `https_proxy`), unless the server is of this machine or `NO_PROXY` names it.
/// Like client-go and Go's `http.ProxyFromEnvironment` it ignores empty and unknown entries of
/// `NO_PROXY`. kube 5.0.0 is not used for this: it compares `NO_PROXY` with the proxy's address,
/// not the server's, and refuses `localhost,`.
pub(super) fn proxy_of(
    server: &Uri,
    named: Option<&str>,
    environment: impl Fn(&str) -> Option<String>,
) -> Option<Proxy> {
    let set = |text: &String| !text.is_empty();
    if let Some(named) = named.filter(|url| !url.is_empty()) {
        return Some(Proxy { url: with_scheme(named), named_by: "proxy-url" });
    }
    let first = |names: [&'static str; 2]| {
        names.into_iter().find_map(|name| Some((name, environment(name).filter(set)?)))
    };
    let (named_by, proxy) = match server.scheme_str() {
        Some("http") => first(["HTTP_PROXY", "http_proxy"]),
        _ => first(["HTTPS_PROXY", "https_proxy"]),
    }?;
    let host = server.host()?.trim_matches(['[', ']']);
    let loopback = host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    if loopback || host == "localhost" {
        return None;
    }
    let excluded = first(["NO_PROXY", "no_proxy"]).map(|(_, text)| text).unwrap_or_default();
    let matcher = Matcher::builder().all(&proxy).no(excluded).build();
    matcher.intercept(server).map(|_| Proxy { url: with_scheme(&proxy), named_by })
}

/// Adds the default scheme: `proxy:3128` is an HTTP proxy.
fn with_scheme(proxy: &str) -> String {
    if proxy.contains("://") { proxy.to_owned() } else { format!("http://{proxy}") }
}

/// A proxy's URL in kube's form. Errors do not show it, since it may contain a password.
pub(super) fn url_of(proxy: &Proxy) -> Result<Uri> {
    const SCHEMES: [&str; 3] = ["http", "https", "socks5"];
    let named_by = proxy.named_by;
    let url: Uri = proxy.url.parse().or_input(format!("the proxy's address in {named_by}"))?;
    let scheme = url.scheme_str().unwrap_or_default();
    match SCHEMES.contains(&scheme) {
        true => Ok(url),
        false => Err(Error::input(format!("{named_by} names a proxy by {scheme}://"))
            .remedy(format!("one of {}", SCHEMES.join(", ")))),
    }
}

/// [`proxy_of`] with the environment of this process.
pub(super) fn proxy_here(server: &Uri, named: Option<&str>) -> Option<Proxy> {
    proxy_of(server, named, |name| std::env::var(name).ok())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn by_variable(url: &str) -> Proxy {
        Proxy { url: url.to_owned(), named_by: "HTTPS_PROXY" }
    }

    #[test]
    fn what_is_wrong_with_a_proxys_address_is_said_without_its_password() {
        for proxy in ["socks4://me:secret@proxy:1080", "http://me:sec ret@proxy"] {
            let error = url_of(&by_variable(proxy)).expect_err("refused");
            assert!(!error.summary().contains("sec"), "{}", error.summary());
            assert!(error.to_string().contains("HTTPS_PROXY"), "{error}");
        }
        assert!(url_of(&by_variable("http://me:secret@proxy:3128")).is_ok());
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
    // What Go passes over.
    #[case::an_empty_end("https://api.corp:6443", None, "localhost,", Some("http://proxy:3128"))]
    #[case::an_empty_entry("https://api.corp:6443", None, "x,,corp", None)]
    #[case::a_space("https://api.corp:6443", None, "x y", Some("http://proxy:3128"))]
    #[case::a_space_before("https://api.corp:6443", None, "x y, corp,", None)]
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
        let proxy = proxy_of(&server, named, environment);
        assert_eq!(proxy.as_ref().map(|proxy| proxy.url.as_str()), expected);
        let by = if named.is_some() { "proxy-url" } else { "https_proxy" };
        assert_eq!(proxy.map(|proxy| proxy.named_by), expected.map(|_| by));
        assert!(proxy_of(&server, None, |_| None).is_none(), "no proxy anywhere");
    }
}
