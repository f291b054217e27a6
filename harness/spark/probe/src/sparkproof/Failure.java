package sparkproof;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** An exception as part of a result. */
final class Failure {
    private static final int MESSAGE = 2000;
    private static final int CAUSES = 10;

    private Failure() {}

    /** Its class and message, its causes (outermost first), and its suppressed exceptions. */
    static Map<String, Object> of(Throwable failure) {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("class", failure.getClass().getName());
        result.put("message", cut(failure.getMessage()));
        List<String> causes = new ArrayList<>();
        Throwable cause = failure.getCause();
        while (cause != null && causes.size() < CAUSES) {
            causes.add(cut(cause.toString()));
            cause = cause.getCause();
        }
        for (Throwable added : failure.getSuppressed()) {
            if (causes.size() < CAUSES) {
                causes.add(cut(added.toString()));
            }
        }
        result.put("causes", causes);
        return result;
    }

    private static String cut(String text) {
        if (text == null) {
            return "";
        }
        return text.length() > MESSAGE ? text.substring(0, MESSAGE) : text;
    }
}
