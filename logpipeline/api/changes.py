"""What a change of each field does to a running pipeline: the one table behind the operator, the CRD and the docs."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a change reaches what runs."""

    HOT = "hot"
    ROLLING = "rolling"
    STATE_BREAKING = "state-breaking"
    FIXED = "fixed"


KINDS = {
    Kind.HOT: "applied while everything runs on; no pod restarts",
    Kind.ROLLING: "the pods of the components named restart, one after the other, and go on where they were",
    Kind.STATE_BREAKING: "makes the counts of a running goal wrong: refused, and the goal runs on unchanged, unless "
    "its stateVersion is raised in the same edit",
    Kind.FIXED: "refused by the API server, with the way out in its message",
}


@dataclass(frozen=True)
class Change:
    """One row: a field, or every field below it that has no row of its own.

    `path` is below `spec`, with `[]` for each item of a list; `components` are those that are touched.
    """

    path: str
    kind: Kind
    components: tuple[str, ...]
    remark: str


HOT, ROLLING, STATE_BREAKING, FIXED = Kind

_GOALS = ("every goal",)
_ONE_GOAL = ("the goal",)
_CONSOLE = "console"
_BRIDGE = "alert-bridge"
_LAKE = "lake"
_RECORD_READERS = ("every goal", "connector", _LAKE)
# Those who read the results of goals.
_READERS = (_BRIDGE, _CONSOLE)
_CLIENTS = ("every goal", "generator", "connect", _LAKE, *_READERS)
_NO_SWITCH = "Managed and external never change places: the records would stay behind."
_TASKS = "Its tasks restart, no pod does."
_GROWS = "Grows, and never shrinks."
_ONE_BY_ONE = "One broker at a time, each when the one before is in sync again."
_NEXT_RECORDS = "Records not yet read are read the new way; windows that are open then hold both."


def _topic(path: str, name: Change, partitions: tuple[str, ...] = ()) -> tuple[Change, ...]:
    return (
        name,
        Change(
            f"{path}.partitions",
            ROLLING if partitions else HOT,
            ("topics", *partitions),
            f"{_GROWS} Records with the same key can land in another partition than before.",
        ),
        Change(f"{path}.replicas", FIXED, ("topics",), "Used when the topic is created."),
        Change(f"{path}.retention", HOT, ("topics",), "A setting of the topic."),
    )


def _workload(path: str, components: tuple[str, ...], remark: str = "") -> tuple[Change, ...]:
    return tuple(Change(f"{path}.{field}", ROLLING, components, remark) for field in ("image", "resources", "pod"))


def _storage(path: str, component: str) -> tuple[Change, ...]:
    return (
        Change(f"{path}.size", HOT, (component,), f"{_GROWS} Needs a StorageClass that allows expansion."),
        Change(f"{path}.storageClass", FIXED, (component,), "A volume cannot move to another class."),
    )


