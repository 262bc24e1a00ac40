package dev.logpipeline.connect.document;

import static dev.logpipeline.connect.Records.record;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

import com.fasterxml.jackson.databind.JsonNode;

/** Raw record to fields, or of what kind its fault is: the vectors that the goals' reader is held to as well. */
class RecordVectorsTest {

    private static final Path VECTORS = Path.of("../../tests/data/record_vectors.json");
    private static final List<String> COLUMNS =
        List.of("client_ip", "method", "path", "protocol", "status", "bytes", "referrer", "user_agent");
    private static final Map<String, String> FAULTS =
        Map.of("line", "not a line of the ", "time", "' is not a time in the format ", "json", "not JSON", "object", "not a JSON object");

    static Stream<Arguments> vectors() throws IOException {
        JsonNode all = Json.MAPPER.readTree(Files.readString(VECTORS));
        return StreamSupport.stream(all.spliterator(), false).map(vector -> Arguments.of(vector.path("name").asText(), vector));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("vectors")
    void aRecordHasTheFieldsThatTheGoalsSee(String name, JsonNode vector) throws IOException {
        Object line = text(vector.path("line")).getBytes(StandardCharsets.ISO_8859_1);
        DocumentFactory factory = factory(vector);
        if (vector.has("invalid")) {
            String reason = assertThrows(InvalidRecordException.class, () -> factory.create(record(0, line))).getMessage();
            assertTrue(reason.contains(FAULTS.get(vector.path("invalid").asText())), reason);
            return;
        }
        JsonNode document = Json.MAPPER.readTree(factory.create(record(0, line)).fields());
        Map<String, String> expected = new TreeMap<>();
        vector.path("fields").properties().forEach(field -> expected.put(field.getKey(), text(field.getValue())));
        Map<String, String> found = new TreeMap<>();
        COLUMNS.stream().filter(document::has).forEach(column -> found.put(column, document.path(column).asText()));
        found.put("time", document.path("@timestamp").decimalValue().setScale(3, java.math.RoundingMode.FLOOR).stripTrailingZeros().toPlainString());
        assertEquals(expected, found);
    }

    private static DocumentFactory factory(JsonNode vector) {
        JsonNode time = vector.path("source").path("timestamp");
        List<String> fields = new ArrayList<>();
        vector.path("source").path("fields").properties().forEach(field -> fields.add(field.getKey() + "=" + field.getValue().asText()));
        return switch (RecordFormat.named(vector.path("format").asText())) {
            case COMMON -> DocumentFactory.common("logs");
            case COMBINED -> DocumentFactory.combined("logs");
            case JSON -> DocumentFactory.json("logs", FieldMapping.parse(fields), time.path("field").asText("@timestamp"),
                TimestampFormat.named(time.path("format").asText("epoch")));
        };
    }

    /** A text may be written in parts, some of them as [text, times]. */
    private static String text(JsonNode written) {
        if (!written.isArray()) {
            return written.asText();
        }
        StringBuilder text = new StringBuilder();
        written.forEach(part -> text.append(part.isArray() ? part.get(0).asText().repeat(part.get(1).asInt()) : part.asText()));
        return text.toString();
    }
}
