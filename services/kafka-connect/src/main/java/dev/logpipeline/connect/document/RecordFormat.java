package dev.logpipeline.connect.document;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** How the records of a topic are written. */
public enum RecordFormat {
    JSON,
    COMMON,
    COMBINED;

    public static RecordFormat named(String name) {
        return valueOf(name.toUpperCase(Locale.ROOT));
    }

    public static List<String> names() {
        return Arrays.stream(values()).map(format -> format.name().toLowerCase(Locale.ROOT)).toList();
    }
}
