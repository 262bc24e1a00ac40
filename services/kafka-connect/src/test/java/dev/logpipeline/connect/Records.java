package dev.logpipeline.connect;

import java.nio.charset.StandardCharsets;

import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.sink.SinkRecord;

/** Records as Connect hands them to a task. */
public final class Records {

    /** 2022-08-03T06:51:51.250Z */
    public static final long KAFKA_TIME = 1_659_509_511_250L;

    private Records() {}

    public static SinkRecord record(long offset, String value) {
        return record(offset, value.getBytes(StandardCharsets.UTF_8));
    }

    public static SinkRecord record(long offset, Object value) {
        return record(offset, value, KAFKA_TIME);
    }

    /** As of a topic that was deleted and created again a second later. */
    public static SinkRecord later(long offset, String value) {
        return record(offset, value.getBytes(StandardCharsets.UTF_8), KAFKA_TIME + 1_000);
    }

    public static SinkRecord record(long offset, Object value, Long timestamp) {
        return new SinkRecord("Test-inter", 3, null, null, null, value, offset, timestamp, TimestampType.CREATE_TIME);
    }
}
