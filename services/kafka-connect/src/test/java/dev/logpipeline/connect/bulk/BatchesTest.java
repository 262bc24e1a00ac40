package dev.logpipeline.connect.bulk;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.stream.IntStream;

import org.junit.jupiter.api.Test;

import dev.logpipeline.connect.document.Document;

class BatchesTest {

    /** Of 100 bytes. */
    private static List<Document> documents(int count) {
        return IntStream.range(0, count).mapToObj(i -> new Document(null, "logs", "id", "fingerprint", new byte[40], new byte[58])).toList();
    }

    private static List<Integer> sizes(Batches batches, int documents) {
        List<Integer> sizes = new ArrayList<>();
        batches.of(documents(documents).iterator()).forEachRemaining(batch -> sizes.add(batch.size()));
        return sizes;
    }

    @Test
    void endAtTheRecordLimit() {
        assertEquals(List.of(2, 2, 1), sizes(new Batches(2, 1_000), 5));
    }

    @Test
    void endAtTheByteLimit() {
        assertEquals(List.of(3, 3, 1), sizes(new Batches(10, 300), 7));
    }

    @Test
    void holdOneDocumentThatIsLargerThanTheLimit() {
        assertEquals(List.of(1, 1), sizes(new Batches(10, 50), 2));
    }

    @Test
    void areNoneForNothing() {
        assertEquals(List.of(), sizes(new Batches(1, 1), 0));
    }

    @Test
    void areMadeAsTheyAreAskedFor() {
        Iterator<Document> documents = documents(5).iterator();
        assertEquals(2, new Batches(2, 1_000).of(documents).next().size());
        documents.next();
        documents.next();
        assertEquals(false, documents.hasNext());
    }
}
