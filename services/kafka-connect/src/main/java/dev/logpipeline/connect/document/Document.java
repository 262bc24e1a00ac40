package dev.logpipeline.connect.document;

import java.io.ByteArrayOutputStream;
import java.util.Optional;

import org.apache.kafka.connect.sink.SinkRecord;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A record as a bulk request carries it: one line that says what to do, one line with the fields.
 *
 * @param fingerprint tells the record from any other one that had the same place in Kafka
 */
public record Document(SinkRecord record, String index, String id, String fingerprint, byte[] action, byte[] fields) {

    /** What the sink itself writes into a document. */
    private static final String OWN = "logpipeline";
    private static final String RECORD = "record";
    private static final String UNINDEXED = "unindexed";

    /** @throws InvalidRecordException when the fields cannot be written as JSON */
    static Document of(SinkRecord record, String index, String id, String fingerprint, ObjectNode fields) {
        fields.putObject(OWN).put(RECORD, fingerprint);
        return new Document(record, index, id, fingerprint, action(index, id), Json.write(fields));
    }

    public int size() {
        return action.length + fields.length + 2;
    }

    public void writeTo(ByteArrayOutputStream body) {
        body.writeBytes(action);
        body.write('\n');
        body.writeBytes(fields);
        body.write('\n');
    }

    /** The same document for when another record has its id. The new one names the record, so it is the same at each delivery. */
    public Document withOwnId() {
        String own = id + "+" + fingerprint;
        return new Document(record, index, own, fingerprint, action(index, own), fields);
    }

    public boolean hasOwnId() {
        return id.endsWith("+" + fingerprint);
    }

    /** Whether what is stored was made of the same record. Earlier versions stored no fingerprint, but the same fields. */
    public boolean isStoredAs(JsonNode source) {
        JsonNode stored = source.path(OWN).path(RECORD);
        if (stored.isTextual()) {
            return stored.textValue().equals(fingerprint);
        }
        ObjectNode own = Json.read(fields);
        own.remove(OWN);
        return own.equals(source);
    }

    /** The document without what Elasticsearch refuses in it; empty when the refusal names no field, or the time. */
    public Optional<Document> fitted(String refusal) {
        ObjectNode document = Json.read(fields);
        return Misfit.parse(refusal)
            .filter(misfit -> !misfit.path().equals(Columns.TIMESTAMP) && misfit.remove(document, () -> unindexed(document)))
            .map(misfit -> new Document(record, index, id, fingerprint, action, Json.write(document)));
    }

    private static ObjectNode unindexed(ObjectNode document) {
        return document.withObjectProperty(OWN).withObjectProperty(UNINDEXED);
    }

    private static byte[] action(String index, String id) {
        ObjectNode action = JsonNodeFactory.instance.objectNode();
        action.putObject("create").put("_index", index).put("_id", id);
        return Json.write(action);
    }
}
