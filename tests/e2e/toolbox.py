"""A pod beside the pipeline that reads topics and asks services: the cluster's names mean something there alone."""

from __future__ import annotations

import base64
import json
from typing import Any

from kubectl import Namespace, wait_for
from messages import Message

IMAGE = "docker.io/logpipeline/log-generator:0.1.0"
_POD = "toolbox"
# On each pod of the tests that may reach Kafka and Elasticsearch: see `allowed`.
CLIENT = {"logpipeline.test/client": "true"}

# Prints every message that a topic holds now, a JSON array a line; of a dead letter also where it came from.
_READ = """
import base64, json, sys, time
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
settings, topic = json.loads(sys.argv[1]), sys.argv[2]
consumer = Consumer({"group.id": "toolbox", "enable.auto.commit": False, "log_level": 0, **settings})
places = [TopicPartition(topic, n, OFFSET_BEGINNING) for n in consumer.list_topics(topic, 10).topics[topic].partitions]
ends = {p.partition: consumer.get_watermark_offsets(p, 10) for p in places}
missing = sum(end - begin for begin, end in ends.values())
consumer.assign(places)
text = lambda data: None if data is None else base64.b64encode(data).decode()
deadline = time.monotonic() + 60
while missing > 0:
    if time.monotonic() > deadline:
        sys.exit(f"{topic}: {missing} messages did not come")
    for m in consumer.consume(5000, timeout=1.0):
        if m.error():
            sys.exit(str(m.error()))
        if m.offset() < ends[m.partition()][1]:
            missing -= 1
            headers = dict(m.headers() or ())
            origin = [headers[f"__connect.errors.{name}"].decode() for name in ("partition", "offset")] if headers else None
            print(json.dumps([m.partition(), m.offset(), m.timestamp()[1], text(m.key()), text(m.value()), origin]))
consumer.close()
"""

# Prints the end of each partition, an object in JSON.
_ENDS = """
import json, sys
from confluent_kafka import Consumer, TopicPartition
settings, topic = json.loads(sys.argv[1]), sys.argv[2]
consumer = Consumer({"group.id": "toolbox", "log_level": 0, **settings})
numbers = consumer.list_topics(topic, 10).topics[topic].partitions
print(json.dumps({n: consumer.get_watermark_offsets(TopicPartition(topic, n), 10)[1] for n in numbers}))
consumer.close()
"""

_FETCH = """
import json, sys, urllib.error, urllib.request
method, url, body = sys.argv[1:4]
request = urllib.request.Request(url, body.encode() or None, {"Content-Type": "application/json"}, method=method)
try:
    print(urllib.request.urlopen(request, timeout=20).read().decode())
except urllib.error.HTTPError as error:
    sys.exit(f"{error.code} {error.read().decode()}")
"""


def allowed(*labels: dict[str, str]) -> dict[str, Any]:
    """What a pipeline says to let in the tests' pods, and those with other labels of its namespace."""
    peers = [{"podSelector": {"matchLabels": each}} for each in (CLIENT, *labels)]
    return {"allow": {"kafka": peers, "elasticsearch": peers, "console": peers}}


def pod(name: str, command: list[str], labels: dict[str, str] = CLIENT) -> dict[str, Any]:
    """A restricted pod with Python in it."""
    restricted = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "automountServiceAccountToken": False,
            "terminationGracePeriodSeconds": 0,
            "containers": [
                {
                    "name": name,
                    "image": IMAGE,
                    "imagePullPolicy": "IfNotPresent",
                    "command": command,
                    "securityContext": restricted,
                }
            ],
        },
    }


class Toolbox:
    """Runs in the namespace until that goes."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        namespace.apply(pod(_POD, ["sleep", "infinity"]))
        namespace.kubectl("wait", "--for=condition=Ready", f"pod/{_POD}", "--timeout=60s")

    def python(self, program: str, *arguments: str, seconds: float = 120) -> str:
        """What a Python program prints."""
        command = ("exec", "-i", _POD, "--", "python", "-", *arguments)
        return self._namespace.kubectl(*command, given=program, seconds=seconds)

    def _lines(self, program: str, bootstrap_servers: str, topic: str) -> list[Any]:
        settings = json.dumps({"bootstrap.servers": bootstrap_servers})
        return [json.loads(line) for line in self.python(program, settings, topic).splitlines()]

    def ends(self, bootstrap_servers: str, topic: str) -> dict[str, int]:
        """The offset that the next message of each partition will have."""
        (ends,) = self._lines(_ENDS, bootstrap_servers, topic)
        return dict(ends)

    def topic(self, bootstrap_servers: str, topic: str) -> list[Message]:
        """Every message that a topic holds now, by partition and offset."""
        messages = [
            Message(*row[:3], *(None if one is None else base64.b64decode(one) for one in row[3:5]))
            for row in self._lines(_READ, bootstrap_servers, topic)
        ]
        return sorted(messages, key=lambda message: (message.partition, message.offset))

    def dead_letters(self, bootstrap_servers: str, topic: str) -> set[tuple[str, str]]:
        """Partition and offset of each record that a topic of dead letters holds, be it there once or more often."""
        return {(row[5][0], row[5][1]) for row in self._lines(_READ, bootstrap_servers, topic)}

    def fetch(self, url: str, method: str = "GET", body: str = "") -> Any:
        """The JSON that an address answers with."""
        text = self.python(_FETCH, method, url, body)
        return json.loads(text) if text.strip() else None

    def count(self, elasticsearch: str, index: str) -> int:
        """Documents in an index, everything that was written before among them."""
        self.fetch(f"{elasticsearch}/{index}/_refresh", "POST")
        return int(self.fetch(f"{elasticsearch}/{index}/_count")["count"])


def settled(toolbox: Toolbox, bootstrap_servers: str, topic: str) -> list[Message]:
    """The messages of a topic that nobody writes to any more."""
    seen: list[dict[str, int]] = []

    def unchanged() -> bool:
        seen.append(toolbox.ends(bootstrap_servers, topic))
        return seen[-2:] == [seen[-1]] * 2

    wait_for(f"{topic} to stand still", unchanged, 60, every=2)
    return toolbox.topic(bootstrap_servers, topic)
