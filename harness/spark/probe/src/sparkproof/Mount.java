package sparkproof;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The mount of a local file, from the kernel (proc(5), mountinfo). */
final class Mount {
    private Mount() {}

    /**
     * The mount with the longest mount point above the file; of several at one point, the last hides the
     * others. The file need not exist.
     */
    static Map<String, Object> of(Path file) throws IOException {
        String real = real(file).toString();
        String[] best = null;
        String point = "";
        byte[] info = Files.readAllBytes(Paths.get("/proc/self/mountinfo"));
        for (String line : new String(info, StandardCharsets.UTF_8).split("\n")) {
            String[] fields = line.split(" ");
            if (fields.length < 10) {
                continue;
            }
            String at = unescaped(fields[4]);
            boolean above = at.equals("/") || real.equals(at) || real.startsWith(at + "/");
            if (above && at.length() >= point.length()) {
                best = fields;
                point = at;
            }
        }
        Map<String, Object> result = new LinkedHashMap<>();
        if (best == null) {
            return result;
        }
        // 36 35 98:0 /root /point rw,noatime shared:1 - ext4 /dev/sda rw
        List<String> fields = Arrays.asList(best);
        int dash = fields.indexOf("-");
        result.put("type", fields.get(dash + 1));
        result.put("source", unescaped(fields.get(dash + 2)));
        result.put("point", point);
        result.put("root", unescaped(fields.get(3)));
        result.put("device", fields.get(2));
        result.put("options", fields.get(5));
        result.put("propagation", String.join(" ", fields.subList(6, dash)));
        result.put("superOptions", dash + 3 < best.length ? fields.get(dash + 3) : "");
        return result;
    }

    /** The path without symbolic links, if they can be resolved; else the absolute path. */
    private static Path real(Path file) {
        try {
            return file.toRealPath();
        } catch (IOException e) {
            return file.toAbsolutePath().normalize();
        }
    }

    /** The kernel writes blanks and backslashes as three octal digits. */
    private static String unescaped(String text) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < text.length(); i++) {
            if (text.charAt(i) == '\\' && i + 3 < text.length()) {
                out.append((char) Integer.parseInt(text.substring(i + 1, i + 4), 8));
                i += 3;
            } else {
                out.append(text.charAt(i));
            }
        }
        return out.toString();
    }
}
