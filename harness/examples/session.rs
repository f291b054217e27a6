//! Real parts by hand: image, load, session on a cluster that exists. For measuring.
#![allow(clippy::print_stdout, clippy::print_stderr)]
use sparkproof::{context::Cancel, dirs::Dirs, engine::Engine, events::*, images, ledger::*, *};
use std::{sync::Arc, time::Instant};

struct Console;
impl Sink for Console {
    fn see(&self, event: &Event) {
        println!("{}", serde_json::to_string(&event.body).unwrap());
    }
}

#[tokio::main]
async fn main() -> std::process::ExitCode {
    let root = std::path::PathBuf::from(std::env::var("SP_ROOT").unwrap());
    let dirs = Dirs::at(root.join("state"), root.join("cache")).unwrap();
    let run = Arc::new(Run::begin(&dirs, Scope::Run).unwrap());
    let recorder =
        Recorder::open(&root.join("runs").join(run.id()), Secrets::default(), Box::new(Console));
    let context = Context { dirs, recorder: recorder.unwrap(), run, cancel: Cancel::default() };
    context.cancel.on_signals().unwrap();
    let result = go(&context).await;
    if let Err(e) = &result {
        println!("ERROR {:?}: {e}\n  remedy: {:?}", e.exit, e.remedy);
    }
    println!("end: {:?}", context.run.end().map_err(|e| e.to_string()));
    std::process::ExitCode::from(u8::from(result.is_err()))
}

async fn go(context: &Context) -> Result<()> {
    let host = std::env::var("DOCKER_HOST").unwrap();
    let docker = bollard::Docker::connect_with_unix(
        host.trim_start_matches("unix://"),
        600,
        bollard::API_DEFAULT_VERSION,
    )
    .unwrap()
    .negotiate_version()
    .await
    .unwrap();
    let engine = Engine { docker, host };
    let version = std::env::var("SP_VERSION").unwrap_or("3.5.9".into());
    let t = Instant::now();
    let image = match std::env::var("SP_HOME") {
        Ok(home) => images::spark::from_home(context, &engine, "image", home.as_ref()).await?,
        Err(_) => images::spark::from_version(context, &engine, "image", &version).await?,
    };
    println!("IMAGE {:.2} s {image:#?}", t.elapsed().as_secs_f64());
    let nodes = [std::env::var("SP_NODE").unwrap()];
    for _ in 0..2 {
        println!("LOAD {:?}", images::load(context, &engine, &nodes, &image.reference).await?);
    }
    let kubeconfig = std::path::PathBuf::from(std::env::var("SP_KUBECONFIG").unwrap());
    let host: std::net::IpAddr = std::env::var("SP_HOST").unwrap().parse().unwrap();
    let server = std::env::var("SP_SERVER").unwrap();
    let cluster = cluster::Cluster::reopen(context, cluster::ClusterRecord {
        name: "x".into(), provider: cluster::Provider::Kind, kubeconfig, context: None,
        server, kubernetes_version: "v1.34.4".into(), host_address: host, node_containers: nodes.to_vec() }).await?;
    let client = cluster.client.clone();
    let access = access::grant(context, &cluster, access::AccessRequest {
        namespace: format!("spark-{}", context.run.id()), service_account: "spark".into(),
        rbac: plan::RbacChoice::Minimal, spark_version: version.clone(), without: None }).await?;
    println!("ACCESS {}", access.granted);
    let pods = observe::Pods::watch(client, &access.namespace, context.recorder.clone());
    let mut image = image;
    let n: u32 = std::env::var("SP_N").unwrap_or("3".into()).parse().unwrap();
    let mut spec = session::SessionSpec::new("My App", n, host);
    match std::env::var("SP_CASE").unwrap_or_default().as_str() {
        "wrong-image" => image.reference = "localhost/nowhere/spark:1".into(),
        "never" => {
            image.reference = "localhost/nowhere/spark:1".into();
            spec.conf.push(("spark.kubernetes.container.image.pullPolicy".into(), "Never".into()));
        }
        "cpu" => spec.executor_cpu = "1500m".into(),
        "memory" => spec.executor_memory = "20g".into(),
        "unreachable" => spec.driver_bind = "127.0.0.1".parse().unwrap(),
        "blackhole" => spec.driver_host = "203.0.113.1".parse().unwrap(),
        "local" => spec.eager_local_session = true,
        "image" => image.reference = std::env::var("SP_IMAGE").unwrap(),
        _ => {}
    }
    if spec.driver_bind.to_string() == "203.0.113.1"
        || std::env::var("SP_CASE") == Ok("blackhole".into())
    {
        spec.driver_bind = "0.0.0.0".parse().unwrap();
    }
    if let Ok(conf) = std::env::var("SP_CONF") {
        let (k, v) = conf.split_once('=').unwrap();
        spec.conf.push((k.into(), v.into()));
    }
    let t = Instant::now();
    let mut session =
        match session::Session::start(context, &cluster, &access, &image, &spec, &pods).await {
            Ok(s) => s,
            Err(e) => {
                println!(
                    "FAILED after {:.1} s: {:?}",
                    t.elapsed().as_secs_f64(),
                    diagnose::Diagnosis::of(&e)
                );
                return Err(e);
            }
        };
    println!(
        "STARTED {:.1} s ({:.1} with jar) {:#?} {:#?}",
        session.seconds(),
        t.elapsed().as_secs_f64(),
        session.described(),
        session.executors()
    );
    let t = Instant::now();
    println!("BARRIER {:#?}", session.barrier(n).await?);
    println!("barrier {:.2} s", t.elapsed().as_secs_f64());
    let t = Instant::now();
    println!("BARRIER again {:?}", session.barrier(n).await?.tasks.len());
    println!("barrier {:.2} s", t.elapsed().as_secs_f64());
    let t = Instant::now();
    println!("JOB {}  {:.2} s", session.job(1000, n).await?, t.elapsed().as_secs_f64());
    let end = std::env::var("SP_END").unwrap_or("stop".into());
    let t = Instant::now();
    let ended = match end.as_str() {
        "exit" => session.exit_without_stop().await?,
        "kill" => session.kill9().await?,
        _ => session.stop().await?,
    };
    println!(
        "END {end} {:.2} s, all {:.2} s; log:\n{}",
        ended.seconds,
        t.elapsed().as_secs_f64(),
        ended.driver_log
    );
    let waiting = observe::Waiting::up_to(30, "no pods");
    let gone = observe::wait(context, waiting, pods.changes(), async || {
        let now = pods.now();
        if now.is_empty() {
            observe::Progress::Met(())
        } else {
            observe::Progress::NotYet(format!("{:?}", now.keys()))
        }
    })
    .await;
    if std::env::var("SP_KEEP").is_ok() { println!("NAMESPACE {}", access.namespace); return Ok(()); }
    for o in access.owned.iter().rev() { ledger::give_back(context, o).await?; }
    println!("GONE {:.2} s {gone:?}", t.elapsed().as_secs_f64());
    Ok(())
}
