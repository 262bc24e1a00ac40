package dev.logpipeline.connect.secrets;

/** The same as text in quotes for <code>sasl.jaas.config</code>, where a quote or backslash in a password would end or change it. */
public final class QuotedSecrets extends MountedSecrets {

    @Override
    protected String form(String value) {
        return '"' + value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n").replace("\r", "\\r") + '"';
    }
}
