package dev.logpipeline.connect.document;

/**
 * Takes the parts of an access log line one after the other.
 *
 * <p>By hand, for a regular expression with quoted strings in it recurses once for each escape: a line of a megabyte would overflow the stack.
 */
final class LineCursor {

    private final String line;
    private int position;

    LineCursor(String line) {
        this.line = line;
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

    /** The word up to the next space or the end of the line. */
    String word(String what) {
        int end = line.indexOf(' ', position);
        String part = line.substring(position, end < 0 ? line.length() : end);
        if (part.isEmpty()) {
            throw noSuch(what);
        }
        position += part.length();
        return part;
    }

    /**
     * The string between two quotes. A quote inside it is escaped by a backslash; one that is not is taken for part of the string unless a
     * space or the line's end follows, since old servers escaped nothing.
     */
    String quoted(String what) {
        skip("\"", what);
        StringBuilder text = new StringBuilder();
        for (int i = position; i < line.length(); i++) {
            char c = line.charAt(i);
            if (c == '"' && (i + 1 == line.length() || line.charAt(i + 1) == ' ')) {
                position = i + 1;
                return text.toString();
            }
            if (c == '\\' && i + 1 < line.length() && (line.charAt(i + 1) == '"' || line.charAt(i + 1) == '\\')) {
                c = line.charAt(++i);
            }
            text.append(c);
        }
        throw noSuch(what);
    }

    void skip(String text, String what) {
        if (!line.startsWith(text, position)) {
            throw noSuch(what);
        }
        position += text.length();
    }

    boolean atEnd() {
        return position == line.length();
    }

    private InvalidRecordException noSuch(String what) {
        return new InvalidRecordException("no " + what + " at character " + position + " of the line '" + Text.excerpt(line) + "'");
    }
}
