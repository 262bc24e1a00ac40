package dev.logpipeline.connect.document;

import java.util.function.Consumer;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A line of an access log a record, as NCSA's server wrote it and Apache and NGINX do:
 *
 * <pre>host ident user [time] "request" status bytes "referrer" "user agent"</pre>
 *
 * The last two belong to the combined format; what a server's own configuration appends after them is left out. A value of "-" is absent.
 */
final class AccessLogReader implements RecordReader {

    private static final String ABSENT = "-";

    private final boolean combined;

    AccessLogReader(boolean combined) {
        this.combined = combined;
    }

    @Override
    public ObjectNode read(String text) {
        LineCursor line = new LineCursor(text.stripTrailing());
        ObjectNode document = JsonNodeFactory.instance.objectNode();
        put(document, Columns.CLIENT_IP, line.until(" ", "host"));
        line.until(" ", "ident"); // what identd says of the client's user: nobody has run it for decades
        put(document, Columns.USER, line.until(" [", "user and time")); // a user's name may hold spaces
        document.put(Columns.TIMESTAMP, TimestampFormat.CLF.toEpochSeconds(line.until("] ", "time")));
        request(document, line.quoted("request"));
        line.skip(" ", "status");
        number(line.word("status"), "status", status -> document.put(Columns.STATUS, status));
        line.skip(" ", "size");
        number(line.word("size"), "size", bytes -> document.put(Columns.BYTES, bytes));
        if (combined) {
            line.skip(" ", "referrer");
            put(document, Columns.REFERRER, line.quoted("referrer"));
            line.skip(" ", "user agent");
            put(document, Columns.USER_AGENT, line.quoted("user agent"));
        } else if (!line.atEnd()) {
            throw new InvalidRecordException("more than a line of the common format; is it combined? '" + Text.excerpt(text) + "'");
        }
        return document;
    }

    /** What cannot be taken apart is kept whole: the bytes that a scanner sent are of use to someone. */
    private static void request(ObjectNode document, String request) {
        RequestLine.parse(request).ifPresentOrElse(line -> line.addTo(document), () -> put(document, Columns.REQUEST, request));
    }

    private static void put(ObjectNode document, String column, String value) {
        if (!value.equals(ABSENT) && !value.isEmpty()) {
            document.put(column, value);
        }
    }

    private static void number(String text, String what, Consumer<Long> found) {
        if (text.equals(ABSENT)) {
            return;
        }
        if (text.length() > 18 || !text.chars().allMatch(c -> c >= '0' && c <= '9')) {
            throw new InvalidRecordException("the " + what + " '" + Text.excerpt(text) + "' is not a number");
        }
        found.accept(Long.valueOf(text));
    }
}
