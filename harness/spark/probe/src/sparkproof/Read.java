package sparkproof;

import java.io.IOException;
import java.io.InputStream;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.nio.file.attribute.BasicFileAttributes;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/** Reads files to their end through Hadoop's FileSystem. */
final class Read implements Probe.Work {
    private static final long serialVersionUID = 1;
    private static final int BUFFER = 1 << 20;
    /** Number of errors reported with their text for a share; further ones are only counted. */
    private static final int TOLD = 3;

    /** Which files a task reads, and whether it hashes them. */
    enum How {
        /**
         * Every task reads and hashes every file. readNanos excludes the hashing, but a store may send data
         * ahead during it.
         */
        HASH,
        /** Every task reads every file: for throughput. */
        PLAIN,
        /** Task i of n reads the files whose index modulo n is i; totals only. */
        SHARE
    }

    /** Files, and how they are read. */
    static final class Part implements Serializable {
        private static final long serialVersionUID = 1;
        private final String[] uris;
        private final How how;

        Part(String[] uris, How how) {
            this.uris = uris;
            this.how = how;
        }
    }

    private final byte[] conf;
    private final Part[] parts;
    private final int tasks;

    Read(byte[] conf, Part[] parts, int tasks) {
        this.conf = conf;
        this.parts = parts;
        this.tasks = tasks;
    }

    @Override
    public void run(Map<String, Object> result) throws Exception {
        Configuration hadoop = Conf.read(conf);
        byte[] buffer = new byte[BUFFER];
        int task = (Integer) result.get("partition");
        List<Map<String, Object>> all = new ArrayList<>();
        for (Part part : parts) {
            all.add(
                    part.how == How.SHARE
                            ? Collections.singletonMap("share", share(hadoop, buffer, part.uris, task))
                            : Collections.singletonMap("reads", reads(hadoop, buffer, part)));
        }
        result.put("parts", all);
    }

    private static List<Map<String, Object>> reads(Configuration hadoop, byte[] buffer, Part part)
            throws Exception {
        List<Map<String, Object>> reads = new ArrayList<>();
        for (String uri : part.uris) {
            Map<String, Object> read = new LinkedHashMap<>();
            read.put("uri", uri);
            One one = new One();
            java.nio.file.Path local = null;
            try {
                Path path = new Path(uri);
                FileSystem fs = path.getFileSystem(hadoop);
                Path whole = fs.makeQualified(path);
                read.put("scheme", whole.toUri().getScheme());
                read.put("fileSystem", fs.getClass().getName());
                if ("file".equals(whole.toUri().getScheme())) {
                    local = Paths.get(whole.toUri().getPath());
                    read.put("mount", Mount.of(local));
                }
                MessageDigest digest = part.how == How.HASH ? MessageDigest.getInstance("SHA-256") : null;
                one.read(fs, path, buffer, digest);
                if (digest != null) {
                    read.put("sha256", hex(digest.digest()));
                }
                if (local != null) {
                    read.put("inode", Files.getAttribute(local, "unix:ino"));
                    read.put("device", Files.getAttribute(local, "unix:dev"));
                }
            } catch (Exception | LinkageError | ServiceConfigurationError e) {
                // A missing jar is a LinkageError.
                if (local != null) {
                    look(local, e);
                }
                read.put("error", Failure.of(e));
            }
            read.put("bytes", one.bytes);
            read.put("openNanos", one.openNanos);
            read.put("readNanos", one.readNanos);
            reads.add(read);
        }
        return reads;
    }

    /**
     * Adds the kernel's reason: Hadoop reports any local file that it cannot access as missing.
     */
    private static void look(java.nio.file.Path file, Throwable to) {
        try {
            Files.readAttributes(file, BasicFileAttributes.class);
        } catch (IOException | RuntimeException e) {
            to.addSuppressed(e);
        }
    }

    private Map<String, Object> share(Configuration hadoop, byte[] buffer, String[] uris, int task) {
        One all = new One();
        long files = 0;
        long failed = 0;
        List<Map<String, Object>> errors = new ArrayList<>();
        for (int i = task; i < uris.length; i += tasks) {
            try {
                Path path = new Path(uris[i]);
                all.read(path.getFileSystem(hadoop), path, buffer, null);
                files++;
            } catch (Exception | LinkageError | ServiceConfigurationError e) {
                failed++;
                if (errors.size() < TOLD) {
                    Map<String, Object> error = Failure.of(e);
                    error.put("uri", uris[i]);
                    errors.add(error);
                }
            }
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("files", files);
        result.put("bytes", all.bytes);
        result.put("openNanos", all.openNanos);
        result.put("readNanos", all.readNanos);
        result.put("failed", failed);
        result.put("errors", errors);
        return result;
    }

    /** Bytes and times so far, also of a read that fails before its end. */
    private static final class One {
        long bytes;
        /** Time up to the first byte, or to the end of an empty file. */
        long openNanos;
        /** Time of reading the rest, without hashing. */
        long readNanos;

        void read(FileSystem fs, Path path, byte[] buffer, MessageDigest digest) throws IOException {
            long begun = System.nanoTime();
            try (InputStream in = fs.open(path, buffer.length)) {
                int n = in.read(buffer, 0, 1);
                openNanos += System.nanoTime() - begun;
                while (n >= 0) {
                    bytes += n;
                    if (digest != null) {
                        digest.update(buffer, 0, n);
                    }
                    begun = System.nanoTime();
                    n = in.read(buffer, 0, buffer.length);
                    readNanos += System.nanoTime() - begun;
                }
            }
        }
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte b : bytes) {
            text.append(String.format("%02x", b));
        }
        return text.toString();
    }
}
