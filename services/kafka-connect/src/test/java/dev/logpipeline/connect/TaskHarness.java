package dev.logpipeline.connect;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTaskContext;

/** A started task, and what it tells Connect. Retries are few and quick. */
public final class TaskHarness implements AutoCloseable {

    private final Map<String, String> settings = new HashMap<>(Map.of(
        "index", "logs", "retry.max", "2", "retry.backoff.ms", "1", "retry.backoff.max.ms", "2", "request.timeout.ms", "2000"));
    private final List<Map.Entry<Long, String>> deadLetters = new ArrayList<>();
    private final ElasticsearchSinkTask task = new ElasticsearchSinkTask();
    private Long redelivery;

    /** @param settings in pairs of name and value */
    public TaskHarness(String url, String... settings) {
        this.settings.put("connection.url", url);
        for (int i = 0; i < settings.length; i += 2) {
            this.settings.put(settings[i], settings[i + 1]);
        }
        task.initialize(new Context());
        task.start(this.settings);
    }

    public void put(SinkRecord... records) {
        task.put(Arrays.asList(records));
    }

    /** The reasons by the records' offsets; a record that was reported twice fails the test. */
    public synchronized Map<Long, String> deadLetters() {
        Map<Long, String> reasons = new LinkedHashMap<>();
        for (Map.Entry<Long, String> letter : deadLetters) {
            if (reasons.put(letter.getKey(), letter.getValue()) != null) {
                throw new AssertionError("reported twice: " + letter);
            }
        }
        return reasons;
    }

    /** After how many milliseconds Connect was asked to deliver again; null when it was not. */
    public Long redelivery() {
        return redelivery;
    }

    @Override
    public void close() {
        task.stop();
    }

    private final class Context implements SinkTaskContext {
        @Override
        public ErrantRecordReporter errantRecordReporter() {
            return (record, error) -> {
                deadLetters.add(Map.entry(record.kafkaOffset(), error.getMessage()));
                return CompletableFuture.completedFuture(null);
            };
        }

        @Override
        public void timeout(long timeoutMs) {
            redelivery = timeoutMs;
        }

        @Override
        public Map<String, String> configs() {
            return settings;
        }

        @Override
        public void offset(Map<TopicPartition, Long> offsets) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void offset(TopicPartition tp, long offset) {
            throw new UnsupportedOperationException();
        }

        @Override
        public Set<TopicPartition> assignment() {
            return Set.of();
        }

        @Override
        public void pause(TopicPartition... partitions) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void resume(TopicPartition... partitions) {
            throw new UnsupportedOperationException();
        }

        @Override
        public void requestCommit() {
            throw new UnsupportedOperationException();
        }

        @Override
        public PluginMetrics pluginMetrics() {
            throw new UnsupportedOperationException();
        }
    }
}
