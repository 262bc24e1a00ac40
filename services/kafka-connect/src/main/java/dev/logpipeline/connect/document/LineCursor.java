package dev.logpipeline.connect.document;

import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Takes the parts of an access log line one after the other.
 *
 * <p>By hand, for a regular expression of the whole line recurses once for each escape in it: a line of a megabyte would overflow the stack.
 */
final class LineCursor {

    private final String line;
    private int position;

    /** @param line with its line break or without */
    LineCursor(String line) {
        int end = line.length();
        while (end > 0 && (line.charAt(end - 1) == '\n' || line.charAt(end - 1) == '\r')) {
            end--;
        }
        this.line = line.substring(0, end);
    }

    /** The text up to the separator, which is taken too. */
    String until(String separator, String what) {
        int end = line.indexOf(separator, position);
        if (end < 0) {
            throw noSuch(what);
        }
        String part = line.substring(position, end);
        position = end + separator.length();
        return part;
    }

    /** The first place ahead where the pattern matches. */
    MatchResult find(Pattern pattern, String what) {
        Matcher matcher = pattern.matcher(line);
        if (!matcher.find(position)) {
            throw noSuch(what);
        }
        return matcher.toMatchResult();
    }

    /** The text up to that place, which is taken too. */
    String until(MatchResult place) {
        String part = line.substring(position, place.start());
        position = place.end();
        return part;
    }

    /** The string between two quotes; one inside it is escaped by a backslash. */
    String quoted(String what) {
        skip("\"", what);
        int start = position;
        for (int i = start; i < line.length(); i++) {
            char c = line.charAt(i);
            if (c == '"') {
                position = i + 1;
                return unescape(line.substring(start, i));
            }
            if (c == '\\') {
                i++;
            }
        }
        throw noSuch(what);
    }

    /** Only quotes and backslashes: other escapes stand for bytes that need not be text. */
    static String unescape(String text) {
        if (text.indexOf('\\') < 0) {
            return text;
        }
        StringBuilder plain = new StringBuilder(text.length());
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (c == '\\' && i + 1 < text.length() && (text.charAt(i + 1) == '"' || text.charAt(i + 1) == '\\')) {
                c = text.charAt(++i);
            }
            plain.append(c);
        }
        return plain.toString();
    }

    void skip(String text, String what) {
        if (!line.startsWith(text, position)) {
            throw noSuch(what);
        }
        position += text.length();
    }

    /** That the line ends here, or goes on after a space. */
    void endOrSpace(String what) {
        if (position < line.length() && line.charAt(position) != ' ') {
            throw noSuch(what);
        }
    }

    private InvalidRecordException noSuch(String what) {
        return new InvalidRecordException("no " + what + " at character " + position + " of the line '" + Text.excerpt(line) + "'");
    }
}
