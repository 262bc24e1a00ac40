package dev.logpipeline.connect.bulk;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.NoSuchElementException;

import dev.logpipeline.connect.document.Document;

/** Groups documents, in their order, into requests of a bounded size. */
public record Batches(int recordsMax, int bytesMax) {

    /** Takes from {@code documents} what the next batch needs and one more, so that one can be sent while the next is made. */
    public Iterator<List<Document>> of(Iterator<Document> documents) {
        return new Iterator<>() {
            private Document first = following(documents);

            @Override
            public boolean hasNext() {
                return first != null;
            }

            @Override
            public List<Document> next() {
                if (first == null) {
                    throw new NoSuchElementException();
                }
                List<Document> batch = new ArrayList<>();
                long bytes = 0;
                do {
                    batch.add(first);
                    bytes += first.size();
                    first = following(documents);
                } while (first != null && batch.size() < recordsMax && bytes + first.size() <= bytesMax);
                return batch;
            }
        };
    }

    private static Document following(Iterator<Document> documents) {
        return documents.hasNext() ? documents.next() : null;
    }
}
