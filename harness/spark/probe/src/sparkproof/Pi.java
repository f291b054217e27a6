package sparkproof;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;

import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/** Does what Spark's `JavaSparkPi` does, for distributions without the examples jar (PyPI's). */
public final class Pi {
    private static final int THROWS = 100_000;

    private Pi() {}

    /** The one argument: number of tasks. */
    public static void main(String[] args) {
        int tasks = Integer.parseInt(args[0]);
        List<Integer> parts = new ArrayList<>();
        for (int part = 0; part < tasks; part++) {
            parts.add(part);
        }
        try (JavaSparkContext context = new JavaSparkContext(new SparkConf())) {
            long inside = context.parallelize(parts, tasks).map(part -> hits()).reduce(Long::sum);
            System.out.println("Pi is roughly " + 4.0 * inside / ((double) THROWS * tasks));
        }
    }

    private static Long hits() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        long inside = 0;
        for (int i = 0; i < THROWS; i++) {
            double x = random.nextDouble() * 2 - 1;
            double y = random.nextDouble() * 2 - 1;
            inside += x * x + y * y <= 1 ? 1 : 0;
        }
        return inside;
    }
}
