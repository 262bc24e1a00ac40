"""A Prometheus in the cluster, with the chart's own scrape configuration and rules, made quicker."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

from kubectl import Namespace, call, kubectl, wait_for
from toolbox import pod

FILES = Path(__file__).parents[2] / "charts" / "logpipeline-operator" / "files"
# What the rules wait for in minutes is waited for in so many times less: `promtool test rules` has tried the minutes.
TIMES_QUICKER = 20
# https://prometheus.io/docs/prometheus/latest/configuration/configuration/#kubernetes_sd_config
_DISCOVER = """\
import json, os, re, ssl, time, urllib.request
account = "/var/run/secrets/kubernetes.io/serviceaccount"
context = ssl.create_default_context(cafile=f"{account}/ca.crt")
def listed(kind):
    headers = {"Authorization": "Bearer " + open(f"{account}/token").read()}
    request = urllib.request.Request(f"https://kubernetes.default.svc/api/v1/{kind}", headers=headers)
    return json.load(urllib.request.urlopen(request, context=context, timeout=10))["items"]
def pods():
    for pod in listed("pods"):
        about, status = pod["metadata"], pod["status"]
        words = {"namespace": about["namespace"], "pod_name": about["name"], "pod_phase": status.get("phase", "")}
        words |= {"pod_label_" + re.sub("[^a-zA-Z0-9_]", "_", name): value for name, value in about.get("labels", {}).items()}
        for container in pod["spec"]["containers"]:
            for port in container.get("ports", []):
                if "podIP" in status:
                    yield f"{status['podIP']}:{port['containerPort']}", {**words, "pod_container_port_name": port.get("name", "")}
def nodes():
    for node in listed("nodes"):
        address = next(one["address"] for one in node["status"]["addresses"] if one["type"] == "InternalIP")
        yield f"{address}:{node['status']['daemonEndpoints']['kubeletEndpoint']['Port']}", {"node_name": node["metadata"]["name"]}
while True:
    for role, found in (("pod", pods), ("node", nodes)):
        try:
            targets = [
                {"targets": [address], "labels": {f"__meta_kubernetes_{name}": value for name, value in words.items()}}
                for address, words in found()
            ]
        except OSError as error:
            print(error, flush=True)
            continue
        with open(f"/tmp/{role}.part", "w") as file:
            json.dump(targets, file)
        os.replace(f"/tmp/{role}.part", f"/tmp/{role}.json")
    time.sleep(2)
