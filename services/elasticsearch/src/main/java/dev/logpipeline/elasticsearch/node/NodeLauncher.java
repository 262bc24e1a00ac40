package dev.logpipeline.elasticsearch.node;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Starts one Elasticsearch node from the jars in a folder.
 *
 * <p>The server's own main class belongs to the official distribution: it expects that distribution's command line, keystore, security
 * policies and native libraries, none of which is published as a jar. This class does what is left once those are taken away.
 */
public final class NodeLauncher {

    private static final long CLOSE_SECONDS = 20;

    private NodeLauncher() {}

    /**
     * @param arguments the installed folder (read only) and the node's config folder with its elasticsearch.yml
     */
    public static void main(String[] arguments) throws Exception {
        Environment environment = environment(Path.of(arguments[0]), Path.of(arguments[1]));
        PluginsLoader plugins = PluginsLoader.createPluginsLoader(
            PluginsLoader.loadModulesBundles(environment.modulesDir()),
            PluginsLoader.loadPluginsBundles(environment.pluginsDir()),
            Map.of(),
            false // the server stands on the class path, not the module path: it has no module whose packages could be exported
        );
        Node node = new Node(environment, plugins);
        CountDownLatch closed = new CountDownLatch(1);
        Runtime.getRuntime().addShutdownHook(new Thread(() -> close(node, closed), "close-node"));
        node.start();
        closed.await();
    }

    private static Environment environment(Path home, Path config) {
        if (!Files.isRegularFile(config.resolve("elasticsearch.yml"))) {
            throw fail(config + " holds no elasticsearch.yml");
        }
        // Only the bridge to log4j: its configuration is the file that the launching script names, one for all nodes.
        LogConfigurator.configureESLogging();
        Settings paths = Settings.builder().put(Environment.PATH_HOME_SETTING.getKey(), home.toString()).build();
        Environment environment = InternalSettingsPreparer.prepareEnvironment(paths, Map.of(), config, () -> "logpipeline");
        // Left out, the data would land in the installed folder, which several nodes share and which may be read only.
        if (Set.of(environment.dataDirs()).contains(home.resolve("data"))) {
            throw fail(config.resolve("elasticsearch.yml") + " has no path.data: name the folder that keeps the data");
        }
        return environment;
    }

    private static void close(Node node, CountDownLatch closed) {
        try {
            node.close();
            node.awaitClose(CLOSE_SECONDS, TimeUnit.SECONDS);
        } catch (Exception e) {
            System.err.println("elasticsearch-node: not closed cleanly: " + e);
        } finally {
            closed.countDown();
        }
    }

    private static RuntimeException fail(String message) {
        System.err.println("elasticsearch-node: " + message);
        System.exit(2);
        return new IllegalStateException(message);
    }
}
