package dev.logpipeline.connect.bulk;

import java.net.URI;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/** The nodes that requests can go to: always the same one until it fails, then the next. */
final class Hosts {

    private final List<URI> addresses;
    private final AtomicInteger current = new AtomicInteger();

    Hosts(List<String> urls) {
        addresses = urls.stream().map(url -> URI.create(url.strip().replaceAll("/+$", ""))).toList();
    }

    int count() {
        return addresses.size();
    }

    URI current() {
        return addresses.get(current.get());
    }

    /** Leaves this node, unless another request has done so in the meantime. */
    void failed(URI address) {
        int index = addresses.indexOf(address);
        current.compareAndSet(index, (index + 1) % addresses.size());
    }
}
