package dev.logpipeline.connect.document;

import static dev.logpipeline.connect.Records.record;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

import com.fasterxml.jackson.databind.JsonNode;

/** What becomes of a value, as text that a table can hold. */
final class Documents {

    private Documents() {}

    static DocumentFactory json(String... fields) {
        return DocumentFactory.json("logs", FieldMapping.parse(List.of(fields)), "@timestamp", TimestampFormat.EPOCH);
    }

    static DocumentFactory timed(String field, TimestampFormat format) {
        return DocumentFactory.json("logs", FieldMapping.parse(List.of()), field, format);
    }

    /** Without what the sink writes of its own. */
    static String fields(DocumentFactory factory, String value) {
        String fields = new String(factory.create(record(5, value)).fields(), StandardCharsets.UTF_8);
        return fields.replaceFirst(",?\"logpipeline\":\\{\"record\":\"[^\"]*\"}", "");
    }

    static JsonNode tree(DocumentFactory factory, String value) throws IOException {
        return Json.MAPPER.readTree(fields(factory, value));
    }
}
