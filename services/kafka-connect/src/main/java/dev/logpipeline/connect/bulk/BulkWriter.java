package dev.logpipeline.connect.bulk;

import java.util.ArrayList;
import java.util.List;

import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import com.fasterxml.jackson.databind.JsonNode;

import dev.logpipeline.connect.document.Document;

/** Brings a batch of documents to its end: each one is in the index, or among the dead letters, or the batch is to be delivered again. */
public final class BulkWriter {

    private static final Logger LOG = LoggerFactory.getLogger(BulkWriter.class);

    private final BulkClient client;
    private final DeadLetters deadLetters;
    private final Backoff backoff;
    private final int retries;

    public BulkWriter(BulkClient client, DeadLetters deadLetters, Backoff backoff, int retries) {
        this.client = client;
        this.deadLetters = deadLetters;
        this.backoff = backoff;
        this.retries = retries;
    }

    /**
     * @throws RetriableException when Elasticsearch stays away
     * @throws ConnectException when it refuses whatever is sent to it
     */
    public void write(List<Document> batch) {
        try {
            attempt(batch);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RetriableException("interrupted before all of " + batch.size() + " documents were indexed", e);
        }
    }

    private void attempt(List<Document> batch) throws InterruptedException {
        List<Document> open = batch;
        for (int attempt = 0; ; attempt++) {
            String reason;
            try {
                List<ItemResult> results = client.send(open);
                String first = firstToRetry(results);
                open = settle(open, results);
                if (open.isEmpty()) {
                    return;
                }
                reason = open.size() + " documents refused for now, " + first;
            } catch (TooLargeException e) {
                split(open);
                return;
            } catch (UnavailableException e) {
                reason = e.getMessage();
            }
            if (attempt >= retries) {
                throw new RetriableException("not indexed after " + (retries + 1) + " attempts: " + reason);
            }
            long wait = backoff.millis(attempt);
            LOG.warn("{} of {} documents are sent again in {} ms: {}", open.size(), batch.size(), wait, reason);
            Thread.sleep(wait);
        }
    }

    /** Disposes of the documents whose fate is known; returns the others. */
    private List<Document> settle(List<Document> documents, List<ItemResult> results)
            throws UnavailableException, TooLargeException, InterruptedException {
        List<Document> open = new ArrayList<>();
        List<Document> taken = new ArrayList<>();
        List<ItemResult> conflicts = new ArrayList<>();
        List<Document> changed = new ArrayList<>();
        for (int i = 0; i < documents.size(); i++) {
            Document document = documents.get(i);
            ItemResult result = results.get(i);
            switch (result.verdict()) {
                case STORED -> { }
                case CONFLICT -> {
                    if (!document.hasOwnId()) { // else the same record, for its id names no other one
                        taken.add(document);
                        conflicts.add(result);
                    }
                }
                case RETRY -> open.add(document);
                case INVALID_RECORD -> document.fitted(result.reason())
                    .ifPresentOrElse(changed::add, () -> deadLetters.report(document.record(), result.describe()));
                case WRONG_TARGET -> throw new ConnectException(
                    result.describe() + ": check the setting index, and the privileges on it of connection.api.key or connection.username");
            }
        }
        if (!taken.isEmpty()) {
            List<JsonNode> stored = client.stored(taken, conflicts);
            for (int i = 0; i < taken.size(); i++) {
                if (stored.get(i).isMissingNode()) {
                    open.add(taken.get(i)); // deleted in the meantime
                } else if (!taken.get(i).isStoredAs(stored.get(i))) {
                    changed.add(taken.get(i).withOwnId());
                }
            }
        }
        if (!changed.isEmpty()) {
            attempt(changed);
        }
        return open;
    }

    private static String firstToRetry(List<ItemResult> results) {
        return results.stream().filter(result -> result.verdict() == ItemResult.Verdict.RETRY).findFirst().map(ItemResult::describe).orElse("");
    }

    private void split(List<Document> documents) throws InterruptedException {
        if (documents.size() == 1) {
            deadLetters.report(documents.get(0).record(), "Elasticsearch 413: the document alone is larger than a request may be");
            return;
        }
        int half = documents.size() / 2;
        LOG.info("a request of {} documents is too large for Elasticsearch: halved (batch.bytes)", documents.size());
        attempt(documents.subList(0, half));
        attempt(documents.subList(half, documents.size()));
    }
}
