//! `sparkproof diagnose`: why a Spark application fails that somebody else runs.
#![expect(clippy::print_stdout, reason = "the output of the command")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use sparkproof_base::error::{Error, ErrorContext, Exit, Result};
use sparkproof_judge::diagnosis::Advice;
use sparkproof_report::{Found, Mode, found_page, found_text};
use sparkproof_suite::diagnose::{
    ApplicationState, Diagnosed, ForeignCluster, Wanted, of_cluster, of_event_log, of_files,
    read_event_log,
};

use super::cluster_args::namespace;
use super::ephemeral_run::with_ephemeral_run;

/// The version of what --json prints. It grows when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// Say why a Spark application fails that somebody else runs, and advise on those that work. The Role
/// that is enough is in docs/diagnosing.md.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("source").required(true).multiple(true))]
pub(super) struct DiagnoseArgs {
    /// Kubeconfig of the application's cluster
    #[arg(
        long,
        value_name = "FILE",
        group = "source",
        requires = "namespace",
        conflicts_with = "from"
    )]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig; the current one by default
    #[arg(long, requires = "kubeconfig")]
    context: Option<String>,
    /// The application's namespace; with --from only if the files are of several
    #[arg(long, value_name = "NAME", value_parser = namespace)]
    namespace: Option<String>,
    /// Read files of this directory instead of a cluster: `kubectl get pods,events -o json` (or yaml;
    /// any kinds, any names), logs as POD.log, and evidence.json of a session of sparkproof's
    #[arg(long, value_name = "DIR", group = "source")]
    from: Option<PathBuf>,
    /// Only this application: its id (spark-…), its name, or the name of its driver's pod
    #[arg(long, value_name = "APP")]
    app: Option<String>,
    /// Only applications that run, or did within this time: 30m, 1h, 2d
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<Duration>,
    /// Spark's event log, for advice: a file, or the directory of a rolling one; not compressed. Without
    /// it a driver that runs is asked, if `get pods/proxy` is permitted
    #[arg(long, value_name = "FILE", group = "source")]
    event_log: Option<PathBuf>,
    /// Also write a page with everything that was found
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// A time as kubectl takes it for logs.
fn since(text: &str) -> Result<Duration> {
    let refuse =
        || Error::input("expected a number of seconds, minutes, hours or days: 90s, 30m, 1h, 2d");
    let (number, unit) =
        text.split_at(text.len() - text.chars().next_back().map_or(0, char::len_utf8));
    let number: u64 = number.parse().map_err(|_| refuse())?;
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 24 * 3600,
        _ => return Err(refuse()),
    };
    number.checked_mul(unit).filter(|all| *all > 0).map(Duration::from_secs).ok_or_else(refuse)
}

pub(super) async fn run(args: DiagnoseArgs, mode: Mode) -> Result<Exit> {
    let run = args.event_log.as_deref().map(read_event_log).transpose()?;
    let wanted = Wanted { app: args.app.clone(), since: args.since, run };
    match (&args.kubeconfig, &args.from, &wanted.run) {
        (Some(kubeconfig), ..) => {
            let place = ForeignCluster {
                kubeconfig: kubeconfig.clone(),
                context: args.context.clone(),
                namespace: args.namespace.clone().unwrap_or_default(),
            };
            let title = format!("namespace {} of {}", place.namespace, kubeconfig.display());
            with_ephemeral_run(async |context| {
                let found = of_cluster(context, &place, &wanted).await?;
                show(&title, &found, args.html.as_deref(), mode)
            })
            .await
        }
        (None, Some(dir), _) => {
            let found = of_files(dir, args.namespace.as_deref(), &wanted)?;
            show(&format!("files of {}", dir.display()), &found, args.html.as_deref(), mode)
        }
        (None, None, Some(run)) => {
            let title = args.event_log.unwrap_or_default();
            show(&title.display().to_string(), &[of_event_log(run)], args.html.as_deref(), mode)
        }
        (None, None, None) => Err(Error::internal("no source was given")),
    }
}

fn show(title: &str, all: &[Diagnosed], html: Option<&Path>, mode: Mode) -> Result<Exit> {
    let found: Vec<Found<'_>> = all.iter().map(found).collect();
    if let Some(file) = html {
        let page = found_page(title, &found)?;
        fs_err::write(file, page).or_input("writing the page")?;
    }
    match mode {
        Mode::Json => {
            let document = json!({ "version": VERSION, "source": title, "applications": all });
            println!("{}", serde_json::to_string(&document).or_internal("writing JSON")?);
        }
        Mode::Lines | Mode::Quiet => {
            let texts: Vec<String> =
                found.iter().map(|one| found_text(one, mode == Mode::Quiet)).collect();
            print!("{}", texts.join("\n"));
        }
    }
    let named = all.iter().any(|one| one.cause.is_some());
    Ok(if named { Exit::Red } else { Exit::Green })
}

fn found(one: &Diagnosed) -> Found<'_> {
    let driver = one.driver.iter().map(|driver| format!("driver {driver}"));
    let namespace = Some(&one.namespace).filter(|namespace| !namespace.is_empty());
    let parts = std::iter::once(one.application.clone())
        .chain(one.name.clone().filter(|name| *name != one.application))
        .chain(namespace.map(|namespace| format!("namespace {namespace}")))
        .chain(driver)
        .chain(std::iter::once(one.state.to_string()));
    Found {
        title: parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · "),
        no_cause: match one.state {
            ApplicationState::Succeeded => "it succeeded",
            _ => "no cause was found",
        },
        cause: one.cause.as_ref(),
        passed: &one.passed,
        pods: &one.pods,
        advice: one.advice.iter().map(words).collect(),
        unseen: one.unseen.iter().map(|part| (&*part.what, &*part.why)).collect(),
    }
}

fn words(advice: &Advice) -> [String; 4] {
    let word = |value: serde_json::Result<serde_json::Value>| {
        value.ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let topic = word(serde_json::to_value(advice.topic));
    let weight = word(serde_json::to_value(advice.weight));
    [topic, weight, advice.says.clone(), advice.remedy.clone()]
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("90s", Some(90))]
    #[case("1h", Some(3600))]
    #[case("2d", Some(172_800))]
    #[case("0m", None)]
    #[case("1", None)]
    #[case("h", None)]
    #[case("", None)]
    #[case("1é", None)]
    #[case("18446744073709551615d", None)]
    fn times_are_as_kubectl_takes_them(#[case] text: &str, #[case] seconds: Option<u64>) {
        assert_eq!(since(text).ok(), seconds.map(Duration::from_secs));
    }
}