CHANGES: tuple[Change, ...] = (
    Change("suspend", ROLLING, ("everything",), "Pods stop, volumes stay; set back, all go on where they were."),
    Change("deletePolicy", HOT, (), "Read when something is deleted."),
    *_topic(
        "source.topic",
        Change(
            "source.topic.name",
            STATE_BREAKING,
            ("topics", "every goal", "generator", "connector", _LAKE),
            "Offsets in the state are those of the old topic; needs stateVersion of every goal raised in one edit.",
        ),
        partitions=_GOALS,
    ),
    Change("source.format", ROLLING, _RECORD_READERS, _NEXT_RECORDS),
    Change("source.fields", ROLLING, _RECORD_READERS, _NEXT_RECORDS),
    Change("source.timestamp", ROLLING, _RECORD_READERS, _NEXT_RECORDS),
    Change(
        "source.allowedLateness", ROLLING, ("every goal", "generator"), "A watermark that is reached never goes back."
    ),
    Change("source.maxFutureSkew", ROLLING, ("every goal", _LAKE), "For records not yet read."),
    Change("source.idlePartitionTimeout", ROLLING, _GOALS, "For records not yet read."),
    *_topic(
        "source.invalidTopic",
        Change(
            "source.invalidTopic.name", ROLLING, ("topics", "every goal", _CONSOLE), "The old topic stays as it is."
        ),
    ),
    Change("source.generator", ROLLING, ("generator",), "Added: starts; removed: stops. Nothing else is touched."),
    *_workload("kafka.managed", ("kafka",), _ONE_BY_ONE),
    Change("kafka.managed", FIXED, ("kafka",), _NO_SWITCH),
    Change("kafka.managed.replicas", FIXED, ("kafka",), "The quorum is formed once."),
    *_storage("kafka.managed.storage", "kafka"),
    Change("kafka.managed.port", ROLLING, ("kafka", *_CLIENTS), _ONE_BY_ONE),
    Change("kafka.managed.config", ROLLING, ("kafka",), _ONE_BY_ONE),
    Change("kafka.external", FIXED, ("kafka",), _NO_SWITCH),
    Change(
        "kafka.external.bootstrapServers",
        ROLLING,
        _CLIENTS,
        "Another address of the same Kafka. Another Kafka has other offsets: raise stateVersion of every goal with it.",
    ),
    Change(
        "kafka.external.pipelineName",
        ROLLING,
        ("topics", *_CLIENTS),
        "Topics without a name of their own are new ones, groups begin anew, the old ones stay as they are. The raw "
        "topic changes only when stateVersion of every goal is raised; give it its name to go on reading it.",
    ),
    Change(
        "kafka.external.security",
        ROLLING,
        _CLIENTS,
        "KafkaReady says when it does not work.",
    ),
    Change(
        "goals[].name",
        HOT,
        _ONE_GOAL,
        "Another name is another goal: the old one goes, the new one begins. A goal that becomes the first restarts, "
        "for the first one tells of invalid records; so do the alert bridge, the lake's writer and the console. No "
        "other is touched.",
    ),
    Change("goals[].preset", STATE_BREAKING, _ONE_GOAL, "By what it fills in: what stays the same is no change."),
    Change("goals[].where", STATE_BREAKING, _ONE_GOAL, "Other records would be counted."),
    Change("goals[].groupBy", STATE_BREAKING, _ONE_GOAL, "Other keys would be counted."),
    Change("goals[].window", STATE_BREAKING, _ONE_GOAL, "Other windows would be counted."),
    Change("goals[].aggregate", STATE_BREAKING, _ONE_GOAL, "Another value would be computed."),
    Change(
        "goals[].having",
        ROLLING,
        ("the goal", *_READERS),
        "For windows that are still open, too. With emit early, one that is over a lowered threshold gives its result "
        "with the next batch of records; one that gave its result under a lower threshold gives no other. "
        "timesPrevious added or over raised: earlier windows are no longer in the state, and there is no result until "
        "as many have been counted.",
    ),
    Change(
        "goals[].emit",
        ROLLING,
        ("the goal", *_READERS),
        "To final: a window that is open then and has given its result early gives another when it closes. To early: "
        "one that is over the threshold already gives its result with the next batch of records.",
    ),
    *_topic(
        "goals[].topic",
        Change(
            "goals[].topic.name",
            ROLLING,
            ("topics", "the goal", _LAKE, *_READERS),
            "Results written so far stay in the old topic.",
        ),
    ),
    Change(
        "goals[].stateVersion",
        ROLLING,
        ("the goal", _BRIDGE),
        "Raised: new state from startFrom, the old checkpoint is left behind. Never lowered.",
    ),
    Change("goals[].startFrom", ROLLING, _ONE_GOAL, "Read when new state begins; running state is not touched."),
    Change("goals[].alert", ROLLING, (_BRIDGE,), "Alerts that are open go on under their labels."),
    *_workload("spark", _GOALS),
    Change("spark.trigger", ROLLING, _GOALS, ""),
    Change("spark.maxRecordsPerBatch", ROLLING, _GOALS, ""),
    Change(
        "spark.shards",
        STATE_BREAKING,
        _GOALS,
        "The state is cut in so many parts. Each goal takes it when its stateVersion is raised.",
    ),
    Change("spark.executors", ROLLING, _GOALS, "The same results, with more or fewer pods."),
    Change("spark.executorResources", ROLLING, _GOALS, ""),
    Change("spark.conf", ROLLING, _GOALS, ""),
    *_storage("spark.checkpoint.storage", "every goal"),
    Change("spark.checkpoint.uri", FIXED, _GOALS, "The state would stay behind."),
    Change("spark.checkpoint.secretRef", ROLLING, _GOALS, ""),
    Change(
        "sink",
        ROLLING,
        ("connect", "elasticsearch", _CONSOLE),
        "Added: all records that the raw topic still holds are indexed. Removed: no more are.",
    ),
    Change("sink.elasticsearch.managed", FIXED, ("elasticsearch",), _NO_SWITCH),
    *_workload("sink.elasticsearch.managed", ("elasticsearch",)),
    *_storage("sink.elasticsearch.managed.storage", "elasticsearch"),
    Change("sink.elasticsearch.managed.port", ROLLING, ("elasticsearch", "kibana", "connector", _CONSOLE), ""),
    Change("sink.elasticsearch.managed.kibana", ROLLING, ("kibana",), ""),
    Change("sink.elasticsearch.external", FIXED, ("elasticsearch",), _NO_SWITCH),
    Change(
        "sink.elasticsearch.external.url",
        ROLLING,
        ("connector", _CONSOLE),
        "The connector's tasks restart. Records indexed so far stay where they are.",
    ),
    Change("sink.elasticsearch.external.secretRef", ROLLING, ("connect", _CONSOLE), ""),
    Change(
        "sink.elasticsearch.index",
        ROLLING,
        ("connector", *_READERS),
        "For records not yet indexed; the old index stays. The bridge restarts where alerts link to Kibana.",
    ),
    Change(
        "sink.elasticsearch.retention",
        HOT,
        ("connector",),
        "Set or removed only together with another index: a name is an index or an alias.",
    ),
    *_workload("sink.connect", ("connect",)),
    Change(
        "sink.connect.replicas",
        HOT,
        ("connect",),
        "Workers join or leave, and share the tasks out anew; from one to several, or back, they restart.",
    ),
    Change("sink.connect.tasksMax", HOT, ("connector",), _TASKS),
    Change("sink.connect.port", ROLLING, ("connect", _CONSOLE), ""),
    Change("sink.connect.connectorClass", HOT, ("connector",), _TASKS),
    Change("sink.connect.config", HOT, ("connector",), _TASKS),
    *_topic(
        "sink.deadLetterTopic",
        Change(
            "sink.deadLetterTopic.name", ROLLING, ("topics", "connector", _CONSOLE), "The old topic stays as it is."
        ),
    ),
    Change("alerting", ROLLING, (_BRIDGE,), "Added: detections alert; removed: nobody is told any more."),
    Change(
        "lake",
        ROLLING,
        (_LAKE,),
        "Added: everything that the topics still hold is written; removed: no more is, and the tables stay. The "
        "console restarts where one is added or removed.",
    ),
    Change("lake.uri", FIXED, (_LAKE,), "The tables would stay behind."),
    Change("lake.tables", ROLLING, (_LAKE,), "A shorter retention takes effect with the next maintenance."),
    Change(
        "lake.tables.statuses",
        ROLLING,
        (_LAKE,),
        "Added: windows that are counted from now on are written; removed: no more are, and the files stay.",
    ),
    *_storage("lake.storage", _LAKE),
    Change("reports", HOT, ("report",), "From its next run on. Removed: no more pages are written, the old ones stay."),
    Change("console", ROLLING, (_CONSOLE,), "Added: the page is there; removed: it is not. Nothing else is touched."),
    Change("networkPolicy", HOT, ("everything",), "The policies change; what is connected stays so on most networks."),
    Change("alerting.topic", ROLLING, ("topics", _BRIDGE), "The old topic stays as it is, with what is open in it."),
)

_BY_PATH = {change.path: change for change in CHANGES}


def change_of(path: str) -> Change:
    """Return the row for a field below `spec`, for example `goals[].window.size`: its own or that of the nearest field
    above it; raises KeyError when there is none.
    """
    parts = path.split(".")
    for length in range(len(parts), 0, -1):
        if found := _BY_PATH.get(".".join(parts[:length]).removesuffix("[]")):
            return found
    raise KeyError(path)
