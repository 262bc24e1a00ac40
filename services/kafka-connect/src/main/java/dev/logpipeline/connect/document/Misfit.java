package dev.logpipeline.connect.document;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;

/**
 * A field whose value Elasticsearch cannot take by its mapping: an object where a scalar is mapped, which no setting lets it ignore, or a
 * scalar where an object is mapped.
 */
record Misfit(String path) {

    private static final Pattern REFUSAL =
        Pattern.compile("(?:\\[[^\\]]*\\] )?(?:failed to parse field \\[([^\\]]+)\\] of type|object mapping for \\[([^\\]]+)\\] tried to parse field).*", Pattern.DOTALL);

    /** Out of the reason that Elasticsearch gives. */
    static Optional<Misfit> parse(String reason) {
        Matcher matcher = REFUSAL.matcher(reason);
        return matcher.matches() ? Optional.of(new Misfit(matcher.group(1) != null ? matcher.group(1) : matcher.group(2))) : Optional.empty();
    }

    /**
     * An object becomes its JSON text, which is what the goals read of it; what does not help is kept among what is not indexed.
     *
     * @return false when the document has no such field
     */
    boolean remove(ObjectNode document, Supplier<ObjectNode> unindexed) {
        return remove(document, path, unindexed);
    }

    private boolean remove(ObjectNode parent, String name, Supplier<ObjectNode> unindexed) {
        JsonNode value = parent.get(name);
        if (value != null) {
            if (value.isContainerNode()) {
                parent.put(name, Json.text(value));
            } else {
                unindexed.get().set(path, parent.remove(name));
            }
            return true;
        }
        for (int dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
            if (parent.get(name.substring(0, dot)) instanceof ObjectNode inner && remove(inner, name.substring(dot + 1), unindexed)) {
                return true;
            }
        }
        return removeBelow(parent, name, unindexed);
    }

    /** Names with dots are paths to Elasticsearch: {"host.name": …} stands for an object in host. */
    private static boolean removeBelow(ObjectNode parent, String name, Supplier<ObjectNode> unindexed) {
        List<String> below = new ArrayList<>();
        parent.fieldNames().forEachRemaining(field -> {
            if (field.startsWith(name + ".")) {
                below.add(field);
            }
        });
        below.forEach(field -> unindexed.get().set(field, parent.remove(field)));
        return !below.isEmpty();
    }
}
