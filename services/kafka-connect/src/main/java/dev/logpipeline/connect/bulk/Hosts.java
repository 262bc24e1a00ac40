package dev.logpipeline.connect.bulk;

import java.net.URI;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** The nodes that requests can go to: always the same one until it fails, then the next. */
final class Hosts {

    private final List<URI> bulkAddresses;
    private final AtomicInteger current = new AtomicInteger();

    /** @param path what follows each node's address */
    Hosts(List<String> urls, String path) {
        bulkAddresses = urls.stream().map(url -> URI.create(url.strip().replaceAll("/+$", "") + path)).toList();
    }

    int count() {
        return bulkAddresses.size();
    }

    URI current() {
        return bulkAddresses.get(current.get());
    }

    /** Leaves this node, unless another request has done so in the meantime. */
    void failed(URI address) {
        int index = bulkAddresses.indexOf(address);
        current.compareAndSet(index, (index + 1) % bulkAddresses.size());
    }
}
