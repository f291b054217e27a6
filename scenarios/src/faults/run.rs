//! Makes a fault, and judges what was said.

use std::io::Write;
use std::time::Instant;

use serde::Serialize;
use sparkproof::access::Rule;
use sparkproof::catalog::JarSet;
use sparkproof::catalog::plan::{DriverSize, MebiBytes, MilliCpu, PodPlan, PodTemplate};
use sparkproof::checks;
use sparkproof::error::{Error, ErrorContext, Result};
use sparkproof::images::spark::jars_of;
use sparkproof::images::{Entry, Layer, load_layered};
use sparkproof::session::{EXECUTOR_CONTAINER, SessionOverlay};
use sparkproof::testbed::{LiveSession, ScenarioContext, SessionBuilder};
use sparkproof::verdict::{Cause, Diagnosis};

use super::between::{Between, Meddling};
use super::fault::{Change, Fault, Judgement, Read};
use super::ground::{Attempt, Known, filler, prepare};
use super::submitted::submitted;
use crate::frame::{first_pod, little, path_of, started};

/// Environment variable: the file to which each fault adds its line. The default is `faults.jsonl` in the
/// scenario's run directory.
const OUT: &str = "SPARKPROOF_FAULTS_OUT";

/// A fault's line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    id: &'a str,
    group: &'a str,
    expected: Vec<Cause>,
    both: &'a [Cause],
    loudest: Option<Cause>,
    /// The first cause that was named.
    got: Option<Cause>,
    /// The others.
    also: Vec<Cause>,
    judgement: Judgement,
    /// Words that are not in the message.
    missing: Vec<String>,
    seconds: f64,
    message: String,
    /// `green`, or why the cure did not help; `None` without one.
    cure: Option<String>,
}

/// Makes a fault: its cause must be named with the words of its message, and its cure must help.
pub async fn is_named(p: &ScenarioContext, fault: &Fault) -> Result<()> {
    let mut known = Known::of(p).await?;
    let Attempt { result, seconds } = attempt(p, &mut known, &fault.changes).await?;
    let (named, said) = match &result {
        Ok(()) => (Vec::new(), String::new()),
        Err(error) => (named(error), said(error)),
    };
    let judgement = match &result {
        Ok(()) => Judgement::Green,
        Err(_) => fault.judge(&named),
    };
    let words = fault.words.iter().map(|words| known.fill(words));
    let missing: Vec<String> = words.filter(|words| !said.contains(words)).collect();
    let cure = match fault.cure.is_empty() {
        true => None,
        false => {
            let cured: Vec<Change> = fault.changes.iter().chain(&fault.cure).cloned().collect();
            let cured = attempt(p, &mut known, &cured).await?.result;
            Some(cured.map_or_else(|error| error.to_string(), |()| "green".to_owned()))
        }
    };
    let line = Line {
        id: fault.id,
        group: fault.group,
        expected: fault.expected.clone(),
        both: &fault.both,
        loudest: fault.loudest,
        got: named.first().copied(),
        also: named.iter().skip(1).copied().collect(),
        judgement,
        missing,
        seconds,
        message: said,
        cure,
    };
    write(p, &line)?;
    let helped = line.cure.as_ref().is_none_or(|cure| cure == "green");
    match judgement == Judgement::Right && line.missing.is_empty() && helped {
        true => Ok(()),
        false => {
            let line = serde_json::to_string_pretty(&line).or_internal("a fault's line")?;
            Err(Error::red(format!("{}: {judgement:?}: {line}", fault.id)))
        }
    }
}

/// Makes the changes, and starts a session, which is ended if it starts.
async fn attempt(p: &ScenarioContext, known: &mut Known, changes: &[Change]) -> Result<Attempt> {
    let mut between = None;
    for change in changes {
        match change {
            Change::Read(read) => return reading(p, *read).await,
            Change::Application(wanted) => {
                let session = builder(p, known, changes)?;
                return submitted(session, known, changes, *wanted).await;
            }
            Change::Between(what) => {
                let listening = Between::listen().await?;
                known.port = listening.port;
                between = Some((listening, *what));
            }
            _ => {}
        }
    }
    let ground = builder(p, known, changes)?.grant().await?;
    let _serving = match between {
        Some((between, what)) => {
            Some(between.serve(&ground.access().driver_kubeconfig, what).await?)
        }
        None => None,
    };
    let obstacles = ground.obstacles();
    let fill = filler(known, &ground);
    prepare(&ground, &fill, changes).await?;
    let (image, added) = overlay(p, known, changes).await?;
    let ground = ground.with(image, added);
    let meanwhile = async {
        for change in changes {
            match change {
                Change::OncePlaced(yaml) => {
                    obstacles.until_placed().await?;
                    obstacles.put(&fill(yaml)).await?;
                }
                Change::Evicting => match obstacles.evict_all().await? {},
                Change::Dropping => {
                    obstacles.until_placed().await?;
                    obstacles.drop_executors().await?;
                }
                _ => {}
            }
        }
        std::future::pending::<Result<()>>().await
    };
    let begun = Instant::now();
    let started = tokio::select! {
        started = Box::pin(ground.start()) => Ok(started),
        failed = meanwhile => Err(failed.err().unwrap_or_else(|| Error::internal("ended"))),
    };
    let seconds = begun.elapsed().as_secs_f64();
    // Whatever happened.
    for change in changes {
        if let Change::Node(yaml) = change {
            obstacles.take_away(&fill(yaml)).await?;
        }
    }
    let script = changes.iter().find_map(|change| match change {
        Change::Broken(script) => Some(*script),
        _ => None,
    });
    match (started?, script) {
        (Ok(live), Some(script)) => broken(p, live, script).await,
        (Ok(live), None) => Ok(Attempt { result: live.stop().await.map(drop), seconds }),
        (Err(error), _) if error.is_interruption() => Err(error),
        (Err(error), _) => Ok(Attempt { result: Err(error), seconds }),
    }
}

