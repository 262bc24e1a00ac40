package dev.logpipeline.connect.document;

/**
 * Finds the places in a line at which its parts begin and end; -1 where there is none.
 *
 * <p>By hand, for a regular expression of the whole line recurses once for each escape in it: a line of a megabyte would overflow the stack.
 */
record LineCursor(String line) {

    /** Takes the line break off. */
    static LineCursor of(String text) {
        int end = text.length();
        while (end > 0 && (text.charAt(end - 1) == '\n' || text.charAt(end - 1) == '\r')) {
            end--;
        }
        return new LineCursor(text.substring(0, end));
    }

    /** Where the words before this place, two of them, are over. */
    int afterTwoWords() {
        int first = line.indexOf(' ');
        int second = first < 1 ? -1 : line.indexOf(' ', first + 1);
        return second <= first + 1 ? -1 : second + 1;
    }

    /** The first quote from here on that no backslash escapes. */
    int quote(int from) {
        for (int i = from; i < line.length(); i++) {
            char c = line.charAt(i);
            if (c == '"') {
                return i;
            }
            if (c == '\\') {
                i++;
            }
        }
        return -1;
    }

    /** Whether the line ends here, or goes on after a space and closes every quote that it opens. */
    boolean endsOrGoesOn(int from) {
        if (from < line.length() && line.charAt(from) != ' ') {
            return false;
        }
        boolean open = false;
        for (int i = from; i < line.length(); i++) {
            char c = line.charAt(i);
            if (c == '\\' && ++i == line.length()) {
                return false;
            }
            open ^= c == '"';
        }
        return !open;
    }

    /** The last quote from here on after which the line ends, or goes on after a space with one quote more at most. */
    int lastQuote(int from) {
        int last = line.lastIndexOf('"');
        int before = last < 1 ? -1 : line.lastIndexOf('"', last - 1);
        for (int quote : new int[] {last, before}) {
            if (quote >= from && (quote + 1 == line.length() || line.charAt(quote + 1) == ' ')) {
                return quote;
            }
        }
        return -1;
    }

    /** Only quotes and backslashes: other escapes stand for bytes that need not be text. */
    String unescaped(int from, int to) {
        String text = line.substring(from, to);
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
}
