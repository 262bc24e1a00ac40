package dev.logpipeline.connect.document;

import java.time.Instant;

import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.logpipeline.connect.config.SinkConfig;

/** Makes documents of records. */
public final class DocumentFactory {

    private final IndexName index;
    private final RecordReader reader;

    public DocumentFactory(SinkConfig config) {
        index = new IndexName(config.index());
        reader = switch (config.format()) {
            case JSON -> new JsonReader(config.fields(), config.timestampField(), config.timestampFormat());
            case COMMON -> new AccessLogReader(false);
            case COMBINED -> new AccessLogReader(true);
        };
    }

    /** @throws InvalidRecordException when no document can be made of the record */
    public Document create(SinkRecord record) {
        if (record.value() == null) {
            throw new InvalidRecordException("no value");
        }
        // Not the record's fault, so not one for the dead-letter topic: every record would end there.
        if (!(record.value() instanceof byte[] bytes)) {
            throw new ConnectException("set value.converter=org.apache.kafka.connect.converters.ByteArrayConverter: the connector reads bytes, not "
                + record.value().getClass().getName());
        }
        ObjectNode fields = reader.read(Text.decode(bytes));
        if (!fields.has(Columns.TIMESTAMP) && record.timestamp() != null) {
            fields.put(Columns.TIMESTAMP, TimestampFormat.seconds(Instant.ofEpochMilli(record.timestamp())));
        }
        try {
            return new Document(record, Json.MAPPER.writeValueAsBytes(action(record)), Json.MAPPER.writeValueAsBytes(fields));
        } catch (JsonProcessingException e) {
            // An escape such as \ud800 is JSON, but half a character cannot be written as UTF-8.
            throw new InvalidRecordException("cannot be written as UTF-8: " + e.getOriginalMessage());
        }
    }

    /** The identity is the record's place in Kafka: creating it a second time is refused, so a redelivery changes nothing. */
    private ObjectNode action(SinkRecord record) {
        ObjectNode action = JsonNodeFactory.instance.objectNode();
        action.putObject("create")
            .put("_index", index.of(record))
            .put("_id", record.topic() + "+" + record.kafkaPartition() + "+" + record.kafkaOffset());
        return action;
    }
}
