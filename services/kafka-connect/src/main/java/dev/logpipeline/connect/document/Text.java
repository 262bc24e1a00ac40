package dev.logpipeline.connect.document;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** The bytes of a record as text. */
final class Text {

    private static final int EXCERPT = 80;

    private Text() {}

    /** JSON is UTF-8 (RFC 8259), so anything else is no JSON. */
    static String strictly(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw new InvalidRecordException("not UTF-8");
        }
    }

    /** What is not UTF-8 becomes U+FFFD: such a line of a log is a real request, often an attack, and the goals count it too. */
    static String leniently(byte[] bytes) {
        return new String(bytes, StandardCharsets.UTF_8);
    }

    /** So much of a value as a message can carry. */
    static String excerpt(String text) {
        return text.length() <= EXCERPT ? text : text.substring(0, EXCERPT) + "…";
    }
}
