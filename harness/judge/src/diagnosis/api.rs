//! The API server, as the driver reaches it: fabric8's clients 4.9 to 7 over OkHttp, Vert.x or the
//! JDK.

mod kinds;

use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::events::Looked;
use sparkproof_base::verdict::Cause;
use sparkproof_catalog::plan::DriverPlace;

use self::kinds::{Kind, kind};
use super::evidence::{DriverFacts, Evidence, PodFacts, PodRole};
use super::finding::{Ends, Finding, SessionRule};
use super::java::{self, Thrown};
use super::network::{
    API, LOOK_AT_DNS, NO_DNS_IS_READY, START_DNS, WITHOUT_MESH, mesh_of, names_host, names_of,
    policies, with_policy,
};

pub(super) const SESSION: &[SessionRule] = &[of_login, of_exceptions, of_refusals, quiet, watch];

/// An address with its port.
static HAS_PORT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"[\w.\]-]:\d{1,5}\b").expect("a valid expression"));

/// The API server's answer to an exception of the driver's.
struct Seen<'a> {
    evidence: &'a Evidence,
    kind: Kind,
    line: String,
    /// Whether it ended the driver's start.
    is_final: bool,
}

/// Nothing to explain when every executor that was asked for is there.
fn is_complete(evidence: &Evidence) -> bool {
    let there = evidence.executors().filter(|pod| pod.is_healthy()).count();
    match evidence.asked.executors {
        0 => there > 0 && there == evidence.executors().count(),
        asked => there >= asked as usize,
    }
}

/// The shell's word for a program that it does not find, as fabric8's `Config` logs it. It then reads
/// the same words as the program's answer, and fails at their syntax.
static NO_LOGIN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"WARN Config: .*\bsh: (?:line )?\d+: (.+?): (?:command )?not found")
        .expect("a valid expression")
});

/// A kubeconfig's login program (`users[].user.exec`) that is not where the driver runs.
fn of_login(evidence: &Evidence) -> Option<Finding> {
    if is_complete(evidence) {
        return None;
    }
    let found = NO_LOGIN.captures(&evidence.driver.log)?;
    let (line, program) = (found.get(0)?.as_str(), found.get(1)?.as_str());
    Some(
        Finding::new(
            Cause::Unauthorized,
            format!("the kubeconfig's login program {program} is not found where the driver runs"),
            format!(
                "install {program} there and put it on PATH, or use a kubeconfig with a token or a client \
                 certificate"
            ),
        )
        .because("driver log", line),
    )
}

fn of_exceptions(evidence: &Evidence) -> Option<Finding> {
    if is_complete(evidence) {
        return None;
    }
    Seen::of(evidence)?.finding()
}

impl<'a> Seen<'a> {
    /// The driver's exception, or the last one in its log that is about the API server.
    fn of(evidence: &'a Evidence) -> Option<Self> {
        let DriverFacts { reason, log, .. } = &evidence.driver;
        // Its causes may come without words that say so.
        let reason: Vec<Thrown<'_>> = java::chains(reason).into_iter().flatten().collect();
        if let Some(seen) = Seen::in_chain(evidence, &reason, true) {
            return Some(seen);
        }
        let chains = java::chains(log);
        let last = chains.iter().rposition(|chain| !is_noise(chain));
        let mut chains = chains.iter().enumerate().rev();
        chains.find_map(|(at, chain)| {
            let ended = evidence.driver.gone && Some(at) == last;
            Seen::in_chain(evidence, chain, ended)
        })
    }

