//! A comparison of two sessions by pairs of runs, with a third as the control of A against A.

use std::collections::BTreeMap;
use std::time::Instant;

use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_catalog::plan::MilliCpu;
use sparkproof_catalog::{Variant, VariantId};
use sparkproof_judge::{Counters, FrameAnswer, FrameRead, Frames, InputMetrics};
use sparkproof_measure::cost::{BENCH_SCHEMA, BenchRecord, BlockCosts, Spent, Workload};
use sparkproof_measure::gate::{Figure, Gate, Plan, Side, Step};
use sparkproof_spark::session::Frame;
use sparkproof_strategies::DataSize;
use sparkproof_testbed::{LiveSession, ScenarioContext, SessionBuilder};

use super::ReadingBuilder;
use crate::checks::{let_go, namespaces_gone};

/// Version of the reference workloads, as in the probe's `Workload.java`.
const REFERENCE: u32 = 1;
/// Runs of each session before the first block: its code is then compiled.
const WARM_UPS: usize = 8;
/// Executors of each session: three sessions share the machine, one of them works at a time.
const EXECUTORS: u32 = 1;
/// Sessions whose executors are on the cluster at the same time.
const SESSIONS: u32 = 3;

/// What is compared.
#[derive(Debug, Clone)]
pub struct BenchRequest {
    /// The gated workloads.
    pub workloads: Vec<Workload>,
    /// What A and B add to the session's settings.
    pub conf: [BTreeMap<String, String>; 2],
    /// What is fixed beforehand.
    pub plan: Plan,
    /// The class of this machine.
    pub machine: String,
}

/// A workload, ready to be run.
struct Job {
    workload: Workload,
    /// The reads; none for a workload of the probe.
    frames: Vec<(String, Frame)>,
}

/// Compares. A and B differ in their settings only; without settings this is A against A.
///
/// # Errors
/// A session did not start, a run failed, or what was recorded cannot be judged. The verdict is in the
/// record.
pub async fn bench(proof: &ScenarioContext, request: BenchRequest) -> Result<BenchRecord> {
    let context = &proof.context;
    let ids: Vec<VariantId> = request.workloads.iter().filter_map(of_variant).collect();
    let variants: Vec<_> = ids.iter().map(|id| Variant::get(*id)).collect();
    let [conf_a, conf_b] = request.conf.clone();
    let cpu = proof.environment.plan.executors.share_of(SESSIONS);
    let builder = ReadingBuilder::new(proof, &variants)
        .size(DataSize::default())
        .session(|session| settings(session, cpu, &conf_a));
    let (mut a, failed) = builder.start().await?;
    if let Some(error) = failed {
        return Err(error);
    }
    let mut b = a.beside(|session| settings(session, cpu, &conf_b)).await?;
    let mut control = a.beside(|session| settings(session, cpu, &conf_a)).await?;
    let mut jobs = Vec::new();
    for workload in with_reference(&request.workloads) {
        let frames = match workload {
            Workload::Read(id) => a.frames(id)?,
            _ => Vec::new(),
        };
        jobs.push(Job { workload, frames });
    }
    let phase = context.recorder.phase("compare");
    let compared = compare(proof, &request, &jobs, [&mut a.live, &mut b, &mut control]).await;
    let record = phase.end(compared, |record| record.outcome.reason.clone())?;
    let text = serde_json::to_string_pretty(&record).or_internal("writing bench.json")?;
    context.recorder.artifact("costs", "bench.json", &text);
    let phase = context.recorder.phase("stop");
    let stopped = async {
        for ended in [control.stop().await?, b.stop().await?, a.stop().await?] {
            let_go(proof, ended).await?;
        }
        namespaces_gone(proof).await
    }
    .await;
    phase.end(stopped, |_| "three sessions".to_owned())?;
    Ok(record)
}

fn of_variant(workload: &Workload) -> Option<VariantId> {
    match workload {
        Workload::Read(id) => Some(*id),
        _ => None,
    }
}

/// The gated workloads, and the reference that runs beside them.
fn with_reference(gated: &[Workload]) -> Vec<Workload> {
    let mut all = gated.to_vec();
    if !all.contains(&Workload::ReferenceCpu) {
        all.push(Workload::ReferenceCpu);
    }
    all
}

fn settings<'a>(
    session: SessionBuilder<'a>,
    cpu: MilliCpu,
    conf: &BTreeMap<String, String>,
) -> SessionBuilder<'a> {
    let session = session.executors(EXECUTORS).cpu(cpu);
    conf.iter().fold(session, |session, (key, value)| session.conf(key, value))
}

