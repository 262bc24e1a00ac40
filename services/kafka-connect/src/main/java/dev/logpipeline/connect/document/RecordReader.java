package dev.logpipeline.connect.document;

import com.fasterxml.jackson.databind.node.ObjectNode;

/** Makes the fields of a document out of a record's text. */
interface RecordReader {

    /**
     * @return a document without a {@code @timestamp} where the record has none
     * @throws InvalidRecordException when the text is not a record of this format
     */
    ObjectNode read(String text);
}
