package dev.logpipeline.connect.document;

import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The parts of a line of an access log, unescaped. Those of the combined format are null in the common one.
 *
 * <p>A client chooses the user's name, the request, the referrer and the agent. Apache and NGINX escape the quotes in them, so a quote
 * without a backslash is the server's own: the time ends at the first one, the status follows the request's second one, and nothing that a
 * client sends moves either. The goals read the same lines by the same rules (logpipeline/kernel/text_lines.py), and
 * tests/data/record_vectors.json holds both to them.
 */
record AccessLogLine(String host, String user, String time, String request, String status, String bytes, String referrer, String agent) {

    private static final String NUMBERS_TEXT = "\" ([0-9]{1,3}) ([0-9]{1,18}|-)";
    private static final Pattern NUMBERS = Pattern.compile(NUMBERS_TEXT);
    /** Where a status can stand in a line whose quotes are not escaped. */
    private static final Pattern PLACE_COMMON = Pattern.compile(NUMBERS_TEXT + "(?: |$)");
    private static final Pattern PLACE_COMBINED = Pattern.compile(NUMBERS_TEXT + " \"");
    private static final Pattern TIME = Pattern.compile("\\[((?:[0-9]{1,2}/[A-Za-z]{3}/[0-9]{4}:|[0-9]{4}-[0-9]{2}-[0-9]{2}[ T])[^\\[\\]\"]*)\\] \"");
    /** An address with a port, or one of IPv6 in brackets: the address alone is the client. */
    private static final Pattern WITH_PORT = Pattern.compile("([^:\\[\\]]+):[0-9]{1,5}|\\[([^\\[\\]]+)\\](?::[0-9]{1,5})?");
    private static final String NOBODY = "\"\" "; // as Apache writes an empty name

    static Optional<AccessLogLine> parse(String text, boolean combined) {
        LineCursor line = LineCursor.of(text);
        int user = line.afterTwoWords();
        if (user < 0) {
            return Optional.empty();
        }
        return escaped(line, user, combined).or(() -> raw(line, user, combined));
    }

    private static Optional<AccessLogLine> escaped(LineCursor cursor, int user, boolean combined) {
        String line = cursor.line();
        int quote = cursor.quote(line.startsWith(NOBODY, user) ? user + NOBODY.length() : user);
        int time = quote < user + 2 ? -1 : line.lastIndexOf('[', quote) + 1;
        if (time <= user || !line.startsWith("] ", quote - 2) || !isTime(line.substring(time, Math.max(time, quote - 2)))) {
            return Optional.empty();
        }
        int end = cursor.quote(quote + 1);
        Matcher numbers = NUMBERS.matcher(line);
        if (end < 0 || !numbers.region(end, line.length()).lookingAt()) {
            return Optional.empty();
        }
        Parts parts = new Parts(cursor, user, time - 1, line.substring(time, quote - 2), quote + 1, end, numbers);
        if (!combined) {
            return cursor.endsOrGoesOn(numbers.end()) ? parts.line(null, null) : Optional.empty();
        }
        int referrer = numbers.end() + 2;
        int referrerEnd = line.startsWith(" \"", referrer - 2) ? cursor.quote(referrer) : -1;
        int agentEnd = referrerEnd >= 0 && line.startsWith(" \"", referrerEnd + 1) ? cursor.quote(referrerEnd + 3) : -1;
        if (agentEnd < 0 || !cursor.endsOrGoesOn(agentEnd + 1)) {
            return Optional.empty();
        }
        return parts.line(cursor.unescaped(referrer, referrerEnd), cursor.unescaped(referrerEnd + 3, agentEnd));
    }

    private static String address(String host) {
        Matcher parts = WITH_PORT.matcher(host);
        if (!parts.matches()) {
            return host;
        }
        return parts.group(1) == null ? parts.group(2) : parts.group(1);
    }

    private static boolean isTime(String text) {
        return !text.isEmpty() && text.indexOf(']') < 0 && text.indexOf('"') < 0;
    }

    /** From servers that escape nothing, unless that leaves open which status is the server's or the line is made of two. */
    private static Optional<AccessLogLine> raw(LineCursor cursor, int user, boolean combined) {
        String line = cursor.line();
        Pattern place = combined ? PLACE_COMBINED : PLACE_COMMON;
        Matcher time = TIME.matcher(line);
        if (TIME.matcher(line).results().limit(2).count() != 1 || place.matcher(line).results().limit(2).count() != 1 || !time.find(user)) {
            return Optional.empty();
        }
        Matcher numbers = place.matcher(line);
        int end = cursor.quote(time.end());
        while (end >= 0 && !numbers.region(end, line.length()).lookingAt()) {
            end = cursor.quote(end + 1);
        }
        if (end < 0) {
            return Optional.empty();
        }
        Parts parts = new Parts(cursor, user, time.start(), time.group(1), time.end(), end, numbers);
        if (!combined) {
            return parts.line(null, null);
        }
        int referrer = numbers.end();
        int referrerEnd = line.indexOf("\" \"", referrer);
        int agentEnd = referrerEnd < 0 ? -1 : cursor.lastQuote(referrerEnd + 3);
        return agentEnd < 0 ? Optional.empty() : parts.line(cursor.unescaped(referrer, referrerEnd), cursor.unescaped(referrerEnd + 3, agentEnd));
    }

    /** What the two formats have in common. */
    private record Parts(LineCursor cursor, int user, int userEnd, String time, int request, int requestEnd, Matcher numbers) {
        Optional<AccessLogLine> line(String referrer, String agent) {
            String name = cursor.unescaped(user, userEnd).strip();
            return Optional.of(new AccessLogLine(address(cursor.line().substring(0, cursor.line().indexOf(' '))), name.equals("\"\"") ? "" : name, time,
                cursor.unescaped(request, requestEnd), numbers.group(1), numbers.group(2), referrer, agent));
        }
    }
}
