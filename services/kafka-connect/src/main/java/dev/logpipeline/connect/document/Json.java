package dev.logpipeline.connect.document;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** How JSON is read and written: strictly, and so that every number leaves as it came. */
public final class Json {

    public static final ObjectMapper MAPPER = JsonMapper.builder()
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        // A double would round a timestamp's fraction.
        .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
        .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
        // Without it a character beyond the first plane is written as two escapes.
        .configure(JsonGenerator.Feature.COMBINE_UNICODE_SURROGATES_IN_UTF8, true)
        // A reason in the dead-letter topic must not repeat a whole record.
        .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
        .build();

    private Json() {}

    /** @throws InvalidRecordException when a value is nested too deeply to be written */
    static byte[] write(JsonNode node) {
        return text(node).getBytes(StandardCharsets.UTF_8);
    }

    /** @throws InvalidRecordException when a value is nested too deeply to be written */
    static String text(JsonNode node) {
        try {
            return MAPPER.writeValueAsString(node);
        } catch (JsonProcessingException e) {
            throw new InvalidRecordException("cannot be written: " + e.getOriginalMessage());
        }
    }

    /** What {@link #write} has written. */
    static ObjectNode read(byte[] written) {
        try {
            return (ObjectNode) MAPPER.readTree(written);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
