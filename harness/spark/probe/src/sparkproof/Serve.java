package sparkproof;

import java.io.BufferedReader;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import org.apache.spark.sql.SparkSession;

/**
 * Serves sparkproof's requests in the JVM of a front end, on a session that the front end made. The
 * only line in the front end's language is {@code sparkproof.Serve.run(spark)}.
 *
 * <p>Messages are JSON lines on two named pipes, since standard input and output belong to the
 * front end: {@code hello} once, then one reply per request, and {@code heartbeat} during a request.
 * The JVM ends when the pipe of requests closes, by Spark's own shutdown hook.
 */
public final class Serve {
    /** Version of the protocol. */
    private static final int VERSION = 4;
    private static final int LINE_LIMIT = 4 << 20;
    private static final long HEARTBEAT_SECONDS = 2;
    /** How long sparkproof, which waits for this, may take to open its ends of the pipes. */
    private static final long OPEN_SECONDS = 60;

    private final ObjectMapper json = new ObjectMapper();
    private final BlockingQueue<JsonNode> requests = new LinkedBlockingQueue<>();
    private final CountDownLatch connected = new CountDownLatch(1);
    private final int pid;
    private volatile OutputStream replies;
    private volatile boolean busy;
    private volatile boolean done;

    private Serve() throws IOException {
        pid = Integer.parseInt(Files.readSymbolicLink(Paths.get("/proc/self")).toString());
    }

    /** Serves until a request to exit; then the front end continues. */
    public static void run(SparkSession spark) throws Exception {
        run(spark, Shell.OF_SPARK, "Scala " + scala.util.Properties.versionNumberString());
    }

    /** The same for a front end with its own shell; also takes its language with its version. */
    public static void run(SparkSession spark, Shell shell, String language) throws Exception {
        new Serve().serve(new Answers(spark, shell, language));
    }

    private void serve(Answers answers) throws Exception {
        daemon(this::read);
        // A pipe without its other end blocks whoever opens it, for ever.
        if (!connected.await(OPEN_SECONDS, TimeUnit.SECONDS)) {
            throw new IOException("nobody opened the other ends of the pipes");
        }
        daemon(this::beat);
        while (!done) {
            JsonNode request = requests.take();
            busy = true;
            String kind = request.get("request").asText();
            Map<String, Object> reply = new LinkedHashMap<>();
            reply.put("id", request.get("id").asLong());
            try {
                reply.put("ok", answers.to(kind, request.get("with")));
            } catch (Throwable e) {
                // A missing jar is an Error.
                reply.put("error", Thrown.of(e));
            }
            done = kind.equals("exit");
            busy = false;
            send("reply", reply);
        }
    }

    /** Reads requests, in a thread of its own. */
    private void read() {
        Path pipes = Paths.get(System.getenv("SPARKPROOF_PIPES"));
        try {
            replies = new FileOutputStream(pipes.resolve("replies").toFile());
            FileInputStream in = new FileInputStream(pipes.resolve("requests").toFile());
            Map<String, Object> hello = new LinkedHashMap<>();
            hello.put("version", VERSION);
            hello.put("jvm", pid);
            send("hello", hello);
            connected.countDown();
            BufferedReader lines = new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                requests.add(json.readTree(line));
            }
        } catch (IOException e) {
            e.printStackTrace();
        }
        if (!done) {
            // No more requests can come, and the serving thread may be inside Spark.
            System.exit(0);
        }
    }

    private void beat() {
        try {
            while (!done) {
                TimeUnit.SECONDS.sleep(HEARTBEAT_SECONDS);
                if (busy) {
                    send("heartbeat", pid);
                }
            }
        } catch (IOException | InterruptedException e) {
            // The reader notices, too.
        }
    }

    private synchronized void send(String name, Object content) throws IOException {
        byte[] line = json.writeValueAsBytes(Collections.singletonMap(name, content));
        if (line.length > LINE_LIMIT) {
            Map<String, Object> reply = new LinkedHashMap<>();
            reply.put("id", ((Map<?, ?>) content).get("id"));
            reply.put("error", Thrown.of(new IOException("a reply of " + line.length + " bytes")));
            line = json.writeValueAsBytes(Collections.singletonMap(name, reply));
        }
        replies.write(line);
        replies.write('\n');
        replies.flush();
    }

    private static void daemon(Runnable work) {
        Thread thread = new Thread(work, "sparkproof");
        thread.setDaemon(true);
        thread.start();
    }
}
