// Typed into a spark-shell in a container of the image that the archive is for: starts an executor
// as Kubernetes would, has it read and shuffle, and ends it, so that its JVM archives the classes
// that it loaded. The shell's own JVM lists those that a driver loads.
val module = org.apache.spark.launcher.JavaModuleOptions.defaultModuleOptions().split(" +")
val options = "-XX:ArchiveClassesAtExit=/tmp/class-data/executor.jsa" +: "-Xlog:cds=error" +: module
val process = new ProcessBuilder("/opt/entrypoint.sh", "executor").inheritIO()
(options.zipWithIndex.map { case (option, index) => s"SPARK_JAVA_OPT_$index" -> option } ++ Seq(
  "SPARK_EXECUTOR_MEMORY" -> "512m",
  "SPARK_EXECUTOR_CORES" -> "1",
  "SPARK_EXECUTOR_ID" -> "1",
  "SPARK_EXECUTOR_POD_IP" -> "127.0.0.1",
  "SPARK_EXECUTOR_POD_NAME" -> "executor",
  "SPARK_APPLICATION_ID" -> sc.applicationId,
  "SPARK_DRIVER_URL" ->
    s"spark://CoarseGrainedScheduler@127.0.0.1:${sc.getConf.get("spark.driver.port")}"
)).foreach { case (name, value) => process.environment().put(name, value) }
val executor = process.start()
// Without an executor the jobs below would wait for ever.
executor.onExit().thenRun(() => if (!sc.isStopped) Runtime.getRuntime.halt(1))
val rows = spark.range(0, 1000, 1, 2).selectExpr("id", "cast(id as string) as text", "id % 7 as v")
rows.write.option("header", "true").csv("/tmp/csv")
rows.write.parquet("/tmp/parquet")
rows.write.json("/tmp/json")
Seq(
  spark.read.option("header", "true").option("inferSchema", "true").csv("/tmp/csv"),
  spark.read.parquet("/tmp/parquet"),
  spark.read.json("/tmp/json"),
  spark.read.text("/tmp/csv")
).foreach(read => read.groupBy(read.columns.head).count().agg("count" -> "sum").collect())
spark.stop()
// A driver also loads the client of Kubernetes; no API server listens there.
try new org.apache.spark.SparkContext(
  "k8s://https://127.0.0.1:1", "class data", sc.getConf.set("spark.kubernetes.container.image", "x"))
catch { case _: Exception => }
System.exit(executor.waitFor())