/// Runs a script in each executor of a started session, and then a barrier stage.
async fn broken(p: &ScenarioContext, mut live: LiveSession, script: &str) -> Result<Attempt> {
    for pod in live.executor_pods().into_keys() {
        // Its end may also end the script.
        match live.executor(&pod).run(&["sh", "-c", script]).await {
            Err(error) if error.is_interruption() => return Err(error),
            _ => {}
        }
    }
    let begun = Instant::now();
    let result = checks::barrier(&p.context, &mut live).await.map(drop);
    let seconds = begun.elapsed().as_secs_f64();
    live.stop().await?;
    match result {
        Err(error) if error.is_interruption() => Err(error),
        result => Ok(Attempt { result, seconds }),
    }
}

/// Starts a session that reads, breaks what it reads, and reads.
async fn reading(p: &ScenarioContext, read: Read) -> Result<Attempt> {
    let jars = match read.hadoop {
        Some(hadoop) => jars_of(&p.context, "prepare", hadoop, JarSet::S3).await?,
        None => Vec::new(),
    };
    let builder = little(p, &[read.variant]).change(move |added| {
        (read.change)(added);
        if !jars.is_empty() {
            added.driver_jars.clone_from(&jars);
            added.shipped_jars = jars;
        }
    });
    // Executors have no other jars than those that are shipped.
    let builder = if read.bare || read.hadoop.is_some() { builder.bare_image() } else { builder };
    // Fails within seconds where the default tries for minutes (hadoop-aws 3.3: 20 attempts).
    let builder = builder.session(|session| {
        let session = session.executors(1).conf("spark.hadoop.fs.s3a.attempts.maximum", "1");
        let session = session.conf("spark.hadoop.fs.s3a.retry.limit", "1");
        session.conf("spark.hadoop.fs.s3a.connection.establish.timeout", "2000")
    });
    let mut session = started(builder).await?;
    if let Some(script) = read.script {
        let file = format!("{}/big.csv", path_of(&session, read.variant)?.display());
        first_pod(&session)?.run(&["sh", "-c", script, "sh", &file]).await?;
    }
    let begun = Instant::now();
    let result = session.prove(read.variant).await;
    let seconds = begun.elapsed().as_secs_f64();
    session.stop().await?;
    match result {
        Err(error) if error.is_interruption() => Err(error),
        result => Ok(Attempt { result: result.map(drop), seconds }),
    }
}

/// The session with its changes.
fn builder<'a>(
    p: &'a ScenarioContext,
    known: &Known,
    changes: &[Change],
) -> Result<SessionBuilder<'a>> {
    let mut session = p.session().executors(1);
    for change in changes {
        session = match change {
            Change::Template(template) => {
                session.pod_template(&known.fill(&template.yaml(EXECUTOR_CONTAINER)))?
            }
            Change::PodTemplate(template) => {
                let file = p.context.run.dir().join("pod-template.yaml");
                let yaml = known.fill(&template.yaml(EXECUTOR_CONTAINER));
                sparkproof::dirs::private_file(&file, yaml.as_bytes())?;
                let template = PodTemplate::read("--pod-template", &file)?;
                let pods = PodPlan {
                    executor: Some(template.clone()),
                    driver: Some(template),
                    ..PodPlan::default()
                };
                session.pods(pods)
            }
            Change::Restricted => session.pods(PodPlan { restricted: true, ..PodPlan::default() }),
            Change::CpuLimit(milli) => session.cpu_limit(MilliCpu(*milli)),
            Change::DriverCpu(milli) => session.driver_size(DriverSize {
                cpu: Some(MilliCpu(*milli)),
                cpu_limit: Some(MilliCpu(*milli)),
                memory: None,
            }),
            Change::Conf(key, value) => session.conf(key, &known.fill(value)),
            Change::Executors(executors) => session.executors(*executors),
            Change::Cpu(milli) => session.cpu(MilliCpu(*milli)),
            Change::Memory(mebi) => session.memory(MebiBytes(*mebi)),
            Change::Image(reference) => session.image(&known.fill(reference)),
            Change::Driver(place) => session.driver(*place),
            Change::FrontEnd(front_end) => session.front_end(*front_end),
            Change::Advertise(address) => {
                let here = p.environment.cluster.host_address;
                session.driver_host((*address).into()).driver_bind(here)
            }
            Change::Bind(address) => session.driver_bind((*address).into()),
            Change::Server(url) => session.server(url),
            Change::Without(resource, verb) => session.without(resource, verb),
            Change::May(resource, verb) => session.verbs(&[Rule { resource, verb }]),
            Change::LocalMaster => session.local_master(),
            // A proxy is none of the server.
            Change::Between(Meddling::WantsPassword) => session,
            Change::Between(_) => session.server(&known.fill("http://127.0.0.1:$PORT")),
            _ => session,
        };
    }
    Ok(session)
}

