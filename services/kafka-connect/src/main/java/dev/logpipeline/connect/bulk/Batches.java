package dev.logpipeline.connect.bulk;

import java.util.ArrayList;
import java.util.List;

import dev.logpipeline.connect.document.Document;

/** Groups documents, in their order, into requests of a bounded size. */
public record Batches(int recordsMax, int bytesMax) {

    public List<List<Document>> of(List<Document> documents) {
        List<List<Document>> batches = new ArrayList<>();
        List<Document> batch = new ArrayList<>();
        long bytes = 0;
        for (Document document : documents) {
            if (!batch.isEmpty() && (batch.size() >= recordsMax || bytes + document.size() > bytesMax)) {
                batches.add(batch);
                batch = new ArrayList<>();
                bytes = 0;
            }
            batch.add(document);
            bytes += document.size();
        }
        if (!batch.isEmpty()) {
            batches.add(batch);
        }
        return batches;
    }
}
