package dev.logpipeline.connect.document;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TimestampFormatTest {

    @ParameterizedTest
    @CsvSource({
        "EPOCH,1659509511,1659509511", "EPOCH,1659509511.123456789,1659509511.123456789", "EPOCH,-1.5,-1.5", "EPOCH,' 1 ',1",
        "EPOCH_MILLIS,1659509511123,1659509511.123", "EPOCH_MILLIS,1659509511123.5,1659509511.1235",
        "ISO8601,1970-01-01T00:00:01Z,1", "ISO8601,1970-01-01T00:00:01.25Z,1.25", "ISO8601,1970-01-01T02:00:00+01:00,3600",
        "ISO8601,1970-01-01T02:00:00+0100,3600", "ISO8601,1970-01-01T00:00:10,10", "ISO8601,1969-12-31T23:59:59.5Z,-0.5",
        "CLF,10/Oct/2000:13:55:36 -0700,971211336", "CLF,1/Jul/1995:00:00:01 -0400,804571201"})
    void isReadAsSeconds(TimestampFormat format, String text, String seconds) {
        assertEquals(seconds, format.toEpochSeconds(text).toPlainString());
    }

    @ParameterizedTest
    @CsvSource({
        "EPOCH,NaN", "EPOCH,1e999999999", "EPOCH,''", "EPOCH,0x10", "EPOCH,2022-08-03T06:51:51Z",
        "EPOCH,11111111111111111111111111111111111111111111111111111111111111111111111111",
        "ISO8601,2022-13-01T00:00:00Z", "ISO8601,2022-02-30T00:00:00Z", "ISO8601,1659509511", "ISO8601,2022-08-03",
        "CLF,31/Feb/2000:13:55:36 -0700", "CLF,10/Okt/2000:13:55:36 -0700", "CLF,10/Oct/2000:13:55:36"})
    void whatIsNoTimeIsInvalid(TimestampFormat format, String text) {
        assertThrows(InvalidRecordException.class, () -> format.toEpochSeconds(text));
    }
}
