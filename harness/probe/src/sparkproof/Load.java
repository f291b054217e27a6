package sparkproof;

import java.util.ArrayList;
import java.util.List;

import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;

/** Tasks that last until they are told to end: as many executors as tasks have work. */
public final class Load {
    private static final String GROUP = "sparkproof-load";
    /** They end by themselves when nobody tells them. */
    private static final long LONGEST_MILLIS = 300_000;

    private static Thread running;

    private Load() {}

    /** Returns at once. */
    public static synchronized void begin(SparkContext context, int tasks) {
        List<Integer> parts = new ArrayList<>();
        for (int part = 0; part < tasks; part++) {
            parts.add(part);
        }
        JavaRDD<Integer> rdd = JavaSparkContext.fromSparkContext(context).parallelize(parts, tasks);
        running = new Thread(() -> {
            // A group is its thread's; tasks are interrupted when it is cancelled.
            context.setJobGroup(GROUP, GROUP, true);
            try {
                rdd.foreach(part -> Thread.sleep(LONGEST_MILLIS));
            } catch (Exception cancelled) {
                // Spark says of a cancelled job that it failed.
            }
        }, GROUP);
        running.setDaemon(true);
        running.start();
    }

    /** Returns when no task of it is counted as running. */
    public static synchronized void end(SparkContext context) throws InterruptedException {
        context.cancelJobGroup(GROUP);
        running.join(LONGEST_MILLIS);
    }
}
