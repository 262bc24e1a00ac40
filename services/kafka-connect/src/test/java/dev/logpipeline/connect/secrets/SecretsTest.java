package dev.logpipeline.connect.secrets;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

import javax.security.auth.login.AppConfigurationEntry;

import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.ConfigTransformer;
import org.apache.kafka.common.config.SaslConfigs;
import org.apache.kafka.common.config.provider.ConfigProvider;
import org.apache.kafka.common.config.types.Password;
import org.apache.kafka.common.security.JaasContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SecretsTest {

    @TempDir
    Path folder;

    private String resolved(String value) {
        Map<String, ConfigProvider> providers = Map.of("secrets", new MountedSecrets(), "quoted", new QuotedSecrets());
        String allowed = folder + "/username," + folder + "/password";
        providers.values().forEach(provider -> provider.configure(Map.of("allowed.files", allowed)));
        return new ConfigTransformer(providers).transform(Map.of("setting", value.replace("FOLDER", folder.toString()))).data().get("setting");
    }

    @ParameterizedTest
    @ValueSource(strings = {"plain", "qu\"ote", "back\\slash\\", "$dollar${secrets:a:b}", "  blanks ", "semi;colon=\"\\\"", "two\nlines", "tab\there", "é\u4e2d"})
    void aLoginHoldsThePasswordAsItIs(String password) throws IOException {
        Files.writeString(folder.resolve("password"), password);
        String jaas = resolved("org.apache.kafka.common.security.scram.ScramLoginModule required password=${quoted:FOLDER:password};");
        JaasContext context = JaasContext.loadClientContext(Map.of(SaslConfigs.SASL_JAAS_CONFIG, new Password(jaas)));
        AppConfigurationEntry login = context.configurationEntries().get(0);
        assertEquals(password, login.getOptions().get("password"));
        assertEquals(password, resolved("${secrets:FOLDER:password}"));
    }

    @Test
    void theLineBreakAtAFilesEndIsNotPartOfThePassword() throws IOException {
        Files.writeString(folder.resolve("password"), "secret\r\n\n");
        assertEquals("secret \"secret\"", resolved("${secrets:FOLDER:password} ${quoted:FOLDER:password}"));
    }

    @Test
    void aKeyThatIsNotThereIsNamed() throws IOException {
        Files.writeString(folder.resolve("username"), "me");
        ConfigException error = assertThrows(ConfigException.class, () -> resolved("${secrets:FOLDER:password}"));
        assertEquals("the secret at " + folder + " has no password", error.getMessage());
    }

    @ParameterizedTest
    @ValueSource(strings = {"${secrets:FOLDER:token}", "${quoted:FOLDER:token}", "${secrets:FOLDER/sub:password}", "${secrets:FOLDER:sub/password}",
        "${secrets:FOLDER/sub/..:password}", "${secrets:FOLDER/sub:../password}", "${secrets:/proc/self:environ}", "${secrets::password}"})
    void aFileThatTheConnectorDoesNotNeedIsNotRead(String reference) throws IOException {
        Files.writeString(folder.resolve("token"), "another's");
        Files.writeString(folder.resolve("password"), "secret");
        Files.createDirectory(folder.resolve("sub"));
        Files.writeString(folder.resolve("sub/password"), "another's");
        ConfigException error = assertThrows(ConfigException.class, () -> resolved(reference));
        assertTrue(error.getMessage().startsWith("a connector may not read "), error.getMessage());
    }

    @Test
    void aWholeFolderIsWhatIsAllowedOfIt() throws IOException {
        Files.writeString(folder.resolve("username"), "me");
        Files.writeString(folder.resolve("token"), "another's");
        try (MountedSecrets provider = new MountedSecrets()) {
            provider.configure(Map.of("allowed.files", folder + "/username"));
            assertEquals(Map.of("username", "me"), provider.get(folder.toString()).data());
        }
        try (MountedSecrets provider = new MountedSecrets()) {
            provider.configure(Map.of());
            assertEquals(Map.of(), provider.get(folder.toString()).data());
        }
    }
}
