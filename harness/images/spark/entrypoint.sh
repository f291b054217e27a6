#!/bin/bash
# What Spark on Kubernetes expects of its image: `driver ARGS` runs spark-submit, `executor` runs
# an executor from the variables Spark sets on the pod, anything else is run as it is.
set -euo pipefail

# Hadoop asks for the user's name: an anonymous uid gets an entry.
if ! getent passwd "$(id -u)" > /dev/null; then
    if [ -w /etc/passwd ]; then
        echo "$(id -u):x:$(id -u):$(id -g):${SPARK_USER_NAME:-anonymous uid}:${SPARK_HOME}:/bin/false" >> /etc/passwd
    else
        echo "entrypoint: uid $(id -u) has no passwd entry and none can be added" >&2
    fi
fi

class_path="${SPARK_CONF_DIR:-$SPARK_HOME/conf}"
[ -z "${HADOOP_CONF_DIR:-}" ] || class_path="$HADOOP_CONF_DIR:$class_path"
# An executor's JVM maps its classes from an archive, if the image has one: it takes only one whose
# class path is the beginning of its own. So the jars of the archive come first, in its order, then
# jars that the image got later, then directories; no jar has a file that belongs in a
# configuration directory.
mapped=()
if [ "${1:-}" = executor ]; then
    jars=$(printf '%s\n' "$SPARK_HOME"/jars/*.jar)
    class_data=$SPARK_HOME/class-data
    if [ -e "$class_data/executor.jsa" ]; then
        mapped=("-XX:SharedArchiveFile=$class_data/executor.jsa")
        jars=$(cat "$class_data/jars"; grep -vxFf "$class_data/jars" <<< "$jars" || true)
    fi
    class_path="${jars//$'\n'/:}:$class_path"
else
    class_path="$class_path:$SPARK_HOME/jars/*"
fi
class_path="$class_path${SPARK_EXTRA_CLASSPATH:+:$SPARK_EXTRA_CLASSPATH}"
class_path="$class_path${SPARK_DIST_CLASSPATH:+:$SPARK_DIST_CLASSPATH}"

case "${1:-}" in
driver)
    shift
    set -- "$SPARK_HOME/bin/spark-submit" \
        --conf "spark.driver.bindAddress=$SPARK_DRIVER_BIND_ADDRESS" \
        --conf "spark.executorEnv.SPARK_DRIVER_POD_IP=$SPARK_DRIVER_BIND_ADDRESS" \
        --deploy-mode client "$@"
    ;;
executor)
    # In the order of their numbers, which is the order Spark was given them in.
    options=()
    for name in $(compgen -e | grep '^SPARK_JAVA_OPT_' | sort -t_ -k4 -n); do
        options+=("${!name}")
    done
    # Each of these came with a version of Spark that has the class.
    main=org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend
    more=(--resourceProfileId "${SPARK_RESOURCE_PROFILE_ID:-0}" --podName "${SPARK_EXECUTOR_POD_NAME:-}")
    if [ -z "${SPARK_EXECUTOR_POD_NAME:-}" ]; then
        main=org.apache.spark.executor.CoarseGrainedExecutorBackend
        more=()
    fi
    set -- "$JAVA_HOME/bin/java" "${mapped[@]}" "${options[@]}" \
        "-Xms$SPARK_EXECUTOR_MEMORY" "-Xmx$SPARK_EXECUTOR_MEMORY" -cp "$class_path" "$main" \
        --driver-url "$SPARK_DRIVER_URL" --executor-id "$SPARK_EXECUTOR_ID" \
        --cores "$SPARK_EXECUTOR_CORES" --app-id "$SPARK_APPLICATION_ID" \
        --hostname "$SPARK_EXECUTOR_POD_IP" "${more[@]}"
    ;;
esac

# tini reaps what a JVM leaves behind and passes signals on.
exec /usr/bin/tini -s -- "$@"
