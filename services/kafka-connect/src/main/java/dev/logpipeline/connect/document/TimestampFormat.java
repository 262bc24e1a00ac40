package dev.logpipeline.connect.document;

import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.LocalTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.format.ResolverStyle;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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

    /** With an offset or in UTC, and what is written for it: see logpipeline/kernel/times.py, which reads the same. */
    ISO8601 {
        @Override
        BigDecimal parse(String text) {
            Matcher parts = ISO.matcher(text);
            if (!parts.matches()) {
                throw new DateTimeException(text);
            }
            String second = parts.group(3) == null ? ":00" : parts.group(3).replace(',', '.');
            boolean leap = second.startsWith(LEAP);
            LocalDateTime local = LocalDateTime.parse(parts.group(1) + "T" + parts.group(2) + (leap ? second.replace(LEAP, BEFORE_LEAP) : second));
            int offset = parts.group(4) == null ? 0
                : LocalTime.parse(parts.group(5) + ":" + (parts.group(6) == null ? "00" : parts.group(6))).toSecondOfDay();
            return seconds(local.toInstant(ZoneOffset.UTC).plusSeconds(leap ? 1 : 0).minusSeconds("-".equals(parts.group(4)) ? -offset : offset));
        }
    },

    /** The common log format's, as in $time_local of NGINX and %t of Apache. */
    CLF {
        @Override
        BigDecimal parse(String text) {
            boolean leap = text.contains(LEAP + " ");
            return seconds(OffsetDateTime.parse(text.replace(LEAP + " ", BEFORE_LEAP + " "), COMMON_LOG).toInstant().plusSeconds(leap ? 1 : 0));
        }
    };

    private static final Pattern ISO = Pattern.compile("([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:[.,][0-9]{1,9})?)?"
        + " *(?:Z|z|UTC|([+-])([0-9]{2})(?::?([0-9]{2}))?)?");
    private static final DateTimeFormatter COMMON_LOG =
        DateTimeFormatter.ofPattern("d/MMM/uuuu:HH:mm:ss Z", Locale.ENGLISH).withResolverStyle(ResolverStyle.STRICT);
    /** A leap second, which is the same as the second after it. */
    private static final String LEAP = ":60";
    private static final String BEFORE_LEAP = ":59";

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
