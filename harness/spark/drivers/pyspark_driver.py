"""The PySpark front end: serves sparkproof's requests on two named pipes of its own.

Standard output and error belong to Spark. Messages are JSON lines: `hello` once, then one reply a
request, `heartbeat` while one is under way. The process ends when the channel closes; its JVM, whose
standard input it holds, then ends by Spark's own shutdown hook.
"""

import json
import os
import platform
import queue
import sys
import threading
import time
import traceback
from urllib.parse import unquote, urlsplit

VERSION = 4
LINE_LIMIT = 4 * 1024 * 1024
HEARTBEAT_SECONDS = 2.0
# How long sparkproof, which waits for this, may take to open its ends.
OPEN_SECONDS = 60.0


class Channel:
    """The pipes: writers take turns, a reader thread queues requests."""

    def __init__(self, directory):
        # A pipe without its other end blocks whoever opens it, for ever.
        late = threading.Timer(OPEN_SECONDS, os._exit, [1])
        late.start()
        self.replies = open(os.path.join(directory, "replies"), "wb", buffering=0)
        self.reading = open(os.path.join(directory, "requests"), encoding="utf-8")
        late.cancel()
        self.lock = threading.Lock()
        self.requests = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, message):
        line = json.dumps(message).encode() + b"\n"
        if len(line) > LINE_LIMIT:
            line = json.dumps(failure(message["reply"]["id"], "TooLarge", f"{len(line)} bytes"))
            line = line.encode() + b"\n"
        with self.lock:
            while line:
                line = line[self.replies.write(line):]

    def _read(self):
        try:
            for line in self.reading:
                self.requests.put(json.loads(line))
        finally:
            # No more requests can come. Not sys.exit: the main thread may be inside Spark. The JVM
            # sees its standard input close and stops its session.
            os._exit(0)


def failure(number, kind, message, trace="", java=()):
    error = {"kind": kind, "message": message, "trace": trace[-20000:], "java": list(java)}
    return {"reply": {"id": number, "error": error}}


def without_frames(text):
    """An exception's words: those of its causes stay, where each was thrown is in the trace."""
    lines = text.split("\n")
    return "\n".join(line for line in lines if not line.startswith("\t"))[:20000]


def java_chain(error):
    """The JVM's exception behind a Python one, and what caused it, outermost first."""
    # py4j's exceptions, and those that PySpark translates, which hides their class.
    thrown = getattr(error, "java_exception", None) or getattr(error, "_origin", None)
    chain = []
    while thrown is not None and len(chain) < 12:
        message = without_frames(thrown.getMessage() or "")
        frames = thrown.getStackTrace()
        at = frames[0].toString() if len(frames) else ""
        chain.append({"class": thrown.getClass().getName(), "message": message, "at": at})
        thrown = thrown.getCause()
    return chain


