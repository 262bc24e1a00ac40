"""A thin client of the API server: JSON in and out, one field manager, every request bounded in time.

The models of the `kubernetes` package cost more time and memory than the objects themselves; its configuration,
authentication and connection pool do not.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import orjson
import urllib3
from kubernetes import client, config

from logpipeline_operator.cluster.kinds import CORE_EVENT, EVENT, PIPELINE, SECRET, Document, Kind
from logpipeline_operator.metrics import REQUESTS, STATUS_WRITES, WRITES

FIELD_MANAGER = "logpipeline-operator"
_APPLY = "application/apply-patch+yaml"
_REQUEST_SECONDS = 30.0
_PAGE = 500
_NOT_FOUND, CONFLICT, _GONE = 404, 409, 410
# No stored object has this version: with it an apply creates, or is refused as a conflict.
_NO_VERSION = "1"


class ApiError(Exception):
    """The API server refused, or did not answer (`status` 0)."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message


class Client:
    """Requests of one operator to its API server."""

    def __init__(self, *, connections: int) -> None:
        try:
            config.load_incluster_config()
        except config.ConfigException:
            config.load_kube_config()
        settings = client.Configuration.get_default_copy()
        settings.connection_pool_maxsize = connections
        self._api = client.ApiClient(settings)

    def events(self, namespace: str, uid: str) -> list[Document]:
        """Return the Events about the object `uid`, a page of them at most."""
        query = {"fieldSelector": f"involvedObject.uid={uid}", "limit": str(_PAGE)}
        items: list[Document] = self._request("GET", CORE_EVENT.path(namespace), query)["items"]
        return items

    def list(self, kind: Kind, namespace: str | None, selector: str) -> tuple[list[Document], str]:
        """Return all objects of a kind by label, and the resource version of the list."""
        items: list[Document] = []
        query = {"labelSelector": selector, "limit": str(_PAGE)}
        while True:
            page = self._request("GET", kind.path(namespace), query)
            for item in page["items"]:
                item |= {"apiVersion": kind.api_version, "kind": kind.name}
                items.append(item)
            token = page["metadata"].get("continue")
            if not token:
                return items, page["metadata"]["resourceVersion"]
            query["continue"] = token

    def get(self, kind: Kind, namespace: str, name: str) -> Document | None:
        """Return an object, None when it is not there."""
        try:
            return self._request("GET", kind.path(namespace, name))
        except ApiError as error:
            if error.status == _NOT_FOUND:
                return None
            raise

    def secret(self, namespace: str, name: str) -> Document | None:
        """Return a Secret, None when it is not there."""
        return self.get(SECRET, namespace, name)

    def create(self, kind: Kind, document: Document) -> Document | None:
        """Apply an object server-side that is not there yet and return it; None, and nothing is written, when an object
        of its name exists.
        """
        metadata = {**document["metadata"], "resourceVersion": _NO_VERSION}
        try:
            return self._apply(kind, {**document, "metadata": metadata}, {})
        except ApiError as error:
            if error.status == CONFLICT:
                return None
            raise

    def create_secret(self, document: Document) -> None:
        """Create a Secret; one that is there already stays as it is."""
        try:
            self._request("POST", SECRET.path(document["metadata"]["namespace"]), {}, document)
        except ApiError as error:
            if error.status != CONFLICT:
                raise
        WRITES.labels(SECRET.name, "create").inc()

    def apply(self, kind: Kind, document: Document) -> Document:
        """Apply an object server-side: fields that others wrote over are ours again; returns it as it is now.

        With a uid in `document` no other object is written that has taken the name.
        """
        return self._apply(kind, document, {"force": "true"})

    def _apply(self, kind: Kind, document: Document, options: dict[str, str]) -> Document:
        metadata = document["metadata"]
        query = {"fieldManager": FIELD_MANAGER, **options}
        result = self._request("PATCH", kind.path(metadata["namespace"], metadata["name"]), query, document, _APPLY)
        WRITES.labels(kind.name, "apply").inc()
        return result

    def delete(self, kind: Kind, namespace: str, name: str, uid: str) -> None:
        """Delete just this object, not another that has taken its name; one that is gone already is fine."""
        body = {"preconditions": {"uid": uid}, "propagationPolicy": "Background"}
        try:
            self._request("DELETE", kind.path(namespace, name), {}, body)
        except ApiError as error:
            if error.status not in (_NOT_FOUND, _GONE):
                raise
        WRITES.labels(kind.name, "delete").inc()

    def apply_status(self, namespace: str, name: str, uid: str, status: Document) -> Document | None:
        """Make `status` the status of a pipeline and return the pipeline; None when it is gone, which is fine."""
        body = {
            "apiVersion": PIPELINE.api_version,
            "kind": PIPELINE.name,
            # The uid is a precondition: another pipeline may have taken the name.
            "metadata": {"name": name, "namespace": namespace, "uid": uid},
            "status": status,
        }
        query = {"fieldManager": FIELD_MANAGER, "force": "true"}
        try:
            result = self._request("PATCH", f"{PIPELINE.path(namespace, name)}/status", query, body, _APPLY)
        except ApiError as error:
            if error.status in (_NOT_FOUND, CONFLICT):
                return None
            raise
        STATUS_WRITES.inc()
        return result

    def create_event(self, namespace: str, event: Document) -> None:
        """Record an Event."""
        self._request("POST", EVENT.path(namespace), {}, event)

    def _request(
        self,
        method: str,
        path: str,
        query: dict[str, str] | None = None,
        body: Document | None = None,
        content_type: str = "application/json",
    ) -> Document:
        headers = {"Accept": "application/json", "Content-Type": content_type}
        # A service account's token is read again when it is about to expire.
        if (token := self._api.configuration.auth_settings().get("BearerToken")) is not None:
            headers[token["key"]] = token["value"]
        url = self._api.configuration.host + path + (f"?{urlencode(query)}" if query else "")
        pool: urllib3.PoolManager = self._api.rest_client.pool_manager
        REQUESTS.labels(method).inc()
        try:
            response = pool.request(
                method,
                url,
                body=orjson.dumps(body) if body is not None else None,
                headers=headers,
                timeout=_REQUEST_SECONDS,
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise ApiError(0, "Unreachable", f"the API server does not answer: {type(error).__name__}") from error
        answer = _decoded(response.data)
        if response.status >= 400:
            raise ApiError(response.status, str(answer.get("reason") or response.reason), str(answer.get("message")))
        return answer


def _decoded(data: bytes) -> dict[str, Any]:
    try:
        document: dict[str, Any] = orjson.loads(data)
    except orjson.JSONDecodeError:
        return {"message": data[:200].decode(errors="replace")}
    return document
