"""An accepted and a refused example of every rule in the CRD, and what the API server's schema refuses by itself."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

RESOURCE: dict[str, Any] = {
    "apiVersion": "logpipeline.dev/v1alpha1",
    "kind": "LogPipeline",
    "metadata": {"name": "p"},
    "spec": {
        "kafka": {"managed": {}},
        "goals": [{"name": "a", "groupBy": ["host"], "window": {"size": "10s"}}],
        "sink": {"elasticsearch": {"managed": {}}},
    },
}
# What a change to a path is when the path is to go.
ABSENT: Any = object()
Changes = dict[str, Any]


@dataclass(frozen=True)
class Example:
    """Changes to RESOURCE, by path below `spec` (or `metadata.name`): accepted, and refused with the words `says`.

    `before` makes it the example of a change: it is what is stored already.
    """

    accepted: Changes
    refused: Changes
    says: str
    before: Changes | None = None


def resource(*changes: Changes) -> dict[str, Any]:
    """RESOURCE with changes one after the other; a path has numbers for the items of lists."""
    document = copy.deepcopy(RESOURCE)
    for path, value in (change for several in changes for change in several.items()):
        node: Any = document if path.startswith("metadata.") else document["spec"]
        *parents, last = path.split(".")
        for part in parents:
            node = node[int(part)] if part.isdigit() else node.setdefault(part, {})
        if value is ABSENT:
            del node[last]
        else:
            node[int(last) if last.isdigit() else last] = copy.deepcopy(value)
    return document


GOAL, WHERE = "goals.0", "goals.0.where"
KAFKA, ELASTIC = "kafka.managed", "sink.elasticsearch.managed"
EXTERNAL = {"kafka.managed": ABSENT, "kafka.external": {"bootstrapServers": "k1:9092,k2:9092"}}
SECURITY = {"kafka.managed": ABSENT, "kafka.external.bootstrapServers": "k1:9093"}
SECRET = {"name": "kafka-user"}
MEAN = {"avg": {"field": "request_time"}}


def setting(path: str, good: Any, bad: Any, says: str, **others: Any) -> Example:
    """One field with a good and a bad value."""
    return Example({**others, path: good}, {**others, path: bad}, says)


def change(path: str, before: Any, good: Any, bad: Any, says: str) -> Example:
    """One field of a stored resource, changed in a good and a bad way."""
    return Example({path: good}, {path: bad}, says, {} if before is ABSENT else {path: before})


RULES: dict[str, Example] = {
    # Texts and their forms.
    "name": setting(f"{GOAL}.name", "auth-storm", "Auth_Storm", "'Auth_Storm' is not a DNS label; use small letters"),
    "pipeline-name": setting("metadata.name", "p-1", "p.1", "metadata.name is not a DNS label; use small letters"),
    "object-name": setting(
        f"{KAFKA}.storage.storageClass", "fast.local", "Fast", "'Fast' is not the name of a Kubernetes object; use small"
    ),
    "topic-name": setting("source.topic.name", "web_1.raw", "web raw", "'web raw' is not a topic's name; use letters"),
    "quantity": setting(
        f"{KAFKA}.storage.size", "1.5Gi", "10GB", "'10GB' is not an amount of bytes; write a number and Ki, Mi, Gi or Ti"
    ),
    "cidr": setting(
        "networkPolicy.allow.kafka", [{"ipBlock": {"cidr": "10.0.0.0/8"}}], [{"ipBlock": {"cidr": "ten"}}],
        "'ten' is not a CIDR; write for example 10.0.0.0/8"
    ),
    "image": setting("spark.image", "registry.example/spark:1", "spark 1", "'spark 1' is not an image; write its name"),
    "duration": setting(
        "source.allowedLateness", "1d1h1m1s1ms", "1m1h", "'1m1h' is not a duration; write a number and a unit (d, h, m, s"
    ),
    "settings": setting(
        f"{KAFKA}.config", {"log.cleaner.threads": "2"}, {"a=b": "2"}, "a key is not the name of a setting; use letters"
    ),
    "label-keys": setting(
        "spark.pod.labels", {"example.com/team": "web"}, {"my team": "web"}, "a key is not the key of a label; use letters"
    ),
    "label-value": setting(
        "spark.pod.nodeSelector", {"disk": "ssd"}, {"disk": "an ssd"}, "'an ssd' is not the value of a label; use letters"
    ),
    "bootstrap-servers": setting(
        "kafka.external.bootstrapServers", "k1:9092,k2:9092", "k1,k2",
        "'k1,k2' is not a list of brokers; write host:port", **{"kafka.managed": ABSENT},
    ),
    "pipeline-name-on-kafka": setting(
        "kafka.external.pipelineName", "team-a.web", ".web", "'.web' is not a name on a Kafka; use letters, digits", **EXTERNAL,
    ),
    "url": setting(
        "sink.elasticsearch.external.url", "https://es:9200", "https://me:secret@es:9200",
        "is not an address; write http(s)://host:port", **{ELASTIC: ABSENT},
    ),
    "index": setting("sink.elasticsearch.index", "web-1", "Web", "'Web' is not the name of an index; use small letters"),
    "connector-class": setting(
        "sink.connect.connectorClass", "io.confluent.connect.Sink", "my sink", "'my sink' is not a Java class; write its"
    ),
    "checkpoint-uri": setting(
        "spark.checkpoint.uri", "s3a://bucket/goals", "/goals", "'/goals' is not a Hadoop URI; write for example s3a://"
    ),
    "lake-uri": setting(
        "lake.uri", "s3a://logs/nginx", "logs/nginx", "'logs/nginx' is not the URI of a folder that a lake can be in; write"
    ),
    "alertmanager-url": setting(
        "alerting", {"alertmanager": {"url": "http://a:9093,https://b:9093"}}, {"alertmanager": {"url": "a:9093"}},
        "'a:9093' is not an address; write http(s)://host:port, several with commas between; credentials stand in",
    ),
    "webhook-url": setting(
        "alerting", {"webhook": {"url": "https://hook/in"}}, {"webhook": {"url": "https://me:secret@hook/in"}},
        "is not an address; write http(s)://host/path; credentials stand in the Secret",
    ),
    "shown-url": setting(
        "alerting", {"webhook": {"url": "http://hook"}, "kibanaUrl": "https://kibana", "consoleUrl": "https://console"},
        {"webhook": {"url": "http://hook"}, "kibanaUrl": "kibana"}, "'kibana' is not an address; write http(s)://host",
    ),
    "receiver": setting(
        "alerting", {"webhook": {"url": "http://hook"}}, {"maxAge": "1h"}, "give alertmanager, webhook or both"
    ),
    "alert-groups": setting(
        f"{GOAL}.alert", {"groupBy": ["host"]}, {"groupBy": ["client_ip"]},
        "alert.groupBy names a field that groupBy does not; take fields of groupBy",
    ),
    # Placement and size of pods.
    "cpu-limit": setting(
        "spark.resources", {"requests": {"cpu": "500m"}, "limits": {"cpu": 1}},
        {"requests": {"cpu": 2}, "limits": {"cpu": "500m"}}, "limits.cpu is less than requests.cpu; raise the limit",
    ),
    "memory-limit": setting(
        "sink.connect.resources", {"requests": {"memory": "1000Mi"}, "limits": {"memory": "1Gi"}},
        {"requests": {"memory": "1Gi"}, "limits": {"memory": "1000Mi"}},
        "limits.memory is less than requests.memory; raise the limit",
    ),
    "toleration-key": setting(
        "spark.pod.tolerations", [{"operator": "Exists"}], [{"value": "x"}], "without key needs operator: Exists"
    ),
    "toleration-value": setting(
        "spark.pod.tolerations", [{"key": "a", "operator": "Exists"}], [{"key": "a", "operator": "Exists", "value": "x"}],
        "operator Exists takes no value; leave value out",
    ),
    "toleration-seconds": setting(
        "spark.pod.tolerations", [{"key": "a", "value": "x", "effect": "NoExecute", "tolerationSeconds": 5}],
        [{"key": "a", "value": "x", "tolerationSeconds": 5}], "tolerationSeconds is for effect NoExecute; write that",
    ),
    "peer": setting(
        "networkPolicy.allow.kafka", [{"podSelector": {}, "namespaceSelector": {}}],
        [{"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}], "a peer is either an ipBlock, or a podSelector",
    ),
    "expression-values": setting(
        "networkPolicy.allow.kafka",
        [{"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}}],
        [{"podSelector": {"matchExpressions": [{"key": "app", "operator": "Exists", "values": ["web"]}]}}],
        "operators In and NotIn take values",
    ),
    # Kafka and topics.
    "kafka": Example(EXTERNAL, {"kafka.external": EXTERNAL["kafka.external"]}, "give exactly one of managed, external"),
    "sasl-needs-secret": setting(
        "kafka.external.security", {"protocol": "SASL_SSL", "secretRef": SECRET}, {"protocol": "SASL_SSL"},
        "protocol SASL_SSL needs secretRef: the Secret that holds username and password", **SECURITY,
    ),
    "plaintext-has-no-secret": setting(
        "kafka.external.security", {"protocol": "SSL", "secretRef": SECRET}, {"secretRef": SECRET},
        "protocol PLAINTEXT sends no credentials; write SASL_SSL or SSL", **SECURITY,
    ),
    "topic-retention": setting(
        "source.topic.retention", "1m", "59s999ms", "retention: records would go before they are read; write at least 1m"
    ),
    "table-retention": setting(
        "lake.tables.raw.retention", "1h", "59m", "retention: a table is cleaned up by the hour; write at least 1h"
    ),
    "lake-trigger": setting(
        "lake.trigger", "1s", "500ms", "trigger: each commit is a file and an entry of the table's log; write at least 1s"
    ),
    # Reports.
    "schedule": setting(
        "reports", [{"name": "a", "schedule": "*/5 0-3,7 1 JAN-mar sun"}], [{"name": "a", "schedule": "60 0 * * *"}],
        "'60 0 * * *' is not the schedule of a CronJob; write minute, hour", lake={},
    ),
    "report-name": setting(
        "reports", [{"name": "web-kafkas", "schedule": "@daily"}], [{"name": "web-kafka", "schedule": "@daily"}],
        "name: has the name of a component between its hyphens", lake={},
    ),
    "report-window": setting(
        "reports", [{"name": "a", "schedule": "@daily", "window": "1d60m"}], [{"name": "a", "schedule": "@daily", "window": "90m"}],
        "window: an hour is what is counted; write whole hours", lake={},
    ),
    "report-keep": setting(
        "reports", [{"name": "a", "schedule": "@daily", "keep": "1h"}], [{"name": "a", "schedule": "@daily", "keep": "59m"}],
        "keep: the page would be gone with the next one; write at least 1h", lake={},
    ),
    "reports-lake": Example(
        {"reports": [{"name": "a", "schedule": "@daily"}], "lake": {}}, {"reports": [{"name": "a", "schedule": "@daily"}]},
        "reports: are made of the lake, and there is none; give lake: {}",
    ),
    "replicas-within-brokers": setting(
        f"{KAFKA}.replicas", 3, 1, "a topic has more replicas than kafka.managed has brokers; leave its replicas out",
        **{f"{GOAL}.topic.replicas": 3},
    ),
    "topics-differ": setting(
        "source.invalidTopic.name", "p.b", "p.a", "another name"
    ),
    # The source.
    "fields-are-columns": setting(
        "source.fields", {"client_ip": "remote_ip", "request": "request"}, {"ip": "remote_ip"},
        "fields: a key is not a column; use one of bytes, client_ip",
    ),
    "fields-are-paths": setting(
        "source.fields", {"host": "http.host"}, {"host": "http..host"}, "is not a name or dotted path; write for example"
    ),
    "generator-json": Example(
        {"source.generator": {}},
        {"source.generator": {}, "source.timestamp.field": "time"},
        "generator: writes plain JSON records; leave it out where format, fields or timestamp differ",
    ),
    "text-columns": Example(
        {"source.format": "combined", f"{GOAL}.groupBy": ["client_ip"]},
        {"source.format": "combined", f"{GOAL}.groupBy": ["client_ip"], "source.fields": {"host": "vhost"}},
        "fields and timestamp are for format json; the text formats fix their own columns, leave",
    ),
    # Goals.
    "operator": setting(
        WHERE, [{"field": "status", "in": [401, "403"]}], [{"field": "status", "equals": 1, "in": [2]}],
        "give exactly one of equals, in, notIn, prefix, between, greaterThan, lessThan (given: equals in)",
    ),
    "between-ordered": setting(
        WHERE, [{"field": "status", "between": [401, 401.5]}], [{"field": "status", "between": [403, 401]}],
        "between: the first number is greater than the second; write the lowest first",
    ),
    "window-size": setting(f"{GOAL}.window.size", "1000ms", "1500ms", "size: windows are whole seconds, at least 1s"),
    "window-slide": setting(f"{GOAL}.window.slide", "1s", "0s", "slide: windows are whole seconds, at least 1s"),
    "slide-within-size": setting(
        f"{GOAL}.window", {"size": "1d", "slide": "1440m"}, {"size": "1d", "slide": "1d1s"},
        "slide is larger than size, so records between two windows would be lost; make it at most size",
    ),
    "slide-far-below-size": setting(
        f"{GOAL}.window", {"size": "20000s", "slide": "1s"}, {"size": "30d", "slide": "1s"},
        "size is more than 20000 times slide, and a record would be in as many windows; make slide larger",
    ),
    "slide-divides-size": setting(
        f"{GOAL}.window", {"size": "1m30s", "slide": "45s"}, {"size": "1m30s", "slide": "1m"},
        "slide does not divide size; choose a slide that goes into size without rest",
    ),
    "aggregate": setting(
        f"{GOAL}.aggregate", {"p95": {"field": "bytes"}}, {}, "give exactly one of count, sum, avg, min, max, p95"
    ),
    "goal-groups": setting(
        GOAL, {"name": "a", "preset": "client-rate"}, {"name": "a", "window": {"size": "1m"}},
        "groupBy is missing; give it, or a preset (client-rate",
    ),
    "goal-windows": setting(
        GOAL, {"name": "a", "preset": "host-latency"}, {"name": "a", "groupBy": ["host"]},
        "window is missing; give it, or a preset (client-rate",
    ),
    "group-by-once": setting(
        f"{GOAL}.groupBy", ["host", "path"], ["host", "path", "host"], "groupBy names a field twice; name each once"
    ),
    "result-fields": setting(
        f"{GOAL}.groupBy", ["host", "Count"], ["host", "count"], "a result has a field of this name itself (goal, window_start"
    ),
    "result-value": setting(
        f"{GOAL}.groupBy", ["avg_bytes"], ["avg_request_time"], "map the record's field to a column in source.fields",
        **{f"{GOAL}.aggregate": MEAN},
    ),
    "early-has-threshold": setting(
        GOAL, {"name": "a", "preset": "host-errors", "emit": "early"}, {"name": "a", "preset": "country-success", "emit": "early"},
        "emit: early needs having: without a threshold nothing can be passed early; use emit: final",
    ),
    "early-counts": setting(
        f"{GOAL}.aggregate", {"count": {}}, MEAN,
        "emit: early needs aggregate count, the only one that never falls again; use emit: final",
        **{f"{GOAL}.emit": "early", f"{GOAL}.having": {"greaterThan": 1}},
    ),
    "count-threshold": setting(
        f"{GOAL}.having.greaterThan", 0, -1, "having.greaterThan: a count is never below 0; use 0 or more"
    ),
    "having-a-rule": setting(
        f"{GOAL}.having", {"timesPrevious": 3}, {}, "give greaterThan, timesPrevious, or both; a goal without having is a metric"
    ),
    "over-compares": setting(
        f"{GOAL}.having", {"timesPrevious": 0.5, "over": 100}, {"greaterThan": 1, "over": 6},
        "over says how many windows timesPrevious compares with; give timesPrevious, or leave over out",
    ),
    "early-compares-nothing": setting(
        f"{GOAL}.emit", "final", "early", "emit: early has no windows to compare with",
        **{f"{GOAL}.having": {"greaterThan": 1, "timesPrevious": 3}},
    ),
    "previous-far-below-slide": setting(
        f"{GOAL}.having", {"timesPrevious": 3, "over": 5}, {"timesPrevious": 3},
        "over windows of this size hold more than 20000 times slide", **{f"{GOAL}.window": {"size": "1h", "slide": "1s"}},
    ),
    # Spark and the sink.
    "spark-conf": setting(
        "spark.conf", {"spark.hadoop.fs.s3a.endpoint": "s3"}, {"spark.executor.memory": "4g"},
        "'spark.executor.memory' is not for the user to set: set spec.spark.executorResources",
    ),
    "checkpoint-shared": setting(
        "spark.checkpoint.uri", "hdfs://nn/goals", "file:///goals", "uri: a pod's own disk goes with the pod; leave uri out"
    ),
    "checkpoint-secret": setting(
        "spark.checkpoint.uri", "s3a://bucket/goals", "hdfs://nn/goals", "secretRef: its keys are of s3a; give uri: s3a",
        **{"spark.checkpoint.secretRef": SECRET},
    ),
    "elasticsearch": Example(
        {ELASTIC: ABSENT, "sink.elasticsearch.external": {"url": "http://es:9200"}},
        {ELASTIC: ABSENT},
        "give exactly one of managed, external (given: none)",
    ),
    "retention-days": setting(
        "sink.elasticsearch.retention", "48h", "36h", "indices are removed by the day; write whole days, for example 7d"
    ),
    # Changes of what is stored.
    "partitions-grow": change("source.topic.partitions", ABSENT, 8, 3, "partitions never shrink; write at least as many"),
    "replicas-fixed": change(
        f"{GOAL}.topic", {"replicas": 1}, {"replicas": 1, "retention": "1h"}, {},
        "replicas are set when a topic is created; take the change back",
    ),
    "storage-grows": change(
        f"{KAFKA}.storage.size", "10Gi", "10.5Gi", "10000Mi", "a volume of 10Gi never shrinks to 10000Mi; write at least"
    ),
    "storage-class-fixed": change(
        "spark.checkpoint.storage", {"storageClass": "fast"}, {"storageClass": "fast", "size": "2Gi"}, {},
        "a volume never moves to another class; take the change back",
    ),
    "brokers-fixed": change(
        f"{KAFKA}.replicas", 1, 1, 3, "the brokers' quorum is formed once; take the change back, or create another"
    ),
    "kafka-stays": Example(
        {f"{KAFKA}.config": {"log.cleaner.threads": "2"}}, EXTERNAL,
        "a running pipeline never moves to another Kafka", {},
    ),
    "elasticsearch-stays": Example(
        {"sink": ABSENT}, {ELASTIC: ABSENT, "sink.elasticsearch.external": {"url": "http://es:9200"}},
        "a running sink never moves to another Elasticsearch", {},
    ),
    "retention-needs-alias": Example(
        {"sink.elasticsearch.retention": "7d", "sink.elasticsearch.index": "web-days"},
        {"sink.elasticsearch.retention": "7d"},
        "give another index in the same edit", {},
    ),
    "state-version-rises": change(f"{GOAL}.stateVersion", 2, 3, 1, "stateVersion is never lowered"),
    "lake-stays": change(
        "lake.uri", "s3a://a/b", "s3a://a/b", "s3a://a/c", "a running lake never moves, for its tables would stay behind"
    ),
    "checkpoint-stays": change(
        "spark.checkpoint.uri", "s3a://a/b", "s3a://a/b", "s3a://a/c", "the goals' state would stay behind; take the change"
    ),
}  # fmt: skip

# What the schema itself accepts beside the accepted examples of its rules: the models have to as well.
ACCEPTED: dict[str, Changes] = {
    "a whole number as a fraction": {"source.topic.partitions": 4.0, "spark.maxRecordsPerBatch": 2000.0},
    "a whole number for a threshold": {f"{GOAL}.having": {"greaterThan": 10}},
    "windows of any length to compare with": {f"{GOAL}.having": {"timesPrevious": 2, "over": 100}, f"{GOAL}.window": {"size": "30d"}},
    "a preset with another rule": {GOAL: {"name": "a", "preset": "client-rate", "having": {"timesPrevious": 2}}},
    "a preset that compares": {GOAL: {"name": "a", "preset": "status-counts", "having": {"timesPrevious": 3, "over": 6}}},
    "numbers to compare with": {WHERE: [{"field": "status", "in": [401, "403", -1]}]},
    "booleans in quotes": {WHERE: [{"field": "country", "in": ["NO", "true", "y"]}]},
    "a whole number for CPU": {"spark.resources.limits.cpu": 2},
    "an amount of CPU": {"spark.resources.limits.cpu": "1.5", "spark.resources.requests.cpu": "500m"},
    "null for what may be left out": {
        "suspend": None, "sink": None, "source": None, f"{GOAL}.having": None, f"{GOAL}.topic": {"name": None, "replicas": None},
        f"{KAFKA}.replicas": None,
    },
    "null for what a preset has": {GOAL: {"name": "a", "preset": "client-rate", "having": None}},
    "null in a map": {"spark.conf": {"spark.ui.enabled": None}, "spark.pod.labels": {"team": None}},
    "what Kubernetes writes into the metadata": {
        "metadata.creationTimestamp": None, "metadata.finalizers": ["example.com/a"], "metadata.annotations": {"a": "b"},
    },
    "any affinity": {"spark.pod.affinity": {"podAntiAffinity": {"weight": 1.5, "of": [None, True]}}},
}  # fmt: skip

# What the schema itself refuses, and the words in which the API server names field and remedy.
SCHEMA: dict[str, tuple[Changes, str]] = {
    "no goals": ({"goals": []}, "spec.goals in body should have at least 1 items"),
    "two goals of one name": (
        {"goals": [RESOURCE["spec"]["goals"][0], RESOURCE["spec"]["goals"][0]]}, 'spec.goals[1]: Duplicate value: {"name":"a"}',
    ),
    "no Kafka": ({"kafka": ABSENT}, "spec.kafka: Required value"),
    "two brokers": ({f"{KAFKA}.replicas": 2}, 'spec.kafka.managed.replicas: Unsupported value: 2: supported values: "1", "3"'),
    "an unknown preset": ({f"{GOAL}.preset": "client-rte"}, 'supported values: "client-rate", "host-errors"'),
    "an unknown format": ({"source.format": "xml"}, 'spec.source.format: Unsupported value: "xml": supported values: "json"'),
    "no partitions": ({"source.topic.partitions": 0}, "spec.source.topic.partitions in body should be greater than or equal to 1"),
    "a number for text": ({"source.topic.name": 5}, "spec.source.topic.name in body must be of type string"),
    "a window without size": ({f"{GOAL}.window": {"slide": "1s"}}, "spec.goals[0].window.size: Required value"),
    "three numbers between": (
        {WHERE: [{"field": "status", "between": [1, 2, 3]}]}, "spec.goals[0].where[0].between: Too many: 3: must have at most 2 items",
    ),
    "a rate of nothing": ({"source.generator.ratePerSecond": 0}, "ratePerSecond in body should be greater than 0"),
    "a share above one": ({"source.generator.lateShare": 1.5}, "lateShare in body should be less than or equal to 1"),
    "another mechanism": (
        {**SECURITY, "kafka.external.security": {"protocol": "SASL_SSL", "mechanism": "GSSAPI", "secretRef": SECRET}},
        'Unsupported value: "GSSAPI": supported values: "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"',
    ),
    "no port": ({f"{KAFKA}.port": 70000}, "spec.kafka.managed.port in body should be less than or equal to 65535"),
    "a rate without end": ({"source.generator.ratePerSecond": 1e300}, "ratePerSecond in body should be less than or equal to 1e+06"),
    "text for a number": ({"source.topic.partitions": "4"}, 'spec.source.topic.partitions in body must be of type integer: "string"'),
    "text for a threshold": ({f"{GOAL}.having": {"greaterThan": "10"}}, 'greaterThan in body must be of type number: "string"'),
    "no times": ({f"{GOAL}.having": {"timesPrevious": 0}}, "timesPrevious in body should be greater than 0"),
    "too many windows before": ({f"{GOAL}.having": {"timesPrevious": 2, "over": 101}}, "over in body should be less than or equal to 100"),
    "no windows before": ({f"{GOAL}.having": {"timesPrevious": 2, "over": 0}}, "over in body should be greater than or equal to 1"),
    "text for a boolean": ({"suspend": "yes"}, 'spec.suspend in body must be of type boolean: "string"'),
    "a number for a boolean": ({"suspend": 1}, 'spec.suspend in body must be of type boolean: "integer"'),
    "a boolean for a whole number": ({f"{KAFKA}.replicas": True}, 'spec.kafka.managed.replicas in body must be of type integer: "boolean"'),
    "a boolean for a threshold": ({f"{GOAL}.having": {"greaterThan": True}}, 'greaterThan in body must be of type number: "boolean"'),
    "a boolean for text": ({"source.timestamp.field": False}, 'spec.source.timestamp.field in body must be of type string: "boolean"'),
    "a boolean to compare with": ({WHERE: [{"field": "tls", "equals": True}]}, "spec.goals[0].where[0].equals in body must be of type "),
    "a boolean among texts": ({WHERE: [{"field": "country", "in": ["DK", False]}]}, "spec.goals[0].where[0].in[1] in body must be of type "),
    "a fraction to compare with": ({WHERE: [{"field": "status", "equals": 0.5}]}, "spec.goals[0].where[0].equals in body must be of type "),
    "words for CPU": ({"spark.resources.limits.cpu": "two"}, "spec.spark.resources.limits.cpu in body should match '^([0-9]{1,6}m"),
    "less than no CPU": ({"spark.resources.limits.cpu": -1}, "spec.spark.resources.limits.cpu in body should be greater than or equal to 0"),
    "a boolean for CPU": ({"spark.resources.limits.cpu": True}, "spec.spark.resources.limits.cpu in body must be of type "),
    "a fraction for CPU": ({"spark.resources.limits.cpu": 0.5}, "spec.spark.resources.limits.cpu in body must be of type "),
    "a number for bytes": ({"spark.resources.limits.memory": 512}, 'spec.spark.resources.limits.memory in body must be of type string: "integer"'),
    "a number for a duration": ({"source.allowedLateness": 5}, 'spec.source.allowedLateness in body must be of type string: "integer"'),
    "a fraction for a whole number": ({"source.topic.partitions": 4.5}, 'spec.source.topic.partitions in body must be of type integer: "number"'),
    "a number beyond all": ({"source.generator.seed": 1e30}, "spec.source.generator.seed in body "),
    "text for a range": ({WHERE: [{"field": "status", "between": ["400", "599"]}]}, 'spec.goals[0].where[0].between[0] in body must be of type number: "string"'),
    "a number for a prefix": ({WHERE: [{"field": "path", "prefix": 1}]}, 'spec.goals[0].where[0].prefix in body must be of type string: "integer"'),
    "a setting that is a number": ({f"{KAFKA}.config": {"num.io.threads": 4}}, "spec.kafka.managed.config.num.io.threads in body must be of type string"),
    "text for a list": ({f"{GOAL}.groupBy": "host"}, 'spec.goals[0].groupBy in body must be of type array: "string"'),
    "nothing in a list": ({f"{GOAL}.groupBy": ["host", None]}, 'spec.goals[0].groupBy[1] in body must be of type string: "null"'),
    "a list for a mapping": ({"source.topic": []}, 'spec.source.topic in body must be of type object: "array"'),
    "a preset that is a list": ({f"{GOAL}.preset": ["client-rate"]}, 'spec.goals[0].preset in body must be of type string: "array"'),
    "null where a value must be": ({"goals": None}, "spec.goals: Required value"),
    "a field in snake case": ({"source.allowed_lateness": "5s"}, 'unknown field "spec.source.allowed_lateness"'),
    "the name of a model's attribute": ({WHERE: [{"field": "status", "in_": [1]}]}, 'unknown field "spec.goals[0].where[0].in_"'),
    "a misspelt field of the metadata": ({"metadata.annotaions": {"a": "b"}}, 'unknown field "metadata.annotaions"'),
    "an unknown field that is null": ({"sorce": None}, 'unknown field "spec.sorce"'),
    "a long name": ({"metadata.name": "p" * 53}, "metadata.name: Too long: may not be more than 52 bytes"),
    "a misspelt field": ({"sorce": {}}, 'unknown field "spec.sorce"'),
    "a misspelt field of a goal": ({f"{GOAL}.windw": {}}, 'unknown field "spec.goals[0].windw"'),
}  # fmt: skip
