//! JVMs that do not start with their options.

use sparkproof_base::verdict::Cause;

use super::super::evidence::{Evidence, PodFacts, PodRole};
use super::super::finding::{Ends, Finding};
use super::said::driver_says;

/// Words of the JVM when it refuses an option (HotSpot's `arguments.cpp`, the launcher's `java.c`,
/// `JPLISAgent.c`). Warnings of options that are ignored or deprecated are none.
const WORDS: [&str; 23] = [
    "Unrecognized VM option",
    "Unrecognized option: -",
    "Improperly specified VM option",
    "Missing +/- setting for VM option",
    "Unexpected +/- setting in VM option",
    "is experimental and must be enabled via",
    "is diagnostic and must be enabled via",
    "Invalid maximum heap size",
    "Invalid initial heap size",
    "Invalid maximum direct memory size",
    "Initial heap size set to a larger value than the maximum heap size",
    "Incompatible minimum and maximum heap sizes",
    "Incompatible initial and maximum heap sizes",
    "Too small maximum heap",
    "Too small initial heap",
    "Could not reserve enough space for",
    "Invalid thread stack size",
    "thread stack size specified is too small",
    "Conflicting collector combinations",
    "Multiple garbage collectors selected",
    "Could not find agent library",
    "agent library failed",
    "Error opening zip file or JAR manifest missing",
];

/// What a JVM says that does not start, whatever the option; without it the words are another
/// program's.
const NO_JVM: [&str; 2] =
    ["Could not create the Java Virtual Machine", "Error occurred during initialization of VM"];

/// What Spark says of options (`SparkConf.validateSettings`, `SparkSubmitCommandBuilder`).
const BY_SPARK: [&str; 2] =
    ["JavaOptions is not allowed to ", "memory settings through java options"];

/// The line that says it.
fn line(log: &str) -> Option<&str> {
    let with = |words: &[&str]| log.lines().find(|l| words.iter().any(|word| l.contains(word)));
    let line = with(&BY_SPARK).or_else(|| {
        let any = with(&NO_JVM)?;
        with(&WORDS).or(Some(any))
    });
    line.map(str::trim)
}

/// The driver's JVM, and what Spark says of options of either.
pub(super) fn options(evidence: &Evidence) -> Option<Finding> {
    let driver = driver_says(evidence).into_iter();
    if let Some((name, text, line)) =
        driver.into_iter().find_map(|(name, text)| Some((name, text, line(text)?)))
    {
        let role = if line.contains("spark.executor.") { "executor" } else { "driver" };
        let says = if BY_SPARK.iter().any(|words| line.contains(words)) {
            format!("Spark refuses an option of JVMs: {line}")
        } else {
            format!("the JVM of the driver does not start with its options: {line}")
        };
        let remedy = remedy(evidence, role, text, line);
        return Some(
            Finding::new(Cause::JvmOptions, says, remedy).because(name, line).ends(Ends::AtOnce),
        );
    }
    None
}

/// An executor's JVM.
pub(super) fn options_of_executor(evidence: &Evidence, pod: &PodFacts) -> Option<Finding> {
    let line = line(&pod.log).filter(|_| pod.role == PodRole::Executor)?;
    let says = format!("its JVM does not start with its options: {line}");
    let remedy = remedy(evidence, "executor", &pod.log, line);
    let finding = Finding::new(Cause::JvmOptions, says, remedy).of(pod);
    Some(finding.because(&pod.name, line).ends(Ends::AtOnce))
}

/// Whose option it is: a key's, a variable's of the image, or the heap's.
fn remedy(evidence: &Evidence, role: &str, log: &str, line: &str) -> String {
    let options = format!("spark.{role}.extraJavaOptions");
    if line.contains("JavaOptions is not allowed to specify max heap")
        || line.contains("memory settings through java options")
    {
        return format!("take -Xmx out of {options}, and set spark.{role}.memory");
    }
    if line.contains("JavaOptions is not allowed to set Spark options") {
        return format!("take -Dspark.* out of {options}, and give it by --conf");
    }
    let option = option(line);
    let picked_up = |variable: &&str| {
        let words = format!("Picked up {variable}:");
        log.lines().any(|line| line.contains(&words) && line.contains(option))
    };
    let mut variables = ["JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS"].iter();
    if let Some(variable) = variables.find(|v| !option.is_empty() && picked_up(v)) {
        return format!("correct the variable {variable} of the image, or of the pods");
    }
    let mut conf = evidence.asked.conf.iter();
    let key = conf.find(|(key, value)| {
        let takes = key.ends_with("JavaOptions") || key.ends_with("_OPTIONS");
        takes && key.contains(role) && !option.is_empty() && value.contains(option)
    });
    match key {
        Some((key, _)) => format!("correct {option} in {key}"),
        None if line.contains("heap size") || line.contains("enough space") => {
            format!("correct spark.{role}.memory, or -Xms and -Xmx in {options}")
        }
        None => format!(
            "correct {options} or spark.{role}.defaultJavaOptions (the image's Java may be another \
             version), or JAVA_TOOL_OPTIONS of the image"
        ),
    }
}

/// The option in a message: `'UseFoo'` or `-Xfoo`; empty if it names none.
fn option(line: &str) -> &str {
    if let Some((option, _)) = line.split_once('\'').and_then(|(_, rest)| rest.split_once('\'')) {
        return option;
    }
    let mut words = line.split_whitespace();
    words.find(|word| word.starts_with("-X") || word.starts_with("-D")).unwrap_or_default()
}
