package sparkproof;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.spark.HashPartitioner;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.storage.StorageLevel;
import org.apache.spark.util.CollectionAccumulator;
import scala.Tuple2;

/**
 * Jobs that leave blocks on executors: the outputs of a shuffle and, when asked for, partitions in
 * memory. Existing blocks are not computed again, so each computation shows that a block was missing.
 */
public final class Blocks {
    /** Bytes of one task's block. */
    private static final int BYTES = 1 << 16;

    private static Blocks made;

    private final Kind shuffled;
    private final Kind cached;

    private Blocks(SparkContext context, int tasks, boolean inMemory) {
        List<Integer> parts = new ArrayList<>();
        for (int part = 0; part < tasks; part++) {
            parts.add(part);
        }
        JavaRDD<Integer> rdd = JavaSparkContext.fromSparkContext(context).parallelize(parts, tasks);
        shuffled = shuffled(context, rdd);
        cached = inMemory ? cached(context, rdd) : null;
    }

    /**
     * Runs the jobs. The first call computes each block, later calls compute those that were lost. Each
     * call must have the same arguments.
     */
    public static synchronized String run(SparkContext context, int tasks, boolean inMemory)
            throws Exception {
        if (made == null) {
            made = new Blocks(context, tasks, inMemory);
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("schema", Probe.SCHEMA);
        result.put("shuffled", made.shuffled.run());
        result.put("cached", made.cached == null ? null : made.cached.run());
        return new ObjectMapper().writeValueAsString(result);
    }

    /** Gives each number with its block to a separate task. */
    private static Kind shuffled(SparkContext context, JavaRDD<Integer> rdd) {
        CollectionAccumulator<String> by = context.collectionAccumulator("shuffled");
        int tasks = rdd.getNumPartitions();
        return new Kind(
                by,
                rdd.mapToPair(i -> new Tuple2<>(i, block(i, by)))
                        .partitionBy(new HashPartitioner(tasks))
                        .values());
    }

    private static Kind cached(SparkContext context, JavaRDD<Integer> rdd) {
        CollectionAccumulator<String> by = context.collectionAccumulator("cached");
        return new Kind(by, rdd.map(i -> block(i, by)).persist(StorageLevel.MEMORY_ONLY()));
    }

    private static byte[] block(int number, CollectionAccumulator<String> by) {
        by.add(SparkEnv.get().executorId());
        byte[] block = new byte[BYTES];
        Arrays.fill(block, (byte) number);
        return block;
    }

    private static Long sum(byte[] block) {
        long sum = 0;
        for (byte b : block) {
            sum += b & 0xff;
        }
        return sum;
    }

    /** One kind of blocks. */
    private static final class Kind {
        /** The executors that computed blocks, one entry for each block. */
        private final CollectionAccumulator<String> by;
        private final JavaRDD<byte[]> rdd;

        Kind(CollectionAccumulator<String> by, JavaRDD<byte[]> rdd) {
            this.by = by;
            this.rdd = rdd;
        }

        Map<String, Object> run() {
            by.reset();
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("sum", rdd.map(Blocks::sum).reduce(Long::sum));
            result.put("computedBy", new ArrayList<>(by.value()));
            return result;
        }
    }
}
