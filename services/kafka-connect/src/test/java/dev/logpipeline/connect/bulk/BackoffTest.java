package dev.logpipeline.connect.bulk;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BackoffTest {

    @ParameterizedTest
    @CsvSource({"0,100,200", "1,200,400", "3,800,1600", "6,5000,10000", "1000,5000,10000"})
    void doublesUpToItsLimitAndVariesByAHalf(int attempt, long least, long most) {
        Backoff backoff = new Backoff(Duration.ofMillis(200), Duration.ofSeconds(10));
        for (int i = 0; i < 100; i++) {
            long wait = backoff.millis(attempt);
            assertTrue(least <= wait && wait <= most, "waited " + wait);
        }
    }
}
