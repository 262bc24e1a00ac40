package dev.logpipeline.connect;

import java.util.Collection;
import java.util.Map;
import java.util.Optional;

import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

import dev.logpipeline.connect.bulk.Backoff;
import dev.logpipeline.connect.bulk.Batches;
import dev.logpipeline.connect.bulk.BulkClient;
import dev.logpipeline.connect.bulk.BulkWriter;
import dev.logpipeline.connect.bulk.ParallelWriter;
import dev.logpipeline.connect.config.SinkConfig;
import dev.logpipeline.connect.document.Document;
import dev.logpipeline.connect.document.DocumentFactory;
import dev.logpipeline.connect.document.InvalidRecordException;

/**
 * Writes the records of some partitions.
 *
 * <p>Nothing is held back between two calls of {@link #put}: when it returns, each record is in the index or in the dead-letter topic, so
 * whatever offsets Connect commits are those of records that are accounted for.
 */
public final class ElasticsearchSinkTask extends SinkTask {

    private DocumentFactory documents;
    private Batches batches;
    private ParallelWriter writer;
    private DeadLetterTopic deadLetters;
    private long redeliveryMillis;

    @Override
    public void start(Map<String, String> props) {
        SinkConfig config = new SinkConfig(props);
        ErrantRecordReporter reporter = context.errantRecordReporter();
        if (reporter == null) {
            throw new ConnectException("set errors.tolerance=all and errors.deadletterqueue.topic.name: "
                + "without a dead-letter topic one malformed record would stop the task");
        }
        deadLetters = new DeadLetterTopic(reporter);
        documents = config.documents();
        batches = new Batches(config.getInt(SinkConfig.BATCH_RECORDS), config.getInt(SinkConfig.BATCH_BYTES));
        BulkClient client = new BulkClient(config.getList(SinkConfig.URL), config.authorization(), config.tls(),
            config.millis(SinkConfig.CONNECT_TIMEOUT), config.millis(SinkConfig.REQUEST_TIMEOUT));
        Backoff backoff = new Backoff(config.millis(SinkConfig.RETRY_BACKOFF), config.millis(SinkConfig.RETRY_BACKOFF_MAX));
        redeliveryMillis = backoff.limit().toMillis();
        writer = new ParallelWriter(
            new BulkWriter(client, deadLetters, backoff, config.getInt(SinkConfig.RETRY_MAX)), config.getInt(SinkConfig.REQUESTS_IN_FLIGHT));
    }

    @Override
    public void put(Collection<SinkRecord> records) {
        try {
            writer.write(batches.of(records.stream().map(this::convert).flatMap(Optional::stream).iterator()));
            deadLetters.flush();
        } catch (RetriableException e) {
            context.timeout(redeliveryMillis);
            throw e;
        }
        deadLetters.forget();
    }

    private Optional<Document> convert(SinkRecord record) {
        if (deadLetters.holds(record)) {
            return Optional.empty(); // taken in an earlier try at this delivery
        }
        try {
            return Optional.of(documents.create(record));
        } catch (InvalidRecordException e) {
            deadLetters.report(record, e.getMessage());
            return Optional.empty();
        }
    }

    @Override
    public void stop() {
        if (writer != null) {
            writer.close();
        }
    }

    @Override
    public String version() {
        return Version.CURRENT;
    }
}
