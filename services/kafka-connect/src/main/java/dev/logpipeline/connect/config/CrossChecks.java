package dev.logpipeline.connect.config;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import java.util.stream.Collectors;

import org.apache.kafka.common.config.ConfigValue;

/** What settings must hold together. Reported with the single checks, so that one validate call shows everything that is wrong. */
public final class CrossChecks {

    private static final String MAX_POLL_INTERVAL = "consumer.override.max.poll.interval.ms";
    private static final long DEFAULT_MAX_POLL_INTERVAL = 300_000;

    private final Map<String, String> settings;
    private final Map<String, ConfigValue> values;

    private CrossChecks(Map<String, String> settings, Map<String, ConfigValue> values) {
        this.settings = settings;
        this.values = values;
    }

    /** Adds its findings to the values of the settings that would have to change. */
    public static void run(Map<String, String> settings, List<ConfigValue> values) {
        CrossChecks checks = new CrossChecks(settings, values.stream().collect(Collectors.toMap(ConfigValue::name, Function.identity())));
        checks.authentication();
        checks.encryption();
        checks.format();
        checks.patience();
    }

    private void authentication() {
        if (given(SinkConfig.API_KEY) && given(SinkConfig.USERNAME)) {
            report(SinkConfig.API_KEY, "set either connection.api.key or connection.username, not both");
        }
        if (given(SinkConfig.USERNAME) != given(SinkConfig.PASSWORD)) {
            report(given(SinkConfig.USERNAME) ? SinkConfig.PASSWORD : SinkConfig.USERNAME,
                "set both connection.username and connection.password, or neither");
        }
    }

    private void encryption() {
        if (given(SinkConfig.CA) && !text(SinkConfig.URL).toLowerCase(Locale.ROOT).contains("https://")) {
            report(SinkConfig.CA, "connection.ssl.ca has no use: no address in connection.url starts with https://");
        }
    }

    private void format() {
        if (given(SinkConfig.FIELDS) && given(SinkConfig.FORMAT) && !"json".equals(text(SinkConfig.FORMAT))) {
            report(SinkConfig.FIELDS, "record.fields applies to record.format=json: a line of an access log has no other field names");
        }
    }

    /** A task that is busy for longer than its consumer may be silent loses its partitions to another one, which fares no better. */
    private void patience() {
        Long timeout = number(SinkConfig.REQUEST_TIMEOUT);
        Long retries = number(SinkConfig.RETRY_MAX);
        Long backoff = number(SinkConfig.RETRY_BACKOFF_MAX);
        if (timeout == null || retries == null || backoff == null) {
            return;
        }
        long longest = (retries + 1) * timeout + retries * backoff;
        // A value that is no number is the consumer's to complain of.
        long silence = text(MAX_POLL_INTERVAL).matches("[0-9]{1,18}") ? Long.parseLong(text(MAX_POLL_INTERVAL)) : DEFAULT_MAX_POLL_INTERVAL;
        if (longest > silence) {
            report(SinkConfig.RETRY_MAX, "retry.max, request.timeout.ms and retry.backoff.max.ms let one delivery last " + longest
                + " ms, longer than the " + silence + " ms of " + MAX_POLL_INTERVAL + ": lower them, or raise that");
        }
    }

    private boolean given(String name) {
        return !text(name).isEmpty();
    }

    private String text(String name) {
        return settings.getOrDefault(name, "");
    }

    /** The value as parsed, defaults included; null when it could not be parsed, which is reported already. */
    private Long number(String name) {
        return values.get(name).value() instanceof Number number ? Long.valueOf(number.longValue()) : null;
    }

    private void report(String name, String message) {
        values.get(name).addErrorMessage(message);
    }
}
