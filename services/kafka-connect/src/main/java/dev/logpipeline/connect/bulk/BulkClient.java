package dev.logpipeline.connect.bulk;

import java.io.ByteArrayOutputStream;
import java.net.ProtocolException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import javax.net.ssl.SSLContext;

import org.apache.kafka.connect.errors.ConnectException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;

import dev.logpipeline.connect.document.Document;

/** Sends one request, to the first node that takes it. */
public final class BulkClient {

    private static final Logger LOG = LoggerFactory.getLogger(BulkClient.class);
    private static final String BULK = "/_bulk?filter_path=" + BulkAnswer.FILTER;
    private static final String STORED = "/_mget?filter_path=docs._id,docs._source,docs.error";

    /** Reads the body of an answer. */
    private interface Answer<T> {
        T of(byte[] body) throws NodeException;
    }

    private final Hosts hosts;
    private final Optional<String> authorization;
    private final Duration requestTimeout;
    private final HttpClient http;

    /**
     * @param urls the nodes, each as http://host:port
     * @param requestTimeout for one node's whole answer
     */
    public BulkClient(List<String> urls, Optional<String> authorization, Optional<SSLContext> tls, Duration connectTimeout, Duration requestTimeout) {
        this.hosts = new Hosts(urls);
        this.authorization = authorization;
        this.requestTimeout = requestTimeout;
        // Elasticsearch speaks no HTTP/2; asking for it costs a header on each request.
        HttpClient.Builder builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(connectTimeout);
        tls.ifPresent(builder::sslContext);
        http = builder.build();
    }

    /**
     * What became of each document.
     *
     * @throws UnavailableException when no node took the request
     * @throws TooLargeException when it has to be split
     * @throws ConnectException when none will take it until a setting is changed
     */
    List<ItemResult> send(List<Document> documents) throws UnavailableException, TooLargeException, InterruptedException {
        return ask(BULK, "application/x-ndjson", body(documents), answer -> BulkAnswer.parse(answer, documents.size()));
    }

    /**
     * What is stored under the documents' ids, each in the index that refused it; a missing node where nothing is.
     *
     * @throws UnavailableException when no node answers
     * @throws TooLargeException when it has to be split
     * @throws ConnectException when none will answer until a setting is changed
     */
    List<JsonNode> stored(List<Document> documents, List<ItemResult> conflicts)
            throws UnavailableException, TooLargeException, InterruptedException {
        ObjectNode body = JsonNodeFactory.instance.objectNode();
        for (int i = 0; i < documents.size(); i++) {
            String index = conflicts.get(i).index();
            body.withArray("docs").addObject()
                .put("_index", index.isEmpty() ? documents.get(i).index() : index)
                .put("_id", documents.get(i).id());
        }
        byte[] bytes = body.toString().getBytes(StandardCharsets.UTF_8);
        return ask(STORED, "application/json", bytes, answer -> BulkAnswer.sources(answer, documents.size()));
    }

    private <T> T ask(String path, String type, byte[] body, Answer<T> read) throws UnavailableException, TooLargeException, InterruptedException {
        String reason = "";
        for (int tried = 0; tried < hosts.count(); tried++) {
            URI address = hosts.current();
            try {
                return read.of(body(address, exchange(URI.create(address + path), type, body)));
            } catch (NodeException e) {
                reason = node(address) + ": " + e.getMessage();
            }
            hosts.failed(address);
            LOG.debug("{}; next: {}", reason, node(hosts.current()));
        }
        throw new UnavailableException(reason);
    }

    private static byte[] body(List<Document> documents) {
        ByteArrayOutputStream body = new ByteArrayOutputStream(documents.stream().mapToInt(Document::size).sum());
        documents.forEach(document -> document.writeTo(body));
        return body.toByteArray();
    }

    /** Waits on a clock of its own: the client's time-out ends with the answer's first byte, and a node may stop in the middle. */
    private HttpResponse<byte[]> exchange(URI address, String type, byte[] body) throws NodeException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(address)
            .header("Content-Type", type)
            .header("Accept", "application/json")
            .POST(HttpRequest.BodyPublishers.ofByteArray(body));
        authorization.ifPresent(value -> request.header("Authorization", value));
        CompletableFuture<HttpResponse<byte[]>> answer = http.sendAsync(request.build(), HttpResponse.BodyHandlers.ofByteArray());
        try {
            return answer.get(requestTimeout.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            throw new NodeException("no complete answer within " + requestTimeout.toMillis() + " ms (request.timeout.ms)");
        } catch (ExecutionException e) {
            // Of a server that does not speak HTTP, Java quotes the first line.
            throw new NodeException(e.getCause() instanceof ProtocolException ? "the answer is not HTTP" : String.valueOf(e.getCause()));
        } finally {
            answer.cancel(true); // gives the connection up where the answer is not complete
        }
    }

    private static byte[] body(URI address, HttpResponse<byte[]> response)
            throws NodeException, UnavailableException, TooLargeException {
        if (response.statusCode() >= 500) {
            throw new NodeException("HTTP " + response.statusCode());
        }
        // What the answer says is not repeated: the message ends in a status, and behind the URL there can be anything.
        switch (response.statusCode()) {
            case 200:
                return response.body();
            case 413:
                throw new TooLargeException();
            case 429: // the cluster has too much to do: no node would help
                throw new UnavailableException(node(address) + " answered HTTP 429");
            case 401, 403:
                throw new ConnectException(node(address) + " answered HTTP " + response.statusCode()
                    + ": check connection.api.key, or connection.username and connection.password, and their privileges on the index");
            default:
                throw new ConnectException(node(address) + " answered HTTP " + response.statusCode()
                    + ": check that connection.url is Elasticsearch's");
        }
    }

    private static String node(URI address) {
        return address.getScheme() + "://" + address.getAuthority();
    }
}