    fn in_chain(evidence: &'a Evidence, chain: &[Thrown<'_>], ends: bool) -> Option<Self> {
        if !is_about_api(evidence, chain) {
            return None;
        }
        // The innermost says most.
        let mut said = chain.iter().rev().filter_map(|thrown| Some((kind(thrown)?, thrown.line)));
        let (kind, innermost) = said.next()?;
        // The one within it says no more than "Connection refused".
        let mut same = said.filter(|(other, _)| *other == kind).map(|(_, line)| line);
        let line = match HAS_PORT.is_match(innermost) {
            true => innermost,
            false => same.find(|line| HAS_PORT.is_match(line)).unwrap_or(innermost),
        };
        let line = line.to_owned();
        let words = ["External scheduler cannot be instantiated", "Exception in thread \"main\""];
        let is_final = ends || words.iter().any(|w| chain.iter().any(|t| t.line.contains(w)));
        let counts = match kind {
            // It asks again, and a driver that has pods has reached the API server.
            Kind::Proxy | Kind::NoFile | Kind::Name | Kind::Tls | Kind::Unreachable => {
                is_final || evidence.executors().next().is_none()
            }
            Kind::Anonymous | Kind::Unauthorized | Kind::Throttled => true,
        };
        counts.then_some(Seen { evidence, kind, line, is_final })
    }

    fn finding(&self) -> Option<Finding> {
        let evidence = self.evidence;
        let driver = driver_pod(evidence);
        let in_pod = driver.is_some() || evidence.asked.driver == DriverPlace::Pod;
        let by_token = matches!(self.kind, Kind::Tls | Kind::Anonymous | Kind::Unauthorized);
        let no_file = self.kind == Kind::NoFile;
        let nobody = self.kind == Kind::Anonymous && driver.is_none_or(|pod| !pod.has_token);
        if in_pod && (no_file || nobody || (by_token && lacks_token(evidence))) {
            return Some(self.no_token());
        }
        Some(match self.kind {
            Kind::Proxy => self.proxy(),
            Kind::Unreachable if self.is_of_proxy() => self.proxy(),
            Kind::Name | Kind::Unreachable if in_pod => self.in_pod(driver),
            Kind::Name => self.finding_of(
                Cause::ApiUnreachable,
                format!("the driver cannot resolve the API server's name{}", self.name()),
                "correct the server of the kubeconfig's cluster, or make its name resolvable where \
                 the driver runs",
            ),
            Kind::Unreachable => self.finding_of(
                Cause::ApiUnreachable,
                format!("the driver cannot reach the API server{}: {}", self.server(), self.line),
                "check that the cluster runs, that the server of the kubeconfig is its address, and \
                 that no firewall or VPN stands between",
            ),
            Kind::Tls => self.finding_of(
                Cause::ApiTls,
                format!("the driver does not accept the API server's certificate: {}", self.line),
                "give the kubeconfig the cluster's certificate-authority, and a server that the \
                 certificate names; check the certificate's dates and the clock",
            ),
            Kind::NoFile | Kind::Anonymous | Kind::Unauthorized => self.unauthorized(),
            Kind::Throttled => self.finding_of(
                Cause::ApiThrottled,
                "the API server answers that there are too many requests (429)".to_owned(),
                "start fewer executors at a time: --conf spark.kubernetes.allocation.batch.size=2 and a \
                 longer spark.kubernetes.allocation.batch.delay; look at its priority levels and load",
            ),
        })
    }

    fn finding_of(&self, cause: Cause, says: String, remedy: &str) -> Finding {
        let ends = match self.kind {
            Kind::Throttled => Ends::AtDeadline,
            _ if self.is_final => Ends::AtOnce,
            Kind::Anonymous | Kind::Unauthorized => Ends::IfItStays,
            _ => Ends::AtDeadline,
        };
        Finding::new(cause, says, remedy).because("driver", self.line.as_str()).ends(ends)
    }

    /// The server of the master URL, for a sentence.
    fn server(&self) -> String {
        server(self.evidence).map_or(String::new(), |server| format!(" at {server}"))
    }

    /// The name that was asked, for a sentence.
    fn name(&self) -> String {
        static NAME: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(
                r"(?:UnknownHostException: (?:Failed to resolve ')?|Failed to resolve ')([\w.-]+)",
            )
            .expect("a valid expression")
        });
        NAME.captures(&self.line).map_or(String::new(), |name| format!(" {}", &name[1]))
    }

    /// A refused or timed-out connection to something else than the API server.
    fn is_of_proxy(&self) -> bool {
        static TO: LazyLock<Regex> = LazyLock::new(|| {
            Regex::new(r"(?:Failed to connect to|Connection refused:|connection timed out:) (?:[\w.-]*/)?[\w.\[\]:-]*:(\d+)")
                .expect("a valid expression")
        });
        let Some(port) = TO.captures(&self.line).map(|to| to[1].to_owned()) else { return false };
        // A driver in a pod has another address of it than the one that was given.
        if names_host(&self.line, API) || ["443", "6443"].contains(&&*port) {
            return false;
        }
        match server(self.evidence) {
            Some(server) => port != port_of(server),
            None => ["3128", "8080", "8888"].contains(&&*port),
        }
    }

    fn proxy(&self) -> Finding {
        self.finding_of(
            Cause::Proxy,
            format!("a proxy stands between the driver and the API server{}: {}", self.server(), self.line),
            "put the API server's host into NO_PROXY (and no_proxy), or unset HTTPS_PROXY; a proxy that \
             must be used needs its user and password in its URL",
        )
    }

    fn no_token(&self) -> Finding {
        let account = account(self.evidence);
        self.finding_of(
            Cause::NoTokenMounted,
            format!("no token of the service account {account} is mounted into the driver's pod"),
            "set automountServiceAccountToken: true on that ServiceAccount (or in the pod's template), or \
             use --service-account with one that has it",
        )
        .because("ServiceAccount", format!("{account}: {}", automount(self.evidence)))
    }

    fn unauthorized(&self) -> Finding {
        self.finding_of(
            Cause::Unauthorized,
            format!("the API server does not accept the driver's credentials: {}", self.line),
            "log in again: the token or client certificate of the kubeconfig is expired, revoked or of \
             another cluster, or its exec plugin fails where the driver runs; in a pod, the token must be \
             read anew by Spark (SPARK-44925)",
        )
    }

    /// A driver in a pod that does not reach the API server, or cannot resolve its name.
    fn in_pod(&self, driver: Option<&PodFacts>) -> Finding {
        let evidence = self.evidence;
        let what = match self.kind {
            Kind::Name => format!("the driver's pod cannot resolve the name{}", self.name()),
            _ => "the driver's pod cannot reach the API server".to_owned(),
        };
        let no_dns = evidence.around.dns_ready == Looked::Seen(0);
        let between = driver.map_or(Vec::new(), |pod| policies(evidence, &pod.name));
        let mesh = driver.and_then(|pod| mesh_of(evidence, pod));
        match self.kind {
            Kind::Name if no_dns => self
                .finding_of(Cause::DnsBroken, format!("{what}: no DNS server is ready"), START_DNS)
                .because("kube-system", NO_DNS_IS_READY),
            _ if !between.is_empty() => {
                let says = format!("{what}, and {} restricts it", names_of(&between));
                let finding = self.finding_of(
                    Cause::NetworkPolicy,
                    says,
                    "allow the driver's pod egress to the API server (its address and port, not its \
                     Service's), to the cluster's DNS (port 53, UDP and TCP), and to and from the executors",
                );
                between.iter().fold(finding, |finding, policy| with_policy(finding, policy))
            }
            Kind::Name => self.finding_of(Cause::DnsBroken, what, LOOK_AT_DNS),
            _ => match mesh {
                Some(name) => self
                    .finding_of(
                        Cause::Sidecar,
                        format!("{what}, and it has a container {name} that Spark did not ask for"),
                        WITHOUT_MESH,
                    )
                    .because("container", name),
                None => self.finding_of(
                    Cause::ApiUnreachable,
                    format!("{what}{}: {}", self.server(), self.line),
                    "check the way from pods to the Service kubernetes in the namespace default: \
                     kube-proxy, the network plugin, and firewalls of the control plane",
                ),
            },
        }
    }
}

