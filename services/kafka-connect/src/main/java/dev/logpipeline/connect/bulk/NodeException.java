package dev.logpipeline.connect.bulk;

/** One node gave no answer that can be used; another one may. */
final class NodeException extends Exception {

    NodeException(String reason) {
        super(reason);
    }
}
