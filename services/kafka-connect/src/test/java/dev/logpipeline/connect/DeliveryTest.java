package dev.logpipeline.connect;

import static dev.logpipeline.connect.FakeElasticsearch.atMost;
import static dev.logpipeline.connect.FakeElasticsearch.half;
import static dev.logpipeline.connect.FakeElasticsearch.nowhere;
import static dev.logpipeline.connect.FakeElasticsearch.stall;
import static dev.logpipeline.connect.FakeElasticsearch.status;
import static dev.logpipeline.connect.FakeElasticsearch.text;
import static dev.logpipeline.connect.Records.later;
import static dev.logpipeline.connect.Records.record;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;

/** Whatever Elasticsearch does, put() returns only when each record is stored or among the dead letters. */
class DeliveryTest {

    private static final Set<String> ALL = Set.of("Test-inter+3+0", "Test-inter+3+1", "Test-inter+3+2");

    private FakeElasticsearch elasticsearch;

    @BeforeEach
    void start() throws IOException {
        elasticsearch = new FakeElasticsearch();
    }

    @AfterEach
    void stop() {
        elasticsearch.close();
    }

    private static SinkRecord[] three() {
        return new SinkRecord[] {record(0, "{\"n\":0}"), record(1, "{\"n\":1}"), record(2, "{\"n\":2}")};
    }

    static Stream<Arguments> passing() {
        return Stream.of(
            Arguments.of("too many requests", status(429)),
            Arguments.of("no master", status(503)),
            Arguments.of("a proxy without its server", text(502, "<html>")),
            Arguments.of("half an answer", half()),
            Arguments.of("an answer that does not end", stall()),
            Arguments.of("not JSON", text(200, "<html>")),
            Arguments.of("an answer to something else", text(200, "{}")),
            Arguments.of("too few results", text(200, "{\"errors\":false,\"items\":[{\"create\":{\"status\":201}}]}")));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("passing")
    void whatPassesIsTriedAgain(String name, FakeElasticsearch.Answer answer) {
        elasticsearch.then(answer);
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            task.put(three());
            assertEquals(ALL, elasticsearch.stored().keySet());
            assertEquals(Map.of(), task.deadLetters());
            assertEquals(2, elasticsearch.requests());
        }
    }

