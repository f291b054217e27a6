#!/bin/sh
# Starts the spark-shell front end once its properties are written: they depend on where this runs. One
# line is typed into it, then its input ends.
#   spark_shell.sh DIRECTORY APPLICATION_NAME
# Sparkproof already holds the other end of the gate: this ends when sparkproof ends.
read -r _ < "$1/gate" || exit 1
exec "$SPARK_HOME/bin/spark-shell" --name "$2" --properties-file "$1/properties" < "$1/driver.scala"
