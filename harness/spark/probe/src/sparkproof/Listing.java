package sparkproof;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.ServiceConfigurationError;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;

/** Files and their sizes, by Hadoop's FileSystem. */
final class Listing {
    private Listing() {}

    static Map<String, Object> of(Configuration conf, String uri) {
        Map<String, Object> result = new LinkedHashMap<>();
        List<Map<String, Object>> files = new ArrayList<>();
        long begun = System.nanoTime();
        try {
            Path path = new Path(uri);
            RemoteIterator<LocatedFileStatus> found = path.getFileSystem(conf).listFiles(path, true);
            while (found.hasNext()) {
                LocatedFileStatus status = found.next();
                Map<String, Object> file = new LinkedHashMap<>();
                file.put("path", status.getPath().toUri().getPath());
                file.put("bytes", status.getLen());
                files.add(file);
            }
        } catch (Exception | LinkageError | ServiceConfigurationError e) {
            result.put("error", Failure.of(e));
        }
        result.put("nanos", System.nanoTime() - begun);
        result.put("files", files);
        return result;
    }
}
