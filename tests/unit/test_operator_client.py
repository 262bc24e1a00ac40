"""What the operator asks of the API server when it writes: only what is its own can be written over."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from logpipeline_operator.cluster.client import ApiError, Client
from logpipeline_operator.cluster.kinds import CHILDREN

(CONFIG_MAP,) = (kind for kind in CHILDREN if kind.name == "ConfigMap")
DOCUMENT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "n"},
    "data": {"k": "v"},
}


class Server:
    """Answers a PATCH with `status` and the object that it was sent, and remembers the request."""

    def __init__(self) -> None:
        self.status = 200
        self.query: dict[str, list[str]] = {}
        self.body: dict[str, Any] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_PATCH(self) -> None:
                server.query = parse_qs(urlsplit(self.path).query)
                server.body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                text = json.dumps(server.body if server.status < 400 else {"reason": "r", "message": "m"}).encode()
                self.send_response(server.status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    named = [{"name": "a", "cluster": {"server": f"http://127.0.0.1:{server.http.server_port}"}}]
    contexts = [{"name": "a", "context": {"cluster": "a", "user": "a"}}]
    config = {"clusters": named, "contexts": contexts, "users": [{"name": "a", "user": {}}], "current-context": "a"}
    path = tmp_path / "kubeconfig"
    path.write_text(json.dumps(config))
    monkeypatch.setattr("kubernetes.config.kube_config.KUBE_CONFIG_DEFAULT_LOCATION", str(path))
    yield server
    server.http.shutdown()
    server.http.server_close()


def test_what_is_not_known_is_created_and_never_written_over(server: Server) -> None:
    client = Client(connections=1)
    assert client.create(CONFIG_MAP, DOCUMENT) is not None
    assert "force" not in server.query
    # No stored object has this version, so the API server refuses to write over one.
    assert server.body["metadata"]["resourceVersion"] == "1"
    server.status = 409
    assert client.create(CONFIG_MAP, DOCUMENT) is None
    server.status = 403
    with pytest.raises(ApiError, match="m"):
        client.create(CONFIG_MAP, DOCUMENT)


def test_what_is_ours_is_written_whoever_has_changed_it(server: Server) -> None:
    client = Client(connections=1)
    known = {**DOCUMENT, "metadata": {**DOCUMENT["metadata"], "uid": "u"}}
    client.apply(CONFIG_MAP, known)
    assert server.query["force"] == ["true"]
    assert server.body == known
    server.status = 409
    with pytest.raises(ApiError):
        client.apply(CONFIG_MAP, known)
