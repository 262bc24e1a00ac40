"""A network that enforces policies keeps strangers out of a pipeline, and its own parts work all the same."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from installation import Operator
from kubectl import Namespace, wait_for
from pipelines_on_cluster import Pipeline, resource
from toolbox import CLIENT, allowed, pod

STRANGER = {"app": "stranger"}
# By component: a port that answers.
PORTS = {"kafka": 9092, "connect": 8083, "elasticsearch": 9200, "goal": 9405, "generator": 9404, "console": 9409}
DRIVER = 7078
# Prints, as a JSON object, which of the addresses on its command line take a connection.
_CONNECT = """
import json, socket, sys
def answers(address):
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), 3).close()
    except OSError:
        return False
    return True
print(json.dumps({address: answers(address) for address in sys.argv[1:]}))
"""


# In the console's pod, which has the credential: gives the workers another connector, a copy of the pipeline's.
_ADD = """
import base64, json, pathlib, sys, urllib.request
url, ours = sys.argv[1:3]
secret = pathlib.Path("/etc/logpipeline/connect-secret")
pair = ":".join((secret / key).read_text() for key in ("username", "password"))
headers = {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode(), "Content-Type": "application/json"}
def ask(path, body=None):
    request = urllib.request.Request(url + path, body, headers, method="PUT" if body else "GET")
    return json.load(urllib.request.urlopen(request, timeout=20))
config = ask(f"/connectors/{ours}/config")
ask("/connectors/another/config", json.dumps({**config, "name": "another"}).encode())
"""


class Visitor:
    """A pod with labels that tries to connect."""

    def __init__(self, namespace: Namespace, name: str, labels: dict[str, str]) -> None:
        self._namespace, self._name = namespace, name
        namespace.apply(pod(name, ["sleep", "infinity"], labels))
        namespace.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")

    def reaches(self, addresses: dict[str, str]) -> set[str]:
        """The names of those addresses that take a connection."""
        command = ("exec", "-i", self._name, "--", "python", "-", *addresses.values())
        answers = json.loads(self._namespace.kubectl(*command, given=_CONNECT))
        return {name for name, address in addresses.items() if answers[address]}


@pytest.fixture(scope="module")
def pipeline(operator: Operator, new_namespace: Callable[[str], Namespace]) -> Pipeline:
    document = resource(
        "guarded",
        "client-rate",
        spark={"trigger": "2s", "executors": 1},
        sink={"elasticsearch": {"managed": {"storage": {"size": "1Gi"}}}},
        console={},
        networkPolicy=allowed(),
    )
    found = Pipeline(new_namespace("network"), document)
    found.apply()
    # Kafka, Connect, Elasticsearch and the goal serve each other and the operator, through their policies.
    found.wait("Ready", seconds=240)
    found.wait("FlowHealthy", seconds=60)
    return found


def addresses(pipeline: Pipeline) -> dict[str, str]:
    """The address of a port of each component, the pods' own: no Service stands between."""
    found = {}
    for component, port in PORTS.items():
        for each in pipeline.pods(component):
            role = each["metadata"]["labels"].get("logpipeline.dev/role")
            if role == "executor":
                continue
            found[component] = f"{each['status']['podIP']}:{port}"
            if role == "driver":
                found["driver"] = f"{each['status']['podIP']}:{DRIVER}"
    assert found.keys() == {*PORTS, "driver"}
    return found


def test_a_stranger_reaches_nothing_and_a_client_what_the_resource_names(
    pipeline: Pipeline, new_namespace: Callable[[str], Namespace]
) -> None:
    known = addresses(pipeline)
    stranger = Visitor(pipeline.namespace, "stranger", STRANGER)
    assert stranger.reaches(known) == set()
    client = Visitor(pipeline.namespace, "client", CLIENT)
    # The network learns of a new pod a moment later.
    wait_for("the client to be let in", lambda: client.reaches(known) == {"kafka", "elasticsearch"}, 30)
    elsewhere = new_namespace("elsewhere")
    prometheus = Visitor(elsewhere, "prometheus", {"app.kubernetes.io/name": "prometheus"})
    wait_for("Prometheus to be let in", lambda: prometheus.reaches(known) == {"goal", "generator", "console"}, 30)
    # The labels of a client mean nothing in another namespace.
    assert Visitor(elsewhere, "client", CLIENT).reaches(known) == set()


def test_another_connector_is_removed_and_an_event_names_it(pipeline: Pipeline) -> None:
    (console,) = pipeline.pods("console")
    arguments = ("http://guarded-connect:8083", "guarded-elasticsearch")
    pipeline.namespace.kubectl("exec", "-i", console["metadata"]["name"], "--", "python", "-", *arguments, given=_ADD)

    def told() -> bool:
        events = pipeline.namespace.list("events")
        return any(each["reason"] == "ConnectorRemoved" and "'another'" in each["message"] for each in events)

    wait_for("the Event", told, 60)


def test_switched_off_everything_is_open_again(pipeline: Pipeline) -> None:
    known = addresses(pipeline)
    stranger = Visitor(pipeline.namespace, "late-stranger", STRANGER)
    pipeline.patch("/spec/networkPolicy/enabled", value=False)
    wait_for("the policies to go", lambda: not pipeline.children("networkpolicy"), 30)
    wait_for("everything to be open", lambda: stranger.reaches(known) == {*PORTS, "driver"}, 30)
    pipeline.patch("/spec/networkPolicy/enabled", value=True)
    wait_for("everything to be closed", lambda: stranger.reaches(known) == set(), 30)
    pipeline.wait("Ready")
