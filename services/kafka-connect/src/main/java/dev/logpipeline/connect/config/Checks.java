package dev.logpipeline.connect.config;

import java.net.URI;
import java.net.URISyntaxException;
import java.util.List;
import java.util.function.Consumer;
import java.util.regex.Pattern;

import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;

import dev.logpipeline.connect.bulk.Tls;
import dev.logpipeline.connect.document.FieldMapping;

/** What one setting may hold, by itself. Each message says what to write instead. */
final class Checks {

    /** Elasticsearch's rules for an index name, once the placeholders are taken out. */
    private static final Pattern INDEX_TEXT = Pattern.compile("[^A-Z\\\\/*?\"<>| ,#:${}]*");
    private static final Pattern PLACEHOLDER = Pattern.compile("\\$\\{(topic|date)}");

    static final ConfigDef.Validator URLS = check("a list of http:// or https:// addresses", Checks::urls);
    static final ConfigDef.Validator INDEX = check("a name in lower case, with ${topic} and ${date}", Checks::index);
    static final ConfigDef.Validator FIELDS = check("a list of column=path", value -> FieldMapping.parse(strings(value)));
    static final ConfigDef.Validator NOT_EMPTY = check("not empty", Checks::notEmpty);
    static final ConfigDef.Validator CERTIFICATES = check("a PEM file that can be read, or empty", Checks::certificates);

    private Checks() {}

    static ConfigDef.Validator oneOf(List<String> names) {
        return ConfigDef.ValidString.in(names.toArray(String[]::new));
    }

    private static void urls(Object value) {
        List<String> urls = strings(value);
        require(!urls.isEmpty(), "name at least one address, such as http://localhost:9200");
        for (String text : urls) {
            URI url = uri(text);
            // Never repeated in the message: the address may carry a password.
            require(url.getRawUserInfo() == null, "an address must not hold a user: set connection.username and connection.password");
            require(url.getHost() != null && ("http".equals(url.getScheme()) || "https".equals(url.getScheme())),
                "'" + text + "' is not an address of the form http://host:port or https://host:port");
            require(url.getRawQuery() == null && url.getRawFragment() == null, "'" + text + "' must end with its host, port or path");
        }
    }

    private static URI uri(String text) {
        try {
            return new URI(text);
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException("not an address of the form http://host:port or https://host:port: " + e.getReason());
        }
    }

    private static void index(Object value) {
        String name = (String) value;
        String text = PLACEHOLDER.matcher(name).replaceAll("x");
        require(!name.isBlank() && INDEX_TEXT.matcher(text).matches(),
            "'" + name + "' is no index name: lower case, none of \\ / * ? \" < > | , # : or space, and only ${topic} and ${date} are replaced");
        require(!text.startsWith("-") && !text.startsWith("_") && !text.startsWith("+"), "'" + name + "' must not start with - _ or +");
    }

    private static void notEmpty(Object value) {
        require(!((String) value).isBlank(), "must not be empty");
    }

    private static void certificates(Object value) {
        String path = (String) value;
        if (!path.isEmpty()) {
            Tls.context(path);
        }
    }

    private static void require(boolean condition, String message) {
        if (!condition) {
            throw new IllegalArgumentException(message);
        }
    }

    @SuppressWarnings("unchecked") // ConfigDef has parsed it as Type.LIST
    private static List<String> strings(Object value) {
        return (List<String>) value;
    }

    /** A validator of that name; a check fails with an IllegalArgumentException, whose message is shown after the setting's name. */
    private static ConfigDef.Validator check(String description, Consumer<Object> check) {
        return new ConfigDef.Validator() {
            @Override
            public void ensureValid(String name, Object value) {
                if (value == null) {
                    return; // reported by ConfigDef as missing
                }
                try {
                    check.accept(value);
                } catch (IllegalArgumentException e) {
                    throw new ConfigException(name + ": " + e.getMessage());
                }
            }

            @Override
            public String toString() {
                return description;
            }
        };
    }
}
