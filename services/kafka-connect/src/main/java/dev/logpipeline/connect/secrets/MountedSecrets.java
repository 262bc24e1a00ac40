package dev.logpipeline.connect.secrets;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

import org.apache.kafka.common.config.ConfigData;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.provider.ConfigProvider;

/**
 * The files of a mounted Secret as values, <code>${secrets:FOLDER:KEY}</code>, without the line breaks that editors and shells put at a
 * file's end. Only the files that the worker's parameter <code>allowed.files</code> names are read, by their exact paths with commas
 * between: whoever may configure a connector would otherwise read every credential of the worker. A file that is missing is an error: else
 * the placeholder itself would be sent as the password.
 */
public class MountedSecrets implements ConfigProvider {

    private Set<String> allowed = Set.of();

    @Override
    public void configure(Map<String, ?> settings) {
        Object files = settings.get("allowed.files");
        allowed = files == null ? Set.of() : Arrays.stream(files.toString().split(",")).collect(Collectors.toUnmodifiableSet());
    }

    @Override
    public ConfigData get(String folder) {
        String prefix = folder + "/";
        return get(folder, allowed.stream()
            .filter(file -> file.startsWith(prefix) && file.indexOf('/', prefix.length()) < 0)
            .map(file -> file.substring(prefix.length()))
            .collect(Collectors.toSet()));
    }

    @Override
    public ConfigData get(String folder, Set<String> keys) {
        Map<String, String> found = new HashMap<>();
        Set<String> missing = new TreeSet<>();
        for (String key : new TreeSet<>(keys)) {
            String file = folder + "/" + key;
            if (!allowed.contains(file)) {
                throw new ConfigException("a connector may not read " + key + " of the secret at " + folder);
            }
            if (Files.isRegularFile(Path.of(file))) {
                found.put(key, form(read(Path.of(file))));
            } else {
                missing.add(key);
            }
        }
        if (!missing.isEmpty()) {
            throw new ConfigException("the secret at " + folder + " has no " + String.join(" and no ", missing));
        }
        return new ConfigData(found);
    }

    /** What becomes of a value before it is put into the settings. */
    protected String form(String value) {
        return value;
    }

    private static String read(Path file) {
        try {
            return Files.readString(file).replaceFirst("[\r\n]+\\z", "");
        } catch (IOException error) {
            // Its message may hold what was read.
            throw new ConfigException("cannot read " + file + " as UTF-8 text");
        }
    }

    @Override
    public void close() {
    }
}
