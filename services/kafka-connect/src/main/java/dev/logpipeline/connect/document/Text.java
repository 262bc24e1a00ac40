package dev.logpipeline.connect.document;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The bytes of a record as text, with U+FFFD for what is none: a client chooses the bytes of a path or a user agent, and that must not
 * decide whether its request is found. The goals do the same (logpipeline/kernel/lenient.py).
 */
final class Text {

    private static final int EXCERPT = 80;
    private static final char REPLACEMENT = '\ufffd';

    /** An escaped backslash, a pair of surrogates, or a surrogate alone. */
    private static final Pattern SURROGATES = Pattern.compile(
        "\\\\\\\\|\\\\u[dD](?:[89abAB][0-9a-fA-F]{2}(?<low>\\\\u[dD][c-fC-F][0-9a-fA-F]{2})?|[c-fC-F][0-9a-fA-F]{2})");

    private Text() {}

    /** U+FFFD stands for each maximal part that is not UTF-8 (Unicode, chapter 3.9). */
    static String of(byte[] bytes) {
        CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
        ByteBuffer in = ByteBuffer.wrap(bytes);
        CharBuffer out = CharBuffer.allocate(bytes.length);
        for (CoderResult result; !(result = decoder.decode(in, out, true)).isUnderflow();) {
            out.put(REPLACEMENT);
            in.position(in.position() + (isSurrogate(in) ? 1 : result.length()));
        }
        return out.flip().toString();
    }

    /** No byte can follow the first one of a surrogate, so that byte is a part of its own; Java takes three for one. */
    private static boolean isSurrogate(ByteBuffer in) {
        return in.remaining() > 1 && in.get(in.position()) == (byte) 0xed && (in.get(in.position() + 1) & 0xe0) == 0xa0;
    }

    /** JSON with U+FFFD for each escaped surrogate that stands alone. */
    static String pairedSurrogates(String json) {
        if (!json.contains("\\ud") && !json.contains("\\uD")) {
            return json;
        }
        return SURROGATES.matcher(json).replaceAll(found ->
            found.group().equals("\\\\") || found.group(1) != null ? Matcher.quoteReplacement(found.group()) : "\\\\ufffd");
    }

    /** So much of a value as a message can carry. */
    static String excerpt(String text) {
        return text.length() <= EXCERPT ? text : text.substring(0, EXCERPT) + "…";
    }
}