/// Whether an exception is one of the client of Kubernetes, and not of a store or an executor.
fn is_about_api(evidence: &Evidence, chain: &[Thrown<'_>]) -> bool {
    if is_noise(chain) {
        return false;
    }
    let host = server(evidence).map(host_of).unwrap_or_default();
    // The driver's own name; any name if there is no DNS server.
    let no_dns = evidence.around.dns_ready == Looked::Seen(0);
    let own = |line: &str| no_dns || names_host(line, &evidence.asked.driver_host);
    let in_pod = driver_pod(evidence).is_some() || evidence.asked.driver == DriverPlace::Pod;
    chain.iter().any(|thrown| {
        let of_name = in_pod && kind(thrown) == Some(Kind::Name) && own(thrown.line);
        if of_name {
            return true;
        }
        thrown.is(&["KubernetesClientException"])
            || thrown.message.contains("External scheduler cannot be instantiated")
            || thrown.line.contains("/var/run/secrets/kubernetes.io/serviceaccount")
            || thrown.line.contains(API)
            || names_host(thrown.line, host)
    })
}

/// Noise of a shutdown: the client is closed, tasks are rejected.
fn is_noise(chain: &[Thrown<'_>]) -> bool {
    chain.iter().any(|thrown| thrown.is(&["RejectedExecutionException", "ClosedException"]))
}

/// The server of the master URL, without its scheme.
fn server(evidence: &Evidence) -> Option<&str> {
    let conf = evidence.asked.conf.get("spark.master");
    let master = evidence.driver.context_master.as_ref().or(conf)?.strip_prefix("k8s://")?;
    let server = master.split_once("://").map_or(master, |(_, server)| server);
    Some(server.trim_end_matches('/')).filter(|server| !server.is_empty())
}

fn host_of(server: &str) -> &str {
    let server = server.split('/').next().unwrap_or_default();
    match server.rsplit_once(':') {
        Some((host, port)) if port.chars().all(|c| c.is_ascii_digit()) => host,
        _ => server,
    }
}

fn port_of(server: &str) -> &str {
    let server = server.split('/').next().unwrap_or_default();
    let port = server.rsplit_once(':').map(|(_, port)| port);
    port.filter(|port| port.chars().all(|c| c.is_ascii_digit())).unwrap_or("443")
}

fn driver_pod(evidence: &Evidence) -> Option<&PodFacts> {
    // Without a phase only its log is left.
    evidence.pods.iter().find(|pod| pod.role == PodRole::Driver && !pod.phase.is_empty())
}

/// The account of the driver's pod.
fn account(evidence: &Evidence) -> &str {
    let of_pod = driver_pod(evidence).map(|pod| &*pod.account).filter(|name| !name.is_empty());
    let account = of_pod.unwrap_or(&evidence.asked.account);
    if account.is_empty() { "default" } else { account }
}

fn automount(evidence: &Evidence) -> String {
    let Looked::Seen(accounts) = &evidence.around.accounts else {
        return "not seen".to_owned();
    };
    match accounts.get(account(evidence)) {
        Some(Some(value)) => format!("automountServiceAccountToken: {value}"),
        Some(None) => "automountServiceAccountToken is not set".to_owned(),
        None => "does not exist".to_owned(),
    }
}

/// Whether the driver's pod has no token: by its volumes, or else by its account.
fn lacks_token(evidence: &Evidence) -> bool {
    match (driver_pod(evidence), &evidence.around.accounts) {
        (Some(pod), _) => !pod.has_token,
        (None, Looked::Seen(accounts)) => accounts.get(account(evidence)) == Some(&Some(false)),
        (None, Looked::Unseen(_)) => false,
    }
}

/// What the API server answered to sparkproof itself.
fn of_refusals(evidence: &Evidence) -> Option<Finding> {
    let refused = evidence.refusals.iter().find(|refusal| {
        refusal.code == 401 || refusal.message.contains(r#"User "system:anonymous""#)
    })?;
    Some(
        Finding::new(
            Cause::Unauthorized,
            format!("the API server does not accept the kubeconfig's credentials: {}", refused.message),
            "log in again: the token or client certificate of the kubeconfig is expired, revoked or of \
             another cluster, or its exec plugin fails",
        )
        .because(refused.request.as_str(), format!("{} {}", refused.code, refused.message))
        .ends(Ends::AtOnce),
    )
}

/// A driver that waits for the API server's first answer: fabric8 tries for minutes and says nothing.
fn quiet(evidence: &Evidence) -> Option<Finding> {
    const LONG: u64 = 60;
    let DriverFacts { log, context_master, gone, .. } = &evidence.driver;
    // What it only says after the API server's first answer.
    let answered = ["NettyBlockTransferService", "ExecutorPodsAllocator"];
    let answered = answered.iter().any(|words| log.contains(words));
    let said =
        answered || log.contains("KubernetesClientException") || !evidence.refusals.is_empty();
    let began = *gone || context_master.is_some() || evidence.executors().next().is_some();
    if said || began {
        return None;
    }
    let driver = driver_pod(evidence);
    let waits = |pod: &PodFacts| pod.phase == "Running" && pod.age.is_some_and(|age| age >= LONG);
    if driver.is_some_and(|pod| !waits(pod)) {
        return None;
    }
    let last = log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
    let asks = last.contains("SparkKubernetesClientFactory");
    let kind = match driver {
        Some(_) if evidence.around.dns_ready == Looked::Seen(0) => Kind::Name,
        Some(pod) if asks || !policies(evidence, &pod.name).is_empty() => Kind::Unreachable,
        None if asks => Kind::Unreachable,
        _ => return None,
    };
    let line = if last.is_empty() { "the driver says nothing" } else { last };
    let seen = Seen { evidence, kind, line: line.to_owned(), is_final: false };
    seen.finding().map(|finding| finding.ends(Ends::AtDeadline))
}

/// A watch that was not renewed: the driver does not learn of its pods any more. Spark from 3.1 on
/// renews it, and all poll, so this is only said when nothing is wrong with the pods.
fn watch(evidence: &Evidence) -> Option<Finding> {
    let words =
        ["too old resource version", "The resourceVersion for the provided watch is too old"];
    let line = evidence.driver.log.lines().rfind(|l| words.iter().any(|word| l.contains(word)))?;
    // A driver that does not hear of a pod deletes it as missing while it is being created.
    let creating = |reason: &str| matches!(reason, "ContainerCreating" | "PodInitializing");
    let wrong = |pod: &PodFacts| {
        let waits = pod.waiting().any(|(_, waits)| !creating(&waits.reason));
        pod.failed().is_some() || pod.unscheduled().is_some() || waits
    };
    if is_complete(evidence) || evidence.driver.gone || evidence.executors().any(wrong) {
        return None;
    }
    let unconnected = |pod: &PodFacts| pod.phase == "Running" && !pod.reached_driver();
    if evidence.executors().any(unconnected) || Seen::of(evidence).is_some() {
        return None;
    }
    Some(
        Finding::new(
            Cause::WatchExpired,
            "the driver's watch of its pods is too old, and executors are missing",
            "start the session again; with Spark 3.0 use a later version, which renews the watch \
             (SPARK-24266), or a shorter spark.kubernetes.executor.apiPollingInterval",
        )
        .because("driver log", line.trim())
        .ends(Ends::AtDeadline),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::evidence::{ContainerFacts, Policy, Refusal};
    use crate::diagnosis::testing::{pod, waiting};
    use crate::diagnosis::{diagnose, findings};
    use rstest::rstest;

    /// A driver that could not start its scheduler (Spark 3.5 and 4, fabric8 6 and 7).
    fn start(root: &str) -> String {
        format!(
            "26/01/01 10:00:00 INFO SparkKubernetesClientFactory: Auto-configuring K8S client\n\
             26/01/01 10:00:12 ERROR SparkContext: Error initializing SparkContext.\n\
             org.apache.spark.SparkException: External scheduler cannot be instantiated\n\
             \tat org.apache.spark.SparkContext$.org$apache$spark$SparkContext$$createTaskScheduler(SparkContext.scala:3204)\n\
             Caused by: io.fabric8.kubernetes.client.KubernetesClientException: Operation: [get]  for kind: [Pod]  with name: [s-driver]  in namespace: [team]  failed.\n\
             \tat io.fabric8.kubernetes.client.KubernetesClientException.launderThrowable(KubernetesClientException.java:159)\n\
             {root}\n\
             \t... 21 more\n\
             26/01/01 10:00:13 INFO SparkContext: Successfully stopped SparkContext\n"
        )
    }

    const DNS: &str = "Caused by: java.io.IOException: kubernetes.default.svc: Temporary failure in name resolution\n\
        Caused by: java.net.UnknownHostException: kubernetes.default.svc: Temporary failure in name resolution";
    const DNS_VERTX: &str = "Caused by: java.io.IOException: Failed to resolve 'kubernetes.default.svc' [A(1)]\n\
        Caused by: java.net.UnknownHostException: Failed to resolve 'kubernetes.default.svc' [A(1)]\n\
        Caused by: io.netty.resolver.dns.DnsNameResolverTimeoutException: [1: /10.96.0.10:53] DefaultDnsQuestion(kubernetes.default.svc. IN A) query '1' via UDP timed out after 5000 milliseconds (no stack trace available)";
    const PKIX: &str = "Caused by: javax.net.ssl.SSLHandshakeException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target\n\
        Caused by: sun.security.validator.ValidatorException: PKIX path building failed: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target\n\
        Caused by: sun.security.provider.certpath.SunCertPathBuilderException: unable to find valid certification path to requested target";
    const TIMEOUT: &str = "Caused by: java.io.IOException: connect timed out\n\
        Caused by: java.net.SocketTimeoutException: connect timed out";
    const TIMEOUT_VERTX: &str = "Caused by: java.io.IOException: connection timed out after 10000 ms: kubernetes.default.svc/10.96.0.1:443\n\
        Caused by: io.netty.channel.ConnectTimeoutException: connection timed out after 10000 ms: kubernetes.default.svc/10.96.0.1:443";
    const REFUSED: &str = "Caused by: java.net.ConnectException: Failed to connect to /10.0.0.1:6443\n\
        Caused by: java.net.ConnectException: Connection refused";
    const EXPIRED: &str = "Caused by: io.fabric8.kubernetes.client.KubernetesClientException: Failure executing: GET at: https://10.0.0.1:6443/api/v1/namespaces/team/pods/s. Message: Unauthorized! Token may have expired! Please log-in again. Unauthorized.";
    const REVOKED: &str = "Caused by: io.fabric8.kubernetes.client.KubernetesClientException: Failure executing: GET at: https://kubernetes.default.svc/api/v1/namespaces/team/pods/s. Message: Unauthorized. Received status: Status(apiVersion=v1, code=401, details=null, kind=Status, message=Unauthorized, reason=Unauthorized, status=Failure).";
    const ANONYMOUS: &str = "Caused by: io.fabric8.kubernetes.client.KubernetesClientException: Failure executing: GET at: https://kubernetes.default.svc/api/v1/namespaces/team/pods/s. Message: pods \"s\" is forbidden: User \"system:anonymous\" cannot get resource \"pods\" in API group \"\" in the namespace \"team\".";
    const NO_FILE: &str = "Caused by: java.io.FileNotFoundException: /var/run/secrets/kubernetes.io/serviceaccount/token (No such file or directory)";
    const HOSTNAME: &str = "Caused by: javax.net.ssl.SSLPeerUnverifiedException: Hostname kubernetes.default.svc not verified:";
    const DATES: &str = "Caused by: javax.net.ssl.SSLHandshakeException: PKIX path validation failed\n\
        Caused by: java.security.cert.CertificateExpiredException: NotAfter: Thu Jan 01 00:00:00 UTC 2026";
    const TOO_MANY: &str = "Caused by: io.fabric8.kubernetes.client.KubernetesClientException: Failure executing: POST at: https://10.0.0.1:6443/api/v1/namespaces/team/pods. Message: Too many requests, please try again later.. Received status: Status(apiVersion=v1, code=429, reason=TooManyRequests, status=Failure).";
    const TUNNEL: &str =
        "Caused by: java.io.IOException: Unexpected response code for CONNECT: 403";
    const LOGIN: &str = "Caused by: java.io.IOException: Failed to authenticate with proxy";
    const TUNNEL_VERTX: &str = "Caused by: io.netty.handler.proxy.HttpProxyHandler$HttpProxyConnectException: http, none, /10.9.9.9:3128 => 10.0.0.1:6443, status: 407 Proxy Authentication Required";
    const PROXY_PORT: &str = "Caused by: java.net.ConnectException: Failed to connect to /127.0.0.1:9\n\
        Caused by: java.net.ConnectException: Failed to connect to /127.0.0.1:9";

    fn failed(log: &str) -> Evidence {
        let mut evidence = pod(|_| {});
        evidence.pods.clear();
        evidence.driver.log = log.into();
        evidence.driver.gone = true;
        evidence.asked.conf.insert("spark.master".into(), "k8s://https://10.0.0.1:6443".into());
        evidence
    }

    fn in_pod(root: &str) -> Evidence {
        let mut evidence = failed(&start(root));
        evidence.asked.driver = DriverPlace::Pod;
        evidence.asked.account = "spark".into();
        let master = "k8s://https://kubernetes.default.svc".into();
        evidence.asked.conf.insert("spark.master".into(), master);
        evidence.pods.push(PodFacts {
            name: "s-driver".into(),
            role: PodRole::Driver,
            phase: "Failed".into(),
            account: "spark".into(),
            has_token: true,
            ..PodFacts::default()
        });
        evidence
    }

    fn with(mut evidence: Evidence, change: impl FnOnce(&mut Evidence)) -> Evidence {
        change(&mut evidence);
        evidence
    }

    fn selected(evidence: &mut Evidence) {
        evidence.around.policies = Looked::Seen(vec![Policy {
            name: "deny".into(),
            selects: vec!["s-driver".into()],
            egress: true,
            ingress: true,
            ..Policy::default()
        }]);
    }

    fn without_token(evidence: &mut Evidence) {
        evidence.pods[0].has_token = false;
        evidence.around.accounts = Looked::Seen([("spark".to_owned(), Some(false))].into());
    }

    #[rstest]
    #[case::refused(failed(&start(REFUSED)), Cause::ApiUnreachable, "10.0.0.1:6443")]
    #[case::timeout(failed(&start(TIMEOUT)), Cause::ApiUnreachable, "10.0.0.1:6443")]
    #[case::name(failed(&start("Caused by: java.net.UnknownHostException: api.example.test: Name or service not known")), Cause::ApiUnreachable, "api.example.test")]
    #[case::expired(failed(&start(EXPIRED)), Cause::Unauthorized, "credentials")]
    #[case::anonymous(failed(&start(ANONYMOUS)), Cause::Unauthorized, "credentials")]
    #[case::pkix(failed(&start(PKIX)), Cause::ApiTls, "certificate")]
    #[case::dates(failed(&start(DATES)), Cause::ApiTls, "NotAfter")]
    #[case::throttled(failed(&start(TOO_MANY)), Cause::ApiThrottled, "429")]
    #[case::tunnel(failed(&start(TUNNEL)), Cause::Proxy, "CONNECT: 403")]
    #[case::login(failed(&start(LOGIN)), Cause::Proxy, "proxy")]
    #[case::tunnel_vertx(failed(&start(TUNNEL_VERTX)), Cause::Proxy, "407")]
    #[case::proxy_port(failed(&start(PROXY_PORT)), Cause::Proxy, "127.0.0.1:9")]
    #[case::proxy_within(failed(&start("Caused by: java.net.ConnectException: Failed to connect to /127.0.0.1:9\nCaused by: java.net.ConnectException: Connection refused")), Cause::Proxy, "127.0.0.1:9")]
    #[case::pod_name(in_pod(DNS), Cause::DnsBroken, "kubernetes.default.svc")]
    #[case::pod_name_vertx(in_pod(DNS_VERTX), Cause::DnsBroken, "resolve the name")]
    #[case::pod_no_dns(with(in_pod(DNS), |e| { selected(e); e.around.dns_ready = Looked::Seen(0) }), Cause::DnsBroken, "no DNS server")]
    #[case::pod_policy_dns(with(in_pod(DNS), selected), Cause::NetworkPolicy, "deny")]
    #[case::pod_policy(with(in_pod(TIMEOUT), selected), Cause::NetworkPolicy, "deny")]
    #[case::pod_timeout(in_pod(TIMEOUT_VERTX), Cause::ApiUnreachable, "kubernetes.default.svc")]
    #[case::pod_mesh(
        with(in_pod(REFUSED), |e| {
            e.asked.conf.clear();
            let one = |name: &str| ContainerFacts { name: name.into(), ..ContainerFacts::default() };
            e.pods[0].containers = vec![one("istio-proxy"), one("spark-kubernetes-driver")];
        }),
        Cause::Sidecar, "istio-proxy"
    )]
    #[case::pod_refused(
        with(in_pod("Caused by: java.io.IOException: Failed to connect to kubernetes.default.svc/10.0.0.1:443\nCaused by: java.net.ConnectException: Failed to connect to kubernetes.default.svc/10.0.0.1:443"), |e| {
            e.asked.conf.insert("spark.master".into(), "k8s://https://127.0.0.1:41233".into());
        }),
        Cause::ApiUnreachable, "cannot reach"
    )]
    #[case::pod_no_token(with(in_pod(PKIX), without_token), Cause::NoTokenMounted, "spark")]
    #[case::pod_no_token_anonymous(
        with(in_pod(ANONYMOUS), without_token),
        Cause::NoTokenMounted,
        "spark"
    )]
    #[case::pod_no_token_by_account(with(in_pod(PKIX), |e| { without_token(e); e.pods.clear() }), Cause::NoTokenMounted, "spark")]
    #[case::pod_no_file(in_pod(NO_FILE), Cause::NoTokenMounted, "spark")]
    #[case::pod_pkix(in_pod(PKIX), Cause::ApiTls, "certificate")]
    #[case::pod_hostname(in_pod(HOSTNAME), Cause::ApiTls, "not verified")]
    #[case::pod_expired(in_pod(REVOKED), Cause::Unauthorized, "401")]
    fn the_way_to_the_api_server_has_a_name(
        #[case] evidence: Evidence,
        #[case] cause: Cause,
        #[case] words: &str,
    ) {
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, cause, "{diagnosis}");
        assert!(diagnosis.says.contains(words), "{diagnosis}");
        assert_eq!(findings(&evidence)[0].ends == Ends::AtOnce, cause != Cause::ApiThrottled);
        // The driver's exception says it too, without its log.
        let mut evidence = evidence;
        evidence.driver.reason = std::mem::take(&mut evidence.driver.log);
        assert_eq!(diagnose(&evidence).cause, cause);
    }

    const ASKS: &str = "26/01/01 10:00:00 INFO SparkKubernetesClientFactory: Auto-configuring K8S client using current context from users K8S config file\n";

    fn waits(log: &str, age: u64) -> Evidence {
        let mut evidence = in_pod("");
        evidence.driver.log = log.into();
        evidence.driver.gone = false;
        (evidence.pods[0].phase, evidence.pods[0].age) = ("Running".into(), Some(age));
        evidence
    }

    #[rstest]
    #[case::asks(waits(ASKS, 90), Some(Cause::ApiUnreachable))]
    #[case::policy(with(waits("WARN x", 90), selected), Some(Cause::NetworkPolicy))]
    #[case::no_dns(with(waits("", 90), |e| e.around.dns_ready = Looked::Seen(0)), Some(Cause::DnsBroken))]
    #[case::outside(with(waits(ASKS, 90), |e| { e.pods.clear(); e.asked.driver = DriverPlace::Host }), Some(Cause::ApiUnreachable))]
    #[case::young(with(waits(ASKS, 20), selected), None)]
    #[case::goes_on(waits(&format!("{ASKS}INFO ExecutorPodsAllocator: Going to request 1 executors\n"), 90), None)]
    #[case::works(waits("", 90), None)]
    #[case::refused(
        with(
            waits(
                "io.fabric8.kubernetes.client.KubernetesClientException: pods is forbidden: exceeded quota: q\n",
                90
            ),
            selected
        ),
        None
    )]
    fn a_driver_that_waits_for_the_api_server_is_named_late(
        #[case] evidence: Evidence,
        #[case] cause: Option<Cause>,
    ) {
        let found = findings(&evidence);
        assert_eq!(found.first().map(|finding| finding.cause), cause, "{found:?}");
        assert!(found.iter().all(|finding| finding.ends == Ends::AtDeadline));
    }

    /// The driver's reason may be the bare classes and messages, a line each.
    #[test]
    fn a_reason_without_words_between_its_causes_is_one_chain() {
        let mut evidence = failed("");
        evidence.driver.reason =
            "org.apache.spark.SparkException: External scheduler cannot be instantiated\n\
            io.fabric8.kubernetes.client.KubernetesClientException: Operation: [get] failed\n\
            java.net.SocketTimeoutException: connect timed out"
                .into();
        assert_eq!(diagnose(&evidence).cause, Cause::ApiUnreachable);
    }

    #[test]
    fn an_older_failure_is_not_why_a_driver_ended() {
        let mut evidence = pod(|pod| (pod.registered, pod.phase) = (true, "Running".into()));
        evidence.asked.executors = 2;
        evidence.driver.gone = true;
        evidence.driver.log =
            "io.fabric8.kubernetes.client.KubernetesClientException: Operation: [list] failed\n\
            Caused by: java.net.SocketTimeoutException: timeout\n\
            Exception in thread \"main\" java.lang.IllegalStateException: mine\n"
                .into();
        assert_ne!(diagnose(&evidence).cause, Cause::ApiUnreachable);
    }

    /// Fabric8 4.9 (Spark 3.0), in the thread `main` of spark-submit.
    #[test]
    fn a_submission_that_fails_is_named_too() {
        let log = "Exception in thread \"main\" io.fabric8.kubernetes.client.KubernetesClientException: Operation: [create]  for kind: [Pod]  with name: [null]  in namespace: [team]  failed.\n\
            \tat org.apache.spark.deploy.k8s.submit.Client.run(KubernetesClientApplication.scala:139)\n\
            Caused by: java.net.SocketTimeoutException: connect timed out\n";
        assert_eq!(diagnose(&failed(log)).cause, Cause::ApiUnreachable);
    }

    const ALLOCATOR: &str = "26/01/01 10:00:00 WARN ExecutorPodsSnapshotsStoreImpl: Exception when notifying snapshot subscriber.\n\
        io.fabric8.kubernetes.client.KubernetesClientException: Failure executing: POST at: https://10.0.0.1:6443/api/v1/namespaces/team/pods. Message: Unauthorized.\n";

    #[test]
    fn a_token_that_expires_later_is_named_while_executors_are_missing() {
        let mut evidence = pod(|pod| (pod.registered, pod.phase) = (true, "Running".into()));
        evidence.driver.log = ALLOCATOR.into();
        assert_eq!(findings(&evidence), Vec::new(), "all are there");
        evidence.asked.executors = 2;
        let found = findings(&evidence);
        assert_eq!((found[0].cause, found[0].ends), (Cause::Unauthorized, Ends::IfItStays));
    }

    #[rstest]
    // A stop: the watch ends, the client is closed.
    #[case("WARN ExecutorPodsWatchSnapshotSource: Kubernetes client has been closed.\n")]
    #[case(
        "ERROR Utils: Uncaught exception in thread kubernetes-executor-snapshots-subscribers-0\njava.util.concurrent.RejectedExecutionException: Task rejected from java.util.concurrent.ThreadPoolExecutor[Shutting down]\n"
    )]
    #[case(
        "io.fabric8.kubernetes.client.KubernetesClientException: Connection reset\nCaused by: java.util.concurrent.RejectedExecutionException: Task rejected\n"
    )]
    // It tries again.
    #[case(
        "WARN WatchConnectionManager: Exec Failure\nio.fabric8.kubernetes.client.KubernetesClientException: Operation: [list] failed\nCaused by: java.net.SocketTimeoutException: timeout\n"
    )]
    // Of a store, of an executor.
    #[case(
        "java.net.ConnectException: Call From h/10.1.1.1 to namenode:8020 failed on connection exception: java.net.ConnectException: Connection refused\n"
    )]
    #[case(
        "WARN TransportChannelHandler: Exception in connection\njava.io.IOException: Connection reset by peer\n"
    )]
    #[case("java.net.UnknownHostException: store.test\n")]
    #[case("javax.net.ssl.SSLHandshakeException: PKIX path building failed\n")]
    #[case("com.amazonaws.SdkClientException: 429 Too Many Requests\n")]
    fn what_a_healthy_driver_prints_is_no_finding(#[case] log: &str) {
        let mut evidence = pod(|pod| pod.phase = "Running".into());
        evidence.driver.log = log.into();
        let found = findings(&evidence);
        assert_eq!(found, Vec::new(), "{log}");
    }

    #[test]
    fn an_old_watch_is_only_named_when_nothing_else_is_wrong() {
        const OLD: &str = "io.fabric8.kubernetes.client.KubernetesClientException: too old resource version: 345010054 (345014516)\n";
        let mut evidence = failed(OLD);
        evidence.driver.gone = false;
        let found = findings(&evidence);
        assert_eq!((found[0].cause, found[0].ends), (Cause::WatchExpired, Ends::AtDeadline));
        // The driver did not hear of it, took it for missing, and deleted it.
        let mut missed = waiting("ContainerCreating");
        missed.driver.log = format!("{OLD}\n");
        missed.asked.executors = 1;
        missed.pods[0].deleting = true;
        assert_eq!(diagnose(&missed).cause, Cause::WatchExpired);
        let mut dies = pod(|pod| pod.ends(1, "Error"));
        dies.driver.log = OLD.into();
        assert_eq!(diagnose(&dies).cause, Cause::ExecutorsDie);
        let mut all = pod(|pod| (pod.registered, pod.phase) = (true, "Running".into()));
        all.driver.log = OLD.into();
        assert_eq!(findings(&all), Vec::new());
    }

    #[rstest]
    #[case("26/12/01 16:25:13 WARN Config: sh: 1: aws-of-nowhere: not found\n", "aws-of-nowhere")]
    #[case(
        "26/12/01 16:25:13 WARN Config: /bin/sh: line 1: gke-auth: command not found\n",
        "gke-auth"
    )]
    fn a_login_program_that_is_missing_is_named(#[case] log: &str, #[case] program: &str) {
        let mut evidence = Evidence::default();
        evidence.driver.log = format!(
            "{log}ERROR SparkContext: Error initializing SparkContext.\n\
             org.apache.spark.SparkException: External scheduler cannot be instantiated\n\
             Caused by: mapping values are not allowed here\n in reader, line 1, column 6:\n"
        );
        let diagnosis = diagnose(&evidence);
        assert_eq!(diagnosis.cause, Cause::Unauthorized, "{diagnosis}");
        assert!(diagnosis.says.contains(program), "{diagnosis}");
        let mut runs = pod(|pod| (pod.registered, pod.phase) = (true, "Running".into()));
        runs.driver.log = log.into();
        assert_eq!(findings(&runs), Vec::new());
    }

    #[test]
    fn sparkproofs_own_credentials_may_be_refused() {
        let mut evidence = pod(|_| {});
        evidence.refusals.push(Refusal {
            code: 401,
            reason: "Unauthorized".into(),
            message: "Unauthorized".into(),
            request: "create pods (dry run)".into(),
            ..Refusal::default()
        });
        assert_eq!(diagnose(&evidence).cause, Cause::Unauthorized);
    }
}
