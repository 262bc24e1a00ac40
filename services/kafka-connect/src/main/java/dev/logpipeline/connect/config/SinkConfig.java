package dev.logpipeline.connect.config;

import static org.apache.kafka.common.config.ConfigDef.Range.atLeast;
import static org.apache.kafka.common.config.ConfigDef.Range.between;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;

import javax.net.ssl.SSLContext;

import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigDef.Width;

import dev.logpipeline.connect.bulk.Authorization;
import dev.logpipeline.connect.bulk.Tls;
import dev.logpipeline.connect.document.DocumentFactory;
import dev.logpipeline.connect.document.FieldMapping;
import dev.logpipeline.connect.document.RecordFormat;
import dev.logpipeline.connect.document.TimestampFormat;

/** The connector's settings: what each one means, what it may hold, and its value in one configuration. */
public final class SinkConfig extends AbstractConfig {

    public static final String URL = "connection.url";
    public static final String USERNAME = "connection.username";
    public static final String PASSWORD = "connection.password";
    public static final String API_KEY = "connection.api.key";
    public static final String CA = "connection.ssl.ca";
    public static final String CONNECT_TIMEOUT = "connection.timeout.ms";
    public static final String REQUEST_TIMEOUT = "request.timeout.ms";
    public static final String INDEX = "index";
    public static final String FORMAT = "record.format";
    public static final String FIELDS = "record.fields";
    public static final String TIMESTAMP_FIELD = "record.timestamp.field";
    public static final String TIMESTAMP_FORMAT = "record.timestamp.format";
    public static final String BATCH_RECORDS = "batch.records";
    public static final String BATCH_BYTES = "batch.bytes";
    public static final String REQUESTS_IN_FLIGHT = "requests.in.flight";
    public static final String RETRY_MAX = "retry.max";
    public static final String RETRY_BACKOFF = "retry.backoff.ms";
    public static final String RETRY_BACKOFF_MAX = "retry.backoff.max.ms";

    public static final ConfigDef DEFINITION = define();

    public SinkConfig(Map<String, String> settings) {
        super(DEFINITION, settings);
    }

    public List<String> urls() {
        return getList(URL);
    }

    public Duration millis(String name) {
        return Duration.ofMillis(getInt(name));
    }

    /** Empty where Elasticsearch asks for no authentication. */
    public Optional<String> authorization() {
        return Authorization.header(getPassword(API_KEY).value(), getString(USERNAME), getPassword(PASSWORD).value());
    }

    /** Empty for the JVM's own certificate authorities. */
    public Optional<SSLContext> tls() {
        return getString(CA).isEmpty() ? Optional.empty() : Optional.of(Tls.context(getString(CA)));
    }

    public DocumentFactory documents() {
        String index = getString(INDEX);
        return switch (RecordFormat.named(getString(FORMAT))) {
            case JSON -> DocumentFactory.json(
                index, FieldMapping.parse(getList(FIELDS)), getString(TIMESTAMP_FIELD), TimestampFormat.named(getString(TIMESTAMP_FORMAT)));
            case COMMON -> DocumentFactory.common(index);
            case COMBINED -> DocumentFactory.combined(index);
        };
    }

