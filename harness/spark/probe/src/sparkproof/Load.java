package sparkproof;

import java.util.ArrayList;
import java.util.List;

import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerJobEnd;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;

/** Tasks that last until they are cancelled, so that as many executors as tasks have work. */
public final class Load {
    private static final String GROUP = "sparkproof-load";
    /** After this time they end without being cancelled. */
    private static final long LONGEST_MILLIS = 300_000;
    /** Time from the cancellation of a job to the end of its last task: less than a request's deadline. */
    private static final long ENDED_MILLIS = 60_000;

    private static Thread running;
    private static Tasks tasks;

    private Load() {}

    /** Starts the tasks and returns at once. */
    public static synchronized void begin(SparkContext context, int count) {
        List<Integer> parts = new ArrayList<>();
        for (int part = 0; part < count; part++) {
            parts.add(part);
        }
        JavaRDD<Integer> rdd = JavaSparkContext.fromSparkContext(context).parallelize(parts, count);
        tasks = new Tasks();
        context.addSparkListener(tasks);
        running = new Thread(() -> {
            // A job group belongs to its thread. Cancelling it interrupts the tasks.
            context.setJobGroup(GROUP, GROUP, true);
            try {
                rdd.foreach(part -> Thread.sleep(LONGEST_MILLIS));
            } catch (Exception cancelled) {
                // Spark reports a cancelled job as failed.
            }
        }, GROUP);
        running.setDaemon(true);
        running.start();
    }

    /**
     * Cancels the tasks and returns when all have ended, so that the next job finds all cores free. The
     * cancelled job ends before that, since Spark interrupts its tasks and does not wait for them. Tasks
     * that no executor has taken do not start.
     */
    public static synchronized void end(SparkContext context) throws InterruptedException {
        long end = System.nanoTime() + ENDED_MILLIS * 1_000_000;
        context.cancelJobGroup(GROUP);
        running.join(ENDED_MILLIS);
        boolean ended = tasks.haveEnded(end);
        context.removeSparkListener(tasks);
        if (running.isAlive() || !ended) {
            throw new IllegalStateException(
                    ENDED_MILLIS + " ms after their job was cancelled: " + tasks);
        }
    }

    /** Counts tasks by a listener's events, which arrive late but in order. */
    private static final class Tasks extends SparkListener {
        private int job = -1;
        private boolean over;
        private int started;
        private int ended;

        @Override
        public synchronized void onJobStart(SparkListenerJobStart start) {
            if (GROUP.equals(start.properties().getProperty("spark.jobGroup.id"))) {
                job = start.jobId();
            }
        }

        @Override
        public synchronized void onJobEnd(SparkListenerJobEnd end) {
            over |= end.jobId() == job;
            notifyAll();
        }

        @Override
        public synchronized void onTaskStart(SparkListenerTaskStart task) {
            started++;
        }

        @Override
        public synchronized void onTaskEnd(SparkListenerTaskEnd task) {
            ended++;
            notifyAll();
        }

        /** Waits up to the deadline; whether the job and all tasks that it started have ended. */
        synchronized boolean haveEnded(long end) throws InterruptedException {
            // An ended job starts no more tasks.
            while (!over || ended < started) {
                long left = (end - System.nanoTime()) / 1_000_000;
                if (left <= 0) {
                    return false;
                }
                wait(left);
            }
            return true;
        }

        @Override
        public synchronized String toString() {
            return "the job " + (over ? "is over" : "goes on") + ", " + started + " starts and " + ended
                    + " ends of tasks seen";
        }
    }
}
