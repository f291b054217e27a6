#!/bin/sh
# A NameNode and its DataNode. Ends when either does.
set -eu
# The address on the cluster's network: `hostname -i` may print IPv6 first.
: "${STORE_ADDRESS:=$(getent ahostsv4 "$(hostname)" | { read -r address rest; echo "$address"; })}"
: "${STORE_BLOCK_BYTES:=4194304}"
export STORE_ADDRESS STORE_BLOCK_BYTES
# Little heap, and no time spent on compiling well what runs for minutes.
run() {
    "$JAVA_HOME/bin/java" -Xms32m "-Xmx${STORE_HEAP_MB:-192}m" -XX:+UseSerialGC \
        -XX:TieredStopAtLevel=1 -XX:-UsePerfData -cp '/opt/hdfs/conf:/opt/hdfs/webroot:/opt/hdfs/jars/*' "$@"
}
server=org.apache.hadoop.hdfs.server
# First, since it takes as long to start as a NameNode to be made; it asks until that answers.
run "$server.datanode.DataNode" &
datanode=$!
[ -d /data/name/current ] || run "$server.namenode.NameNode" -format -nonInteractive
run "$server.namenode.NameNode" &
namenode=$!
trap 'kill $namenode $datanode; wait; exit 0' TERM INT
# dash has no `wait -n`: a look each second at both.
while kill -0 $namenode 2> /dev/null && kill -0 $datanode 2> /dev/null; do
    sleep 1 &
    wait $!
done
kill $namenode $datanode 2> /dev/null || true
exit 1
