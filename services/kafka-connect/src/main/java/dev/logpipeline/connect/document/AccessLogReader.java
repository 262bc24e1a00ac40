package dev.logpipeline.connect.document;

import java.util.regex.MatchResult;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A line of an access log a record, as NCSA's server wrote it and Apache and NGINX do:
 *
 * <pre>host ident user [time] "request" status bytes "referrer" "user agent"</pre>
 *
 * The last two belong to the combined format; what a server's own configuration appends after the format is left out. A value of "-" is
 * absent. The goals read the same lines by the same rules (logpipeline/kernel/text_lines.py).
 */
final class AccessLogReader implements RecordReader {

    private static final String ABSENT = "-";
    private static final int LONG_DIGITS = 18;

    /** What follows a request. Servers of old escaped no quotes: one that is not followed by this belongs to the request. */
    private static final Pattern STATUS_AND_SIZE = Pattern.compile("\" ([0-9]+) ([0-9]+|-)(?= |$)");

    private final boolean combined;

    AccessLogReader(boolean combined) {
        this.combined = combined;
    }

    @Override
    public ObjectNode read(byte[] value) {
        LineCursor line = new LineCursor(Text.leniently(value));
        ObjectNode document = JsonNodeFactory.instance.objectNode();
        put(document, Columns.CLIENT_IP, line.until(" ", "host"));
        line.until(" ", "ident"); // what identd says of the client's user: nobody has run it for decades
        put(document, Columns.USER, line.until(" [", "user and time")); // a user's name may hold spaces
        document.put(Columns.TIMESTAMP, TimestampFormat.CLF.toEpochSeconds(line.until("] ", "time")));
        line.skip("\"", "request");
        MatchResult numbers = line.find(STATUS_AND_SIZE, "request, status and size");
        putRequest(document, LineCursor.unescape(line.until(numbers)));
        document.put(Columns.STATUS, number(numbers.group(1)));
        if (!numbers.group(2).equals(ABSENT)) {
            document.put(Columns.BYTES, number(numbers.group(2)));
        }
        if (combined) {
            line.skip(" ", "referrer");
            put(document, Columns.REFERRER, line.quoted("referrer"));
            line.skip(" ", "user agent");
            put(document, Columns.USER_AGENT, line.quoted("user agent"));
            line.endOrSpace("end of the user agent");
        }
        return document;
    }

    /** What cannot be taken apart is kept whole: the bytes that a scanner sent are of use to someone. */
    private static void putRequest(ObjectNode document, String request) {
        RequestLine.parse(request).ifPresentOrElse(line -> line.addTo(document), () -> put(document, Columns.REQUEST, request));
    }

    private static long number(String digits) {
        if (digits.length() > LONG_DIGITS) {
            throw new InvalidRecordException("the number " + Text.excerpt(digits) + " is too large");
        }
        return Long.parseLong(digits);
    }

    private static void put(ObjectNode document, String column, String value) {
        if (!value.equals(ABSENT) && !value.isEmpty()) {
            document.put(column, value);
        }
    }
}
