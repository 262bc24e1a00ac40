package dev.logpipeline.connect.bulk;

import static dev.logpipeline.connect.Records.record;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;

import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

import org.apache.kafka.connect.errors.RetriableException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;

import dev.logpipeline.connect.FakeElasticsearch;
import dev.logpipeline.connect.TaskHarness;

class TlsTest {

    private static final char[] PASSWORD = "changeit".toCharArray();

    @TempDir
    static Path directory;
    private static Path authority;
    private static SSLContext server;

    @BeforeAll
    static void certify() throws Exception {
        Path keys = directory.resolve("keys.p12");
        authority = directory.resolve("ca.pem");
        keytool(keys, "-genkeypair", "-keyalg", "EC", "-dname", "CN=elasticsearch", "-ext", "san=ip:127.0.0.1");
        keytool(keys, "-exportcert", "-rfc", "-file", authority.toString());
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (InputStream file = Files.newInputStream(keys)) {
            store.load(file, PASSWORD);
        }
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(store, PASSWORD);
        server = SSLContext.getInstance("TLS");
        server.init(managers.getKeyManagers(), null, null);
    }

    private static void keytool(Path keys, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
        command.addAll(List.of(arguments));
        command.addAll(List.of("-alias", "server", "-keystore", keys.toString(), "-storepass", new String(PASSWORD), "-storetype", "PKCS12"));
        assertEquals(0, new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(directory.resolve("keytool.log").toFile()).start().waitFor());
    }

    private static FakeElasticsearch start() throws IOException {
        HttpsServer https = HttpsServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        https.setHttpsConfigurator(new HttpsConfigurator(server));
        return new FakeElasticsearch(https);
    }

    @Test
    void aServerThatTheNamedAuthorityVouchesForIsTrusted() throws IOException {
        try (FakeElasticsearch elasticsearch = start();
                TaskHarness task = new TaskHarness(elasticsearch.url(), "connection.ssl.ca", authority.toString(), "request.timeout.ms", "5000")) {
            task.put(record(0, "{}"));
            assertEquals(1, elasticsearch.stored().size());
        }
    }

    @Test
    void aServerThatNobodyVouchesForIsNot() throws IOException {
        try (FakeElasticsearch elasticsearch = start();
                TaskHarness task = new TaskHarness(elasticsearch.url(), "request.timeout.ms", "5000")) {
            assertThrows(RetriableException.class, () -> task.put(record(0, "{}")));
            assertEquals(0, elasticsearch.stored().size());
        }
    }

    @Test
    void aFileThatHoldsNoCertificateIsNamed() throws IOException {
        Path empty = Files.createFile(directory.resolve("empty.pem"));
        Path text = Files.writeString(directory.resolve("text.pem"), "no certificate");
        for (Path path : List.of(empty, text, directory.resolve("missing.pem"))) {
            String message = assertThrows(IllegalArgumentException.class, () -> Tls.context(path.toString())).getMessage();
            assertTrue(message.contains(path.toString()), message);
        }
    }
}
