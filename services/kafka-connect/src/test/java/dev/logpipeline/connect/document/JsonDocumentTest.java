package dev.logpipeline.connect.document;

import static dev.logpipeline.connect.Records.record;
import static dev.logpipeline.connect.document.Documents.fields;
import static dev.logpipeline.connect.document.Documents.json;
import static dev.logpipeline.connect.document.Documents.timed;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonDocumentTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"@timestamp\":1659509511.123456,\"status\":200}",
        "{\"@timestamp\":\"1659509511.10\",\"status\":\"200\"}",
        "{\"@timestamp\":1659509511.10}",
        "{\"@timestamp\":1,\"a\":{\"b\":[1,{\"c\":null}]}}",
        "{\"@timestamp\":1,\"n\":1E+400,\"m\":12345678901234567890123}",
        "{\"@timestamp\":1,\"s\":\"ä€😀\\n\\u0000\"}",
        "{\"@timestamp\":\"no time\"}"})
    void anObjectIsKeptAsItIs(String record) {
        assertEquals(record, fields(json(), record));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{ \"@timestamp\" : 1 } | {\"@timestamp\":1}",
        "{\"@timestamp\":1,\"a\":1,\"a\":2} | {\"@timestamp\":1,\"a\":2}",
        "{} | {\"@timestamp\":1659509511.25}",
        "{\"@timestamp\":null} | {\"@timestamp\":1659509511.25}"})
    void whatIsMissingOrLooseIsSetRight(String record, String document) {
        assertEquals(document, fields(json(), record));
    }

    @ParameterizedTest
    @ValueSource(strings = {"", " ", "null", "1", "\"text\"", "[]", "[{}]", "{", "{\"a\":}", "{\"a\":NaN}", "{\"a\":Infinity}", "{} {}", "{}x",
        "{'a':1}", "{\"a\":1,}", "\ufeff{}", "{\"a\":01}", "{\"a\":\"\u0001\"}", "GET / HTTP/1.1"})
    void whatIsNoObjectIsInvalid(String record) {
        assertThrows(InvalidRecordException.class, () -> fields(json(), record));
    }

    @Test
    void aTombstoneIsInvalid() {
        assertThrows(InvalidRecordException.class, () -> json().create(record(0, (Object) null)));
    }

    @Test
    void depthWithoutEndIsInvalid() {
        String deep = "{\"a\":".repeat(100_000) + "1" + "}".repeat(100_000);
        assertThrows(InvalidRecordException.class, () -> fields(json(), deep));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "client_ip=remote_ip | {\"remote_ip\":\"::1\"} | {\"remote_ip\":\"::1\",\"client_ip\":\"::1\"}",
        "status=response.code | {\"response\":{\"code\":404}} | {\"response\":{\"code\":404},\"status\":404}",
        "status=response.code | {\"response.code\":404} | {\"response.code\":404,\"status\":404}",
        "status=response.code | {\"response\":404} | {\"response\":404}",
        "host=vhost | {\"host\":\"node\",\"vhost\":\"a.org\"} | {\"host\":\"a.org\",\"vhost\":\"a.org\"}",
        "status=code | {\"code\":null} | {\"code\":null,\"status\":null}"})
    void columnsAreTakenFromOtherFields(String mapping, String record, String document) {
        String withTime = fields(json(mapping), record);
        assertEquals(document, withTime.replace(",\"@timestamp\":1659509511.25", ""));
    }

    @Test
    void columnsMayExchangeTheirNames() {
        assertEquals("{\"@timestamp\":0,\"a\":2,\"b\":1}", fields(json("a=b", "b=a"), "{\"@timestamp\":0,\"a\":1,\"b\":2}"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"request\":\"GET /a?b=c HTTP/1.1\"} | \"method\":\"GET\",\"path\":\"/a?b=c\",\"protocol\":\"HTTP/1.1\"",
        "{\"request\":\"GET /a\"} | \"method\":\"GET\",\"path\":\"/a\"",
        "{\"request\":\"GET /a\",\"method\":\"POST\"} | \"path\":\"/a\"",
        "{\"req\":\"HEAD / HTTP/2.0\"} | \"method\":\"HEAD\",\"path\":\"/\",\"protocol\":\"HTTP/2.0\""})
    void aRequestLineIsTakenApart(String record, String parts) {
        String document = fields(record.contains("req\"") ? json("request=req") : json(), record);
        assertTrue(document.endsWith(",\"@timestamp\":1659509511.25}") || document.endsWith(parts + "}"), document);
        assertTrue(document.contains(parts), document);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"request\":\"-\"}", "{\"request\":7}", "{\"request\":\"\\u0016\\u0003 x\"}", "{\"request\":\"GET\"}"})
    void whatIsNoRequestLineIsLeftAlone(String record) {
        assertTrue(!fields(json(), record).contains("method"));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "CLF | {\"time\":\"03/Aug/2022:08:51:51 +0200\"} | 1659509511",
        "ISO8601 | {\"time\":\"2022-08-03T06:51:51.5+00:00\"} | 1659509511.5",
        "EPOCH_MILLIS | {\"time\":1659509511500} | 1659509511.500",
        "EPOCH | {\"time\":\"1659509511.5\"} | 1659509511.5",
        "CLF | {\"other\":1} | 1659509511.25",
        "CLF | {\"time\":\"03/Aug/2022:08:51:51 +0200\",\"@timestamp\":\"x\"} | 1659509511"})
    void aTimeInAnotherFieldBecomesTheTimestamp(TimestampFormat format, String record, String seconds) {
        String document = fields(timed("time", format), record);
        assertTrue(document.contains("\"@timestamp\":" + seconds), document);
    }

    @ParameterizedTest
    @ValueSource(strings = {"{\"time\":\"yesterday\"}", "{\"time\":{}}", "{\"time\":true}", "{\"time\":\"\"}"})
    void aTimeThatCannotBeReadIsInvalid(String record) {
        assertThrows(InvalidRecordException.class, () -> fields(timed("time", TimestampFormat.ISO8601), record));
    }

    @Test
    void theIndexFollowsTheRecordAlone() {
        DocumentFactory dated =
            DocumentFactory.json("${topic}-${date}", FieldMapping.parse(java.util.List.of()), "@timestamp", TimestampFormat.EPOCH);
        assertEquals("{\"create\":{\"_index\":\"test-inter-2022.08.03\",\"_id\":\"Test-inter+3+5\"}}",
            new String(dated.create(record(5, "{}")).action(), StandardCharsets.UTF_8));
        assertThrows(InvalidRecordException.class, () -> dated.create(record(5, "{}".getBytes(StandardCharsets.UTF_8), null)));
    }
}
