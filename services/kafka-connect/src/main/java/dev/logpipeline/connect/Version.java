package dev.logpipeline.connect;

import java.util.Objects;

/** The connector's version, as the jar's manifest tells it. */
final class Version {

    /** Classes that run outside their jar, as in the unit tests, have no manifest. */
    static final String CURRENT = Objects.requireNonNullElse(Version.class.getPackage().getImplementationVersion(), "development");

    private Version() {}
}