class Driver:
    """Answers requests; one method each."""

    def __init__(self):
        self.spark = None
        self.gateway = None
        self.done = False

    def launch(self):
        """Starts the JVM, in a process group of its own: it can be killed alone."""
        from pyspark import SparkContext
        from pyspark.java_gateway import launch_gateway

        self.gateway = launch_gateway(popen_kwargs={"start_new_session": True})
        SparkContext._ensure_initialized(gateway=self.gateway)
        # spark-submit and spark-class `exec`: the child is the JVM.
        return {"jvm_pid": self.gateway.proc.pid}

    def start(self, eager_local_session):
        from pyspark.sql import SparkSession

        if eager_local_session:
            # Like a front end that makes its own session before a request.
            master = self.gateway.jvm.java.lang.System.getProperty("spark.master")
            SparkSession.builder.master("local[*]").getOrCreate()
            self.spark = SparkSession.builder.master(master).getOrCreate()
        else:
            self.spark = SparkSession.builder.getOrCreate()
        return self.describe()

    def describe(self):
        context = self.spark.sparkContext
        return {
            "context_master": context._jsc.sc().master(),
            "conf_master": self.spark.conf.get("spark.master"),
            "application": context.applicationId,
            "ui": context.uiWebUrl,
            "version": context.version,
            "language": f"Python {platform.python_version()}",
            "java": self.gateway.jvm.sparkproof.Probe.java(),
        }

    def barrier(self, tasks):
        context = self.spark.sparkContext
        return json.loads(self.gateway.jvm.sparkproof.Probe.barrier(context._jsc.sc(), tasks))

    def job(self, rows, partitions):
        """A sum over `rows` numbers from 0: known in closed form."""
        numbers = self.spark.range(0, rows, 1, partitions)
        return {"sum": numbers.selectExpr("sum(id)").first()[0]}

    def blocks(self, tasks, cached):
        context = self.spark.sparkContext._jsc.sc()
        return json.loads(self.gateway.jvm.sparkproof.Blocks.run(context, tasks, cached))

    def load(self, tasks):
        self.gateway.jvm.sparkproof.Load.begin(self.spark.sparkContext._jsc.sc(), tasks)
        return {}

    def unload(self):
        self.gateway.jvm.sparkproof.Load.end(self.spark.sparkContext._jsc.sc())
        return {}

    def read(self, tasks, parts):
        context = self.spark.sparkContext._jsc.sc()
        return json.loads(self.gateway.jvm.sparkproof.Probe.read(context, tasks, json.dumps(parts)))

    def cost(self, tasks):
        context = self.spark.sparkContext._jsc.sc()
        return json.loads(self.gateway.jvm.sparkproof.Cost.of(context, tasks))

    def workload(self, name, tasks, group):
        session = self.spark._jsparkSession
        return {"result": self.gateway.jvm.sparkproof.Workload.run(session, name, tasks, group)}

    def list(self, uri):
        context = self.spark.sparkContext._jsc.sc()
        return json.loads(self.gateway.jvm.sparkproof.Probe.list(context, uri))

    def frame(
        self, format, uris, schema, options, max_partition_bytes, open_cost_bytes, group
    ):
        """Reads a table once, each file's rows and sums apart."""
        from pyspark.sql.functions import expr, input_file_name

        settings = self.spark.conf
        settings.set("spark.sql.files.maxPartitionBytes", str(max_partition_bytes))
        settings.set("spark.sql.files.openCostInBytes", str(open_cost_bytes))
        # Only a few rows are left after the scan.
        settings.set("spark.sql.shuffle.partitions", "1")
        line, number, value = "concat_ws(',', id, v, nonce)", "id", "v"
        if format == "text":
            line, number, value = "value", *(
                f"cast(split(value, ',')[{i}] as bigint)" for i in range(2)
            )
        context = self.spark.sparkContext
        context.setJobGroup(group, group)
        try:
            begun = time.monotonic()
            reader = self.spark.read.format(format).options(**options).schema(schema)
            table = reader.load(uris)
            files = table.groupBy(input_file_name().alias("file")).agg(
                expr("count(1)"),
                expr(f"sum({number})"),
                expr(f"sum({value})"),
                expr(f"sum(crc32({line}))"),
            )
            files._jdf.queryExecution().executedPlan()
            planned = time.monotonic()
            files = [tuple(row) for row in files.collect()]
            ended = time.monotonic()
            inputs = table.inputFiles()
        finally:
            for key in ("spark.jobGroup.id", "spark.job.description"):
                context.setLocalProperty(key, None)
        rows, sum_id, sum_v, crc = (sum(row[i] or 0 for row in files) for i in range(1, 5))
        return {
            "rows": rows,
            "sum_id": sum_id,
            "sum_v": sum_v,
            "crc": crc,
            "files": [{"uri": unquote(row[0]), "rows": row[1]} for row in sorted(files)],
            "planned_files": len(inputs),
            "schemes": sorted({urlsplit(uri).scheme for uri in inputs}),
            "planning_seconds": planned - begun,
            "total_seconds": ended - begun,
        }

    def conf(self, keys):
        """Values in force: not all of what a session's configuration says is."""
        context = self.spark.sparkContext._jsc
        started = context.getConf()

        def value(key):
            if key.startswith("spark.hadoop."):
                return context.hadoopConfiguration().get(key[len("spark.hadoop."):])
            if key.startswith("spark.sql."):
                return self.spark.conf.get(key, None)
            return started.get(key) if started.contains(key) else None

        return {key: value(key) for key in keys}

    def stop(self):
        self.spark.stop()
        return {}

    def exit(self):
        self.done = True
        return {}

    def serve(self, channel):
        while not self.done:
            message = channel.requests.get()
            number, name = message["id"], message["request"]
            answered = threading.Event()
            beat = threading.Thread(target=heartbeat, args=(channel, answered), daemon=True)
            beat.start()
            try:
                reply = {"reply": {"id": number, "ok": getattr(self, name)(**message["with"])}}
            except Exception as error:
                kind, trace = type(error).__name__, traceback.format_exc()
                message, chain = without_frames(str(error)), java_chain(error)
                reply = failure(number, kind, message, trace, chain)
            answered.set()
            beat.join()
            channel.send(reply)


def heartbeat(channel, answered):
    while not answered.wait(HEARTBEAT_SECONDS):
        channel.send({"heartbeat": os.getpid()})


def main():
    # Nothing must be imported from the directory of this file.
    sys.path.pop(0)
    channel = Channel(os.environ["SPARKPROOF_PIPES"])
    hello = {"version": VERSION, "pid": os.getpid(), "python": platform.python_version()}
    channel.send({"hello": hello})
    Driver().serve(channel)


main()
