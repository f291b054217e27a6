//! The pages in docs/strategies, and a directory of our own.

use regex::Regex;
use sparkproof_catalog::spark::default_version;
use sparkproof_catalog::variants;

use super::*;
use crate::{reading, reading_red};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/strategies")
}

/// Writes the tables when they differ, so that a second run is green and the change is reviewed.
#[test]
fn the_tables_in_the_docs_are_those_of_the_versions_files() {
    let all = pages(&docs()).expect("pages");
    let mut stale = Vec::new();
    for (key, content) in declared().expect("declared") {
        let with: Vec<&Page> =
            all.iter().filter(|page| blocks::get(&page.text, &key).is_some()).collect();
        assert!(!with.is_empty(), "no page has the block {key}");
        let differs = |page: &&Page| blocks::get(&page.text, &key) != Some(content.as_str());
        stale.extend(with.into_iter().filter(differs).map(Page::name));
    }
    if !stale.is_empty() {
        write(&Model::default(), &docs()).expect("written");
        panic!("{stale:?} did not say what the versions files say; they do now: review them");
    }
}

#[test]
fn every_variant_has_its_block_for_the_default_spark() {
    let all = pages(&docs()).expect("pages");
    for variant in variants() {
        let block = key(&variant.id.to_string(), &default_version().to_string());
        let name =
            |page: &&Page| page.name().starts_with(&format!("{}-", variant.id.strategy().number));
        let page = all.iter().find(name).expect("a page for each strategy");
        assert!(blocks::get(&page.text, &block).is_some(), "{}: no block {block}", page.name());
    }
}

#[test]
fn nothing_of_one_run_or_one_machine_is_on_a_page() {
    let address = Regex::new(r"(^|[^\w.-])(\d{1,3}\.){3}\d{1,3}\b").expect("valid");
    let host = Regex::new(r"https?://[\w-]+\.").expect("valid");
    for page in pages(&docs()).expect("pages") {
        for key in blocks::keys(&page.text).into_iter().filter(|k| k.starts_with("proven:")) {
            let content = blocks::get(&page.text, key).unwrap_or_default();
            for line in content.lines() {
                let local = line.contains("127.0.0.1") || line.contains("0.0.0.0");
                assert!(local || !address.is_match(line), "{key}: {line}");
                assert!(!host.is_match(line), "{key}: {line}");
                assert!(!line.contains("/home/") && !line.contains("/root/"), "{key}: {line}");
            }
        }
    }
}

/// A directory with a page that has blocks of these keys.
fn page_with(keys: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let blocks = keys.iter().map(|key| format!("<!-- {key} -->\n<!-- /{key} -->\n"));
    let text = format!("# By hand\n{}\nthe end\n", blocks.collect::<String>());
    std::fs::write(dir.path().join("page.md"), text).expect("written");
    dir
}

fn all_variants() -> Vec<String> {
    variants().iter().map(|variant| key(&variant.id.to_string(), "3.5.3")).collect()
}

#[test]
fn a_run_fills_the_blocks_of_what_it_proved() {
    let keys = all_variants();
    let mut keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    keys.push("declared:0");
    let dir = page_with(&keys);
    let lines = write(&reading(), dir.path()).expect("written");
    assert_eq!(lines.len(), variants().len());
    let page = std::fs::read_to_string(dir.path().join("page.md")).expect("the page");
    // Behind the block for another version, which stays.
    let s3 = blocks::get(&page, "proven:4-s3:3.5.9").expect("added");
    assert!(s3.starts_with("Spark 3.5.9: 6 checks green (kind"), "{s3}");
    assert!(s3.contains("\nSpark properties:\n```properties\nspark.hadoop"), "{s3}");
    assert_eq!(blocks::get(&page, "proven:4-s3:3.5.3"), Some(""));
    let nfs = blocks::get(&page, "proven:3-nfs:3.5.9").expect("added");
    assert!(nfs.starts_with("Skipped where this page was made: this kernel has no NFS"), "{nfs}");
    let http = blocks::get(&page, "proven:4-http:3.5.9").expect("added");
    assert!(http.starts_with("Spark 3.5.9: refused as declared ("), "{http}");
    assert!(blocks::get(&page, "declared:0").is_some_and(|table| table.contains("| `0-copy` |")));
    assert!(page.starts_with("# By hand\n") && page.ends_with("\nthe end\n"));
    // The same run once more changes nothing.
    write(&reading(), dir.path()).expect("written");
    assert_eq!(std::fs::read_to_string(dir.path().join("page.md")).expect("the page"), page);
}

#[test]
fn what_is_red_is_not_on_a_page() {
    let keys = all_variants();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let dir = page_with(&keys);
    let lines = write(&reading_red(), dir.path()).expect("written");
    let left = "proven:3-pvc-dynamic:3.5.9: unchanged, read.3-pvc-dynamic.executors is red";
    assert!(lines.iter().any(|line| line == left), "{lines:?}");
    let page = std::fs::read_to_string(dir.path().join("page.md")).expect("the page");
    assert_eq!(blocks::get(&page, "proven:3-pvc-dynamic:3.5.9"), None);
}

#[test]
fn a_variant_without_a_place_and_a_directory_without_pages_are_bad_input() {
    let error = write(&reading(), page_with(&[]).path()).expect_err("no place");
    assert_eq!(error.exit, sparkproof_base::Exit::BadInput);
    assert!(error.remedy.is_some_and(|remedy| remedy.contains("<!-- proven:")));
    let empty = tempfile::tempdir().expect("a directory");
    assert_eq!(
        write(&reading(), empty.path()).expect_err("none").exit,
        sparkproof_base::Exit::BadInput
    );
}
