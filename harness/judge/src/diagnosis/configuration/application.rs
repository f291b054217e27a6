//! Applications that are not there: their file, their main class.

use std::sync::LazyLock;

use regex::Regex;
use sparkproof_base::verdict::Cause;

use super::super::evidence::Evidence;
use super::super::finding::{Ends, Finding};
use super::said::driver_says;

const FILE: &str = "name a file that exists where the driver runs: in cluster mode local:///PATH of \
                    the image, else a path of the host or a URL";
const CLASS: &str = "correct the class's name with its package (--class), and see that its jar is the one \
                     that is submitted (jar tf)";

/// Words of spark-submit (`SparkSubmit.runMain`, `SparkSubmitArguments`), of Python, R and the
/// JVM's launcher; group 1 is what is missing.
const MISSING: [(&str, &str, &str); 10] = [
    // It copies what it is given, before it starts (`SparkSubmit.prepareSubmitEnvironment`).
    (
        r#"Exception in thread "main" java\.(?:nio\.file\.NoSuchFileException|io\.FileNotFoundException): (?:File |Jar )?(?:file:)?(\S+\.(?:jar|py|zip|egg|R|tgz|gz))\b"#,
        "a file of the application does not exist",
        FILE,
    ),
    (
        r"python[\d.]*: can't open file '?([^':]+)'?: \[Errno \d+\]",
        "the application's file cannot be opened",
        FILE,
    ),
    (
        r"Fatal error: cannot open file '([^']+)': No such file",
        "the application's file does not exist",
        FILE,
    ),
    (
        r"(?:Failed to get main class in JAR with error '.*?(\S+) does not exist'|Uploading file (\S+) failed)",
        "the application's file cannot be read",
        FILE,
    ),
    (
        r"(?:Cannot load main class from JAR (\S+)|No main class set in JAR|Failed to get main class in JAR)",
        "spark-submit finds no main class in the application's jar",
        "name the class (--class), and see that the jar exists where it is submitted",
    ),
    (
        r"(?:Missing application resource|Must specify a primary resource)",
        "spark-submit is given no application",
        "name the application's jar, Python or R file",
    ),
    (
        r"(?:Error|SparkSubmit): Failed to load class ([\w.$]+?)\.?$",
        "the main class does not exist",
        CLASS,
    ),
    (r"Could not find or load main class ([\w.$]+)", "the main class does not exist", CLASS),
    (
        r"NoSuchMethodException: ([\w.$]+)\.main\((?:\[Ljava\.lang\.String;|java\.lang\.String\[\])\)",
        "the main class has no method main",
        "name the class that has a static method main (--class)",
    ),
    (
        r"The main method in the given main class must be static",
        "the main class has no static method main",
        "give it one: in Scala an object, not a class",
    ),
];

static EXPRESSIONS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    MISSING.iter().map(|(words, ..)| Regex::new(words).expect("a valid expression")).collect()
});

/// `DependencyUtils`: why a class is not found.
const SKIPPED: &str = " does not exist, skipping.";

pub(super) fn missing(evidence: &Evidence) -> Option<Finding> {
    program(evidence).or_else(|| dependency(evidence))
}

/// A file of `spark.files` and the like, which stops a `SparkContext`.
fn dependency(evidence: &Evidence) -> Option<Finding> {
    let keys = ["spark.files", "spark.jars", "spark.archives", "spark.submit.pyFiles"];
    let conf = &evidence.asked.conf;
    let mut files = keys.iter().flat_map(|key| {
        let files = conf.get(*key).into_iter().flat_map(|files| files.split(','));
        files.map(move |file| (*key, file.trim()))
    });
    files.find_map(|(key, file)| {
        let path = file.split_once(':').map_or(file, |(_, path)| path).trim_start_matches("//");
        let gone = |line: &&str| {
            let absent = ["FileNotFoundException", "NoSuchFileException"];
            !path.is_empty() && line.contains(path) && absent.iter().any(|c| line.contains(c))
        };
        let stopped = |text: &str| text.contains("Error initializing SparkContext");
        let mut says = driver_says(evidence).into_iter();
        let (name, line) = says.find_map(|(name, text)| {
            Some((name, text.lines().find(gone)?)).filter(|_| stopped(text))
        })?;
        Some(
            Finding::new(
                Cause::ApplicationMissing,
                format!("a file of {key} does not exist where the driver runs: {file}"),
                FILE,
            )
            .because(name, line.trim())
            .ends(Ends::AtOnce),
        )
    })
}

fn program(evidence: &Evidence) -> Option<Finding> {
    driver_says(evidence).into_iter().find_map(|(name, text)| {
        let (line, (_, says, remedy), what) = text.lines().find_map(|line| {
            let mut rules = MISSING.iter().zip(EXPRESSIONS.iter());
            let (rule, found) =
                rules.find_map(|(rule, words)| Some((rule, words.captures(line)?)))?;
            let what = found.iter().skip(1).flatten().next().map(|what| what.as_str());
            // Spark's own classes are the image's.
            let own = |what: &str| {
                ["deploy.", "launcher.", "executor.", "scheduler."].iter().any(|package| {
                    what.strip_prefix("org.apache.spark.").is_some_and(|r| r.starts_with(package))
                })
            };
            (!what.is_some_and(own)).then_some((line, rule, what))
        })?;
        let what = what.map_or_else(String::new, |what| format!(": {what}"));
        let mut says = format!("{says}{what}");
        let mut skipped = text.lines().filter(|line| line.contains(SKIPPED)).peekable();
        let mut remedy = *remedy;
        let jar =
            skipped.peek().and_then(|line| line.split(SKIPPED).next()?.split(' ').next_back());
        if let Some(jar) = jar.filter(|_| remedy == CLASS) {
            says = format!("{says}, since the jar {jar} does not exist");
            remedy = FILE;
        }
        let finding = Finding::new(Cause::ApplicationMissing, says, remedy);
        let finding = finding.because(name, line.trim()).ends(Ends::AtOnce);
        Some(skipped.fold(finding, |finding, line| finding.because(name, line.trim())))
    })
}
