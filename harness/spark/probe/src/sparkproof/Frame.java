package sparkproof;

import static org.apache.spark.sql.functions.expr;
import static org.apache.spark.sql.functions.input_file_name;

import java.io.UnsupportedEncodingException;
import java.net.URLDecoder;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.spark.SparkContext;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/** Reads a table once by the front end's own reader, with rows and sums for each file. */
final class Frame {
    private static final String NUMBER = "cast(split(value, ',')[%d] as bigint)";

    private Frame() {}

    static Map<String, Object> read(SparkSession spark, Shell shell, JsonNode with) throws Exception {
        spark.conf().set("spark.sql.files.maxPartitionBytes", with.get("max_partition_bytes").asText());
        spark.conf().set("spark.sql.files.openCostInBytes", with.get("open_cost_bytes").asText());
        // Only a few rows are left after the scan.
        spark.conf().set("spark.sql.shuffle.partitions", "1");
        String format = with.get("format").asText();
        boolean text = format.equals("text");
        String line = text ? "value" : "concat_ws(',', id, v, nonce)";
        String id = text ? String.format(NUMBER, 0) : "id";
        String v = text ? String.format(NUMBER, 1) : "v";
        ObjectMapper json = new ObjectMapper();
        String[] uris = json.treeToValue(with.get("uris"), String[].class);
        Map<String, String> options =
                json.convertValue(with.get("options"), new TypeReference<Map<String, String>>() {});

        SparkContext context = spark.sparkContext();
        String group = with.get("group").asText();
        context.setJobGroup(group, group, false);
        try {
            long begun = System.nanoTime();
            StructType schema = StructType.fromDDL(with.get("schema").asText());
            Dataset<Row> table = shell.table(spark, format, options, schema, uris);
            Dataset<Row> files = table.groupBy(input_file_name().alias("file")).agg(
                    expr("count(1)"),
                    expr("sum(" + id + ")"),
                    expr("sum(" + v + ")"),
                    expr("sum(crc32(" + line + "))"));
            plan(files);
            long planned = System.nanoTime();
            List<Row> rows = new ArrayList<>(files.collectAsList());
            long ended = System.nanoTime();
            rows.sort(Comparator.comparing(row -> row.getString(0)));
            Map<String, Object> result = result(rows, table.inputFiles());
            result.put("planning_seconds", (planned - begun) / 1e9);
            result.put("total_seconds", (ended - begun) / 1e9);
            return result;
        } finally {
            context.clearJobGroup();
        }
    }

    private static Map<String, Object> result(List<Row> rows, String[] inputs)
            throws UnsupportedEncodingException {
        Map<String, Object> result = new LinkedHashMap<>();
        String[] sums = {"rows", "sum_id", "sum_v", "crc"};
        for (int i = 0; i < sums.length; i++) {
            long sum = 0;
            for (Row row : rows) {
                sum += row.isNullAt(i + 1) ? 0 : row.getLong(i + 1);
            }
            result.put(sums[i], sum);
        }
        List<Map<String, Object>> files = new ArrayList<>();
        for (Row row : rows) {
            Map<String, Object> file = new LinkedHashMap<>();
            // Not form encoding: a plus sign is a plus sign.
            String uri = row.getString(0).replace("+", "%2B");
            file.put("uri", URLDecoder.decode(uri, "UTF-8"));
            file.put("rows", row.getLong(1));
            files.add(file);
        }
        result.put("files", files);
        result.put("planned_files", inputs.length);
        TreeSet<String> schemes = new TreeSet<>();
        for (String input : inputs) {
            schemes.add(input.substring(0, Math.max(0, input.indexOf(':'))));
        }
        result.put("schemes", schemes);
        return result;
    }

    /** Plans the query. Since Spark 4 the class with this method is not the API's class. */
    private static void plan(Dataset<Row> table) throws ReflectiveOperationException {
        Object execution = table.getClass().getMethod("queryExecution").invoke(table);
        execution.getClass().getMethod("executedPlan").invoke(execution);
    }
}
