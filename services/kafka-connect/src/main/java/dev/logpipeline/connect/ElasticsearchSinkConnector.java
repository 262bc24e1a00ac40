package dev.logpipeline.connect;

import java.util.Collections;
import java.util.List;
import java.util.Map;

import org.apache.kafka.common.config.Config;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.sink.SinkConnector;

import dev.logpipeline.connect.config.CrossChecks;
import dev.logpipeline.connect.config.SinkConfig;

/** Writes log records from Kafka topics to an Elasticsearch index: each one is indexed once, or stands in the dead-letter topic. */
public final class ElasticsearchSinkConnector extends SinkConnector {

    private Map<String, String> settings;

    @Override
    public void start(Map<String, String> props) {
        settings = Map.copyOf(props);
    }

    @Override
    public void stop() {
        // Holds nothing that would have to be released: the tasks do the work.
    }

    @Override
    public Class<? extends Task> taskClass() {
        return ElasticsearchSinkTask.class;
    }

    /** Every task gets the same settings: Connect itself shares the partitions out among them. */
    @Override
    public List<Map<String, String>> taskConfigs(int maxTasks) {
        return Collections.nCopies(maxTasks, settings);
    }

    @Override
    public Config validate(Map<String, String> connectorConfigs) {
        Config result = super.validate(connectorConfigs);
        CrossChecks.run(connectorConfigs, result.configValues());
        return result;
    }

    @Override
    public ConfigDef config() {
        return SinkConfig.DEFINITION;
    }

    @Override
    public String version() {
        return Version.CURRENT;
    }
}
