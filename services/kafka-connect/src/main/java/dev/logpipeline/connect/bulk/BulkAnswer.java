package dev.logpipeline.connect.bulk;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

import org.apache.kafka.connect.errors.ConnectException;

import com.fasterxml.jackson.databind.JsonNode;

import dev.logpipeline.connect.document.Json;

/** Reads Elasticsearch's answers. */
final class BulkAnswer {

    /** Asks Elasticsearch for what is read here and no more: the full answer is about as large as the request. */
    static final String FILTER = "errors,items.*.status,items.*.error.type,items.*.error.index,items.*.error.reason,items.*.error.caused_by.reason";

    private static final int REASON_MAX = 500;

    private BulkAnswer() {}

    /**
     * @return a result a document, in their order
     * @throws NodeException when this is no complete answer. What it left open is safe to send again, as each document has its own id.
     */
    static List<ItemResult> parse(byte[] body, int documents) throws NodeException {
        JsonNode answer = json(body);
        if (!answer.path("errors").isBoolean() || answer.path("items").size() != documents) {
            throw new NodeException("the answer does not tell what became of the " + documents + " documents");
        }
        List<ItemResult> results = new ArrayList<>(documents);
        for (JsonNode item : answer.path("items")) {
            results.add(result(item.path("create")));
        }
        return results;
    }

    /**
     * @return the source of each stored document, in the order in which they were asked for; missing where there is none
     * @throws NodeException when this is no complete answer
     * @throws ConnectException when the sink may not read
     */
    static List<JsonNode> sources(byte[] body, int documents) throws NodeException {
        JsonNode answer = json(body);
        if (answer.path("docs").size() != documents) {
            throw new NodeException("the answer does not tell of the " + documents + " documents");
        }
        List<JsonNode> sources = new ArrayList<>(documents);
        for (JsonNode document : answer.path("docs")) {
            JsonNode error = document.path("error");
            if (error.path("type").asText().equals("security_exception")) {
                throw new ConnectException("a document whose id is taken must be read: "
                    + "give connection.api.key or connection.username the privilege read on the index");
            }
            if (error.isObject()) {
                throw new NodeException("Elasticsearch " + error.path("type").asText() + ": " + error.path("reason").asText());
            }
            sources.add(document.path("_source"));
        }
        return sources;
    }

    private static JsonNode json(byte[] body) throws NodeException {
        try {
            return Json.MAPPER.readTree(body);
        } catch (IOException e) {
            throw new NodeException("the answer is not JSON, or not all of it");
        }
    }

    private static ItemResult result(JsonNode item) throws NodeException {
        if (!item.path("status").isInt()) {
            throw new NodeException("the answer names no status");
        }
        JsonNode error = item.path("error");
        String cause = error.path("caused_by").path("reason").asText();
        String reason = error.path("reason").asText() + (cause.isEmpty() ? "" : " (" + cause + ")");
        return new ItemResult(item.path("status").intValue(), error.path("type").asText(), shorten(reason), error.path("index").asText());
    }

    /** Elasticsearch quotes the document in some of them. */
    private static String shorten(String reason) {
        return reason.length() <= REASON_MAX ? reason : reason.substring(0, REASON_MAX) + "…";
    }
}
