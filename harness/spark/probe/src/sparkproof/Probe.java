package sparkproof;

import java.io.IOException;
import java.io.Serializable;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Stream;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.spark.BarrierTaskContext;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import scala.collection.Iterator;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction1;

/**
 * Collects what executors report about themselves, as JSON. The same source serves every front end: it
 * is Java 8 and uses only what Scala 2.12 and 2.13 have in common.
 */
public final class Probe {
    /** Version of the result's schema; sparkproof refuses another. */
    public static final int SCHEMA = 3;

    private Probe() {}

    /**
     * One barrier stage of exactly n tasks that all run at once: with one task per core, no executor can
     * do the work of another, as it can in an ordinary job.
     */
    public static String barrier(SparkContext context, int n) throws Exception {
        return json(run(context, n, new Self()));
    }

    /**
     * The same stage, in which each task reads files through Hadoop's FileSystem in its JVM. A read
     * that fails is part of the result: a failed stage would show the error of only one executor.
     *
     * @param parts a JSON array, read in its order, of objects with {@code uris}, not
     *     percent-encoded, as Hadoop's Path and Spark take them, and {@code how}: "hash", "plain" or
     *     "share", see {@link Read}
     */
    public static String read(SparkContext context, int n, String parts) throws Exception {
        ObjectMapper json = new ObjectMapper();
        List<Read.Part> list = new ArrayList<>();
        for (JsonNode part : json.readTree(parts)) {
            String[] uris = json.treeToValue(part.get("uris"), String[].class);
            String how = part.get("how").asText().toUpperCase(Locale.ROOT);
            list.add(new Read.Part(uris, Read.How.valueOf(how)));
        }
        byte[] conf = Conf.written(context.hadoopConfiguration());
        return json(run(context, n, new Read(conf, list.toArray(new Read.Part[0]), n)));
    }

    /**
     * The version of this JVM, and the archive from which it maps Spark's classes, if it does: a JVM
     * to which an archive does not fit starts without it, and does not say so.
     */
    public static String java() throws IOException {
        String version = System.getProperty("java.version");
        try (Stream<String> maps = Files.lines(Paths.get("/proc/self/maps"))) {
            return maps.filter(line -> line.endsWith(".jsa"))
                    .map(line -> line.substring(line.lastIndexOf('/') + 1))
                    // The archives of the Java runtime itself.
                    .filter(name -> !name.startsWith("classes"))
                    .findFirst()
                    .map(name -> version + " with classes of " + name)
                    .orElse(version);
        }
    }

    /** A result of n tasks with this work, to be completed and written by {@link #text}. */
    static Map<String, Object> result(SparkContext context, int n, Work work) {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("schema", SCHEMA);
        result.put("tasks", run(context, n, work));
        return result;
    }

    static String text(Map<String, Object> result) throws Exception {
        return new ObjectMapper().writeValueAsString(result);
    }

    /** The files below a URI (or the file it names) as the driver's JVM sees them. */
    public static String list(SparkContext context, String uri) throws Exception {
        Map<String, Object> result = Listing.of(context.hadoopConfiguration(), uri);
        result.put("schema", SCHEMA);
        return new ObjectMapper().writeValueAsString(result);
    }

    /** Runs the work once in each of n barrier tasks; returns their results by partition. */
    private static List<Map<String, Object>> run(SparkContext context, int n, Work work) {
        List<Integer> parts = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            parts.add(i);
        }
        ClassTag<Map<String, Object>> tag = ClassTag$.MODULE$.apply(Map.class);
        JavaRDD<Integer> rdd = JavaSparkContext.fromSparkContext(context).parallelize(parts, n);
        RDD<Map<String, Object>> results = rdd.rdd().barrier().mapPartitions(new Task(work), false, tag);
        return new JavaRDD<>(results, tag).collect();
    }

    private static String json(List<Map<String, Object>> tasks) throws Exception {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("schema", SCHEMA);
        result.put("tasks", tasks);
        return new ObjectMapper().writeValueAsString(result);
    }

    /** Work of a task in addition to reporting its executor. */
    interface Work extends Serializable {
        void run(Map<String, Object> result) throws Exception;
    }

    /** No additional work. */
    static final class Self implements Work {
        private static final long serialVersionUID = 1;

        @Override
        public void run(Map<String, Object> result) {}
    }

    private static final class Task
            extends AbstractFunction1<Iterator<Integer>, Iterator<Map<String, Object>>>
            implements Serializable {
        private static final long serialVersionUID = 1;
        private final Work work;

        Task(Work work) {
            this.work = work;
        }

        @Override
        public Iterator<Map<String, Object>> apply(Iterator<Integer> ignored) {
            try {
                Map<String, Object> result = new LinkedHashMap<>();
                result.put("startMillis", System.currentTimeMillis());
                BarrierTaskContext task = BarrierTaskContext.get();
                // No task continues until all are here, which proves that n tasks run at once.
                task.barrier();
                result.put("partition", task.partitionId());
                result.put("executor", SparkEnv.get().executorId());
                result.put("host", InetAddress.getLocalHost().getHostName());
                result.put("podName", System.getenv("SPARK_EXECUTOR_POD_NAME"));
                result.put("podIp", System.getenv("SPARK_EXECUTOR_POD_IP"));
                result.put("java", java());
                result.put("uid", Files.getAttribute(Paths.get("/proc/self"), "unix:uid"));
                result.put("user", System.getProperty("user.name"));
                work.run(result);
                result.put("endMillis", System.currentTimeMillis());
                return scala.collection.Iterator$.MODULE$.single(result);
            } catch (Exception e) {
                throw new RuntimeException(e);
            }
        }
    }
}