    @Test
    void whatWasStoredBeforeTheAnswerWasLostIsNotStoredTwice() {
        elasticsearch.then(elasticsearch.storeThen(500));
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            task.put(three());
            assertEquals(ALL, elasticsearch.stored().keySet());
            assertEquals(Map.of(), task.deadLetters());
        }
    }

    @Test
    void whenElasticsearchStaysAwayConnectIsAskedToDeliverAgain() {
        elasticsearch.then(status(503)).then(status(503)).then(status(503));
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            assertThrows(RetriableException.class, () -> task.put(three()));
            assertEquals(2L, task.redelivery());
            task.put(three());
            assertEquals(ALL, elasticsearch.stored().keySet());
        }
    }

    @Test
    void recordsOfATopicThatWasCreatedAgainAreStoredBesideTheOldOnesOnce() {
        SinkRecord[] second = {later(0, "{\"n\":0}"), later(1, "{\"n\":7}")};
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            task.put(three());
            task.put(second);
            assertEquals(5, elasticsearch.stored().size());
            task.put(second);
            task.put(three());
            assertEquals(5, elasticsearch.stored().size());
            assertEquals(Map.of(), task.deadLetters());
        }
        Set<String> values = elasticsearch.stored().entrySet().stream()
            .filter(document -> !ALL.contains(document.getKey())).map(document -> document.getValue().path("n").asText()).collect(Collectors.toSet());
        assertEquals(Set.of("0", "7"), values);
    }

    @Test
    void aDocumentOfAnEarlierVersionIsTheSameRecordWhenItHasTheSameFields() throws IOException {
        ObjectMapper json = new ObjectMapper();
        elasticsearch.stored().put("Test-inter+3+0", json.readTree("{\"n\":0,\"@timestamp\":1659509511.25}"));
        elasticsearch.stored().put("Test-inter+3+1", json.readTree("{\"n\":7,\"@timestamp\":1659509511.25}"));
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            task.put(three());
            assertEquals(4, elasticsearch.stored().size());
            assertEquals(Map.of(), task.deadLetters());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "{\"host\":{\"name\":\"a\"}} | [1:9] failed to parse field [host] of type [keyword] in document with id '1'. Preview | host | {\"name\":\"a\"}",
        "{\"host\":[{\"name\":\"a\"}]} | failed to parse field [host] of type [keyword] in document with id '1' | host | [{\"name\":\"a\"}]",
        "{\"a\":{\"b\":\"x\"}} | [1:9] failed to parse field [a.b] of type [long] in document | logpipeline.unindexed.a.b | x",
        "{\"a.b\":{\"c\":1}} | [1:9] failed to parse field [a.b] of type [long] in document | a.b | {\"c\":1}",
        "{\"host.name\":\"x\"} | [1:14] failed to parse field [host] of type [keyword] in document | logpipeline.unindexed.host.name | x",
        "{\"a\":7} | [1:9] object mapping for [a] tried to parse field [a] as object, but found a concrete value | logpipeline.unindexed.a | 7"})
    void aValueThatDoesNotFitItsFieldCostsThatFieldAlone(String value, String reason, String field, String kept) {
        elasticsearch.then(elasticsearch.item(0, 400, "document_parsing_exception", reason));
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            task.put(record(0, value), record(1, "{}"));
            assertEquals(Map.of(), task.deadLetters());
            JsonNode document = elasticsearch.stored().get("Test-inter+3+0");
            JsonNode own = field.startsWith("logpipeline") ? document.path("logpipeline").path("unindexed") : document;
            assertEquals(field.startsWith("logpipeline"), document.path("logpipeline").has("unindexed"));
            assertEquals(kept, own.path(field.replace("logpipeline.unindexed.", "")).asText(), document.toString());
        }
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {"{\"@timestamp\":{}} | failed to parse field [@timestamp] of type [date]", "{} | failed to parse field [host] of type [keyword]"})
    void aTimeThatDoesNotFitOrAFieldThatIsNotThereIsADeadLetter(String value, String reason) {
        elasticsearch.then(elasticsearch.item(0, 400, "document_parsing_exception", reason));
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            task.put(record(0, value));
            assertEquals(Set.of(0L), task.deadLetters().keySet());
        }
    }

    @Test
    void aPoisonRecordIsReportedOnceHoweverOftenItIsDelivered() {
        elasticsearch.then(status(503)).then(status(503)).then(status(503));
        SinkRecord[] records = {record(0, "{\"n\":0}"), record(1, "{"), record(2, "{\"n\":2}")};
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            assertThrows(RetriableException.class, () -> task.put(records));
            task.put(records);
            assertEquals(Set.of(1L), task.deadLetters().keySet());
            assertEquals(Set.of("Test-inter+3+0", "Test-inter+3+2"), elasticsearch.stored().keySet());
        }
    }

    @ParameterizedTest
    @CsvSource({"400,document_parsing_exception", "400,illegal_argument_exception", "413,too_large"})
    void aDocumentThatIsRefusedBecomesADeadLetterAlone(int status, String type) {
        elasticsearch.then(elasticsearch.item(1, status, type));
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            task.put(three());
            assertEquals(Map.of(1L, "Elasticsearch " + status + " " + type + ": a reason"), task.deadLetters());
            assertEquals(Set.of("Test-inter+3+0", "Test-inter+3+2"), elasticsearch.stored().keySet());
        }
    }

    @ParameterizedTest
    @CsvSource({"429,es_rejected_execution_exception", "503,unavailable_shards_exception", "403,cluster_block_exception",
        "400,index_closed_exception", "400,validation_exception"})
    void aDocumentThatIsRefusedForNowIsSentAgainAlone(int status, String type) {
        elasticsearch.then(elasticsearch.item(1, status, type));
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            task.put(three());
            assertEquals(Map.of(), task.deadLetters());
            assertEquals(ALL, elasticsearch.stored().keySet());
        }
    }

    @Test
    void aRefusalForNowThatLastsIsDeliveredAgain() {
        for (int i = 0; i < 3; i++) {
            elasticsearch.then(elasticsearch.item(0, 429, "es_rejected_execution_exception"));
        }
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            RetriableException error = assertThrows(RetriableException.class, () -> task.put(three()));
            assertTrue(error.getMessage().contains("es_rejected_execution_exception"), error.getMessage());
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {401, 403})
    void whoeverIsNotAllowedInIsToldWhichSettingToChange(int status) {
        elasticsearch.then(status(status));
        try (TaskHarness task = new TaskHarness(elasticsearch.url(), "connection.api.key", "c2VjcmV0")) {
            ConnectException error = assertThrows(ConnectException.class, () -> task.put(three()));
            assertFalse(error instanceof RetriableException);
            assertTrue(error.getMessage().contains("connection.api.key"), error.getMessage());
            assertFalse(error.getMessage().contains("c2VjcmV0"), error.getMessage());
            assertEquals(1, elasticsearch.requests());
        }
    }

    @ParameterizedTest
    @CsvSource({"403,security_exception", "404,index_not_found_exception", "400,invalid_index_name_exception"})
    void anIndexThatTakesNothingIsNoFaultOfTheRecords(int status, String type) {
        elasticsearch.then(elasticsearch.item(0, status, type));
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            ConnectException error = assertThrows(ConnectException.class, () -> task.put(three()));
            assertFalse(error instanceof RetriableException);
            assertTrue(error.getMessage().contains("setting index"), error.getMessage());
            assertEquals(Map.of(), task.deadLetters());
        }
    }

    @Test
    void aRequestThatIsTooLargeIsHalved() {
        for (int i = 0; i < 9; i++) {
            elasticsearch.then(atMost(1, elasticsearch.item(-1, 0, "")));
        }
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            task.put(three());
            assertEquals(ALL, elasticsearch.stored().keySet());
            assertEquals(5, elasticsearch.requests()); // 3, 1, 2, 1, 1
        }
    }

    @Test
    void aDocumentThatIsTooLargeAloneBecomesADeadLetter() {
        elasticsearch.then(status(413));
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            task.put(record(7, "{}"));
            assertEquals(Set.of(7L), task.deadLetters().keySet());
        }
    }

    @Test
    void theNextNodeTakesWhatTheFirstOneDoesNot() throws IOException {
        try (FakeElasticsearch second = new FakeElasticsearch();
                TaskHarness task = new TaskHarness(elasticsearch.url() + "," + second.url(), "retry.max", "0")) {
            elasticsearch.then(status(503));
            task.put(three());
            task.put(record(3, "{}"));
            assertEquals(4, second.stored().size());
            assertEquals(1, elasticsearch.requests()); // it is left alone while the second one answers
        }
    }

    @Test
    void aNodeThatCannotBeReachedIsPassedOver() throws IOException {
        try (TaskHarness task = new TaskHarness(nowhere() + "," + elasticsearch.url(), "retry.max", "0")) {
            task.put(three());
            assertEquals(ALL, elasticsearch.stored().keySet());
        }
    }

    @Test
    void smallBatchesGoInSeveralRequests() {
        try (TaskHarness task = new TaskHarness(elasticsearch.url(), "batch.records", "1")) {
            task.put(three());
            assertEquals(ALL, elasticsearch.stored().keySet());
            assertEquals(3, elasticsearch.requests());
        }
    }

    @Test
    void credentialsGoWithEachRequest() {
        try (TaskHarness key = new TaskHarness(elasticsearch.url(), "connection.api.key", "a2V5");
                TaskHarness user = new TaskHarness(elasticsearch.url(), "connection.username", "me", "connection.password", "pass")) {
            key.put(record(0, "{}"));
            user.put(record(1, "{}"));
            assertEquals(List.of("ApiKey a2V5", "Basic bWU6cGFzcw=="), elasticsearch.authorizations());
        }
    }

    @Test
    void theWrongConverterIsNoFaultOfTheRecords() {
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            ConnectException error = assertThrows(ConnectException.class, () -> task.put(record(0, (Object) Map.of("a", 1))));
            assertTrue(error.getMessage().contains("ByteArrayConverter"), error.getMessage());
        }
    }

    @Test
    void nothingIsSentForNothing() {
        try (TaskHarness task = new TaskHarness(elasticsearch.url())) {
            task.put();
            task.put(record(0, "{"));
            assertEquals(0, elasticsearch.requests());
            assertNull(task.redelivery());
            assertInstanceOf(String.class, task.deadLetters().get(0L));
        }
    }
}
