package dev.logpipeline.connect.bulk;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicReference;

import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;

import dev.logpipeline.connect.document.Document;

/** Writes several batches at a time. */
public final class ParallelWriter implements AutoCloseable {

    private final BulkWriter writer;
    private final ExecutorService pool;

    public ParallelWriter(BulkWriter writer, int requestsInFlight) {
        this.writer = writer;
        pool = Executors.newFixedThreadPool(requestsInFlight);
    }

    /**
     * Begins each batch as it comes. Returns or throws when all that were begun have come to their end; where one fails, those that have
     * not begun are left for the next delivery.
     */
    public void write(Iterator<List<Document>> batches) {
        AtomicReference<RuntimeException> failure = new AtomicReference<>();
        List<Future<?>> underWay = new ArrayList<>();
        try {
            batches.forEachRemaining(batch -> underWay.add(pool.submit(() -> writeUnlessFailed(batch, failure))));
        } finally {
            underWay.forEach(ParallelWriter::await);
        }
        if (failure.get() != null) {
            throw failure.get();
        }
    }

    private void writeUnlessFailed(List<Document> batch, AtomicReference<RuntimeException> failure) {
        if (failure.get() != null) {
            return;
        }
        try {
            writer.write(batch);
        } catch (RuntimeException e) {
            failure.accumulateAndGet(e, ParallelWriter::worse);
        }
    }

    /** What needs a person must not be hidden behind what passes by itself. */
    private static RuntimeException worse(RuntimeException known, RuntimeException other) {
        return known == null || known instanceof RetriableException ? other : known;
    }

    private static void await(Future<?> batch) {
        try {
            batch.get();
        } catch (ExecutionException e) {
            throw new ConnectException("a batch could not be written", e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new RetriableException("interrupted while documents were being indexed", e);
        }
    }

    @Override
    public void close() {
        pool.shutdownNow();
    }
}
