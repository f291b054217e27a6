package sparkproof;

import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.List;

import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.functions;

/**
 * Work whose cost is compared. The two references do not use Spark's engine, so that a ratio to them
 * travels between machines; their version is in {@code REFERENCE}, and a change of them needs another.
 */
public final class Workload {
    /** Version of the references. */
    public static final int REFERENCE = 1;
    private static final int MIB = 1 << 20;
    private static final int HASHED_MIB = 192;
    private static final int WRITTEN_MIB = 64;
    private static final long ROWS = 1_500_000;

    private Workload() {}

    /** Runs one by its name in n tasks of a job group; returns a number that depends on all of it. */
    public static long run(SparkSession spark, String name, int n, String group) {
        SparkContext context = spark.sparkContext();
        context.setJobGroup(group, group, false);
        try {
            switch (name) {
                case "reference-cpu":
                    return tasks(context, n).map(part -> hash(part)).reduce(Long::sum);
                case "reference-io":
                    return tasks(context, n).map(part -> copy(part)).reduce(Long::sum);
                case "shuffle":
                    return sum(range(spark, n).repartition(4 * n, functions.expr("id % 4099")));
                case "aggregation":
                    return aggregation(range(spark, n));
                default:
                    throw new IllegalArgumentException("unknown workload " + name);
            }
        } finally {
            context.clearJobGroup();
        }
    }

    private static org.apache.spark.api.java.JavaRDD<Integer> tasks(SparkContext context, int n) {
        List<Integer> parts = new ArrayList<>();
        for (int part = 0; part < n; part++) {
            parts.add(part);
        }
        return JavaSparkContext.fromSparkContext(context).parallelize(parts, n);
    }

    private static Dataset<Row> range(SparkSession spark, int n) {
        return spark.range(0, ROWS, 1, 2 * n).toDF();
    }

    private static long sum(Dataset<Row> rows) {
        return rows.selectExpr("sum(hash(id, id + 1))").first().getLong(0);
    }

    /** Forty sums over a thousand groups. */
    private static long aggregation(Dataset<Row> rows) {
        rows.sparkSession().conf().set("spark.sql.shuffle.partitions", "4");
        Column[] sums = new Column[40];
        for (int i = 0; i < sums.length; i++) {
            sums[i] = functions.expr("sum(id % " + (i + 7) + ")").alias("s" + i);
        }
        return rows.groupBy(functions.expr("id % 1000").alias("k"))
                .agg(functions.expr("count(1)").alias("n"), sums)
                .selectExpr("sum(s0 + s39)")
                .first()
                .getLong(0);
    }

    private static Long hash(int part) throws Exception {
        MessageDigest digest = MessageDigest.getInstance("SHA-256");
        byte[] block = new byte[MIB];
        block[0] = (byte) part;
        for (int i = 0; i < HASHED_MIB; i++) {
            digest.update(block);
        }
        return (long) digest.digest()[0];
    }

    private static Long copy(int part) throws IOException {
        File file = File.createTempFile("sparkproof-reference", null);
        byte[] block = new byte[MIB];
        long read = part;
        try {
            try (OutputStream out = new FileOutputStream(file)) {
                for (int i = 0; i < WRITTEN_MIB; i++) {
                    out.write(block);
                }
            }
            try (InputStream in = new FileInputStream(file)) {
                for (int got = in.read(block); got >= 0; got = in.read(block)) {
                    read += got;
                }
            }
        } finally {
            file.delete();
        }
        return read;
    }
}
