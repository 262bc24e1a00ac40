package dev.logpipeline.connect.document;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;

/** The bytes of a record as text. */
final class Text {

    private static final int EXCERPT = 80;

    private Text() {}

    /** Strict, where new String(bytes) would put replacement characters into the index without a word. */
    static String decode(byte[] bytes) {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw new InvalidRecordException("not UTF-8");
        }
    }

    /** So much of a value as a message can carry. */
    static String excerpt(String text) {
        return text.length() <= EXCERPT ? text : text.substring(0, EXCERPT) + "…";
    }
}
