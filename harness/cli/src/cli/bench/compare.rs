//! `sparkproof bench`: A against B.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use sparkproof_base::error::{Error, ErrorContext, Exit, Result};
use sparkproof_base::ledger::Scope;
use sparkproof_catalog::plan::{Machine, ResolvedPlan};
use sparkproof_measure::baseline::CostBaseline;
use sparkproof_measure::cost::{BenchRecord, Workload};
use sparkproof_measure::gate::Plan;
use sparkproof_report::Mode;
use sparkproof_suite::flow::{BenchRequest, bench, set_up, shares};
use sparkproof_testbed::ScenarioContext;

use crate::cli::run::PlanArgs;
use crate::cli::runner::{Request, with_run};

/// What is compared if nothing is selected.
const DEFAULT: [&str; 2] = ["3-hostpath", "4-s3"];

/// Compare A with B: two sessions on one cluster that differ in settings, or do not differ.
#[derive(Debug, clap::Args)]
pub(super) struct CompareArgs {
    #[command(flatten)]
    common: PlanArgs,
    /// Other work than reads: shuffle, aggregation, reference-cpu, reference-io
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    workloads: Vec<String>,
    /// A setting of A's sessions only
    #[arg(long, value_name = "KEY=VALUE")]
    conf_a: Vec<String>,
    /// A setting of B's session only
    #[arg(long, value_name = "KEY=VALUE")]
    conf_b: Vec<String>,
    /// At most so many pairs of A and B
    #[arg(long, value_name = "N", default_value_t = 48)]
    pairs: usize,
    /// Of the order of runs; drawn if it is not given, and written into bench.json
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Write what A cost, in units of the reference workload
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Compare what A cost with a file that --save wrote
    #[arg(long, value_name = "FILE")]
    baseline: Option<PathBuf>,
}

pub(super) async fn run(args: CompareArgs, mode: Mode) -> Result<Exit> {
    let CompareArgs { common, workloads, conf_a, conf_b, pairs, seed, save, baseline } = args;
    let others: Vec<Workload> = workloads.iter().map(|name| name.parse()).collect::<Result<_>>()?;
    let conf = [settings("--conf-a", &conf_a)?, settings("--conf-b", &conf_b)?];
    if !conf[0].is_empty() && conf[0] == conf[1] {
        return Err(Error::input("--conf-a and --conf-b are the same: A is B")
            .remedy("leave both out to compare A with A"));
    }
    let baseline = baseline.map(|path| {
        let name = path.display().to_string();
        let text = fs_err::read_to_string(&path).or_input("--baseline")?;
        CostBaseline::parse(&name, &text)
    });
    let baseline = baseline.transpose()?;
    if let Some(dir) = save.as_deref().and_then(|file| file.parent())
        && !dir.as_os_str().is_empty()
        && !dir.is_dir()
    {
        return Err(Error::input(format!("--save: {} is no directory", dir.display())));
    }
    let yes = common.yes;
    let plan = common.or_strategies(if others.is_empty() { &DEFAULT } else { &["none"] }).plan()?;
    let workloads = gated(&plan, others)?;
    let gate = gate_plan(&workloads, pairs, seed)?;
    let machine = machine_class()?;
    let title = format!("comparison of {} · {}", names(&workloads).join(", "), plan.title());
    let request = Request::of_plan(mode, title, &plan)?;
    let mut done: Option<BenchRecord> = None;
    let compared = with_run(request, async |context, held| {
        for warning in gate.warnings() {
            context.recorder.warn(warning);
        }
        let name = format!("sparkproof-{}", context.run.id());
        let environment = Box::pin(set_up(context, held, &plan, &name, Scope::Run, yes)).await?;
        let proof = ScenarioContext::new(context.clone(), environment);
        let request = BenchRequest { workloads, conf, plan: gate, machine };
        let record = bench(&proof, request).await?;
        for warning in &record.outcome.warnings {
            context.recorder.warn(warning.clone());
        }
        let mut red = Vec::new();
        if let Some(baseline) = &baseline {
            let found = baseline.compare(&record);
            found.notes.into_iter().for_each(|note| context.recorder.info(note));
            red.extend(found.red);
        }
        red.extend(record.changed());
        if record.outcome.verdict.is_red() {
            red.push(record.outcome.reason.clone());
        }
        done = Some(record);
        match red.is_empty() {
            true => Ok(()),
            false => Err(Error::red(red.join("; "))),
        }
    })
    .await;
    if let Some(record) = done {
        say(&record.table(), mode);
        say(&format!("{:?}: {}", record.outcome.verdict, record.outcome.reason), mode);
        if let Some(file) = save {
            fs_err::write(file, CostBaseline::of(&record).text()).or_environment("--save")?;
        }
    }
    compared
}

fn settings(flag: &str, all: &[String]) -> Result<BTreeMap<String, String>> {
    let of = |setting: &String| match setting.split_once('=') {
        Some((key, value)) if key.starts_with("spark.") => Ok((key.to_owned(), value.to_owned())),
        _ => Err(Error::input(format!("{flag}: expected spark.some.key=value"))),
    };
    all.iter().map(of).collect()
}

/// The gated workloads, each of which several sessions can run.
fn gated(plan: &ResolvedPlan, others: Vec<Workload>) -> Result<Vec<Workload>> {
    let mut all = Vec::new();
    for variant in plan.variants() {
        if !shares(variant.id) {
            return Err(Error::input(format!(
                "--strategies {}: its files belong to one session, and a comparison has three",
                variant.id
            ))
            .remedy(
                "select ways of reading whose files lie on nodes, in the image or in a store",
            ));
        }
        all.push(Workload::Read(variant.id));
    }
    let twice: BTreeSet<Workload> = all.iter().chain(&others).copied().collect();
    if twice.len() < all.len() + others.len() {
        return Err(Error::input("--workloads: one is named twice"));
    }
    all.extend(others);
    Ok(all)
}

fn gate_plan(workloads: &[Workload], pairs: usize, seed: Option<u64>) -> Result<Plan> {
    if pairs == 0 {
        return Err(Error::input("--pairs 0: expected at least one"));
    }
    let mut plan = Plan::new(names(workloads), seed.unwrap_or_else(rand::random));
    plan.looks.retain(|look| *look < pairs);
    plan.looks.push(pairs);
    plan.checked()
        .map_err(|error| Error::input(format!("--pairs, --strategies or --workloads: {error}")))
}

fn names(workloads: &[Workload]) -> Vec<String> {
    workloads.iter().map(Workload::to_string).collect()
}

/// The processor's name and how many there are.
fn machine_class() -> Result<String> {
    let text = fs_err::read_to_string("/proc/cpuinfo").or_environment("naming this machine")?;
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let model = model.map_or("unknown processor", |(_, name)| name.trim());
    Ok(format!("{model}, {} CPUs", Machine::here()?.cpu))
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn say(text: &str, mode: Mode) {
    if mode == Mode::Lines {
        println!("{text}");
    }
}
