package sparkproof;

import java.io.IOException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.SparkSession;

/** Answers requests with a session; the results have the form of the PySpark driver's. */
final class Answers {
    private final ObjectMapper json = new ObjectMapper();
    private final SparkSession spark;
    private final SparkContext context;
    private final Shell shell;
    private final String language;

    Answers(SparkSession spark, Shell shell, String language) {
        this.spark = spark;
        this.shell = shell;
        this.language = language;
        this.context = spark.sparkContext();
    }

    Object to(String request, JsonNode with) throws Exception {
        switch (request) {
            case "start":
                if (with.get("eager_local_session").asBoolean()) {
                    throw new UnsupportedOperationException("this front end made its session already");
                }
                return describe();
            case "describe":
                return describe();
            case "barrier":
                return json.readTree(Probe.barrier(context, with.get("tasks").asInt()));
            case "job":
                return job(with.get("rows").asLong(), with.get("partitions").asInt());
            case "blocks":
                int blocks = with.get("tasks").asInt();
                boolean cached = with.get("cached").asBoolean();
                return json.readTree(Blocks.run(context, blocks, cached));
            case "load":
                Load.begin(context, with.get("tasks").asInt());
                return Collections.emptyMap();
            case "unload":
                Load.end(context);
                return Collections.emptyMap();
            case "read":
                int tasks = with.get("tasks").asInt();
                return json.readTree(Probe.read(context, tasks, with.get("parts").toString()));
            case "cost":
                return json.readTree(Cost.of(context, with.get("tasks").asInt()));
            case "workload":
                String group = with.get("group").asText();
                int parts = with.get("tasks").asInt();
                return Collections.singletonMap(
                        "result", Workload.run(spark, with.get("name").asText(), parts, group));
            case "list":
                return json.readTree(Probe.list(context, with.get("uri").asText()));
            case "frame":
                return Frame.read(spark, shell, with);
            case "conf":
                return conf(with.get("keys"));
            case "stop":
                spark.stop();
                return Collections.emptyMap();
            case "exit":
                return Collections.emptyMap();
            default:
                throw new IllegalArgumentException("unknown request " + request);
        }
    }

    private Map<String, Object> describe() throws IOException {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("context_master", context.master());
        result.put("conf_master", spark.conf().get("spark.master"));
        result.put("application", context.applicationId());
        result.put("ui", context.uiWebUrl().get());
        result.put("version", context.version());
        result.put("language", language);
        result.put("java", Probe.java());
        SparkSession implied = shell.implied();
        if (implied != null) {
            result.put("implied_application", implied.sparkContext().applicationId());
        }
        return result;
    }

    /** A sum over the numbers from 0, whose value is known in closed form. */
    private Map<String, Object> job(long rows, int partitions) {
        Object sum = spark.range(0, rows, 1, partitions).selectExpr("sum(id)").first().get(0);
        return Collections.singletonMap("sum", sum);
    }

    /** The values in effect: some settings of a session's configuration have no effect. */
    private Map<String, String> conf(JsonNode keys) {
        String hadoop = "spark.hadoop.";
        SparkConf started = context.getConf();
        Map<String, String> result = new LinkedHashMap<>();
        for (JsonNode node : keys) {
            String key = node.asText();
            if (key.startsWith(hadoop)) {
                result.put(key, context.hadoopConfiguration().get(key.substring(hadoop.length())));
            } else if (key.startsWith("spark.sql.")) {
                result.put(key, spark.conf().get(key, null));
            } else {
                result.put(key, started.contains(key) ? started.get(key) : null);
            }
        }
        return result;
    }
}
