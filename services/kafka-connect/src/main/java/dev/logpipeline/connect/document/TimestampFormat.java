package dev.logpipeline.connect.document;

import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.time.format.ResolverStyle;
import java.time.temporal.TemporalAccessor;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** The ways in which logs write a time, each read as seconds since the epoch with their fraction. */
public enum TimestampFormat {

    EPOCH {
        @Override
        BigDecimal parse(String text) {
            return number(text);
        }
    },

    EPOCH_MILLIS {
        @Override
        BigDecimal parse(String text) {
            return number(text).movePointLeft(3);
        }
    },

    /** With an offset or in UTC, as in $time_iso8601 of NGINX. */
    ISO8601 {
        @Override
        BigDecimal parse(String text) {
            TemporalAccessor time = ISO.parseBest(text, OffsetDateTime::from, LocalDateTime::from);
            return seconds(time instanceof OffsetDateTime exact ? exact.toInstant() : ((LocalDateTime) time).toInstant(ZoneOffset.UTC));
        }
    },

    /** The common log format's, as in $time_local of NGINX and %t of Apache. */
    CLF {
        @Override
        BigDecimal parse(String text) {
            return seconds(OffsetDateTime.parse(text, COMMON_LOG).toInstant());
        }
    };

    private static final DateTimeFormatter ISO = new DateTimeFormatterBuilder()
        .append(DateTimeFormatter.ISO_LOCAL_DATE_TIME)
        .optionalStart().appendOffset("+HH:MM", "Z").optionalEnd()
        .optionalStart().appendOffset("+HHMM", "Z").optionalEnd()
        .toFormatter(Locale.ROOT)
        .withResolverStyle(ResolverStyle.STRICT);
    private static final DateTimeFormatter COMMON_LOG =
        DateTimeFormatter.ofPattern("d/MMM/uuuu:HH:mm:ss Z", Locale.ENGLISH).withResolverStyle(ResolverStyle.STRICT);

    /** Longer than any time, short enough that neither reading a number nor writing it out costs anything: 1e999999999 is valid JSON. */
    private static final int DIGITS_MAX = 40;
    private static final int CHARACTERS_MAX = 64;

    public static TimestampFormat named(String name) {
        return valueOf(name.toUpperCase(Locale.ROOT));
    }

    public static List<String> names() {
        return Arrays.stream(values()).map(format -> format.name().toLowerCase(Locale.ROOT)).toList();
    }

    /** @throws InvalidRecordException when the text is not a time in this format */
    public final BigDecimal toEpochSeconds(String text) {
        try {
            if (text.length() <= CHARACTERS_MAX) {
                return parse(text.strip());
            }
        } catch (NumberFormatException | DateTimeException e) {
            // Reported below, as what is too long is.
        }
        throw new InvalidRecordException("'" + Text.excerpt(text) + "' is not a time in the format " + name().toLowerCase(Locale.ROOT));
    }

    abstract BigDecimal parse(String text);

    static BigDecimal seconds(Instant time) {
        BigDecimal fraction = BigDecimal.valueOf(time.getNano(), 9);
        BigDecimal seconds = BigDecimal.valueOf(time.getEpochSecond()).add(fraction);
        return time.getNano() == 0 ? BigDecimal.valueOf(time.getEpochSecond()) : seconds.stripTrailingZeros();
    }

    private static BigDecimal number(String text) {
        BigDecimal number = new BigDecimal(text);
        if (number.precision() > DIGITS_MAX || Math.abs((long) number.scale()) > DIGITS_MAX) {
            throw new NumberFormatException();
        }
        return number;
    }
}
