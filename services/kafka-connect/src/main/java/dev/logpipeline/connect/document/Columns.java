package dev.logpipeline.connect.document;

/** The names that every pipeline's documents share, whatever the format of the record was. */
final class Columns {

    static final String TIMESTAMP = "@timestamp";
    static final String CLIENT_IP = "client_ip";
    static final String USER = "user";
    static final String REQUEST = "request";
    static final String METHOD = "method";
    static final String PATH = "path";
    static final String PROTOCOL = "protocol";
    static final String STATUS = "status";
    static final String BYTES = "bytes";
    static final String REFERRER = "referrer";
    static final String USER_AGENT = "user_agent";

    private Columns() {}
}
