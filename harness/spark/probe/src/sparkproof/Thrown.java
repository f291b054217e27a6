package sparkproof;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An exception as the reply to a request. */
final class Thrown {
    private static final int LENGTH = 20000;
    private static final int CAUSES = 12;

    private Thrown() {}

    /** Its class and message, its stack trace, and its causes, outermost first. */
    static Map<String, Object> of(Throwable thrown) {
        StringWriter trace = new StringWriter();
        thrown.printStackTrace(new PrintWriter(trace));
        String text = trace.toString();
        List<Map<String, Object>> chain = new ArrayList<>();
        for (Throwable t = thrown; t != null && chain.size() < CAUSES; t = t.getCause()) {
            Map<String, Object> one = new LinkedHashMap<>();
            one.put("class", t.getClass().getName());
            one.put("message", words(t));
            StackTraceElement[] frames = t.getStackTrace();
            one.put("at", frames.length == 0 ? "" : frames[0].toString());
            chain.add(one);
        }
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("kind", thrown.getClass().getSimpleName());
        result.put("message", words(thrown));
        result.put("trace", text.substring(Math.max(0, text.length() - LENGTH)));
        result.put("java", chain);
        return result;
    }

    /** Its message, without the stack traces of causes that some messages include. */
    private static String words(Throwable thrown) {
        StringBuilder words = new StringBuilder();
        for (String line : String.valueOf(thrown.getMessage()).split("\n")) {
            if (!line.startsWith("\t")) {
                words.append(words.length() == 0 ? "" : "\n").append(line);
            }
        }
        return words.substring(0, Math.min(words.length(), LENGTH));
    }
}
