package sparkproof;

import java.util.Map;

import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.StructType;

/** Operations that differ between front ends. */
public interface Shell {
    /** A table, by the front end's own reader. */
    Dataset<Row> table(
            SparkSession spark,
            String format,
            Map<String, String> options,
            StructType schema,
            String[] uris);

    /** The session of a read without a session argument; null if the front end has no such read. */
    SparkSession implied();

    /** Spark's own shell: its API is Spark's. */
    Shell OF_SPARK =
            new Shell() {
                @Override
                public Dataset<Row> table(
                        SparkSession spark,
                        String format,
                        Map<String, String> options,
                        StructType schema,
                        String[] uris) {
                    return spark.read().format(format).options(options).schema(schema).load(uris);
                }

                @Override
                public SparkSession implied() {
                    return null;
                }
            };
}
