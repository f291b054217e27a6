//! Starts a session. It counts as started when `sparkContext.master` is Kubernetes, and N executors
//! are registered, which are the N Running pods.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, ResourceExt};
use sparkproof_base::context::Context;
use sparkproof_base::dirs::private_file;
use sparkproof_base::error::{Error, Result};
use sparkproof_base::events::{Body, PodMoment};
use sparkproof_base::wait::{Progress, Source, Waiting, wait};
use sparkproof_images::spark::SparkImage;
use sparkproof_judge::diagnosis::{Asked, DeployMode, Evidence, diagnose, key_findings};
use sparkproof_judge::{Agreement, Described};
use sparkproof_kubernetes::access::Access;
use sparkproof_kubernetes::cluster::{Cluster, Provider, server_on_network};
use sparkproof_kubernetes::observe::Pods;
use sparkproof_machine::address::is_own;

use super::agreement::{agreement, is_of, of_session};
use super::driver::{Driver, Launch, read_log, session_dir};
use super::dry_run::Before;
use super::evidence::{Names, Place, driver_facts, facts, facts_for_a_look};
use super::health::{Health, Look};
use super::logs::PodLogs;
use super::rest::Rest;
use super::running::Session;
use super::site::{DriverSite, SESSION_IN_POD, in_pod as in_pod_path};
use super::spec::{
    SessionSpec, SessionTarget, hosts_file, masked, properties, reached_at, template_file, written,
};
use super::{evidence, keys, probe, template};

impl Session {
    /// Launches a driver and starts a session; `pods` watches its namespace.
    ///
    /// Spark's call returns "successfully" without executors, so its return is not trusted. A
    /// session that does not start within its deadline, or cannot start any more, is a red error
    /// with a [`sparkproof_base::verdict::Diagnosis`]. Pods, events and logs are then in the run
    /// directory, and the driver is ended.
    pub async fn start(
        context: &Context,
        cluster: &Cluster,
        access: &Access,
        image: &SparkImage,
        spec: &SessionSpec,
        pods: &Pods,
    ) -> Result<Session> {
        spec.conf.register(context.recorder.secrets());
        spec.added.conf.register(context.recorder.secrets());
        let dir = session_dir(context)?;
        let path = dir.path().to_owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        spec.pods.register(context.recorder.secrets());
        let template = template::of_executors(&spec.pods, &spec.added)?;
        write_added(&path, spec, template.as_deref())?;
        let probe_jar = probe::jar(context, "session", &image.spark_home, &image.version).await?;
        let server = match &spec.driver {
            DriverSite::Host => cluster.server.clone(),
            DriverSite::Container { engine, .. } => {
                server_on_network(context, engine, cluster).await?
            }
            DriverSite::Pod(_) => "https://kubernetes.default.svc".to_owned(),
        };
        let notes = keys::notes(context, image, &spec.conf, DeployMode::Client).await?;
        for finding in key_findings(&notes) {
            context.recorder.warn_once(format!("{}: {}", finding.says, finding.remedy));
        }
        let begun = Instant::now();
        let in_pod = matches!(spec.driver, DriverSite::Pod(_));
        let (effective, seen_at) = match in_pod {
            true => (Cow::Owned(spec.inside_a_pod()), Path::new(SESSION_IN_POD)),
            false => (Cow::Borrowed(spec), &*path),
        };
        let proxy = access.proxy()?;
        let launch = Launch {
            front_end: spec.front_end,
            geni: effective.geni.as_ref(),
            trap: spec.trap,
            app_name: &spec.app_name,
            java_home: image.java_home.as_deref(),
            archive: image.driver_archive.as_deref().filter(|_| spec.loads_archived_classes()),
            jars: &effective.added.driver_jars,
            spark_home: &image.spark_home,
            kubeconfig: &access.driver_kubeconfig,
            proxy: proxy.as_deref(),
            files: &spec.files(&probe_jar),
            mounts: &spec.driver_mounts,
            hosts: &spec.added.hosts,
            in_image: in_pod,
        };
        let driver = Driver::start(context, cluster, dir, &launch, &spec.driver, pods).await?;
        let (address, advertised) = match driver.address() {
            Some(address) => (address, address),
            None => spec.addresses(cluster.host_address, is_own),
        };
        let place = SessionTarget {
            server: &server,
            driver: address,
            advertised,
            namespace: &access.namespace,
            service_account: &access.service_account,
            pod: driver.pod(),
            kube_context: access.driver_context.as_deref().filter(|_| !in_pod),
            application: access.application.as_deref(),
            image: &image.reference,
            probe_jar: if in_pod { in_pod_path(&probe_jar) } else { probe_jar },
            dir: seen_at,
            run: context.run.id(),
            session: &name,
        };
        let properties = properties(&effective, &place);
        let asked = Asked {
            image: image.reference.clone(),
            executors: spec.executors,
            namespace: access.namespace.clone(),
            account: access.service_account.clone(),
            controller: String::new(),
            driver_host: reached_at(&effective, &place),
            driver_address: address.to_string(),
            driver: spec.driver.place(),
            cluster_of_user: cluster.provider == Provider::Existing,
            conf: properties.as_ref().map(masked).unwrap_or_default(),
            notes,
        };
        let client = cluster.client.clone();
        let place = Place { client: client.clone(), namespace: access.namespace.clone() };
        // An error goes to the driver, which has begun and must be ended.
        let properties = match properties {
            Ok(all) => {
                let before = Before {
                    context,
                    access,
                    place: &place,
                    pods,
                    asked: &asked,
                    version: &image.version,
                    properties: &all,
                    template: template.as_deref(),
                    driver_pod: driver.pod(),
                    name: &name,
                };
                Box::pin(before.accepted()).await.map(|()| written(&all))
            }
            error => error.map(|all| written(&all)),
        };
        let driver = driver.launch(properties).await?;
        let api: Api<Pod> = Api::namespaced(cluster.client.clone(), &access.namespace);
        let ours = {
            let name = name.clone();
            move |pod: &Pod| is_of(pod, &name)
        };
        let mut starting = Starting {
            context,
            spec,
            log: driver.log_path(),
            driver_pod: driver.pod().map(str::to_owned),
            driver,
            place: place.clone(),
            address,
            pods,
            logs: PodLogs::follow(api, pods, ours),
            name,
            health: Health::new(asked.clone(), place),
            asked,
            begun,
            master: None,
            registered: None,
            came: BTreeSet::new(),
        };
        match Box::pin(starting.run()).await {
            Ok((described, rest, executors)) => Ok(Session {
                name: starting.name,
                described,
                rest,
                address,
                executors,
                seconds: begun.elapsed().as_secs_f64(),
                driver: starting.driver,
                logs: starting.logs,
                pods: pods.clone(),
                asked: starting.asked,
                place: starting.place,
                came: starting.came,
            }),
            Err(error) if error.is_interruption() => {
                starting.driver.end().await?;
                Err(error)
            }
            Err(error) => starting.explain(error).await,
        }
    }
}

