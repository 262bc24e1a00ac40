package dev.logpipeline.connect.document;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.util.HexFormat;

import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** Makes documents of records. */
public final class DocumentFactory {

    private static final int FINGERPRINT_BYTES = 8;

    private final IndexName index;
    private final RecordReader reader;

    private DocumentFactory(String index, RecordReader reader) {
        this.index = new IndexName(index);
        this.reader = reader;
    }

    /** For records that are JSON objects. */
    public static DocumentFactory json(String index, FieldMapping fields, String timestampField, TimestampFormat timestampFormat) {
        return new DocumentFactory(index, new JsonReader(fields, timestampField, timestampFormat));
    }

    /** For records that are lines of an access log in the common format. */
    public static DocumentFactory common(String index) {
        return new DocumentFactory(index, new AccessLogReader(false));
    }

    /** For records that are lines of an access log in the combined format. */
    public static DocumentFactory combined(String index) {
        return new DocumentFactory(index, new AccessLogReader(true));
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
        ObjectNode fields = reader.read(bytes);
        if (!fields.has(Columns.TIMESTAMP) && record.timestamp() != null) {
            fields.put(Columns.TIMESTAMP, TimestampFormat.seconds(Instant.ofEpochMilli(record.timestamp())));
        }
        return Document.of(record, index.of(record), id(record), fingerprint(record, bytes), fields);
    }

    /**
     * The record's place in Kafka: creating it a second time is refused, so a redelivery changes nothing. The original place, for a
     * transformation that brings several topics under one name would make two records one.
     */
    private static String id(SinkRecord record) {
        return record.originalTopic() + "+" + record.originalKafkaPartition() + "+" + record.originalKafkaOffset();
    }

    /** A topic that was deleted and created again gives its places to other records, which differ in time or value. */
    private static String fingerprint(SinkRecord record, byte[] value) {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(value);
            return record.timestamp() + "-" + HexFormat.of().formatHex(digest, 0, FINGERPRINT_BYTES);
        } catch (NoSuchAlgorithmException e) {
            throw new ConnectException("every Java runtime has SHA-256", e);
        }
    }
}
