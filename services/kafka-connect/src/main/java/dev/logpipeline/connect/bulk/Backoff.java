package dev.logpipeline.connect.bulk;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/** Waits that double up to a limit. Varied at random, or the tasks that were refused together would come back together. */
public record Backoff(Duration first, Duration limit) {

    private static final int DOUBLINGS_MAX = 20;

    /** @param attempt 0 for the wait after the first attempt */
    long millis(int attempt) {
        long full = Math.min(first.toMillis() << Math.min(attempt, DOUBLINGS_MAX), limit.toMillis());
        return full - ThreadLocalRandom.current().nextLong(full / 2 + 1);
    }
}
