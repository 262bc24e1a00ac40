package dev.logpipeline.connect.bulk;

import org.apache.kafka.connect.sink.SinkRecord;

/** Takes the records that cannot be indexed. */
public interface DeadLetters {

    void report(SinkRecord record, String reason);
}
