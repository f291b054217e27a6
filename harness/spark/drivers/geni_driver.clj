;; The Geni front end: a Clojure REPL that creates the guide's session with the settings of sparkproof's
;; properties file and then serves sparkproof's requests. Files and named pipes are in SPARKPROOF_PIPES.
;; SPARKPROOF_TRAP, set by negative controls, names the trap that is not avoided.
(require '[clojure.java.io :as io]
         '[zero-one.geni.core :as g]
         '[zero-one.geni.defaults :as defaults])
(import '(java.util Properties)
        '(org.apache.spark.sql SparkSession))

(def directory (System/getenv "SPARKPROOF_PIPES"))
(def trap (System/getenv "SPARKPROOF_TRAP"))
(def configs
  (with-open [in (io/reader (io/file directory "properties"))]
    (into {} (doto (Properties.) (.load in)))))

;; Since 0.0.33 Geni makes a local[*] session as soon as it is loaded, which create-spark-session
;; would return (zero-one-group/geni#301). Earlier versions create one only on request.
(def eager-session
  (when (instance? clojure.lang.Atom defaults/spark) defaults/spark))
(when (and eager-session (not= trap "eager-session"))
  (.stop ^SparkSession @eager-session))

(def spark-session
  (g/create-spark-session
   {:app-name  (configs "spark.app.name")
    :log-level "INFO"
    ;; Keys are strings, not keywords: Geni drops the part of a keyword before a slash, as in labels.
    :configs   configs}))

;; The session that reads without a session argument use.
(when (and eager-session (not= trap "stale-default"))
  (reset! eager-session spark-session))

(def readers
  {"csv"     g/read-csv!
   "json"    g/read-json!
   "parquet" g/read-parquet!
   "text"    g/read-text!})

(def shell
  (reify sparkproof.Shell
    (table [_ spark format options schema uris]
      ;; Unlike Spark, Geni takes the first line of a CSV file for its header by default.
      (let [options (into {:schema schema :header "false"}
                          (map (fn [[k v]] [(keyword k) v]))
                          options)]
        ((readers format) spark uris options)))
    (implied [_]
      ;; Planned only: no task reads it.
      (.sparkSession (g/read-text! (str (.toURI (io/file directory "driver.clj"))))))))

(sparkproof.Serve/run spark-session shell (str "Clojure " (clojure-version)))
