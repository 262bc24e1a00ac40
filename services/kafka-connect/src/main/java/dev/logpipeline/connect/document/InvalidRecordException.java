package dev.logpipeline.connect.document;

import org.apache.kafka.connect.errors.DataException;

/** No document can be made of a record. The message is the reason that the dead-letter topic shows. */
public final class InvalidRecordException extends DataException {

    public InvalidRecordException(String reason) {
        super(reason);
    }
}
