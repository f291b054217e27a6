//! HTTP clients, with the same cryptography library as kube.

use reqwest::ClientBuilder;
use rustls::crypto::ring;

/// A client for the user's servers: it uses the environment's proxy, unless `NO_PROXY` has the
/// server, and trusts the host's certificate authorities.
pub fn outward() -> ClientBuilder {
    // It can be set once in a process; an error means that an earlier call has set the same.
    let _ = ring::default_provider().install_default();
    ClientBuilder::new().user_agent(concat!("sparkproof/", env!("CARGO_PKG_VERSION")))
}

/// A client for servers that sparkproof started: without a proxy and without TLS.
pub fn direct() -> ClientBuilder {
    outward().no_proxy().tls_certs_only([])
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use sparkproof_base::testing::server;

    use super::*;

    /// Set in the child that asks: the variables of a process are not changed while it runs.
    const IN_CHILD: &str = "SPARKPROOF_TEST_ASK";

    #[tokio::test]
    async fn only_outward_goes_through_the_proxy_and_not_to_what_it_is_not_for() {
        if let Ok(server) = std::env::var(IN_CHILD) {
            let asked = async |client: ClientBuilder, url: &str| {
                let reply = client.build().expect("a client").get(url).send().await;
                reply.expect("answered").text().await.expect("a text")
            };
            let server = format!("http://{server}/");
            assert_eq!(asked(outward(), "http://store.example.invalid/").await, "proxy");
            assert_eq!(asked(outward(), &server).await, "server", "its CIDR is in NO_PROXY");
            let nowhere = direct().build().expect("a client").get("http://store.example.invalid/");
            assert!(nowhere.send().await.is_err(), "by the proxy");
            return;
        }
        let (proxy, server) = (server(|_| (200, "proxy")), server(|_| (200, "server")));
        let child = Command::new(std::env::current_exe().expect("this test"))
            .args([
                "--exact",
                "http::tests::only_outward_goes_through_the_proxy_and_not_to_what_it_is_not_for",
            ])
            .envs([("HTTP_PROXY", proxy.as_str()), ("http_proxy", &proxy)])
            .envs([("NO_PROXY", "localhost,127.0.0.0/8"), ("no_proxy", ""), (IN_CHILD, &server)])
            .output()
            .expect("a child");
        assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    }
}
