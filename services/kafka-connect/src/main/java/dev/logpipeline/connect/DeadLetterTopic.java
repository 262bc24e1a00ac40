package dev.logpipeline.connect;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;

import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;

import dev.logpipeline.connect.bulk.DeadLetters;

/**
 * Connect's dead-letter topic.
 *
 * <p>Remembers what it has taken of a delivery: when Elasticsearch is away Connect delivers the same records again and again, and a poison
 * record among them belongs into the topic once.
 */
final class DeadLetterTopic implements DeadLetters {

    private final ErrantRecordReporter reporter;
    private final Set<Place> taken = new HashSet<>();
    private final List<Future<Void>> writes = new ArrayList<>();

    DeadLetterTopic(ErrantRecordReporter reporter) {
        this.reporter = reporter;
    }

    /** From any thread; Connect does not say that its reporter bears that. */
    @Override
    public synchronized void report(SinkRecord record, String reason) {
        if (taken.add(Place.of(record))) {
            writes.add(reporter.report(record, new DataException(reason)));
        }
    }

    synchronized boolean holds(SinkRecord record) {
        return taken.contains(Place.of(record));
    }

    /** Returns when the topic has everything that was reported. */
    synchronized void flush() {
        try {
            for (Future<Void> write : writes) {
                write.get();
            }
        } catch (ExecutionException e) {
            // Connect's producer retries without end what can be retried; a record that is too large is the likely rest.
            throw new ConnectException("the dead-letter topic does not take a record: see producer.override.max.request.size", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RetriableException("interrupted while dead letters were being written", e);
        }
        writes.clear();
    }

    /** The delivery is complete: none of its records comes again from this task. */
    synchronized void forget() {
        taken.clear();
    }

    private record Place(TopicPartition partition, long offset) {
        static Place of(SinkRecord record) {
            return new Place(new TopicPartition(record.originalTopic(), record.originalKafkaPartition()), record.originalKafkaOffset());
        }
    }
}
