package sparkproof;

import java.util.ArrayList;
import java.util.List;

import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;

/** Tasks that last until they are told to end: as many executors as tasks have work. */
public final class Load {
    private static final String GROUP = "sparkproof-load";
    /** They end by themselves when nobody tells them. */
    private static final long LONGEST_MILLIS = 300_000;
    /** From the cancellation of a job to the end of its last task, which is interrupted. */
    private static final long ENDED_MILLIS = 60_000;

    private static Thread running;
    private static Tasks tasks;

    private Load() {}

    /** Returns at once. */
    public static synchronized void begin(SparkContext context, int count) {
        List<Integer> parts = new ArrayList<>();
        for (int part = 0; part < count; part++) {
            parts.add(part);
        }
        JavaRDD<Integer> rdd = JavaSparkContext.fromSparkContext(context).parallelize(parts, count);
        tasks = new Tasks();
        context.addSparkListener(tasks);
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

    /**
     * Returns when each of its tasks has ended: the next job finds all cores free. A cancelled job is
     * over before that, since Spark interrupts its tasks and does not wait for them.
     */
    public static synchronized void end(SparkContext context) throws InterruptedException {
        context.cancelJobGroup(GROUP);
        running.join(LONGEST_MILLIS);
        int left = tasks.left();
        context.removeSparkListener(tasks);
        if (left > 0) {
            throw new IllegalStateException(
                    left + " tasks still run " + ENDED_MILLIS + " ms after their job was cancelled");
        }
    }

    /** Counts the tasks that run. */
    private static final class Tasks extends SparkListener {
        private int running;

        @Override
        public synchronized void onTaskStart(SparkListenerTaskStart started) {
            running++;
        }

        @Override
        public synchronized void onTaskEnd(SparkListenerTaskEnd ended) {
            running--;
            notifyAll();
        }

        /** How many have not ended in time; 0 as soon as none runs. */
        synchronized int left() throws InterruptedException {
            long end = System.nanoTime() + ENDED_MILLIS * 1_000_000;
            for (long wait = ENDED_MILLIS; running > 0 && wait > 0; ) {
                wait(wait);
                wait = (end - System.nanoTime()) / 1_000_000;
            }
            return running;
        }
    }
}
