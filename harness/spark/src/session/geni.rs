//! Finds Clojure and Geni: on the user's class path, or resolved by Clojure's tool.

use std::time::Duration;

use sparkproof_base::context::Context;
use sparkproof_base::error::{Error, Result};
use sparkproof_catalog::SparkVersion;
use sparkproof_catalog::geni_for;
use sparkproof_catalog::plan::ClassPath;
use sparkproof_machine::exec::{Failed, Tool};

/// Time limit for downloading Geni's dependencies, Spark included, at 4 Mbit/s.
const RESOLVING: Duration = Duration::from_secs(30 * 60);
const REMEDY: &str = "--geni-classpath with the jars and directories of Clojure, Geni and its \
                      dependencies";
/// Prints the versions of Clojure and Geni; Geni has its own in a resource since 0.0.24.
const VERSIONS: &str = r#"(do (require 'clojure.java.io)
  (let [find clojure.java.io/resource]
    (when (or (find "zero_one/geni/core.clj") (find "zero_one/geni/core__init.class"))
      (println (clojure-version)
               (if-let [it (find "GENI_REPL_RELEASED_VERSION")] (slurp it) "unknown")))))"#;

/// What `java` says of a class path without Clojure: since 9 with the name of an exception after it.
const NO_CLOJURE: &str = "Could not find or load main class clojure.main";

/// Clojure and Geni.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Geni {
    /// The class path with all dependencies.
    pub class_path: ClassPath,
    /// Geni's version, e.g. `0.0.42`; `unknown` if it has none.
    pub version: String,
    /// Clojure's version.
    pub clojure: String,
}

impl Geni {
    /// Uses the given class path; without one, Clojure's tool resolves the guide's dependency map
    /// for this Spark version.
    ///
    /// # Errors
    /// Bad input: the class path has no Geni; there is neither a class path nor the tool; no Geni
    /// version is known for this Spark version. Environment: the tool fails, or there is no Java.
    pub async fn find(
        context: &Context,
        given: Option<&ClassPath>,
        spark: &SparkVersion,
    ) -> Result<Geni> {
        Geni::discover(context, given, spark).await?
    }

    /// The same with an inner error for the case that no class path is given and none can be
    /// resolved here.
    ///
    /// # Errors
    /// The other errors of [`Geni::find`]: the given class path is wrong or cannot be inspected.
    pub async fn discover(
        context: &Context,
        given: Option<&ClassPath>,
        spark: &SparkVersion,
    ) -> Result<Result<Geni>> {
        let (class_path, nothing) = match given {
            Some(given) => (
                given.clone(),
                Error::input("--geni-classpath: no Clojure with Geni on it").remedy(REMEDY),
            ),
            None => match resolve(context, spark).await {
                Ok(resolved) => {
                    (resolved, Error::environment("clojure resolved a class path without Geni"))
                }
                Err(error) if error.is_interruption() => return Err(error),
                Err(none) => return Ok(Err(none)),
            },
        };
        examine(context, class_path).await?.ok_or(nothing).map(Ok)
    }
}

async fn resolve(context: &Context, spark: &SparkVersion) -> Result<ClassPath> {
    let geni = geni_for(spark).ok_or_else(|| {
        Error::input(format!("--front-end geni: no version of Geni is known for Spark {spark}"))
            .remedy(REMEDY)
    })?;
    let tool = ["clojure", "clj"].into_iter().find_map(|name| which::which(name).ok());
    let tool = tool.ok_or_else(|| {
        Error::input("--front-end geni: no class path is given, and `clojure` is not on PATH")
            .remedy(format!("{REMEDY}; or install Clojure's command line tool"))
    })?;
    let resolved = Tool::new(tool)
        .args(["-Sdeps", &dependencies(geni, spark), "-Spath"])
        // Its caches are removed with the run, and no project file is read.
        .dir(context.run.dir())
        .deadline(RESOLVING)
        .run(context)
        .await
        .map_err(|error| {
            Error::environment(format!("--front-end geni: resolving Geni {geni} from Clojars"))
                .with_source(error)
                .remedy(REMEDY)
        })?;
    Ok(ClassPath::new(&resolved.stdout))
}

