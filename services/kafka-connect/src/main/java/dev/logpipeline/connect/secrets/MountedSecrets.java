package dev.logpipeline.connect.secrets;

import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;

import org.apache.kafka.common.config.ConfigData;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.provider.DirectoryConfigProvider;

/**
 * The files of a mounted Secret as values, <code>${secrets:FOLDER:KEY}</code>, as Kafka's own provider reads them, but without the line
 * breaks that editors and shells put at a file's end, and with an error for a key that is not there: else the placeholder itself would
 * be sent as the password.
 */
public class MountedSecrets extends DirectoryConfigProvider {

    @Override
    public ConfigData get(String path) {
        return formed(super.get(path));
    }

    @Override
    public ConfigData get(String path, Set<String> keys) {
        ConfigData found = super.get(path, keys);
        Set<String> missing = new TreeSet<>(keys);
        missing.removeAll(found.data().keySet());
        if (!missing.isEmpty()) {
            throw new ConfigException("the secret at " + path + " has no " + String.join(" and no ", missing));
        }
        return formed(found);
    }

    /** What becomes of a value before it is put into the settings. */
    protected String form(String value) {
        return value;
    }

    private ConfigData formed(ConfigData secret) {
        UnaryOperator<String> end = value -> value.replaceFirst("[\r\n]+\\z", "");
        return new ConfigData(secret.data().entrySet().stream()
            .collect(Collectors.toMap(Map.Entry::getKey, entry -> form(end.apply(entry.getValue())))));
    }
}