async fn compare(
    proof: &ScenarioContext,
    request: &BenchRequest,
    jobs: &[Job],
    mut lives: [&mut LiveSession; 3],
) -> Result<BenchRecord> {
    let recorder = &proof.context.recorder;
    let begun = Instant::now();
    let mut gate = Gate::new(request.plan.clone()).or_internal("the plan was checked")?;
    let mut warm_up = [Vec::new(), Vec::new(), Vec::new()];
    let mut counters: BTreeMap<String, [BTreeMap<String, u64>; 2]> = BTreeMap::new();
    for (index, live) in lives.iter_mut().take(2).enumerate() {
        for job in jobs {
            let of_job = counted(live, job).await?;
            counters.entry(job.workload.to_string()).or_default()[index] = of_job;
        }
    }
    for _ in 0..WARM_UPS {
        for (live, costs) in lives.iter_mut().zip(&mut warm_up) {
            costs.push(run(live, jobs).await?.0);
        }
    }
    recorder.info(format!(
        "warmed up in {:.0} s; up to {} pairs and half as many of A against A",
        begun.elapsed().as_secs_f64(),
        request.plan.most_pairs()
    ));
    let (blocks_begun, mut all_costs, mut peaks) = (Instant::now(), Vec::new(), [None; 3]);
    let outcome = loop {
        let order = gate.next_block().ok_or_else(|| Error::internal("a gate without end"))?;
        let mut costs: BTreeMap<String, Vec<Spent>> = BTreeMap::new();
        for side in order.runs {
            let index = place(side);
            let (spent, peak) = run(lives[index], jobs).await?;
            peaks[index] = peak;
            for (name, of) in spent {
                costs.entry(name).or_default().push(of);
            }
        }
        let costs: BlockCosts =
            costs.into_iter().filter_map(|(n, c)| Some((n, c.try_into().ok()?))).collect();
        let cpu =
            |(name, spent): (&String, &[Spent; 4])| (name.clone(), spent.map(|s| s.cpu_seconds));
        let step = gate.feed(costs.iter().map(cpu).collect()).or_environment("comparing")?;
        all_costs.push(costs);
        let pairs = gate.blocks().iter().filter(|b| !b.order.is_control()).count() * 2;
        let each = blocks_begun.elapsed().as_secs_f64() / gate.blocks().len() as f64;
        let most_blocks = request.plan.most_runs() / 4;
        let left = each * (most_blocks - gate.blocks().len()) as f64;
        match step {
            Step::Going => {
                if gate.blocks().len() % 3 == 0 {
                    recorder.info(format!("{pairs} pairs; at most {left:.0} s left"));
                }
            }
            Step::Undecided(figures) => {
                recorder
                    .info(format!("{pairs} pairs: {}; at most {left:.0} s left", words(&figures)));
            }
            Step::Decided(outcome) => break outcome,
        }
    };
    let environment = &proof.environment;
    Ok(BenchRecord {
        schema: BENCH_SCHEMA,
        reference: REFERENCE,
        spark: environment.image.version.to_string(),
        image: (environment.image.reference.clone(), environment.image.digest.clone()),
        machine: request.machine.clone(),
        executors: EXECUTORS,
        conf: request.conf.clone(),
        plan: request.plan.clone(),
        warm_up,
        blocks: gate.blocks().to_vec(),
        costs: all_costs,
        peak_bytes: peaks,
        counters,
        outcome,
        seconds: begun.elapsed().as_secs_f64(),
    })
}

fn place(side: Side) -> usize {
    match side {
        Side::A => 0,
        Side::B => 1,
        Side::Control => 2,
    }
}

fn words(figures: &BTreeMap<String, Figure>) -> String {
    let of = |(name, figure): (&String, &Figure)| {
        let verdict =
            figure.verdict.map_or("undecided".to_owned(), |v| format!("{v:?}").to_lowercase());
        let (low, high) = (figure.interval.low, figure.interval.high);
        format!("{name} {verdict} {:.3} ({low:.3} to {high:.3})", figure.ratio)
    };
    figures.iter().map(of).collect::<Vec<_>>().join(", ")
}

/// Runs each workload once, one after the other; what each cost, and the most memory so far.
async fn run(
    live: &mut LiveSession,
    jobs: &[Job],
) -> Result<(BTreeMap<String, Spent>, Option<u64>)> {
    let session = live.session();
    let mut before = session.cost(EXECUTORS).await?;
    let mut spent = BTreeMap::new();
    for job in jobs {
        let begun = Instant::now();
        match job.workload {
            Workload::Read(_) => {
                for (_, frame) in &job.frames {
                    session.frame(frame).await?;
                }
            }
            other => drop(session.workload(&other.to_string(), EXECUTORS, "bench").await?),
        }
        let wall_seconds = begun.elapsed().as_secs_f64();
        let now = session.cost(EXECUTORS).await?;
        let since = now.since(&before);
        let (cpu_seconds, driver_cpu_seconds) =
            since.ok_or_else(|| Error::environment("an executor was replaced during a run"))?;
        let of = Spent { cpu_seconds, driver_cpu_seconds, wall_seconds };
        spent.insert(job.workload.to_string(), of);
        before = now;
    }
    Ok((spent, before.peak_bytes()))
}

/// Runs a workload once more, for its counters.
async fn counted(live: &mut LiveSession, job: &Job) -> Result<BTreeMap<String, u64>> {
    let session = live.session();
    let new_group = || format!("bench-{}-{:08x}", job.workload, rand::random::<u32>());
    let mut reads = Vec::new();
    for (table, frame) in &job.frames {
        let frame = Frame { group: new_group(), ..frame.clone() };
        let answer = FrameAnswer::Read(session.frame(&frame).await?);
        let (table, uri) = (table.clone(), frame.uris[0].clone());
        reads.push(FrameRead { table, uri, group: frame.group, answer });
    }
    if job.frames.is_empty() {
        let group = new_group();
        session.workload(&job.workload.to_string(), EXECUTORS, &group).await?;
        let metrics = session.metrics(&[&group]).await?.pop().unwrap_or_default();
        return Ok(Counters::of_group(&metrics).0);
    }
    let frames = Frames(reads);
    let (tables, groups): (Vec<_>, Vec<_>) = frames.groups().into_iter().unzip();
    let groups: Vec<&str> = groups.iter().map(String::as_str).collect();
    let metrics = session.metrics(&groups).await?;
    let metrics = InputMetrics(tables.into_iter().zip(metrics).collect());
    Ok(Counters::of(&frames, &metrics, None).0)
}
