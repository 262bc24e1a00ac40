package dev.logpipeline.connect.bulk;

import java.io.ByteArrayOutputStream;
import java.net.ProtocolException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
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

import dev.logpipeline.connect.document.Document;

/** Sends one bulk request, to the first node that takes it, and tells what became of each document. */
public final class BulkClient {

    private static final Logger LOG = LoggerFactory.getLogger(BulkClient.class);

    private final Hosts hosts;
    private final Optional<String> authorization;
    private final Duration requestTimeout;
    private final HttpClient http;

    /**
     * @param urls the nodes, each as http://host:port
     * @param requestTimeout for one node's whole answer
     */
    public BulkClient(List<String> urls, Optional<String> authorization, Optional<SSLContext> tls, Duration connectTimeout, Duration requestTimeout) {
        this.hosts = new Hosts(urls, "/_bulk?filter_path=" + BulkAnswer.FILTER);
        this.authorization = authorization;
        this.requestTimeout = requestTimeout;
        // Elasticsearch speaks no HTTP/2; asking for it costs a header on each request.
        HttpClient.Builder builder = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(connectTimeout);
        tls.ifPresent(builder::sslContext);
        http = builder.build();
    }

    /**
     * @throws UnavailableException when no node took the request
     * @throws TooLargeException when it has to be split
     * @throws ConnectException when none will take it until a setting is changed
     */
    List<ItemResult> send(List<Document> documents) throws UnavailableException, TooLargeException, InterruptedException {
        byte[] body = body(documents);
        String reason = "";
        for (int tried = 0; tried < hosts.count(); tried++) {
            URI address = hosts.current();
            try {
                return results(address, exchange(address, body), documents.size());
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
    private HttpResponse<byte[]> exchange(URI address, byte[] body) throws NodeException, InterruptedException {
        HttpRequest.Builder request = HttpRequest.newBuilder(address)
            .header("Content-Type", "application/x-ndjson")
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

    private static List<ItemResult> results(URI address, HttpResponse<byte[]> response, int documents)
            throws NodeException, UnavailableException, TooLargeException {
        if (response.statusCode() >= 500) {
            throw new NodeException("HTTP " + response.statusCode());
        }
        // What the answer says is not repeated: the message ends in a status, and behind the URL there can be anything.
        switch (response.statusCode()) {
            case 200:
                return BulkAnswer.parse(response.body(), documents);
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
