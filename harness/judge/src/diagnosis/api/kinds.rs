//! What exceptions of the client of Kubernetes say.

use crate::diagnosis::java::Thrown;

/// What an exception says about the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Proxy,
    /// A file of the service account is not there.
    NoFile,
    /// Its name cannot be resolved.
    Name,
    Tls,
    /// The request came without credentials.
    Anonymous,
    Unauthorized,
    Throttled,
    Unreachable,
}

/// Classes and words of exceptions, the most specific first.
const KINDS: [(Kind, &[&str], &[&str]); 8] = [
    (
        Kind::Proxy,
        // Netty's handlers, which Vert.x uses.
        &["ProxyConnectException", "HttpProxyConnectException"],
        &[
            // OkHttp's `RealConnection.createTunnel`.
            "Unexpected response code for CONNECT",
            "Failed to authenticate with proxy",
            // `HttpURLConnection` and `java.net.http`.
            "Unable to tunnel through proxy",
            "Tunnel failed, got:",
            "Proxy Authentication Required",
            "Proxy authentication required",
            "Bad Gateway",
        ],
    ),
    (
        Kind::NoFile,
        &[],
        &[
            "/serviceaccount/token (No such file",
            "/serviceaccount/ca.crt (No such file",
            "/serviceaccount/token does not exist",
        ],
    ),
    (
        Kind::Name,
        &[
            "UnknownHostException",
            "SearchDomainUnknownHostException",
            "DnsNameResolverException",
            "DnsNameResolverTimeoutException",
            "DnsErrorCauseException",
            "UnresolvedAddressException",
        ],
        &["Temporary failure in name resolution", "Failed to resolve '"],
    ),
    (
        Kind::Tls,
        &[
            "SSLHandshakeException",
            "SSLPeerUnverifiedException",
            "ValidatorException",
            "SunCertPathBuilderException",
            "CertPathValidatorException",
            "CertificateException",
            "CertificateExpiredException",
            "CertificateNotYetValidException",
            "NotSslRecordException",
        ],
        &[
            "PKIX path",
            "unable to find valid certification path",
            "Unsupported or unrecognized SSL message",
            "Unrecognized SSL message",
            "No subject alternative",
        ],
    ),
    (Kind::Anonymous, &[], &["system:anonymous"]),
    (
        Kind::Unauthorized,
        &[],
        &[
            // fabric8's `Config` words it by how it is configured, `OperationSupport` ends it with
            // the status.
            "Unauthorized! ",
            "Message: Unauthorized",
            "code=401",
            "401 Unauthorized",
            "status code 401",
            "Received 401 on websocket",
            // What the plugins of a kubeconfig leave behind.
            "failure while running exec credential",
            "getting credentials: exec",
            "Cannot run program \"aws\"",
            "Cannot run program \"gke-gcloud-auth-plugin\"",
            "Cannot run program \"kubelogin\"",
        ],
    ),
    (
        Kind::Throttled,
        &[],
        &["code=429", "Too Many Requests", "Too many requests", "429 on websocket"],
    ),
    (
        Kind::Unreachable,
        &[
            "ConnectException",
            "AnnotatedConnectException",
            "AnnotatedNoRouteToHostException",
            "NoRouteToHostException",
            "SocketTimeoutException",
            "ConnectTimeoutException",
            "HttpConnectTimeoutException",
            "HttpTimeoutException",
        ],
        &[
            "connect timed out",
            "connection timed out",
            "Connection refused",
            "Connection reset",
            "No route to host",
            "Network is unreachable",
            "unexpected end of stream on",
            "Service Unavailable",
        ],
    ),
];

/// What an exception says, if anything.
pub(super) fn kind(thrown: &Thrown<'_>) -> Option<Kind> {
    // The API server's own trouble with a webhook.
    if thrown.line.contains("webhook") {
        return None;
    }
    let fits = |(_, classes, words): &&(Kind, &[&str], &[&str])| {
        thrown.is(classes) || words.iter().any(|word| thrown.line.contains(word))
    };
    KINDS.iter().find(fits).map(|(kind, ..)| *kind)
}
