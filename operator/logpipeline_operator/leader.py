"""One operator acts at a time: the one that holds the Lease.

A replica that waits does nothing but ask for it. One that cannot prove that it still holds it exits at once, before
another may begin to write.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import urllib3
from kubernetes.client import ApiClient, ApiException, Configuration, CoordinationV1Api
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

from logpipeline_operator.metrics import LEADER
from logpipeline_operator.threads import start

LEASE_NAME = "logpipeline-operator"
# client-go's defaults. Another replica takes over 15 s after the last renewal at the earliest, this one exits after 10.
_LEASE_SECONDS, _RENEW_SECONDS, _RETRY_SECONDS = 15, 10, 2
# A renewal is two requests, which both fit into the time to renew.
_REQUEST_SECONDS = 4.0
_CHECK_SECONDS = 0.5
_LOST = 3
_NOBODY = LeaderElectionRecord("", "1", "1970-01-01 00:00:00+00:00", "1970-01-01 00:00:00+00:00")
_LOG = logging.getLogger(__name__)


def lease_api(request_seconds: float = _REQUEST_SECONDS) -> CoordinationV1Api:
    """Return the API of Leases with a time-out on each request that is made of it, and no retries: the election itself
    tries again.
    """
    configuration = Configuration.get_default_copy()
    configuration.retries = 0
    api = CoordinationV1Api(ApiClient(configuration))
    for name in ("read_namespaced_lease", "create_namespaced_lease", "replace_namespaced_lease"):
        setattr(api, name, partial(getattr(api, name), _request_timeout=request_seconds))
    return api


class _Lock(LeaseLock):  # type: ignore[misc]
    """The package's lock, for which a lost connection is one more failed try and not the end of the election. It knows
    when the Lease was last renewed, and does not take it back once it was released.
    """

    def __init__(self, api: Any, namespace: str, identity: str, clock: Callable[[], float]) -> None:
        super().__init__(LEASE_NAME, namespace, identity)
        self.api_instance = api
        # On `clock`, and from before the request: the API server may have answered long before the answer came.
        self.renewed_at = clock()
        self._clock = clock
        self._writing = threading.Lock()
        self._released = False

    def get(self, name: str, namespace: str) -> Any:
        try:
            return super().get(name, namespace)
        except urllib3.exceptions.HTTPError as error:
            return False, ApiException(status=0, reason=str(error))

    def create(self, name: str, namespace: str, election_record: Any) -> bool:
        return self._write(super().create, name, namespace, election_record)

    def update(self, name: str, namespace: str, updated_record: Any) -> bool:
        with self._writing:
            return not self._released and self._write(super().update, name, namespace, updated_record)

    def release(self) -> None:
        """Let the Lease be nobody's, from now on."""
        with self._writing:
            self._released = True
            self.get(self.name, self.namespace)
            self._write(super().update, self.name, self.namespace, _NOBODY)

    def _write(self, write: Callable[..., Any], *arguments: Any) -> bool:
        asked_at = self._clock()
        try:
            written = bool(write(*arguments))
        except urllib3.exceptions.HTTPError:
            return False
        if written:
            self.renewed_at = asked_at
        return written


class Leadership:
    """The part of this replica in the election; `end` exits the process with a code."""

    def __init__(
        self,
        api: Any,
        namespace: str,
        identity: str,
        clock: Callable[[], float] = time.monotonic,
        end: Callable[[int], None] = os._exit,
    ) -> None:
        self._lock = _Lock(api, namespace, identity, clock)
        self._clock = clock
        self._end = end
        self._won = threading.Event()
        self._released = threading.Event()

    def wait(self) -> None:
        """Take part in the election and return when it is won."""
        config = electionconfig.Config(
            self._lock, _LEASE_SECONDS, _RENEW_SECONDS, _RETRY_SECONDS, self._won.set, self._lose
        )
        start("leader-election", leaderelection.LeaderElection(config).run)
        _LOG.info("waiting for the Lease %s/%s", self._lock.namespace, self._lock.name)
        self._won.wait()
        start("leader-watchdog", self._watch)
        LEADER.set(1)
        _LOG.info("this replica leads")

    def _watch(self) -> None:
        # The election measures by the wall clock, which may be set back, and waits for the answer of each request.
        while not self._released.wait(_CHECK_SECONDS):
            if self._clock() - self._lock.renewed_at >= _RENEW_SECONDS:
                return self._lose()
        return None

    def _lose(self) -> None:
        if self._released.is_set():
            return
        _LOG.error("the Lease could not be renewed for %d s; another replica may lead now", _RENEW_SECONDS)
        # Nothing may be written after this line, so no orderly end.
        self._end(_LOST)

    def release(self) -> None:
        """Give the Lease up, so that the next replica need not wait until it runs out; only after everything that
        writes has ended.
        """
        if self._won.is_set():
            self._released.set()
            self._lock.release()
