package dev.logpipeline.connect.document;

import java.math.BigDecimal;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;

/** A JSON object a record: kept as it is, with the columns that stand in it under other names beside them. */
final class JsonReader implements RecordReader {

    private final FieldMapping fields;
    private final String timestampField;
    private final TimestampFormat timestampFormat;

    JsonReader(FieldMapping fields, String timestampField, TimestampFormat timestampFormat) {
        this.fields = fields;
        this.timestampField = timestampField;
        this.timestampFormat = timestampFormat;
    }

    @Override
    public ObjectNode read(byte[] value) {
        ObjectNode document = parse(Text.pairedSurrogates(Text.of(value)));
        // Before the columns are written: one of them may bear the name of the field that holds the time.
        JsonNode time = FieldMapping.find(document, timestampField);
        fields.apply(document);
        setTimestamp(document, time);
        if (document.path(Columns.REQUEST) instanceof TextNode request) {
            RequestLine.parse(request.textValue()).ifPresent(line -> line.addTo(document));
        }
        return document;
    }

    private static ObjectNode parse(String text) {
        try {
            if (Json.MAPPER.readTree(text) instanceof ObjectNode object) {
                return object;
            }
        } catch (JsonProcessingException e) {
            throw new InvalidRecordException("not JSON: " + e.getOriginalMessage());
        }
        throw new InvalidRecordException("not a JSON object");
    }

    private void setTimestamp(ObjectNode document, JsonNode time) {
        if (time.isMissingNode() || time.isNull()) {
            document.remove(Columns.TIMESTAMP);
        } else if (timestampFormat != TimestampFormat.EPOCH || !timestampField.equals(Columns.TIMESTAMP)) {
            document.put(Columns.TIMESTAMP, toEpochSeconds(time));
        }
    }

    private BigDecimal toEpochSeconds(JsonNode time) {
        if (!time.isValueNode()) {
            throw new InvalidRecordException("the field " + timestampField + " holds no time");
        }
        return timestampFormat.toEpochSeconds(time.asText());
    }
}
