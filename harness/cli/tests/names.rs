//! A name that would lead out of the state directory is refused before anything is made or removed.

use std::path::Path;

use rstest::rstest;

use common::sparkproof;

mod common;

/// Everything below a directory, with the content of its files.
fn content(dir: &Path) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = walkdir::WalkDir::new(dir)
        .into_iter()
        .map(|entry| entry.expect("listed"))
        .map(|entry| {
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            (entry.path().display().to_string(), text)
        })
        .collect();
    all.sort();
    all
}

#[rstest]
#[case::up(&["up", "--name"])]
#[case::up_of_minikube(&["up", "--provider", "minikube", "--name"])]
#[case::down(&["down", "--name"])]
#[case::status(&["status", "--name"])]
#[case::run_on_a_cluster(&["run", "--cluster"])]
#[case::exec_on_a_cluster(&["exec", "--cluster"])]
#[case::store_up(&["store", "up", "s3", "--name"])]
#[case::store_up_on_a_cluster(&["store", "up", "s3", "--cluster"])]
#[case::store_down(&["store", "down"])]
fn a_name_that_leads_elsewhere_is_refused(
    #[case] command: &[&str],
    #[values("PRECIOUS", "..", ".", "../../precious", "a/b", "A", "-", "")] name: &str,
) {
    let home = tempfile::tempdir().expect("temporary directory");
    let precious = home.path().join("precious");
    // As a run's directory looks, so that `down` would go on with it.
    let another = home.path().join("state/sparkproof/runs/another");
    for dir in [&precious, &another] {
        std::fs::create_dir_all(dir).expect("made");
        std::fs::write(dir.join("ledger.jsonl"), "{\"scope\":\"user\"}\n").expect("written");
        std::fs::write(dir.join("file"), "content").expect("written");
    }
    let before = content(home.path());
    let name = if name == "PRECIOUS" { precious.to_str().expect("text") } else { name };
    // `-` and the empty word are values, not flags.
    let mut args: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
    match command {
        ["store", "down"] => args.extend(["--".to_owned(), name.to_owned()]),
        _ => {
            let flag = args.pop().expect("a flag");
            args.push(format!("{flag}={name}"));
        }
    }
    if command[0] == "exec" {
        args.extend(["--", "true"].map(str::to_owned));
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let output = sparkproof(home.path(), &args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert_eq!(said.matches("error:").count(), 1, "{said}");
    assert!(said.contains("lower case letters, digits and `-`"), "{said}");
    assert_eq!(content(home.path()), before, "nothing was made and nothing is lost");
}

#[test]
fn a_name_in_the_file_goes_through_the_same_door() {
    let home = tempfile::tempdir().expect("temporary directory");
    std::fs::write(home.path().join("sparkproof.toml"), "cluster = \"../x\"\n").expect("written");
    let before = content(home.path());
    let output = sparkproof(home.path(), &["run"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("lower case letters"), "{said}");
    assert_eq!(content(home.path()), before);
}

#[test]
fn a_cluster_does_not_take_the_name_of_a_store() {
    let home = tempfile::tempdir().expect("temporary directory");
    let output = sparkproof(home.path(), &["up", "--name", "store-s3"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.replace("\n  │ ", " ").contains("reserved for storage servers"), "{said}");
    assert!(!home.path().join("state").exists(), "nothing was made");
}
