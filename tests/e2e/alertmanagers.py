"""Two Alertmanagers behind one name, and who the first one notifies: pods beside the pipeline.

They do not gossip: a notification then tells of the bridge, and not of which of the two was quicker.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from kubectl import Namespace, call, wait_for
from toolbox import pod

# Debian's build has its templates there, where others have them built in.
_TEMPLATES = Path("/usr/share/prometheus/alertmanager")
_NAME, _RECEIVER, _API = "alertmanagers", "receiver", 9093
# Alertmanager has no image here: a pod waits for Debian's program and becomes it.
_BECOME = """\
until [ -e /tmp/complete ]; do sleep 0.2; done
chmod +x /tmp/alertmanager
exec /tmp/alertmanager --config.file=/config/$1.yml --storage.path=/tmp/data --cluster.listen-address=
"""
# Prints a JSON line an alert of each notification, with the time at which it came.
_RECEIVE = """\
import json, time
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in body["alerts"]:
            print(json.dumps({"at": time.time(), **alert}), flush=True)
        self.send_response(200)
        self.end_headers()
    def log_message(self, *_):
        pass
HTTPServer(("", 8080), Handler).serve_forever()
"""


@dataclass(frozen=True)
class Notification:
    """One alert of one notification; `at` and `starts` are epoch seconds."""

    at: float
    status: str
    starts: float
    labels: dict[str, str]


class Alertmanagers:
    """They and the receiver, until the namespace goes."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        host = f"{_NAME}.{namespace.name}.svc.cluster.local"
        self.url = f"http://{host}:{_API}"
        route = {"receiver": _RECEIVER, "group_by": ["..."], "group_wait": "0s", "group_interval": "1s"}
        hook = {"url": f"http://{_RECEIVER}.{namespace.name}.svc.cluster.local:8080/", "send_resolved": True}
        self._pods = [f"{_NAME}-{number}" for number in range(2)]
        files = {"become.sh": _BECOME, "receive.py": _RECEIVE}
        for name, hooks in zip(self._pods, ([hook], []), strict=True):
            receivers = [{"name": _RECEIVER, "webhook_configs": hooks}]
            files[f"{name}.yml"] = yaml.safe_dump({"route": route, "receivers": receivers})
        templates = {file.name: file.read_text() for file in _TEMPLATES.glob("*.tmpl")}
        namespace.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _NAME}, "data": files},
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "templates"}, "data": templates},
            _service(_NAME, _API, clusterIP="None"),
            _service(_RECEIVER, 8080),
            *(_pod(name, _NAME, ["sh", "/config/become.sh", name]) for name in self._pods),
            _pod(_RECEIVER, _RECEIVER, ["python", "/config/receive.py"]),
        )

    def start(self) -> None:
        """Give the pods the program and wait until both answer."""
        found = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
        assert found, "there is no prometheus-alertmanager: run `make cluster-up`, or install it"
        names = [f"pod/{name}" for name in (*self._pods, _RECEIVER)]
        self._namespace.kubectl("wait", "--for=condition=Ready", *names, "--timeout=60s", seconds=70)
        for name in self._pods:
            self._namespace.kubectl("cp", found, f"{name}:/tmp/alertmanager")
            self._namespace.kubectl("exec", name, "--", "touch", "/tmp/complete")
            ready = ("kubectl", "get", "--raw", self._proxy(name, "/-/ready"))
            wait_for(f"{name} to answer", lambda ready=ready: call(*ready).returncode == 0, 60)

    def _proxy(self, name: str, path: str) -> str:
        return f"/api/v1/namespaces/{self._namespace.name}/pods/{name}:{_API}/proxy{path}"

    def known(self) -> list[set[str]]:
        """The clients of the alerts that are active at each of the two."""
        alerts = [
            json.loads(self._namespace.kubectl("get", "--raw", self._proxy(name, "/api/v2/alerts")))
            for name in self._pods
        ]
        return [{alert["labels"].get("client_ip", "") for alert in found} for found in alerts]

    def notifications(self) -> list[Notification]:
        """All that the receiver was told, in order."""
        lines = self._namespace.kubectl("logs", _RECEIVER, "--tail=-1").splitlines()
        return [
            Notification(one["at"], one["status"], datetime.fromisoformat(one["startsAt"]).timestamp(), one["labels"])
            for one in map(json.loads, lines)
        ]


def _service(name: str, port: int, **spec: Any) -> dict[str, Any]:
    body = {"selector": {"app": name}, "ports": [{"port": port}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": body}


def _pod(name: str, app: str, command: list[str]) -> dict[str, Any]:
    document = pod(name, command, {"app": app})
    folders = {"config": "/config", "templates": str(_TEMPLATES), "tmp": "/tmp"}
    document["spec"]["volumes"] = [
        {"name": "config", "configMap": {"name": _NAME}},
        {"name": "templates", "configMap": {"name": "templates"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    (container,) = document["spec"]["containers"]
    container["volumeMounts"] = [{"name": volume, "mountPath": path} for volume, path in folders.items()]
    return document
