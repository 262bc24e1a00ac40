package dev.logpipeline.connect.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;

import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigValue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.logpipeline.connect.ElasticsearchSinkConnector;

class SinkConfigTest {

    /** The findings of Connect's validate call, as "setting: message". */
    private static List<String> findings(String... settings) {
        Map<String, String> all = new HashMap<>(Map.of("connection.url", "http://localhost:9200", "index", "logs"));
        for (int i = 0; i < settings.length; i += 2) {
            all.put(settings[i], settings[i + 1]);
        }
        return new ElasticsearchSinkConnector().validate(all).configValues().stream()
            .filter(value -> !value.errorMessages().isEmpty())
            .map(SinkConfigTest::line)
            .toList();
    }

    private static String line(ConfigValue value) {
        return value.name() + ": " + String.join("; ", value.errorMessages());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "connection.url | https://a:9200,http://b:9200/path",
        "index | ${topic}-${date}",
        "record.fields | client_ip=remote_ip, status=response.code",
        "record.format | combined",
        "consumer.override.max.poll.interval.ms | 600000"})
    void goodValuesPass(String name, String value) {
        assertEquals(List.of(), findings(name, value));
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "connection.url | '' | name at least one address",
        "connection.url | localhost:9200 | not an address of the form http://host:port",
        "connection.url | ftp://host | not an address of the form http://host:port",
        "connection.url | http://a b | not an address of the form http://host:port",
        "connection.url | http://host/?q | must end with its host, port or path",
        "index | Logs | lower case",
        "index | logs-${day} | only ${topic} and ${date} are replaced",
        "index | _logs | must not start with",
        "index | '' | is no index name",
        "record.format | xml | must be one of: json, common, combined",
        "record.fields | client_ip | not of the form column=path",
        "record.fields | a=b,a=c | named twice",
        "record.fields | @timestamp=time | record.timestamp.field",
        "record.timestamp.field | '' | must not be empty",
        "record.timestamp.format | unix | must be one of: epoch, epoch_millis, iso8601, clf",
        "connection.ssl.ca | /nowhere/ca.pem | cannot read the file /nowhere/ca.pem",
        "batch.records | 0 | at least 1",
        "requests.in.flight | 17 | no more than 16",
        "retry.max | -1 | at least 0"})
    void badValuesAreNamedWithWhatToWriteInstead(String name, String value, String message) {
        List<String> findings = findings(name, value);
        assertTrue(findings.stream().anyMatch(line -> line.startsWith(name) && line.contains(message)), findings.toString());
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', value = {
        "connection.api.key | k | connection.username | u | connection.password | p | connection.api.key: set either",
        "connection.username | u | retry.max | 1 | retry.backoff.ms | 1 | connection.password: set both",
        "connection.password | p | retry.max | 1 | retry.backoff.ms | 1 | connection.username: set both",
        "record.format | common | record.fields | a=b | retry.max | 1 | record.fields: record.fields applies to record.format=json",
        "request.timeout.ms | 60000 | retry.max | 9 | retry.backoff.ms | 1 | retry.max: retry.max, request.timeout.ms and"})
    void settingsThatContradictEachOtherAreFound(String a, String av, String b, String bv, String c, String cv, String finding) {
        List<String> findings = findings(a, av, b, bv, c, cv);
        assertEquals(1, findings.size(), findings.toString());
        assertTrue(findings.get(0).startsWith(finding), findings.toString());
    }

    @Test
    void aPasswordInAnAddressIsNotRepeated() {
        String findings = findings("connection.url", "http://user:geheim@host:9200").toString();
        assertTrue(findings.contains("connection.username"), findings);
        assertFalse(findings.contains("geheim"), findings);
    }

    @Test
    void everySettingIsExplained() {
        for (ConfigDef.ConfigKey key : SinkConfig.DEFINITION.configKeys().values()) {
            assertFalse(key.documentation.isBlank(), key.name);
            assertFalse(key.displayName.isBlank(), key.name);
            assertFalse(key.group.isBlank(), key.name);
        }
    }
}
