//! The reports of made-up runs.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use rstest::rstest;
use sparkproof_base::error::{Error, Exit};
use sparkproof_base::events::{Body, Event, Outcome, Recorder, Secrets, Sink, StepState};

use super::closing::closing;
use super::fixture::{OTHER, OWNER, Tape};
use super::text::Paint;
use super::*;

/// The reports of a run, and the directory they lie in.
fn reports(write: impl Fn(&Tape)) -> (Summary, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("temporary directory");
    write(&Tape::new(dir.path()));
    (write_all(dir.path()).expect("reports"), dir)
}

fn read(dir: &tempfile::TempDir, name: &str) -> String {
    std::fs::read_to_string(dir.path().join(name)).expect("a report")
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("not poisoned").clone()).expect("UTF-8")
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("not poisoned").write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What the console shows of the owner's events, with the closing lines.
fn shown(write: impl Fn(&Tape), mode: Mode) -> String {
    let (summary, dir) = reports(write);
    let buffer = Buffer::default();
    let console = Console::on(Box::new(buffer.clone()), mode, Paint(false), None);
    for line in read(&dir, &format!("events-{OWNER}.jsonl")).lines() {
        console.see(&serde_json::from_str::<Event>(line).expect("an event"));
    }
    buffer.text() + &closing(&summary, Path::new("target/sparkproof/7f3a"), mode, Paint(false))
}

#[test]
fn the_console_shows_a_green_run() {
    insta::assert_snapshot!(shown(Tape::green, Mode::Lines));
}

#[test]
fn the_console_shows_a_red_run() {
    insta::assert_snapshot!(shown(Tape::red, Mode::Lines));
}

#[rstest]
#[case::green(Tape::green, 1)]
#[case::red(Tape::red, 8)]
fn quiet_shows_failures_and_the_sum(#[case] write: impl Fn(&Tape), #[case] lines: usize) {
    let text = shown(write, Mode::Quiet);
    assert_eq!(text.lines().count(), lines, "{text}");
    assert!(text.contains(" checks green, "), "{text}");
}

#[test]
fn json_shows_the_events_and_nothing_else() {
    let text = shown(Tape::red, Mode::Json);
    let events: Vec<Event> =
        text.lines().map(|line| serde_json::from_str(line).expect("an event")).collect();
    assert!(matches!(events[0].body, Body::RunStarted { .. }));
    assert!(matches!(events[events.len() - 1].body, Body::RunEnded { .. }));
}

#[test]
fn junit_of_a_green_run() {
    insta::assert_snapshot!(read(&reports(Tape::green).1, "junit.xml"));
}

#[test]
fn summary_of_a_green_run() {
    insta::assert_snapshot!(read(&reports(Tape::green).1, "summary.json"));
}

#[test]
fn the_console_compares_the_ways_of_reading() {
    let text = shown(Tape::reading, Mode::Lines);
    insta::assert_snapshot!(text);
    assert!(!shown(Tape::reading, Mode::Quiet).contains("set-up"));
}

#[test]
fn junit_has_a_case_a_check_and_a_class_a_variant() {
    let (summary, dir) = reports(Tape::reading);
    let junit = read(&dir, "junit.xml");
    let cases = junit.matches("<testcase name=\"read.").count();
    let checks = summary.model.checks.iter().filter(|c| c.id.starts_with("read.")).count();
    assert!(cases == checks && checks > 100, "{cases} of {checks}");
    let skipped = "<testcase name=\"read.3-nfs\" classname=\"sparkproof.read.3-nfs\"";
    let frame = "<testcase name=\"read.4-s3.frame\" classname=\"sparkproof.read.4-s3\"";
    assert!(junit.contains(skipped) && junit.contains(frame), "{junit}");
}

#[test]
fn the_page_shows_what_was_read_and_what_it_costs() {
    let (summary, dir) = reports(Tape::reading);
    assert_eq!((summary.model.reading.len(), summary.model.configurations.len()), (17, 20));
    let html = read(&dir, "report.html");
    for text in [
        // The table: a refusal as declared, a skipped variant with its reason, one pinned.
        "refused, as declared",
        "title=\"read.3-nfs: skipped\">–</a>this kernel has no NFS client",
        "href=\"#check-read.3-pvc-static.pinned\">✓ pinned</a>",
        "href=\"#check-read.4-s3.server\"",
        "id=\"check-read.4-s3.server\"",
        // Plots, and what a session got.
        "aria-label=\"3-hostpath: 522 MB/s\"",
        "aria-label=\"4-s3: 281 MB\"",
        "aria-label=\"0-copy: –\"",
        "spark.hadoop.fs.s3a.secret.key=[secret]",
    ] {
        assert!(html.contains(text), "{text}");
    }
    // Green ones are folded; a broken variant stands open.
    assert!(!html.contains("id=\"variant-3-hostpath\" open"));
    let html = read(&reports(Tape::reading_red).1, "report.html");
    assert!(html.contains("id=\"variant-3-pvc-dynamic\" open"));
    assert!(!html.contains("id=\"variant-3-hostpath\" open"));
}

