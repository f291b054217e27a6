"""Says what driver and executors have of an application's dependencies: one line of JSON, by
executor's id and for the driver, the SHA-256 of each file that they find.

Its argument is JSON: `executors`, how many; `files`, the names that `spark.files`, `spark.archives`
and `spark.jars` give them; `module`, of `spark.submit.pyFiles`; `class`, in one of the jars.
"""

import hashlib
import importlib
import json
import os
import sys

from pyspark import BarrierTaskContext, SparkContext, SparkFiles

MARK = "sparkproof dependencies "


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def found(names, module):
    result = {}
    for name in names:
        path = SparkFiles.get(name)
        result[name] = digest(path) if os.path.isfile(path) else None
    try:
        result[module] = digest(importlib.import_module(module).__file__)
    except ImportError:
        result[module] = None
    return result


def main():
    asked = json.loads(sys.argv[1])
    count, names, module = asked["executors"], asked["files"], asked["module"]
    context = SparkContext.getOrCreate()

    def on_executor(_):
        # All at once: none answers for another.
        BarrierTaskContext.get().barrier()
        yield os.environ["SPARK_EXECUTOR_ID"], found(names, module)

    tasks = context.parallelize(range(count), count).barrier()
    result = dict(tasks.mapPartitions(on_executor).collect())
    # Jars are files of executors only; of the driver their classes.
    result["driver"] = found([name for name in names if not name.endswith(".jar")], module)
    try:
        loader = context._jvm.java.lang.Thread.currentThread().getContextClassLoader()
        result["class"] = loader.loadClass(asked["class"]).getName()
    except Exception:
        result["class"] = None
    print(MARK + json.dumps(result), flush=True)
    context.stop()


main()