/// The guide's dependency map, with these versions.
fn dependencies(geni: &str, spark: &SparkVersion) -> String {
    let spark = ["core", "mllib", "kubernetes"]
        .map(|name| format!("org.apache.spark/spark-{name}_2.12 {{:mvn/version \"{spark}\"}}"))
        .join(" ");
    format!(
        "{{:deps {{zero.one/geni {{:mvn/version \"{geni}\" :exclusions [reply/reply]}} {spark}}}}}"
    )
}

/// The versions on a class path; `None` without Clojure or Geni.
async fn examine(context: &Context, class_path: ClassPath) -> Result<Option<Geni>> {
    let java = match std::env::var_os("JAVA_HOME") {
        Some(home) => std::path::Path::new(&home).join("bin/java"),
        None => "java".into(),
    };
    let path = class_path.to_string();
    let printed = Tool::new(java)
        .args(["-XX:TieredStopAtLevel=1", "-cp", &path, "clojure.main", "-e", VERSIONS])
        .env("LC_ALL", "C")
        .run(context)
        .await;
    let printed = match printed {
        Ok(finished) => finished.stdout,
        // The message of `java`, which ends with 1 whatever it misses.
        Err(error) if Failed::of(&error).is_some_and(|java| java.said.contains(NO_CLOJURE)) => {
            return Ok(None);
        }
        Err(error) => {
            return Err(Error::environment("looking for Geni on its class path")
                .with_source(error)
                .remedy("a Java runtime on PATH (or JAVA_HOME)"));
        }
    };
    let mut words = printed.split_whitespace();
    Ok(words.next().zip(words.next()).map(|(clojure, version)| Geni {
        class_path,
        version: version.to_owned(),
        clojure: clojure.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sparkproof_base::Exit;
    use sparkproof_base::testing::test_context;

    #[test]
    fn the_map_is_the_guide_s() {
        let geni = geni_for(&SparkVersion::new(3, 5, 9)).expect("known");
        assert_eq!(
            dependencies(geni, &SparkVersion::new(3, 5, 9)),
            "{:deps {zero.one/geni {:mvn/version \"0.0.42\" :exclusions [reply/reply]} \
             org.apache.spark/spark-core_2.12 {:mvn/version \"3.5.9\"} \
             org.apache.spark/spark-mllib_2.12 {:mvn/version \"3.5.9\"} \
             org.apache.spark/spark-kubernetes_2.12 {:mvn/version \"3.5.9\"}}}"
        );
        assert_eq!(geni_for(&SparkVersion::new(4, 3, 0)), None);
    }

    /// Without a class path scenarios are skipped; a wrong one is an error.
    #[tokio::test]
    async fn a_wrong_class_path_is_a_failure_and_none_is_not() {
        let (context, keep) = test_context();
        let wrong = ClassPath::new(&keep.path().display().to_string());
        let given = Geni::discover(&context, Some(&wrong), &SparkVersion::new(3, 5, 9))
            .await
            .expect_err("a failure");
        assert!(given.to_string().contains("no Clojure with Geni"), "{given}");
        // No Geni version is known for it, so the tool is not called.
        let none = Geni::discover(&context, None, &SparkVersion::new(4, 3, 0))
            .await
            .expect("looked")
            .expect_err("none");
        assert!(none.to_string().contains("no version of Geni"), "{none}");
        let asked =
            Geni::find(&context, None, &SparkVersion::new(4, 3, 0)).await.expect_err("asked for");
        assert_eq!(asked.exit, Exit::BadInput);
    }

    #[tokio::test]
    async fn a_class_path_without_geni_is_bad_input() {
        let (context, keep) = test_context();
        let class_path = ClassPath::new(&keep.path().display().to_string());
        let error = Geni::find(&context, Some(&class_path), &SparkVersion::new(3, 5, 9))
            .await
            .expect_err("empty");
        assert_eq!(error.exit, Exit::BadInput, "{error}");
        assert!(error.to_string().contains("no Clojure with Geni"), "{error}");
    }
}
