#!/bin/sh
# The Geni front end, as its user starts a Clojure REPL, once its properties are written: what they say
# depends on where this runs. Its input ends when the driver's program does, as by Ctrl-D.
#   geni.sh DIRECTORY GENI_CLASS_PATH
# Sparkproof holds the other end of the gate from before: when it is gone, so is this.
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

# Java 17 closes to Spark what it reads by reflection; the list is of Geni's own project.clj. Java 8
# knows no modules.
opens=-XX:+IgnoreUnrecognizedVMOptions
if [ "$SPARKPROOF_TRAP" != closed-modules ]; then
    for package in java.io java.nio java.lang.invoke java.util sun.nio.ch sun.util.calendar; do
        opens="$opens --add-opens=java.base/$package=ALL-UNNAMED"
    done
fi

# Spark's jars come first: what the driver runs is what executors run, whatever else Geni's class path
# may bring. No value is a pattern.
set -f
exec "${JAVA_HOME:+$JAVA_HOME/bin/}java" $opens "-Xmx${memory:-1g}" $SPARK_SUBMIT_OPTS $options \
    -Dclojure.main.report=stderr \
    -cp "$SPARK_CONF_DIR:$jars$SPARK_HOME/jars/*:$2${added:+:$added}" \
    clojure.main --init "$1/driver.clj" --repl < /dev/null
