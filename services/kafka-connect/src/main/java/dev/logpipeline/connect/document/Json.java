package dev.logpipeline.connect.document;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.JsonNodeFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;

/** How JSON is read and written: strictly, and so that every number leaves as it came. */
final class Json {

    static final ObjectMapper MAPPER = JsonMapper.builder()
        .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
        // A double would round a timestamp's fraction.
        .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
        .disable(JsonNodeFeature.STRIP_TRAILING_BIGDECIMAL_ZEROES)
        // A reason in the dead-letter topic must not repeat a whole record.
        .disable(StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION)
        .build();

    static {
        // Field names come from strangers: interning them would keep each one for ever.
        MAPPER.getFactory().disable(com.fasterxml.jackson.core.JsonFactory.Feature.INTERN_FIELD_NAMES);
        assert !MAPPER.isEnabled(JsonParser.Feature.ALLOW_COMMENTS);
    }

    private Json() {}
}
