package dev.logpipeline.connect.document;

import java.util.Optional;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** A request line such as "GET /index.html HTTP/1.1". The protocol may be missing, as HTTP/0.9 has none. */
record RequestLine(String method, String path, Optional<String> protocol) {

    /** A token (RFC 9110, 5.6.2), a path, in which a careless client's spaces belong, and perhaps a protocol. */
    private static final Pattern METHOD = Pattern.compile("[!#$%&'*+.^_`|~0-9A-Za-z-]+");

    /** Empty for what is no request line: "-", or the bytes of a client that speaks something else. */
    static Optional<RequestLine> parse(String line) {
        int space = line.indexOf(' ');
        if (space < 1 || !METHOD.matcher(line.substring(0, space)).matches()) {
            return Optional.empty();
        }
        String method = line.substring(0, space);
        String target = trimmed(line.substring(space));
        int last = target.lastIndexOf(' ');
        if (last >= 0 && target.startsWith("HTTP/", last + 1)) {
            return Optional.of(new RequestLine(method, trimmed(target.substring(0, last)), Optional.of(target.substring(last + 1))));
        }
        return target.isEmpty() ? Optional.empty() : Optional.of(new RequestLine(method, target, Optional.empty()));
    }

    private static String trimmed(String text) {
        int start = 0;
        int end = text.length();
        while (start < end && text.charAt(start) == ' ') {
            start++;
        }
        while (end > start && text.charAt(end - 1) == ' ') {
            end--;
        }
        return text.substring(start, end);
    }

    /** Adds the parts that the document does not have of its own. */
    void addTo(ObjectNode document) {
        addIfAbsent(document, Columns.METHOD, method);
        addIfAbsent(document, Columns.PATH, path);
        protocol.ifPresent(value -> addIfAbsent(document, Columns.PROTOCOL, value));
    }

    private static void addIfAbsent(ObjectNode document, String column, String value) {
        if (!document.hasNonNull(column)) {
            document.put(column, value);
        }
    }
}
