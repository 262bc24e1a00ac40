package dev.logpipeline.connect.bulk;

/** Elasticsearch, or a proxy before it, takes no request of this size. */
final class TooLargeException extends Exception {

    TooLargeException() {
        super("HTTP 413");
    }
}
