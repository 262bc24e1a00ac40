package dev.logpipeline.connect;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;

/** A server of bulk requests that answers as it is told to, one request after the other, and properly once that is used up. */
public final class FakeElasticsearch implements AutoCloseable {

    private static final ObjectMapper JSON = new ObjectMapper();

    /** What one request is answered with. */
    public interface Answer {
        void to(HttpExchange exchange, List<JsonNode> lines) throws IOException;
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Queue<Answer> script = new ArrayDeque<>();
    private final Map<String, JsonNode> stored = new ConcurrentHashMap<>();
    private final List<String> authorizations = Collections.synchronizedList(new ArrayList<>());

    public FakeElasticsearch() throws IOException {
        this(HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0));
    }

    public FakeElasticsearch(HttpServer server) {
        this.server = server;
        server.createContext("/_bulk", this::handle);
        server.createContext("/_mget", this::get);
        server.setExecutor(threads);
        server.start();
    }

    public String url() {
        String scheme = server instanceof com.sun.net.httpserver.HttpsServer ? "https" : "http";
        return scheme + "://127.0.0.1:" + server.getAddress().getPort();
    }

    public FakeElasticsearch then(Answer answer) {
        script.add(answer);
        return this;
    }

    /** The documents by their ids. */
    public Map<String, JsonNode> stored() {
        return stored;
    }

    public int requests() {
        return authorizations.size();
    }

    public List<String> authorizations() {
        return authorizations;
    }

    /** An address at which nothing listens. */
    public static String nowhere() throws IOException {
        FakeElasticsearch closed = new FakeElasticsearch();
        closed.close();
        return closed.url();
    }

    public static Answer status(int status) {
        return (exchange, lines) -> send(exchange, status, "{\"error\":\"no\"}");
    }

    public static Answer text(int status, String body) {
        return (exchange, lines) -> send(exchange, status, body);
    }

    /** Begins an answer, then closes the connection. */
    public static Answer half() {
        return (exchange, lines) -> {
            exchange.sendResponseHeaders(200, 1_000);
            exchange.getResponseBody().write("{\"errors\":false,\"it".getBytes(StandardCharsets.UTF_8));
            exchange.getResponseBody().flush();
            throw new IOException("connection closed on purpose");
        };
    }

    /** Begins an answer and never ends it. */
    public static Answer stall() {
        return (exchange, lines) -> {
            exchange.sendResponseHeaders(200, 1_000);
            exchange.getResponseBody().write("{".getBytes(StandardCharsets.UTF_8));
            exchange.getResponseBody().flush();
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt(); // closed
            }
        };
    }

    /** Stores all documents but one, and answers for that one with this status and error. */
    public Answer item(int index, int status, String type) {
        return item(index, status, type, "a reason");
    }

    public Answer item(int index, int status, String type, String reason) {
        return (exchange, lines) -> store(exchange, lines, index, status, type, reason);
    }

    /** Stores the documents and answers with a status the client can do nothing with. */
    public Answer storeThen(int status) {
        return (exchange, lines) -> {
            for (int i = 0; i < lines.size(); i += 2) {
                stored.put(id(lines.get(i)), lines.get(i + 1));
            }
            send(exchange, status, "");
        };
    }

    /** Takes no request of more documents than this. */
    public static Answer atMost(int documents, Answer otherwise) {
        return (exchange, lines) -> {
            if (lines.size() / 2 > documents) {
                send(exchange, 413, "");
            } else {
                otherwise.to(exchange, lines);
            }
        };
    }

    private void handle(HttpExchange exchange) throws IOException {
        try (exchange) {
            List<JsonNode> lines = new ArrayList<>();
            for (String line : new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8).split("\n")) {
                lines.add(JSON.readTree(line));
            }
            authorizations.add(String.valueOf(exchange.getRequestHeaders().getFirst("Authorization")));
            Answer answer;
            synchronized (script) {
                answer = script.isEmpty() ? item(-1, 0, "") : script.remove();
            }
            answer.to(exchange, lines);
        }
    }

    private void get(HttpExchange exchange) throws IOException {
        try (exchange) {
            ObjectNode answer = JSON.createObjectNode();
            for (JsonNode wanted : JSON.readTree(exchange.getRequestBody()).path("docs")) {
                ObjectNode document = answer.withArray("docs").addObject().put("_id", wanted.path("_id").asText());
                if (stored.containsKey(wanted.path("_id").asText())) {
                    document.set("_source", stored.get(wanted.path("_id").asText()));
                }
            }
            send(exchange, 200, answer.toString());
        }
    }

    private void store(HttpExchange exchange, List<JsonNode> lines, int refused, int status, String type, String reason) throws IOException {
        ObjectNode answer = JSON.createObjectNode();
        ArrayNode items = answer.putArray("items");
        boolean errors = false;
        for (int i = 0; i < lines.size() / 2; i++) {
            ObjectNode result = items.addObject().putObject("create");
            String id = id(lines.get(2 * i));
            if (i == refused) {
                result.put("status", status).putObject("error").put("type", type).put("reason", reason);
            } else if (stored.putIfAbsent(id, lines.get(2 * i + 1)) != null) {
                result.put("status", 409).putObject("error").put("type", "version_conflict_engine_exception").put("reason", "exists");
            } else {
                result.put("status", 201);
            }
            errors |= result.get("status").intValue() != 201;
        }
        answer.put("errors", errors);
        send(exchange, 200, answer.toString());
    }

    private static String id(JsonNode action) {
        return action.path("create").path("_id").asText();
    }

    private static void send(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        if (bytes.length > 0) {
            exchange.getResponseBody().write(bytes);
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }
}
