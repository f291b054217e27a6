package sparkproof;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.LinkedHashMap;
import java.util.Map;

import org.apache.spark.SparkContext;
import org.apache.spark.SparkEnv;

/**
 * What the container of each executor has cost so far, by the counters of its own control group: no
 * sample can be missed, and no process is started to read them. The driver's JVM counts for itself,
 * since on a host it shares a group with others.
 */
public final class Cost implements Probe.Work {
    private static final long serialVersionUID = 1;
    private static final Path GROUP = Paths.get("/sys/fs/cgroup");

    private Cost() {}

    /** One task in each of n executors, as {@link Probe#barrier}, with its group's counters. */
    public static String of(SparkContext context, int n) throws Exception {
        Map<String, Object> result = Probe.result(context, n, new Cost());
        result.put("driverCpuNanos", process().getProcessCpuTime());
        return Probe.text(result);
    }

    @Override
    public void run(Map<String, Object> result) throws IOException {
        Burn.start(SparkEnv.get().conf().getDouble("spark.sparkproof.burn", 0));
        Map<String, Object> group = new LinkedHashMap<>();
        if (Files.exists(GROUP.resolve("cpu.stat"))) {
            group.put("version", 2);
            group.put("cpuNanos", 1000 * named(GROUP.resolve("cpu.stat"), "usage_usec"));
            // Since Linux 5.19.
            group.put("peakBytes", number(GROUP.resolve("memory.peak")));
        } else {
            group.put("version", 1);
            group.put("cpuNanos", number(GROUP.resolve("cpuacct/cpuacct.usage")));
            group.put("peakBytes", number(GROUP.resolve("memory/memory.max_usage_in_bytes")));
        }
        result.put("group", group);
    }

    static com.sun.management.OperatingSystemMXBean process() {
        return (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
    }

    private static Long number(Path file) throws IOException {
        return Files.exists(file) ? Long.valueOf(text(file).trim()) : null;
    }

    private static long named(Path file, String name) throws IOException {
        for (String line : text(file).split("\n")) {
            if (line.startsWith(name + " ")) {
                return Long.parseLong(line.substring(name.length() + 1).trim());
            }
        }
        throw new IOException(file + " has no " + name);
    }

    private static String text(Path file) throws IOException {
        return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    }
}
