package dev.logpipeline.connect.document;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A line of an access log a record, as NCSA's server wrote it and Apache and NGINX do:
 *
 * <pre>host ident user [time] "request" status bytes "referrer" "user agent"</pre>
 *
 * The last two belong to the combined format; what a server's own configuration appends after the format is left out. A value of "-" is
 * absent.
 */
final class AccessLogReader implements RecordReader {

    private static final String ABSENT = "-";
    private static final int YEAR_DIGITS = 4;

    private final boolean combined;

    AccessLogReader(boolean combined) {
        this.combined = combined;
    }

    @Override
    public ObjectNode read(byte[] value) {
        String text = Text.of(value);
        AccessLogLine line = AccessLogLine.parse(text, combined).orElseThrow(() -> new InvalidRecordException(
            "not a line of the " + (combined ? "combined" : "common") + " log format: '" + Text.excerpt(text) + "'"));
        ObjectNode document = JsonNodeFactory.instance.objectNode();
        put(document, Columns.CLIENT_IP, line.host());
        if (!line.user().isEmpty()) {
            put(document, Columns.USER, line.user());
        }
        document.put(Columns.TIMESTAMP, time(line.time()).toEpochSeconds(line.time()));
        putRequest(document, line.request());
        document.put(Columns.STATUS, Integer.parseInt(line.status()));
        if (!line.bytes().equals(ABSENT)) {
            document.put(Columns.BYTES, Long.parseLong(line.bytes()));
        }
        if (combined) {
            put(document, Columns.REFERRER, line.referrer());
            put(document, Columns.USER_AGENT, line.agent());
        }
        return document;
    }

    /** Servers that were told to, and archives that were converted, write the date as ISO 8601 does. */
    private static TimestampFormat time(String text) {
        return text.indexOf('-') == YEAR_DIGITS ? TimestampFormat.ISO8601 : TimestampFormat.CLF;
    }

    /** What cannot be taken apart is kept whole: the bytes that a scanner sent are of use to someone. */
    private static void putRequest(ObjectNode document, String request) {
        RequestLine.parse(request).ifPresentOrElse(line -> line.addTo(document), () -> put(document, Columns.REQUEST, request));
    }

    private static void put(ObjectNode document, String column, String value) {
        if (!value.equals(ABSENT)) {
            document.put(column, value);
        }
    }
}
