package dev.logpipeline.connect.document;

import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.Locale;

import org.apache.kafka.connect.sink.SinkRecord;

/** The index that a record belongs to: a function of the record alone, so that a second delivery finds the first one's document. */
record IndexName(String template) {

    private static final String TOPIC = "${topic}";
    private static final String DATE = "${date}";
    private static final DateTimeFormatter DAY = DateTimeFormatter.ofPattern("uuuu.MM.dd", Locale.ROOT).withZone(ZoneOffset.UTC);

    String of(SinkRecord record) {
        // Topics may have capitals in their names, indices may not.
        String name = template.replace(TOPIC, record.topic().toLowerCase(Locale.ROOT));
        if (!name.contains(DATE)) {
            return name;
        }
        if (record.timestamp() == null) {
            throw new InvalidRecordException("no Kafka timestamp to tell the index " + template + " by");
        }
        return name.replace(DATE, DAY.format(Instant.ofEpochMilli(record.timestamp())));
    }
}
