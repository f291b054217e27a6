#!/bin/sh
# The spark-shell front end, as its user starts it, once its properties are written: what they say
# depends on where this runs. One line is typed into it, then the end of input.
#   spark_shell.sh DIRECTORY APPLICATION_NAME
# Sparkproof holds the other end of the gate from before: when it is gone, so is this.
read -r _ < "$1/gate" || exit 1
exec "$SPARK_HOME/bin/spark-shell" --name "$2" --properties-file "$1/properties" < "$1/driver.scala"
