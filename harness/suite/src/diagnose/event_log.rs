//! Spark's event log in a file.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use sparkproof_base::error::{Error, ErrorContext, Result};
use sparkproof_judge::diagnosis::{ApplicationRun, EventLog};

use super::diagnosed::Diagnosed;

/// Endings of compressed event logs (`spark.eventLog.compression.codec`).
const COMPRESSED: [&str; 5] = ["zstd", "zst", "lz4", "lzf", "snappy"];

/// Reads an event log: a file, or the directory of a rolling one (`eventlog_v2_…`).
///
/// # Errors
/// Bad input: it cannot be read, or is none.
pub fn read_event_log(path: &Path) -> Result<ApplicationRun> {
    let mut log = EventLog::default();
    for file in files(path)? {
        let what = || format!("reading the event log {}", file.display());
        if file.extension().is_some_and(|e| COMPRESSED.iter().any(|c| e == *c)) {
            return Err(Error::input(format!("the event log {} is compressed", file.display()))
                .remedy("decompress it (zstd -d), or set spark.eventLog.compress=false"));
        }
        let reader = BufReader::new(fs_err::File::open(&file).or_input(what())?);
        for line in reader.split(b'\n') {
            log.line(&String::from_utf8_lossy(&line.or_input(what())?));
        }
    }
    log.finish().ok_or_else(|| {
        Error::input(format!("{} is no event log of Spark", path.display()))
            .remedy("Spark writes one with spark.eventLog.enabled=true, below spark.eventLog.dir")
    })
}

/// The parts of a rolling log in their order: `events_2_spark-…`.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let what = || format!("reading the event log {}", path.display());
    let mut parts = Vec::new();
    for entry in fs_err::read_dir(path).or_input(what())? {
        let file = entry.or_input(what())?.path();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let number = name.strip_prefix("events_").and_then(|rest| rest.split('_').next());
        if let Some(number) = number.and_then(|number| number.parse::<u64>().ok()) {
            parts.push((number, file));
        }
    }
    parts.sort();
    Ok(parts.into_iter().map(|(_, file)| file).collect())
}

/// Advice from an event log alone.
pub fn of_event_log(run: &ApplicationRun) -> Diagnosed {
    Diagnosed::of_run(run)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: &str =
        r#"{"Event":"SparkListenerApplicationStart","App ID":"spark-1","Timestamp":1}"#;

    #[test]
    fn a_rolling_log_is_read_in_its_order_and_what_is_none_is_refused() {
        let keep = tempfile::tempdir().expect("a directory");
        let dir = keep.path().join("eventlog_v2_spark-1");
        std::fs::create_dir(&dir).expect("made");
        let names = ["events_10_spark-1", "events_9_spark-1", "appstatus_spark-1"];
        names.iter().for_each(|name| std::fs::write(dir.join(name), "").expect("written"));
        let read: Vec<_> = files(&dir).expect("read");
        assert_eq!(read, [dir.join("events_9_spark-1"), dir.join("events_10_spark-1")]);
        let error = read_event_log(&dir).expect_err("empty");
        assert!(error.to_string().contains("is no event log of Spark"), "{error}");
        let single = keep.path().join("spark-1");
        std::fs::write(&single, START).expect("written");
        assert_eq!(read_event_log(&single).expect("read").application, "spark-1");
        let error = read_event_log(&keep.path().join("spark-2.zstd")).expect_err("compressed");
        assert!(error.to_string().contains("is compressed"), "{error}");
        assert!(read_event_log(&keep.path().join("none")).is_err());
    }
}