"""
_SECONDS = {"m": 60, "h": 3600}
_NAME, _PORT = "prometheus", 9090
# Prometheus has no image here: a pod waits for Debian's program and becomes it. Debian leaves out the discovery of Kubernetes, so a
# script says what there is in its words; what is made of them is the chart's.
_BECOME = """\
until [ -e /tmp/complete ]; do sleep 0.2; done
chmod +x /tmp/prometheus
python /config/discover.py &
exec /tmp/prometheus --config.file=/config/prometheus.yml --storage.tsdb.path=/tmp/data
"""


def quicker(rules: str) -> str:
    """The rules with all they wait for, and all they look back on, shortened; and the lag that is too much."""
    span = re.compile(r"(?<=for: )(\d+)([mh])|(?<=\[)(\d+)([mh])|(?<=:)(\d+)(m)(?=\])|(?<=lag_seconds > )(\d+)()")

    def shortened(found: re.Match[str]) -> str:
        number, unit = (group for group in found.groups() if group is not None)
        seconds = int(number) * _SECONDS.get(unit, 1) // TIMES_QUICKER
        return f"{seconds}s" if unit else str(seconds)

    return span.sub(shortened, rules)


class Prometheus:
    """It and its rights, until `remove`; it tells `alertmanagers`, a host and port."""

    def __init__(self, namespace: Namespace, operator_namespace: str, alertmanagers: str) -> None:
        self._namespace = namespace
        self._role = f"{_NAME}-{namespace.name}"
        host, port = alertmanagers.rsplit(":", 1)
        configuration = {
            "global": {"scrape_interval": "3s", "scrape_timeout": "3s", "evaluation_interval": "3s"},
            "rule_files": ["/config/*alerts.yaml"],
            "alerting": {"alertmanagers": [{"dns_sd_configs": [{"names": [host], "type": "A", "port": int(port)}]}]},
            "scrape_configs": [_job(job) for job in _scrape_configs()],
        }
        files = {"become.sh": _BECOME, "discover.py": _DISCOVER, "prometheus.yml": yaml.safe_dump(configuration)}
        for file in FILES.glob("*alerts.yaml"):
            files[file.name] = quicker(file.read_text()).replace("RELEASE_NAMESPACE", operator_namespace)
        rules = [
            {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": [""], "resources": ["nodes/metrics"], "verbs": ["get"]},
        ]
        account = {"kind": "ServiceAccount", "name": _NAME, "namespace": namespace.name}
        namespace.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": _NAME}},
            _access("ClusterRole", self._role, rules=rules),
            _access(
                "ClusterRoleBinding",
                self._role,
                roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": self._role},
                subjects=[account],
            ),
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _NAME}, "data": files},
            _pod(),
        )

    def start(self) -> None:
        """Give the pod the program and wait until it answers."""
        found = shutil.which("prometheus")
        assert found, "there is no prometheus: run `make cluster-up`, or install it"
        self._namespace.kubectl("wait", "--for=condition=Ready", f"pod/{_NAME}", "--timeout=60s", seconds=70)
        self._namespace.kubectl("cp", found, f"{_NAME}:/tmp/prometheus")
        self._namespace.kubectl("exec", _NAME, "--", "touch", "/tmp/complete")
        ready = ("kubectl", "get", "--raw", self._path("/-/ready"))
        wait_for("Prometheus to answer", lambda: call(*ready).returncode == 0, 60)

    def remove(self) -> None:
        """Take away what is in no namespace."""
        for kind in ("clusterrolebinding", "clusterrole"):
            kubectl("delete", kind, self._role, "--ignore-not-found")

    def _path(self, path: str) -> str:
        return f"/api/v1/namespaces/{self._namespace.name}/pods/{_NAME}:{_PORT}/proxy{path}"

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that a query gives now: `metric`, its labels, and `value`, its moment and number as text."""
        answer = json.loads(kubectl("get", "--raw", self._path(f"/api/v1/query?query={quote(expression, safe='')}")))
        found: list[dict[str, Any]] = answer["data"]["result"]
        return found

    def firing(self) -> set[tuple[str, str]]:
        """Name and pipeline of each alert that fires now."""
        labels = (one["metric"] for one in self.query('ALERTS{alertstate="firing"}'))
        return {(one["alertname"], one.get("pipeline", "")) for one in labels}


def _scrape_configs() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load((FILES / "scrape-configs.yaml").read_text())["scrape_configs"]
    return found


def _job(job: dict[str, Any]) -> dict[str, Any]:
    """A job of the chart, its targets from the script's files."""
    (discovery,) = job.pop("kubernetes_sd_configs")
    assert discovery.keys() == {"role"}
    return {**job, "file_sd_configs": [{"files": [f"/tmp/{discovery['role']}.json"], "refresh_interval": "5s"}]}


def _access(kind: str, name: str, **content: Any) -> dict[str, Any]:
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}, **content}


def _pod() -> dict[str, Any]:
    # The label by which the policies know Prometheus.
    document = pod(_NAME, ["sh", "/config/become.sh"], {"app.kubernetes.io/name": "prometheus"})
    spec = document["spec"]
    spec |= {"serviceAccountName": _NAME, "automountServiceAccountToken": True}
    spec["volumes"] = [{"name": "config", "configMap": {"name": _NAME}}, {"name": "tmp", "emptyDir": {}}]
    folders = {"config": "/config", "tmp": "/tmp"}
    (container,) = spec["containers"]
    container["volumeMounts"] = [{"name": volume, "mountPath": path} for volume, path in folders.items()]
    return document