/// The negative control of the reports themselves.
#[test]
fn a_red_check_is_red_everywhere() {
    let (summary, dir) = reports(Tape::red);
    assert_eq!((summary.exit, summary.exit_code), (Some(Exit::Red), Some(1)));
    assert_eq!(summary.counts, Counts { green: 2, red: 1, skipped: 0 });
    // The check, the phase and the end of the run tell one failure.
    assert_eq!(summary.model.failures().len(), 1);
    insta::assert_snapshot!(read(&dir, "junit.xml"));
    let html = read(&dir, "report.html");
    for text in [
        "<header class=\"red\">",
        "1 of 3 checks is red",
        "executors cannot reach the driver at 192.0.2.2:41233",
        "--driver-host 172.18.0.1",
        // Escaped, and without the colours.
        "ERROR &#60;init&#62; Failed to connect &#38; gave up",
    ] {
        assert!(html.contains(text), "{text}");
    }
}

#[test]
fn a_red_check_of_another_process_outvotes_a_green_end() {
    let (summary, _dir) = reports(|tape| {
        tape.begin();
        let outcome = Outcome::Red { reason: "3 of 4 files".to_owned(), remedy: None };
        tape.check(OTHER, 1.0, "read.copy", "Files copied are read", outcome);
        tape.end(2.0, Exit::Green, None);
    });
    assert_eq!(summary.exit, Some(Exit::Red));
}

#[test]
fn the_page_is_one_file_with_all_of_the_run() {
    let (_summary, dir) = reports(Tape::green);
    let html = read(&dir, "report.html");
    for text in [
        "<header class=\"green\">",
        "All 4 checks are green",
        "kindest/node:v1.34.4-5c1f@sha256:5c1f09",
        "go build kubernetes v1.34.4",
        "my-app-8c1b-exec-3   1/1     Running",
        "NFS: no kernel client",
        "href=\"./logs/the%20driver.log\"",
        "1 line(s) ignored in this report: events of kind `sky`",
    ] {
        assert!(html.contains(text), "{text}");
    }
    for outside in ["<script", "http://", "https://", "<link", "@import", "url("] {
        assert!(!html.contains(outside), "{outside}");
    }
    let mut names: Vec<_> = std::fs::read_dir(dir.path())
        .expect("the run directory")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    let expected =
        ["events-100.jsonl", "events-200.jsonl", "junit.xml", "report.html", "summary.json"];
    assert_eq!(names, expected);
}

#[test]
fn a_killed_run_says_where_it_was() {
    let (summary, dir) = reports(|tape| {
        tape.set_up();
        tape.put(OWNER, 122.6, Body::PhaseStarted { phase: "session".to_owned() });
        tape.step(130.0, "session", "submit", StepState::Progress("1/3".to_owned()), 7.0);
    });
    assert_eq!((summary.exit, summary.exit_code), (None, None));
    assert_eq!(summary.headline(), "Did not end (killed?)");
    let session = &summary.model.phases[5];
    assert_eq!((session.name.as_str(), session.state), ("session", State::NotEnded));
    assert!((session.seconds - 7.4).abs() < 1e-9);
    assert!(read(&dir, "junit.xml").contains("errors=\"2\""));
    assert!(closing(&summary, dir.path(), Mode::Quiet, Paint(false)).contains("did not end"));
}

#[test]
fn an_interrupted_run_has_no_failures_but_is_not_green() {
    let (summary, dir) = reports(|tape| {
        tape.set_up();
        tape.phase("session", 122.6, 125.0, false, "interrupted by a signal");
        tape.phase("teardown", 125.0, 127.0, true, "inventory as before");
        tape.end(127.0, Exit::Interrupt, Some("interrupted by a signal"));
    });
    assert_eq!(summary.exit_code, Some(130));
    assert_eq!(summary.model.phases[5].state, State::Interrupted);
    assert!(summary.model.failures().is_empty());
    assert!(read(&dir, "junit.xml").contains("errors=\"2\""));
}