/// The files that the properties name.
fn write_added(dir: &Path, spec: &SessionSpec, template: Option<&Pod>) -> Result<()> {
    if let Some(pod) = template {
        private_file(&template_file(dir), template::render(pod)?.as_bytes())?;
    }
    if !spec.added.hosts.is_empty() {
        let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
        private_file(&hosts_file(dir), template::hosts_file(&spec.added, &name).as_bytes())?;
    }
    Ok(())
}

struct Starting<'a> {
    context: &'a Context,
    spec: &'a SessionSpec,
    driver: Driver,
    place: Place,
    /// The address at which the driver listens.
    address: IpAddr,
    asked: Asked,
    /// The driver's pod, if it is in one.
    driver_pod: Option<String>,
    log: PathBuf,
    pods: &'a Pods,
    logs: PodLogs,
    name: String,
    health: Health,
    begun: Instant,
    master: Option<String>,
    /// Executors in Spark's list, if there is one.
    registered: Option<usize>,
    /// Pods of all executors that were ever in the list.
    came: BTreeSet<String>,
}

impl Starting<'_> {
    async fn run(&mut self) -> Result<(Described, Rest, Agreement)> {
        let waiting = Waiting { what: "the session".into(), deadline: self.spec.deadline };
        let call = self.driver.begin(self.spec.trap, self.spec.deadline);
        let (pods, health, log, name) = (self.pods, &mut self.health, &self.log, &self.name);
        let (logs, came, driver_pod) = (&self.logs, &self.came, self.driver_pod.as_deref());
        let hopeless = wait::<Infallible>(self.context, waiting, pods.changes(), async || {
            let look = look(pods, (name, driver_pod), logs, came, Some(0), log);
            match health.hopeless(look).await {
                Some(words) => Progress::Never(Error::red(words)),
                None => pods.not_yet(health.and_awaits("the session call had not returned")),
            }
        });
        let described = tokio::select! {
            biased;
            described = call => described?,
            hopeless = hopeless => match hopeless {
                Err(error) => return Err(error),
                Ok(never) => match never {},
            },
        };
        self.master = Some(described.context_master.clone());
        // The version of the running Spark, not the requested one.
        self.context.recorder.fact("spark that answered", described.version.to_string());
        if let Some(fault) = described.fault() {
            return Err(Error::red(fault));
        }
        let rest = match self.driver.pod() {
            Some(pod) => Rest::of_pod(&described, &self.place.client, &self.place.namespace, pod)?,
            None => Rest::from_described(&described, self.address)?,
        };
        let executors = self.registration(&rest).await?;
        Ok((described, rest, executors))
    }

    async fn registration(&mut self, rest: &Rest) -> Result<Agreement> {
        let left = self.spec.deadline.saturating_sub(self.begun.elapsed());
        let waiting = Waiting {
            what: format!("{} registered executors", self.spec.executors),
            deadline: left.max(Duration::from_secs(1)),
        };
        let (context, pods, health) = (self.context, self.pods, &mut self.health);
        let (log, name, n) = (&self.log, &self.name, self.spec.executors as usize);
        let (seen, logs) = (&mut self.registered, &self.logs);
        let (came, driver) = (&mut self.came, &self.driver);
        let name_and_driver = (name.as_str(), self.driver_pod.as_deref());
        // Polled: registration changes Spark's list, but no pod.
        wait(context, waiting, Source::Backoff, async || {
            let listed = match rest.executors().await {
                Ok(listed) => listed,
                // Without a list, or without a driver, the other evidence is still evaluated.
                Err(error) => {
                    if let Some(how) = driver.end_seen(context).await {
                        let ended = Error::environment(format!("the driver ended with {how}"));
                        return Progress::Never(ended.with_source(error));
                    }
                    let registered = Some(seen.unwrap_or_default());
                    let look = look(pods, name_and_driver, logs, came, registered, log);
                    return match health.hopeless(look).await {
                        Some(words) => Progress::Never(Error::red(words)),
                        None => pods.not_yet(health.and_awaits(&error.to_string())),
                    };
                }
            };
            *seen = Some(listed.len());
            let running = of_session(pods, name);
            for (id, executor) in &listed {
                if let Some(pod) = running.get(id)
                    && came.insert(pod.name_any())
                {
                    context.recorder.emit(Body::Pod {
                        pod: pod.name_any(),
                        moment: PodMoment::Registered,
                        detail: format!("executor {id}, added {}", executor.added),
                    });
                }
            }
            let executors = agreement(&listed, &running);
            let Some(difference) = executors.difference(n) else {
                return Progress::Met(executors);
            };
            let look = look(pods, name_and_driver, logs, came, Some(listed.len()), log);
            match health.hopeless(look).await {
                Some(words) => Progress::Never(Error::red(words)),
                None => pods.not_yet(health.and_awaits(&difference)),
            }
        })
        .await
    }

    /// The failure with its cause. Records all evidence and ends the driver.
    async fn explain(self, error: Error) -> Result<Session> {
        let seconds = self.begun.elapsed().as_secs_f64();
        let driver_ended = self.driver.end_seen(self.context).await.is_some();
        let mut driver = driver_facts(&error);
        // Read before the driver's end adds other errors.
        driver.log = read_log(&self.log);
        driver.context_master = self.master;
        driver.gone |= driver_ended;
        let evidence = Evidence {
            driver,
            asked: self.asked,
            pods: facts(
                self.pods,
                (&self.name, self.driver_pod.as_deref()),
                &self.logs,
                &self.came,
            ),
            ..Evidence::default()
        };
        let evidence = evidence::complete(self.context, &self.place, evidence).await;
        evidence::record(self.context, &self.name, &evidence);
        self.driver.end().await?;
        let n = self.spec.executors;
        let master = evidence.driver.context_master.as_ref();
        Err(diagnose(&evidence).error(match self.registered {
            _ if master.is_some_and(|m| !m.starts_with("k8s")) => error.what,
            Some(registered) => {
                format!("{registered} of {n} executors registered after {seconds:.0} s")
            }
            None => format!("no session of {n} executors after {seconds:.0} s"),
        }))
    }
}

