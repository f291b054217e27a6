package sparkproof;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;

/** For controls: burns a share of what this JVM costs, so that a comparison must find it dearer. */
final class Burn {
    private static final long PAUSE_MILLIS = 2;

    private static Thread burning;

    private Burn() {}

    /** Starts once in a JVM. A share of 0.2 makes everything a fifth dearer. */
    static synchronized void start(double share) {
        if (share <= 0 || burning != null) {
            return;
        }
        burning = new Thread(() -> burn(share), "sparkproof-burn");
        burning.setDaemon(true);
        burning.start();
    }

    private static void burn(double share) {
        ThreadMXBean threads = ManagementFactory.getThreadMXBean();
        long begun = Cost.process().getProcessCpuTime() - threads.getCurrentThreadCpuTime();
        try {
            while (true) {
                long own = threads.getCurrentThreadCpuTime();
                long others = Cost.process().getProcessCpuTime() - own - begun;
                if (own < share * others) {
                    spin();
                } else {
                    Thread.sleep(PAUSE_MILLIS);
                }
            }
        } catch (InterruptedException ended) {
            Thread.currentThread().interrupt();
        }
    }

    private static void spin() {
        long until = System.nanoTime() + 1_000_000;
        while (System.nanoTime() < until) {
            // As work that a slower build does.
        }
    }
}
