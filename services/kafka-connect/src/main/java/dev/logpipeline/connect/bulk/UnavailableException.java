package dev.logpipeline.connect.bulk;

/** Elasticsearch did not take a request now; the same request may well be taken later. */
final class UnavailableException extends Exception {

    UnavailableException(String reason) {
        super(reason);
    }
}
