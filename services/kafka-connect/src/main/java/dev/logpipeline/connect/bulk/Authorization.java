package dev.logpipeline.connect.bulk;

import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.Optional;

/** How a request says who sends it. */
public final class Authorization {

    private Authorization() {}

    /** The value of the header of that name; each argument may be empty, and an API key goes first. */
    public static Optional<String> header(String apiKey, String username, String password) {
        if (!apiKey.isEmpty()) {
            return Optional.of("ApiKey " + apiKey);
        }
        if (!username.isEmpty()) {
            byte[] credentials = (username + ":" + password).getBytes(StandardCharsets.UTF_8);
            return Optional.of("Basic " + Base64.getEncoder().encodeToString(credentials));
        }
        return Optional.empty();
    }
}