#[test]
fn what_ended_the_run_is_told_once_with_its_remedy() {
    let (summary, dir) = reports(|tape| {
        tape.begin();
        tape.phase("engine", 0.0, 1.0, false, "docker is not installed");
        let error = Error::environment("docker is not installed").remedy("--yes installs it");
        tape.end(1.1, error.exit, Some(&error.summary()));
    });
    let text = closing(&summary, dir.path(), Mode::Quiet, Paint(false));
    assert_eq!(text.matches("docker is not installed").count(), 1, "{text}");
    assert!(text.contains("\n  remedy    --yes installs it\n"), "{text}");
    assert!(text.contains(": the environment cannot serve the request, exit 3"), "{text}");
}

/// A variant that was requested by its id must not be skipped; others may be.
#[rstest]
#[case::by_name(&["3-nfs"], Exit::Red)]
#[case::another_by_name(&["0-copy"], Exit::Green)]
#[case::not_by_name(&[], Exit::Green)]
fn what_was_asked_for_by_name_is_proven_or_red(#[case] by_name: &[&str], #[case] exit: Exit) {
    let (summary, dir) = reports(|tape| {
        let run = "7f3a".to_owned();
        let plan = serde_json::json!({"by_name": by_name});
        tape.put(OWNER, 0.0, Body::RunStarted { run, title: "x".to_owned(), plan });
        tape.check(OWNER, 1.0, "read.0-copy.frame", "every row is right", Outcome::Green);
        let reason = "no NFS client in the kernel".to_owned();
        tape.check(OWNER, 1.0, "read.3-nfs", "an NFS volume", Outcome::Skipped { reason });
        tape.end(2.0, Exit::Green, None);
    });
    assert_eq!(summary.exit, Some(exit));
    let text = closing(&summary, dir.path(), Mode::Lines, Paint(false));
    let junit = read(&dir, "junit.xml");
    if exit == Exit::Green {
        assert!(!text.contains("requested by its id") && !junit.contains("<failure"), "{text}");
    } else {
        assert!(text.contains("not proven, exit 1"), "{text}");
        assert!(text.contains("requested by its id, but skipped: no NFS client"), "{text}");
        assert!(junit.contains("<failure"), "{junit}");
        assert_eq!(summary.headline(), "1 of 2 checks was requested by id but skipped");
    }
}

#[test]
fn a_step_that_reports_late_does_not_open_its_phase_again() {
    let (summary, _dir) = reports(|tape| {
        tape.begin();
        tape.phase("node", 0.0, 1.0, true, "assembled");
        tape.step(1.1, "node", "apt", StepState::Done(String::new()), 1.0);
        tape.step(1.2, "node", "apt", StepState::Progress("12/98 MB".to_owned()), 1.1);
        tape.step(1.3, "other", "sweep", StepState::Done(String::new()), 0.1);
        tape.end(2.0, Exit::Green, None);
    });
    assert_eq!(summary.exit, Some(Exit::Green));
    let [node, other] = &summary.model.phases[..] else { panic!("two phases") };
    assert_eq!((node.steps.len(), node.steps[0].state), (1, State::Ok));
    assert_eq!(other.steps.len(), 1);
}

/// From the recorder, through the console, to the reports: what is secret is nowhere.
#[test]
fn what_the_recorder_writes_can_be_reported() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (buffer, secrets) = (Buffer::default(), Secrets::default());
    secrets.register("canary-9f8e7d");
    let console = Console::on(Box::new(buffer.clone()), Mode::Lines, Paint(false), None);
    let recorder = Recorder::open(dir.path(), secrets, Box::new(console)).expect("a recorder");
    let (run, title) = ("7f3a".to_owned(), "token canary-9f8e7d".to_owned());
    recorder.emit(Body::RunStarted { run, title, plan: serde_json::Value::Null });
    let phase = recorder.phase("engine");
    phase.step("dockerd").done("canary-9f8e7d");
    phase.done("Docker canary-9f8e7d");
    recorder.emit(Body::RunEnded { exit: Exit::Green, error: None });
    let summary = write_all(dir.path()).expect("reports");
    assert_eq!((summary.exit, summary.model.phases.len()), (Some(Exit::Green), 1));
    let reports = ["junit.xml", "summary.json", "report.html"].map(|name| read(&dir, name));
    for text in reports.iter().chain([&buffer.text()]) {
        assert!(text.contains("Docker [secret]") && !text.contains("canary"), "{text}");
    }
}

