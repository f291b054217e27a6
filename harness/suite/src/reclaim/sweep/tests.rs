use sparkproof_base::ledger::Run;
use sparkproof_base::testing::test_context;
use sparkproof_machine::docker::Kind;

use super::*;

fn container(run: &str, scope: &str) -> Labelled {
    let name = format!("sparkproof-{run}");
    Labelled {
        kind: Kind::Container,
        name,
        run: run.parse().expect("an id"),
        scope: scope.to_owned(),
    }
}

#[tokio::test]
async fn what_a_run_makes_that_began_during_the_sweep_stays() {
    let (context, _keep) = test_context();
    let mut begun = None;
    let listed = async {
        // In between: it begins, and what it makes at once is listed.
        let run = Run::begin(&context.dirs, Scope::Run)?;
        let found = vec![container(run.id(), "run")];
        begun = Some(run);
        Ok(found)
    };
    let fates = fates(&context.dirs, listed, &BTreeSet::new(), true).await.expect("looked");
    assert_eq!(fates[0].1, Fate::Lives, "{fates:?}");
}

#[tokio::test]
async fn only_what_is_of_a_dead_run_goes() {
    let (context, _keep) = test_context();
    let dead = BTreeSet::from(["dead0001"]);
    let found = || async {
        Ok(vec![
            container("dead0001", "run"),
            container("dead0001", "cache"),
            container("feed0002", "run"),
            container(context.run.id(), "run"),
        ])
    };
    let of = async |ours| -> Vec<Fate> {
        let fates = fates(&context.dirs, found(), &dead, ours).await.expect("looked");
        fates.into_iter().map(|(_, fate)| fate).collect()
    };
    let cache = || Fate::Stays("scope cache".to_owned());
    let elsewhere = Fate::Stays("a run of another machine or state directory".to_owned());
    assert_eq!(of(false).await, [Fate::Goes, cache(), elsewhere, Fate::Lives]);
    assert_eq!(of(true).await, [Fate::Goes, cache(), Fate::Goes, Fate::Lives]);
}

/// A killed run, with a directory in its ledger.
fn dead_run(context: &Context) -> (String, std::path::PathBuf) {
    let run = Run::begin(&context.dirs, Scope::Run).expect("run");
    let path = context.dirs.state.join(format!("data-{}", run.id()));
    std::fs::create_dir(&path).expect("made");
    run.record(OwnedResource::Path { path: path.clone() }).expect("written");
    run.record(OwnedResource::Path { path: format!("/nowhere/{}", run.id()).into() })
        .expect("written");
    (run.id().to_string(), path)
}

#[tokio::test]
async fn a_dry_run_says_what_would_go_and_why_and_removes_nothing() {
    let (context, _keep) = test_context();
    let (id, path) = dead_run(&context);
    let state = context.dirs.runs().join(&id);
    let phase = context.recorder.phase("sweep");
    let swept = sweep(&context, &phase, SweepMode::DryRun).await.expect("looked");
    let doomed = |kind, name: &std::path::Path| Doomed {
        kind,
        name: name.display().to_string(),
        run: id.clone(),
        why: "no process holds the lock of that run".to_owned(),
    };
    // What is gone already is not listed.
    let of_run: Vec<&Doomed> = swept.would_remove.iter().filter(|d| d.run == id).collect();
    assert_eq!(of_run, [&doomed("path", &path), &doomed("state directory", &state)]);
    assert!(swept.removed.is_empty(), "{swept:?}");
    assert!(path.exists() && state.exists());
    let swept = sweep(&context, &phase, SweepMode::Remove).await.expect("swept");
    phase.done("");
    assert!(swept.would_remove.is_empty() && swept.failed.is_empty(), "{swept:?}");
    assert!(!path.exists() && !state.exists());
}

#[tokio::test]
async fn a_run_whose_ledger_is_not_understood_is_not_swept_and_that_is_said() {
    let (context, _keep) = test_context();
    let (id, path) = dead_run(&context);
    let state = context.dirs.runs().join(&id);
    let ledger = state.join("ledger.jsonl");
    let mut text = std::fs::read_to_string(&ledger).expect("read");
    text.push_str("{\"own\":{\"kind\":\"spaceship\",\"name\":\"x\"}}\n");
    std::fs::write(&ledger, text).expect("written");
    let phase = context.recorder.phase("sweep");
    let swept = sweep(&context, &phase, SweepMode::Remove).await.expect("swept");
    phase.done("");
    let failed = swept.failed.join("; ");
    assert!(failed.contains(&id) && failed.contains("does not understand line 5"), "{failed}");
    assert!(failed.contains("use the version of sparkproof that made this run"), "{failed}");
    assert!(path.exists() && ledger.exists());
}

#[tokio::test]
async fn what_is_damaged_or_not_a_run_is_named_and_left_and_the_others_are_swept() {
    let (context, _keep) = test_context();
    let runs = context.dirs.runs();
    let (dev, broken, foreign) = (runs.join("dev"), runs.join("broken"), runs.join("My_Files"));
    for dir in [&dev, &broken, &foreign] {
        std::fs::create_dir_all(dir).expect("made");
        std::fs::write(dir.join("precious"), "content").expect("written");
    }
    std::fs::write(dev.join("lock"), "").expect("written");
    std::fs::write(dev.join("ledger.jsonl"), "").expect("written");
    // It cannot be opened as a file.
    std::fs::create_dir(broken.join("lock")).expect("made");
    let (_, path) = dead_run(&context);
    let phase = context.recorder.phase("sweep");
    let swept = sweep(&context, &phase, SweepMode::Remove).await.expect("swept");
    phase.done("");
    assert!(!path.exists(), "{swept:?}");
    let failed = swept.failed.join("; ");
    assert!(failed.contains("run dev: ") && failed.contains("it is damaged"), "{failed}");
    assert!(failed.contains("run broken: "), "{failed}");
    assert!(swept.kept.join("; ").contains("My_Files (its name"), "{swept:?}");
    for dir in [&dev, &broken, &foreign] {
        assert!(dir.join("precious").exists(), "{}", dir.display());
    }
}
