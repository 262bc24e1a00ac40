"""A watched namespace that was deleted, or whose rights are gone, fails alone and works again when it is back."""

from __future__ import annotations

import asyncio
import json
import queue
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import kopf
import pytest
import yaml

from logpipeline_operator import watches
from logpipeline_operator.cluster.cache import Cache
from logpipeline_operator.cluster.client import ApiError
from logpipeline_operator.cluster.kinds import PipelineKey
from logpipeline_operator.controller import Controller
from logpipeline_operator.metrics import LIST_ERRORS
from logpipeline_operator.pipelines import Pipelines
from logpipeline_operator.resync import Resync

HERE, GONE = "here", "gone"
VERSION = {"groupVersion": "logpipeline.dev/v1alpha1", "version": "v1alpha1"}
KINDS = {
    "logpipelines": {"kind": "LogPipeline", "namespaced": True},
    # kopf starts no watch before it knows this kind.
    "namespaces": {"kind": "Namespace", "namespaced": False},
}
RESOURCES = {
    name: {"resources": [{"name": name, "singularName": "", "verbs": ["list", "watch"], **kind}]}
    for name, kind in KINDS.items()
}
DISCOVERY: dict[str, Any] = {
    "/api": {"versions": ["v1"]},
    "/api/v1": RESOURCES["namespaces"],
    "/apis": {"groups": [{"name": "logpipeline.dev", "versions": [VERSION], "preferredVersion": VERSION}]},
    "/apis/logpipeline.dev/v1alpha1": RESOURCES["logpipelines"],
}


def pipeline(namespace: str) -> dict[str, Any]:
    return {"metadata": {"namespace": namespace, "name": "web", "uid": namespace, "resourceVersion": "1"}}


class Lists:
    """The API server's lists of a pipeline in each namespace; those of the `refused` namespaces are forbidden."""

    def __init__(self) -> None:
        self.refused = {GONE}

    def list(self, kind: Any, namespace: str, _: str) -> tuple[list[dict[str, Any]], str]:
        # The right to list pipelines is back before those to list children.
        if namespace in self.refused and kind.name != "LogPipeline":
            raise ApiError(403, "Forbidden", "not allowed")
        return [pipeline(namespace)] if kind.name == "LogPipeline" else [], "9"


def test_a_namespace_that_cannot_be_listed_holds_up_no_other_one() -> None:
    lists, pipelines, cache = Lists(), Pipelines(), Cache()
    controller = Controller((GONE, HERE), pipelines, cache, None)
    resync = Resync(lists, controller, pipelines, cache, 300)  # type: ignore[arg-type]
    before = LIST_ERRORS.labels(GONE)._value.get()
    resync.begin()
    assert controller.is_ready()
    assert (resync.failure(HERE), resync.failure(GONE)) == (None, "not allowed")
    assert LIST_ERRORS.labels(GONE)._value.get() == before + 1
    # Without its children known, a pass would apply all of them again.
    controller.pipeline_seen({**pipeline(GONE), "metadata": {**pipeline(GONE)["metadata"], "resourceVersion": "2"}})
    assert controller.queue.take() == PipelineKey(HERE, "web")
    assert controller.queue.depth() == 0
    controller.queue.done(PipelineKey(HERE, "web"), failed=False)

    lists.refused.clear()
    resync.begin()
    assert resync.failure(GONE) is None
    assert {controller.queue.take() for _ in range(2)} == {PipelineKey(HERE, "web"), PipelineKey(GONE, "web")}


class ApiServer(BaseHTTPRequestHandler):
    """As much of an API server as kopf asks of it; the namespace GONE is forbidden for the first requests."""

    refusals = 5

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if f"/namespaces/{GONE}/" in path and type(self).refusals:
            type(self).refusals -= 1
            self._send(403, {"kind": "Status", "code": 403, "message": "not allowed"})
        elif path in DISCOVERY:
            self._send(200, DISCOVERY[path])
        elif "watch=true" in self.path:
            self._send(200, {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}})
        else:
            self._send(200, {"metadata": {"resourceVersion": "9"}, "items": [pipeline(path.split("/")[5])]})

    def _send(self, status: int, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """A request is not worth a line."""


class Listener:
    def __init__(self) -> None:
        self.seen: queue.Queue[str] = queue.Queue()

    def pipeline_seen(self, document: dict[str, Any]) -> None:
        self.seen.put(document["metadata"]["namespace"])

    def watch_began(self, namespace: str) -> None:
        pass


@pytest.fixture
def api_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), ApiServer)
    serving = threading.Thread(target=server.serve_forever, args=(0.05,))
    serving.start()
    kubeconfig = {
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
        "clusters": [{"name": "test", "cluster": {"server": f"http://127.0.0.1:{server.server_port}"}}],
        "users": [{"name": "test", "user": {"token": "t"}}],
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(kubeconfig))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(tmp_path / "kubeconfig"))
    yield
    server.shutdown()
    serving.join()
    server.server_close()


def test_a_watch_that_is_refused_is_tried_again_and_ends_no_other(
    api_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watches, "_BACKOFFS", (0.02,))
    listener, stop = Listener(), threading.Event()
    operator = kopf.operator(
        registry=watches.registry(listener),  # type: ignore[arg-type]
        standalone=True,
        namespaces=[HERE, GONE],
        stop_flag=stop,
    )
    running = threading.Thread(target=asyncio.run, args=(operator,))
    running.start()
    try:
        assert [listener.seen.get(timeout=20) for _ in range(2)] == [HERE, GONE]
        assert running.is_alive()
    finally:
        stop.set()
        running.join(20)
