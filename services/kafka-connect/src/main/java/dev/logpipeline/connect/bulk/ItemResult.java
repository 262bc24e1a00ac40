package dev.logpipeline.connect.bulk;

import java.util.Set;

/**
 * What became of one document of a bulk request.
 *
 * @param type Elasticsearch's name for the error; empty where there was none
 * @param index the index behind the alias, as the error names it; empty where there was none
 */
record ItemResult(int status, String type, String reason, String index) {

    enum Verdict {
        /** It is in the index. */
        STORED,
        /** There is a document of that id: the same record, delivered before, or another one. */
        CONFLICT,
        /** The same document may be taken later. */
        RETRY,
        /** This document will never be taken. */
        INVALID_RECORD,
        /** No document will be taken until someone changes the settings or the index. */
        WRONG_TARGET
    }

    /** Some of them come as 400 or 403, and would carry good records off to the dead-letter topic while an administrator is at work. */
    private static final Set<String> STATE_OF_THE_CLUSTER = Set.of(
        "cluster_block_exception", // the index is read-only, from a full disk for instance
        "index_closed_exception",
        "validation_exception" // no room for one more shard
    );
    private static final Set<String> WRONG_INDEX = Set.of("invalid_index_name_exception", "index_not_found_exception");

    Verdict verdict() {
        if (status >= 200 && status < 300) {
            return Verdict.STORED;
        }
        if (status == 409) {
            return Verdict.CONFLICT;
        }
        if (status == 429 || status >= 500 || STATE_OF_THE_CLUSTER.contains(type)) {
            return Verdict.RETRY;
        }
        if (status == 401 || status == 403 || WRONG_INDEX.contains(type)) {
            return Verdict.WRONG_TARGET;
        }
        return Verdict.INVALID_RECORD;
    }

    String describe() {
        return "Elasticsearch " + status + " " + type + ": " + reason;
    }
}
