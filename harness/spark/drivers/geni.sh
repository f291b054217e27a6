#!/bin/sh
# Starts the Geni front end, a Clojure REPL, once its properties are written: they depend on where this
# runs. Its input ends with the driver's program, as by Ctrl-D.
#   geni.sh DIRECTORY GENI_CLASS_PATH
# Sparkproof already holds the other end of the gate: this ends when sparkproof ends.
read -r _ < "$1/gate" || exit 1

# `java` does nothing of what spark-submit does for other front ends.
property() {
    sed -n "s/^$1=//p" "$properties" | sed 's/\\\\/\\/g'
}
properties=$1/properties
memory=$(property spark.driver.memory)
options=$(property spark.driver.extraJavaOptions)
added=$(property spark.driver.extraClassPath)
jars=$(property spark.jars | tr ',' '\n' | sed -n 's,^file://,,; /^\//p' | tr '\n' ':')

# Java 17 denies Spark some reflection; the list of modules to open is from Geni's project.clj. Java 8
# has no modules.
opens=-XX:+IgnoreUnrecognizedVMOptions
if [ "$SPARKPROOF_TRAP" != closed-modules ]; then
    for package in java.io java.nio java.lang.invoke java.util sun.nio.ch sun.util.calendar; do
        opens="$opens --add-opens=java.base/$package=ALL-UNNAMED"
    done
fi

# Spark's jars come first, so that driver and executors run the same jars, whatever Geni's class path
# contains. No value is a pattern.
set -f
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" $opens "-Xmx${memory:-1g}" $SPARK_SUBMIT_OPTS $options \
    -Dclojure.main.report=stderr \
    -cp "$SPARK_CONF_DIR:$jars$SPARK_HOME/jars/*:$2${added:+:$added}${SPARK_DIST_CLASSPATH:+:$SPARK_DIST_CLASSPATH}" \
    clojure.main --init "$1/driver.clj" --repl < /dev/null
