package sparkproof;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;

import org.apache.hadoop.conf.Configuration;

/**
 * Hadoop's configuration on its way to executors, in its own written form: Spark's wrapper for it
 * is private in some versions.
 */
final class Conf {
    private Conf() {}

    static byte[] written(Configuration conf) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        conf.write(new DataOutputStream(bytes));
        return bytes.toByteArray();
    }

    static Configuration read(byte[] bytes) throws IOException {
        // Without this JVM's defaults, because the data include the sender's.
        Configuration conf = new Configuration(false);
        conf.readFields(new DataInputStream(new ByteArrayInputStream(bytes)));
        return conf;
    }
}
