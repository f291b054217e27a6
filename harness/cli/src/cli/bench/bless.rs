//! `sparkproof bench bless`.

use std::path::{Path, PathBuf};

use sparkproof_base::error::{Error, ErrorContext, Exit, Result};
use sparkproof_catalog::VariantId;
use sparkproof_judge::Counters;
use sparkproof_measure::baseline::{CounterSet, ReadBaseline};
use sparkproof_measure::counters_of_run;
use sparkproof_report::{Mode, stored_events};

/// Write baselines from a run.
#[derive(Debug, clap::Args)]
pub(super) struct BlessArgs {
    /// The directory of a run whose reads were all green
    #[arg(long, value_name = "RUNDIR")]
    from: PathBuf,
    /// The directory of the baselines
    #[arg(long, value_name = "DIR", default_value = "benches/baselines")]
    to: PathBuf,
}

pub(super) fn run(args: &BlessArgs, mode: Mode) -> Result<Exit> {
    for (flag, dir) in [("--from", &args.from), ("--to", &args.to)] {
        if !dir.is_dir() {
            return Err(Error::input(format!("{flag} {}: no such directory", dir.display())));
        }
    }
    // All files are read before one is written.
    let mut written = Vec::new();
    for (variant, set) in counters_of_run(&stored_events(&args.from)?)? {
        written.push(blessed(&args.to, variant, set)?);
    }
    for Blessed { path, baseline, changes } in written {
        fs_err::write(&path, baseline.text()).or_environment("writing a baseline")?;
        say(&format!("{}: {changes}", path.display()), mode);
    }
    Ok(Exit::Green)
}

struct Blessed {
    path: PathBuf,
    baseline: ReadBaseline,
    /// What is new, in words.
    changes: String,
}

fn blessed(to: &Path, variant: VariantId, set: CounterSet) -> Result<Blessed> {
    let name = ReadBaseline::file_name(variant);
    let path = to.join(&name);
    let mut baseline = match path.is_file() {
        true => {
            let text = fs_err::read_to_string(&path).or_environment("reading a baseline")?;
            ReadBaseline::parse(&name, &text)?
        }
        false => ReadBaseline::new(variant),
    };
    let changes = match baseline.under(&set.conditions) {
        None => format!("new for {}", set.conditions),
        Some(had) => match Counters(set.counters.clone()).changed(&had.counters) {
            changed if changed.is_empty() => "as before".to_owned(),
            changed => changed.join("; "),
        },
    };
    baseline.put(set);
    Ok(Blessed { path, baseline, changes })
}

#[expect(clippy::print_stdout, reason = "the output of the command")]
fn say(line: &str, mode: Mode) {
    if mode == Mode::Lines {
        println!("{line}");
    }
}