fn look(
    pods: &Pods,
    session: Names<'_>,
    logs: &PodLogs,
    came: &BTreeSet<String>,
    registered: Option<usize>,
    driver_log: &Path,
) -> Look {
    Look {
        pods: facts_for_a_look(pods, session, logs, came),
        leaving: pods.any_leaves(),
        registered,
        driver_log: read_log(driver_log),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::driver::tests::start;
    use http::{Request, Response};
    use kube::client::Body as HttpBody;
    use serde_json::json;
    use sparkproof_base::ledger::labels::KUBE_SESSION;
    use sparkproof_base::testing::test_context;

    /// A watch whose first list has these pods, and which hears nothing afterwards.
    async fn pods_of(context: &Context, listed: serde_json::Value) -> Pods {
        let (service, mut handle) =
            tower_test::mock::pair::<Request<HttpBody>, Response<HttpBody>>();
        let expected = listed.as_array().map_or(0, Vec::len);
        tokio::spawn(async move {
            let list = json!({ "kind": "PodList", "apiVersion": "v1", "items": listed,
                               "metadata": { "resourceVersion": "1" } });
            let (_, reply) = handle.next_request().await.expect("listed");
            let body = HttpBody::from(serde_json::to_vec(&list).expect("json"));
            reply.send_response(Response::new(body));
            let mut unanswered = Vec::new();
            while let Some(request) = handle.next_request().await {
                unanswered.push(request);
            }
        });
        let client = kube::Client::new(service, "n");
        let pods = Pods::watch(client, "n", None, context.recorder.clone());
        let waiting = Waiting::up_to(30, "the list");
        wait(context, waiting, pods.changes(), async || match pods.now().len() == expected {
            true => Progress::Met(()),
            false => Progress::NotYet("not listed".into()),
        })
        .await
        .expect("listed");
        pods
    }

    /// How the wait for executors ends whose list cannot be read, and after how long.
    async fn unlisted(kill: bool, listed: serde_json::Value) -> (Error, Duration) {
        let (context, keep) = test_context();
        let driver = start(&context, keep.path()).await;
        let pods = pods_of(&context, listed).await;
        let described: Described = serde_json::from_value(json!({
            "context_master": "k8s://x", "conf_master": "k8s://x", "application": "spark-1",
            "ui": "http://127.0.0.1:1", "version": "3.5.9", "language": "Scala", "java": "17",
        }))
        .expect("described");
        let address = IpAddr::from([127, 0, 0, 1]);
        let rest = Rest::from_described(&described, address).expect("a port");
        let (service, _) = tower_test::mock::pair::<Request<HttpBody>, Response<HttpBody>>();
        let client = kube::Client::new(service, "n");
        let spec = SessionSpec::new("x", 1);
        let asked = Asked { executors: 1, ..Asked::default() };
        let mut starting = Starting {
            context: &context,
            spec: &spec,
            log: driver.log_path(),
            driver_pod: driver.pod().map(str::to_owned),
            driver,
            logs: PodLogs::follow(Api::namespaced(client.clone(), "n"), &pods, |_| false),
            place: Place { client: client.clone(), namespace: "n".into() },
            address,
            asked: asked.clone(),
            pods: &pods,
            name: "s".into(),
            health: Health::new(asked, Place { client, namespace: "n".into() }),
            begun: Instant::now(),
            master: None,
            registered: None,
            came: BTreeSet::new(),
        };
        if kill {
            for owned in context.run.owned() {
                sparkproof_machine::exec::signal_process(&owned, rustix::process::Signal::KILL);
            }
        }
        let begun = Instant::now();
        let error = starting.registration(&rest).await.expect_err("no executor");
        let seconds = begun.elapsed();
        let _ = starting.driver.end().await;
        (error, seconds)
    }

    #[tokio::test]
    async fn a_driver_that_ends_after_its_session_began_ends_the_wait_for_executors() {
        let (error, seconds) = unlisted(true, json!([])).await;
        assert!(error.to_string().contains("the driver ended with signal: 9"), "{error}");
        assert!(seconds < Duration::from_secs(30), "{seconds:?}");
    }

    #[tokio::test]
    async fn what_cannot_recover_ends_the_wait_although_the_list_of_executors_cannot_be_read() {
        let waiting = json!({ "reason": "InvalidImageName", "message": "couldn't parse it" });
        let stuck = json!([{
            "metadata": { "name": "x-exec-1", "namespace": "n",
                          "labels": { KUBE_SESSION: "s", "spark-exec-id": "1" } },
            "status": { "phase": "Pending", "containerStatuses": [{
                "name": "e", "ready": false, "restartCount": 0, "image": "i", "imageID": "",
                "state": { "waiting": waiting } }] },
        }]);
        let (error, seconds) = unlisted(false, stuck).await;
        assert!(error.to_string().contains("wrong-image"), "{error}");
        assert!(seconds < Duration::from_secs(30), "{seconds:?}");
    }
}
