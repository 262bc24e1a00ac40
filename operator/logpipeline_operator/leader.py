"""One operator acts at a time: the one that holds the Lease.

A replica that waits does nothing but ask for it. One that loses it ends at once, before another may have begun.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import Any

import urllib3
from kubernetes.client import ApiException
from kubernetes.leaderelection import electionconfig, leaderelection
from kubernetes.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

from logpipeline_operator.metrics import LEADER

LEASE_NAME = "logpipeline-operator"
_LEASE_SECONDS, _RENEW_SECONDS, _RETRY_SECONDS = 15, 10, 2
_LOST = 3
_LOG = logging.getLogger(__name__)


class _PatientLock(LeaseLock):  # type: ignore[misc]
    """The package's lock lets a lost connection escape and end the election; here it is one more failed try."""

    released = False

    def get(self, name: str, namespace: str) -> Any:
        try:
            return super().get(name, namespace)
        except urllib3.exceptions.HTTPError as error:
            return False, ApiException(status=0, reason=str(error))

    def create(self, name: str, namespace: str, election_record: Any) -> bool:
        try:
            return bool(super().create(name, namespace, election_record))
        except urllib3.exceptions.HTTPError:
            return False

    def update(self, name: str, namespace: str, updated_record: Any) -> bool:
        if self.released:
            return False
        try:
            return bool(super().update(name, namespace, updated_record))
        except urllib3.exceptions.HTTPError:
            return False


class Leadership:
    """The part of this replica in the election."""

    def __init__(self, namespace: str, identity: str) -> None:
        self._lock = _PatientLock(LEASE_NAME, namespace, identity)
        self._won = threading.Event()

    def wait(self) -> None:
        """Take part in the election and return when it is won."""
        config = electionconfig.Config(
            self._lock, _LEASE_SECONDS, _RENEW_SECONDS, _RETRY_SECONDS, self._won.set, self._lose
        )
        election = leaderelection.LeaderElection(config)
        threading.Thread(target=election.run, name="leader-election", daemon=True).start()
        _LOG.info("waiting for the Lease %s/%s", self._lock.namespace, self._lock.name)
        self._won.wait()
        LEADER.set(1)
        _LOG.info("this replica leads")

    def _lose(self) -> None:
        _LOG.error("the Lease could not be renewed for %d s; another replica may lead now", _RENEW_SECONDS)
        # Nothing may be written after this line, so no orderly end.
        os._exit(_LOST)

    def release(self) -> None:
        """Give the Lease up, so that the next replica need not wait until it runs out."""
        if self._won.is_set():
            self._lock.get(self._lock.name, self._lock.namespace)
            self._lock.update(self._lock.name, self._lock.namespace, _NOBODY)
            self._lock.released = True


_NOBODY = LeaderElectionRecord("", "1", "1970-01-01 00:00:00+00:00", "1970-01-01 00:00:00+00:00")
