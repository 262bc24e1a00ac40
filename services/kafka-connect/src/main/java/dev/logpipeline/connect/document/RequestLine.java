package dev.logpipeline.connect.document;

import java.util.Optional;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** A request line such as "GET /index.html HTTP/1.1". The protocol may be missing, as HTTP/0.9 has none. */
record RequestLine(String method, String path, Optional<String> protocol) {

    /** Empty for what is no request line: "-", or the bytes of a client that speaks something else. */
    static Optional<RequestLine> parse(String line) {
        int space = line.indexOf(' ');
        if (space < 1 || !isMethod(line.substring(0, space))) {
            return Optional.empty();
        }
        String target = line.substring(space + 1).strip();
        // From the end: a careless client's path has spaces in it.
        int last = target.lastIndexOf(' ');
        if (last >= 0 && target.startsWith("HTTP/", last + 1)) {
            return of(line.substring(0, space), target.substring(0, last).strip(), Optional.of(target.substring(last + 1)));
        }
        return of(line.substring(0, space), target, Optional.empty());
    }

    /** Adds the parts that the document does not have of its own. */
    void addTo(ObjectNode document) {
        addIfAbsent(document, Columns.METHOD, method);
        addIfAbsent(document, Columns.PATH, path);
        protocol.ifPresent(value -> addIfAbsent(document, Columns.PROTOCOL, value));
    }

    private static Optional<RequestLine> of(String method, String path, Optional<String> protocol) {
        return path.isEmpty() ? Optional.empty() : Optional.of(new RequestLine(method, path, protocol));
    }

    private static boolean isMethod(String word) {
        return word.chars().allMatch(c -> c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c == '-' || c == '_');
    }

    private static void addIfAbsent(ObjectNode document, String column, String value) {
        if (!document.hasNonNull(column)) {
            document.put(column, value);
        }
    }
}
