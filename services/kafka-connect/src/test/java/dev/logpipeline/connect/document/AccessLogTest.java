package dev.logpipeline.connect.document;

import static dev.logpipeline.connect.document.Documents.fields;
import static dev.logpipeline.connect.document.Documents.tree;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.IOException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class AccessLogTest {

    private static final DocumentFactory COMMON = DocumentFactory.common("logs");
    private static final DocumentFactory COMBINED = DocumentFactory.combined("logs");
    private static final String HEAD = "1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] ";

    @Test
    void everyPartOfALineHasItsColumn() {
        assertEquals("{\"client_ip\":\"127.0.0.1\",\"user\":\"frank\",\"@timestamp\":971211336,"
            + "\"method\":\"GET\",\"path\":\"/apache_pb.gif\",\"protocol\":\"HTTP/1.0\",\"status\":200,\"bytes\":2326,"
            + "\"referrer\":\"http://www.example.com/start.html\",\"user_agent\":\"Mozilla/4.08 [en] (Win98; I ;Nav)\"}",
            fields(COMBINED, "127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] \"GET /apache_pb.gif HTTP/1.0\" 200 2326 "
                + "\"http://www.example.com/start.html\" \"Mozilla/4.08 [en] (Win98; I ;Nav)\""));
    }

    @Test
    void theServersOfNasaWroteHostNamesAndNoProtocol() {
        assertEquals("{\"client_ip\":\"piweba3y.prodigy.com\",\"@timestamp\":804571201,\"method\":\"GET\",\"path\":\"/shuttle/\",\"status\":304}",
            fields(COMMON, "piweba3y.prodigy.com - - [01/Jul/1995:00:00:01 -0400] \"GET /shuttle/\" 304 -"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', quoteCharacter = '`', value = {
        "\"GET / HTTP/1.1\" 200 0 \"-\" \"-\" | user_agent | ``",
        "\"GET / HTTP/1.1\" 200 0 \"-\" \"a \\\"b\\\" c\" | user_agent | a \"b\" c",
        "\"GET / HTTP/1.1\" 200 0 \"-\" \"back\\\\\" | user_agent | back\\",
        "\"GET / HTTP/1.1\" 200 0 \"-\" \"\" | user_agent | ``",
        "\"GET /\\x22 HTTP/1.1\" 200 0 \"-\" \"x\" | path | /\\x22",
        "\"GET /a b HTTP/1.1\" 200 0 \"-\" \"x\" | path | /a b",
        "\"GET /a\"b HTTP/1.1\" 200 0 \"-\" \"x\" | path | /a\"b",
        "\"GET /a.mpg\" HTTP/1.0\" 200 0 \"-\" \"x\" | path | /a.mpg\"",
        "\"-\" 408 0 \"-\" \"x\" | method | ``",
        "\"\\x16\\x03\" 400 226 \"-\" \"-\" | request | \\x16\\x03",
        "\"GET / HTTP/1.1\" 200 0 \"-\" \"x\" \"10.0.0.1\" 0.005 | user_agent | x",
        "\"GET /ä HTTP/1.1\" 200 0 \"-\" \"x\" | path | /ä"})
    void hardLinesAreRead(String rest, String column, String value) throws IOException {
        assertEquals(value == null ? "" : value, tree(COMBINED, HEAD + rest).path(column).asText());
    }

    @Test
    void aLineOfTheCombinedFormatIsOneOfTheCommonFormatToo() throws IOException {
        assertEquals(200, tree(COMMON, HEAD + "\"GET /\" 200 1 \"-\" \"x\"").path("status").asInt());
    }

    @Test
    void anAddressOfTheSixthVersionAndAUserWithASpaceAreRead() throws IOException {
        String line = "2001:db8::1 ident John Doe [10/Oct/2000:13:55:36 -0700] \"GET / HTTP/2.0\" 200 1\r\n";
        assertEquals("2001:db8::1", tree(COMMON, line).path("client_ip").asText());
        assertEquals("John Doe", tree(COMMON, line).path("user").asText());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "a b c", HEAD, HEAD + "\"GET / HTTP/1.1", HEAD + "\"GET / HTTP/1.1\"", HEAD + "\"GET / HTTP/1.1\" 200",
        HEAD + "\"GET / HTTP/1.1\" abc 1", HEAD + "\"GET / HTTP/1.1\" 200 1x", HEAD + "GET / 200 1", HEAD + "\"GET /\" 200 99999999999999999999",
        "1.2.3.4 - - [10/Foo/2000:13:55:36 -0700] \"GET /\" 200 1", "1.2.3.4 - - 10/Oct/2000:13:55:36 \"GET /\" 200 1",
        "{\"a\":1}"})
    void whatIsNoLineOfTheCommonFormatIsInvalid(String line) {
        assertThrows(InvalidRecordException.class, () -> fields(COMMON, line));
    }

    @ParameterizedTest
    @ValueSource(strings = {HEAD + "\"GET /\" 200 1", HEAD + "\"GET /\" 200 1 \"-\"", HEAD + "\"GET /\" 200 1 \"-\" \"open"})
    void theCombinedFormatNeedsItsLastTwoParts(String line) {
        assertThrows(InvalidRecordException.class, () -> fields(COMBINED, line));
    }

    @Test
    void aLineOfAMegabyteIsReadOrRefusedButEndsNothing() throws IOException {
        String escapes = "\\\"".repeat(500_000);
        assertEquals(500_000, tree(COMBINED, HEAD + "\"GET / HTTP/1.1\" 200 0 \"-\" \"" + escapes + "\"").path("user_agent").asText().length());
        assertThrows(InvalidRecordException.class, () -> fields(COMBINED, HEAD + "\"" + escapes));
    }
}