/// With a quote and a backslash, which JSON escapes: in a text, in a plan, in JSON inside a text.
#[test]
fn a_secret_with_quotes_is_nowhere_either() {
    let dir = tempfile::tempdir().expect("temporary directory");
    let (buffer, secrets) = (Buffer::default(), Secrets::default());
    let secret = r#"a"b\c"#;
    let escaped = r#"a\"b\\c"#;
    let conf = sparkproof_catalog::plan::Conf::from([("spark.x.password", secret)]);
    assert!(conf.register(&secrets).is_empty());
    let console = Console::on(Box::new(buffer.clone()), Mode::Lines, Paint(false), None);
    let recorder = Recorder::open(dir.path(), secrets, Box::new(console)).expect("a recorder");
    let plan = serde_json::json!({"conf": conf, "raw": secret});
    let (run, title) = ("7f3a".to_owned(), format!("run {secret}"));
    recorder.emit(Body::RunStarted { run, title, plan });
    recorder.phase("engine").done(format!("Docker {secret} {escaped}"));
    recorder.artifact("log", "log", &format!("{secret} {escaped}"));
    recorder.emit(Body::RunEnded { exit: Exit::Green, error: None });
    write_all(dir.path()).expect("reports");
    let mut texts = vec![("the console".to_owned(), buffer.text())];
    for file in std::fs::read_dir(dir.path()).expect("listed").flatten() {
        let text = std::fs::read_to_string(file.path()).expect("text");
        texts.push((file.file_name().display().to_string(), text));
    }
    assert_eq!(texts.len(), 6, "console, events, log and three reports");
    for (name, text) in texts {
        assert!(text.contains("[secret]"), "{name}: {text}");
        let html = r"a&#34;b\c";
        for form in [secret, escaped, html, "a&quot;b", r#"a\\\"b"#] {
            assert!(!text.contains(form), "{form} in {name}: {text}");
        }
    }
}

fn docs(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(name)
}

/// Writes the schema when it differs, so that a second run is green and the change is reviewed.
#[test]
fn the_schema_in_the_docs_is_that_of_the_summary() {
    let generator = schemars::generate::SchemaSettings::draft2020_12().for_serialize();
    let schema = generator.into_generator().into_root_schema_for::<Summary>();
    let now = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    let path = docs("summary.schema.json");
    if std::fs::read_to_string(&path).unwrap_or_default() != now {
        std::fs::write(&path, now).expect("written");
        panic!("docs/summary.schema.json was not that of the code; it is now: review it");
    }
}

#[test]
fn the_exit_codes_in_the_docs_are_those_of_the_code() {
    let page = std::fs::read_to_string(docs("exit-codes.md")).expect("the page");
    let rows: Vec<(String, String)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` | `"))
        .filter_map(|(code, rest)| Some((code.to_owned(), rest.split_once('`')?.0.to_owned())))
        .collect();
    let name =
        |exit| serde_json::to_value(exit).expect("JSON").as_str().expect("a name").to_owned();
    let expected = Exit::ALL.map(|exit| (exit.code().to_string(), name(exit)));
    assert_eq!(rows, expected);
    // The rule of `--strategies`: `plan::selection`'s tests and the one above hold it.
    let rule = [
        "| a variant | known to be impossible before anything is created | skipped at the end |",
        "| requested by its id | `3` | `1` |",
        "| requested by its number, or by default | `0`, skipped with its reason | `0`, skipped with its reason |",
    ];
    for line in rule {
        assert!(page.contains(line), "{line}");
    }
}

/// Every sample of a run has its pages. To look at them: `cargo xtask sample DIR`, which sets
/// `SPARKPROOF_SAMPLE`.
#[test]
fn each_sample_of_a_run_has_its_pages() {
    let own = tempfile::tempdir().expect("temporary directory");
    let chosen = std::env::var_os("SPARKPROOF_SAMPLE").map(std::path::PathBuf::from);
    let all = chosen.as_deref().unwrap_or(own.path());
    let samples = [
        ("green", Tape::green as fn(&Tape)),
        ("red", Tape::red),
        ("reading", Tape::reading),
        ("reading-red", Tape::reading_red),
    ];
    for (name, write) in samples {
        let dir = all.join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("a directory");
        write(&Tape::new(&dir));
        write_all(&dir).expect("reports");
        assert!(dir.join("report.html").is_file(), "{name}");
    }
}