    private static ConfigDef define() {
        Section connection = new Section("Connection");
        Section index = new Section("Index");
        Section records = new Section("Records");
        Section delivery = new Section("Delivery");
        ConfigDef def = new ConfigDef();

        connection.add(def, URL, "Elasticsearch URLs", Type.LIST, ConfigDef.NO_DEFAULT_VALUE, Checks.URLS, Importance.HIGH, Width.LONG,
            "Addresses of the Elasticsearch nodes, as http://host:port or https://host:port. A node that does not answer is left for the next.");
        connection.add(def, USERNAME, "User name", Type.STRING, "", null, Importance.MEDIUM, Width.MEDIUM,
            "User name for basic authentication. Empty: none.");
        connection.add(def, PASSWORD, "Password", Type.PASSWORD, "", null, Importance.MEDIUM, Width.MEDIUM,
            "Password of connection.username.");
        connection.add(def, API_KEY, "API key", Type.PASSWORD, "", null, Importance.MEDIUM, Width.LONG,
            "API key in its encoded form, instead of a user name. It needs the privileges create_doc and auto_configure on the index.");
        connection.add(def, CA, "CA certificates", Type.STRING, "", Checks.CERTIFICATES, Importance.MEDIUM, Width.LONG,
            "PEM file, on the worker, of the certificate authorities that https addresses are checked against. Empty: those of the JVM.");
        connection.add(def, CONNECT_TIMEOUT, "Connection time-out", Type.INT, 5_000, between(1, 300_000), Importance.LOW, Width.SHORT,
            "Milliseconds that opening a connection may take.");
        connection.add(def, REQUEST_TIMEOUT, "Request time-out", Type.INT, 30_000, between(1, 300_000), Importance.LOW, Width.SHORT,
            "Milliseconds that one bulk request may take, to the last byte of its answer.");

        index.add(def, INDEX, "Index", Type.STRING, ConfigDef.NO_DEFAULT_VALUE, Checks.INDEX, Importance.HIGH, Width.MEDIUM,
            "Index to write to. ${topic} stands for the record's topic in lower case, ${date} for the UTC day (yyyy.MM.dd) of its Kafka "
                + "timestamp, so that a record that is delivered again goes to the same index.");

        records.add(def, FORMAT, "Record format", Type.STRING, "json", Checks.oneOf(RecordFormat.names()), Importance.HIGH, Width.SHORT,
            "json: an object a record. common, combined: a line a record, in the access log format of that name. "
                + "Read with value.converter=org.apache.kafka.connect.converters.ByteArrayConverter.");
        records.add(def, FIELDS, "Field mapping", Type.LIST, "", Checks.FIELDS, Importance.MEDIUM, Width.LONG,
            "Columns to take from other fields of a JSON record, as column=path; a dot in the path leads into an object. "
                + "For example client_ip=remote_ip,status=response.code. The record's own fields are kept.");
        records.add(def, TIMESTAMP_FIELD, "Timestamp field", Type.STRING, "@timestamp", Checks.NOT_EMPTY, Importance.MEDIUM, Width.MEDIUM,
            "Path of the field of a JSON record that holds its time. A record without it is given its Kafka timestamp.");
        records.add(def, TIMESTAMP_FORMAT, "Timestamp format", Type.STRING, "epoch", Checks.oneOf(TimestampFormat.names()),
            Importance.MEDIUM, Width.SHORT,
            "How that field is written: epoch (seconds, with a fraction or without), epoch_millis, iso8601, or clf (10/Oct/2000:13:55:36 -0700).");

        delivery.add(def, BATCH_RECORDS, "Records a request", Type.INT, 2_000, between(1, 100_000), Importance.MEDIUM, Width.SHORT,
            "Most records in one bulk request.");
        delivery.add(def, BATCH_BYTES, "Bytes a request", Type.INT, 5 << 20, between(1 << 10, 100 << 20), Importance.MEDIUM, Width.SHORT,
            "Most bytes in one bulk request; a single record that is larger is sent by itself.");
        delivery.add(def, REQUESTS_IN_FLIGHT, "Requests in flight", Type.INT, 2, between(1, 16), Importance.MEDIUM, Width.SHORT,
            "Most bulk requests that one task has under way at a time.");
        delivery.add(def, RETRY_MAX, "Retries", Type.INT, 5, atLeast(0), Importance.LOW, Width.SHORT,
            "Times a request is sent again before its records are handed back to Kafka Connect, which delivers them again without end.");
        delivery.add(def, RETRY_BACKOFF, "First backoff", Type.INT, 200, between(1, 60_000), Importance.LOW, Width.SHORT,
            "Milliseconds before the first retry; doubled for each one after it, and varied at random by up to a half.");
        delivery.add(def, RETRY_BACKOFF_MAX, "Longest backoff", Type.INT, 10_000, between(1, 300_000), Importance.LOW, Width.SHORT,
            "Most milliseconds between two retries, and between two deliveries by Kafka Connect while Elasticsearch is away.");
        return def;
    }

    /** A group of settings, in the order in which a user interface shows them. */
    private static final class Section {
        private final String name;
        private int order;

        Section(String name) {
            this.name = name;
        }

        void add(ConfigDef def, String key, String displayName, Type type, Object defaultValue, ConfigDef.Validator validator,
                Importance importance, Width width, String documentation) {
            def.define(key, type, defaultValue, validator, importance, documentation, name, ++order, width, displayName);
        }
    }
}