/// The image with layers, and what a strategy would add.
async fn overlay(
    p: &ScenarioContext,
    known: &Known,
    changes: &[Change],
) -> Result<(Option<String>, SessionOverlay)> {
    let (mut image, mut added) = (None, SessionOverlay::default());
    for change in changes {
        match change {
            Change::Init(json) => {
                let container = serde_json::from_str(&known.fill(json));
                added.init_containers.push(container.or_internal("an init container")?);
            }
            Change::Layer(path, content) => {
                let entry = Entry::bytes(*content, 0o755);
                let layer = Layer::of_entries([(*path, entry)]).await?;
                let engine = p.environment.node_engine()?;
                let nodes = p.environment.cluster.executor_nodes();
                let reference = format!("localhost/sparkproof/spark:fault-{}", known.run);
                load_layered(&p.context, engine, &nodes, &known.image, &reference, &[layer])
                    .await?;
                image = Some(reference);
            }
            _ => {}
        }
    }
    Ok((image, added))
}

/// The causes of an error, the first one first. A read names its causes in its message only.
fn named(error: &Error) -> Vec<Cause> {
    if let Some(diagnosis) = Diagnosis::from_error(error) {
        return flat(diagnosis).into_iter().map(|diagnosis| diagnosis.cause).collect();
    }
    let text = error.to_string();
    let words = text.split(|c: char| !c.is_ascii_lowercase() && c != '-');
    // Others are ordinary words.
    let causes = Cause::ALL.iter().filter(|cause| cause.to_string().contains('-'));
    let causes: Vec<(String, Cause)> = causes.map(|c| (c.to_string(), *c)).collect();
    let named = words.filter_map(|word| causes.iter().find(|(name, _)| name == word));
    let mut named: Vec<Cause> = named.map(|(_, cause)| *cause).collect();
    named.dedup();
    named
}

/// What a user reads: the message, what else went wrong, and what to do.
fn said(error: &Error) -> String {
    let mut said = error.to_string();
    if let Some(diagnosis) = Diagnosis::from_error(error) {
        for one in flat(diagnosis).into_iter().skip(1) {
            said += &format!("\n{one}\n{}", one.remedy);
        }
    }
    said + "\n" + error.remedy.as_deref().unwrap_or_default()
}

fn flat(diagnosis: &Diagnosis) -> Vec<&Diagnosis> {
    let also = diagnosis.also.iter().flat_map(flat);
    std::iter::once(diagnosis).chain(also).collect()
}

/// Adds the line to the file of results.
fn write(p: &ScenarioContext, line: &Line<'_>) -> Result<()> {
    let file = std::env::var_os(OUT).map(std::path::PathBuf::from);
    let file = file.unwrap_or_else(|| p.context.recorder.dir().join("faults.jsonl"));
    let mut text = serde_json::to_string(line).or_internal("a fault's line")?;
    text.push('\n');
    let open = std::fs::OpenOptions::new().create(true).append(true).open(&file);
    let mut open = open.or_environment(format!("opening {}", file.display()))?;
    open.write_all(text.as_bytes()).or_environment("writing a fault's line")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_read_from_a_message_or_a_diagnosis() {
        let one = |cause, also| Diagnosis {
            cause,
            says: "x".into(),
            evidence: Vec::new(),
            remedy: "y".into(),
            also,
        };
        let diagnosis = one(Cause::Taint, vec![one(Cause::QuotaExceeded, Vec::new())]);
        let error = diagnosis.error("0 of 1");
        assert_eq!(named(&error), [Cause::Taint, Cause::QuotaExceeded]);
        assert!(said(&error).contains("quota-exceeded: x"), "{}", said(&error));
        let error = Error::red("2 of 3: file-missing: executor 1, unknown to me");
        assert_eq!(named(&error), [Cause::FileMissing]);
    }
}
