package dev.logpipeline.connect.document;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** Makes the fields of a document out of a record's value. */
interface RecordReader {

    /**
     * @return a document without a {@code @timestamp} where the record has none
     * @throws InvalidRecordException when the value is not a record of this format
     */
    ObjectNode read(byte[] value);
}
