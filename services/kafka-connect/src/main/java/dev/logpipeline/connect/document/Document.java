package dev.logpipeline.connect.document;

import java.io.ByteArrayOutputStream;

import org.apache.kafka.connect.sink.SinkRecord;

/** A record as a bulk request carries it: one line that says what to do, one line with the fields. */
public record Document(SinkRecord record, byte[] action, byte[] fields) {

    public int size() {
        return action.length + fields.length + 2;
    }

    public void writeTo(ByteArrayOutputStream body) {
        body.writeBytes(action);
        body.write('\n');
        body.writeBytes(fields);
        body.write('\n');
    }
}
