package dev.logpipeline.connect.document;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/** Takes columns from the fields under which a record has them. */
public record FieldMapping(Map<String, String> paths) {

    /** @param entries column=path each */
    public static FieldMapping parse(List<String> entries) {
        Map<String, String> paths = new LinkedHashMap<>();
        for (String entry : entries) {
            String[] parts = entry.split("=", 2);
            String column = parts[0].strip();
            if (parts.length != 2 || column.isEmpty() || parts[1].isBlank()) {
                throw new IllegalArgumentException("'" + entry + "' is not of the form column=path, such as client_ip=remote_ip");
            }
            if (column.equals(Columns.TIMESTAMP)) {
                throw new IllegalArgumentException("name the field that holds the time in record.timestamp.field, not as a column");
            }
            if (paths.put(column, parts[1].strip()) != null) {
                throw new IllegalArgumentException("the column '" + column + "' is named twice");
            }
        }
        return new FieldMapping(paths);
    }

    /** Reads every column before it writes one: two columns may exchange their names. */
    void apply(ObjectNode record) {
        Map<String, JsonNode> found = new LinkedHashMap<>();
        paths.forEach((column, path) -> {
            JsonNode value = find(record, path);
            if (!value.isMissingNode()) {
                found.put(column, value);
            }
        });
        record.setAll(found);
    }

    /** A field of exactly that name goes before one that the dots lead to. A missing node where there is neither. */
    static JsonNode find(JsonNode record, String path) {
        JsonNode value = record.path(path);
        if (!value.isMissingNode() || path.indexOf('.') < 0) {
            return value;
        }
        JsonNode node = record;
        for (String name : path.split("\\.")) {
            node = node.path(name);
        }
        return node;
    }
}
