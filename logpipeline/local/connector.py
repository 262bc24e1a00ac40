"""The sink connector, over Kafka Connect's REST API: configured, watched, and its failed tasks restarted."""

from __future__ import annotations

import time

from logpipeline.backoff import Backoff
from logpipeline.errors import LogPipelineError
from logpipeline.kafka.connector import ConnectorStatus, read_status
from logpipeline.web import RefusedError, fetch, fetch_json

_NOT_FOUND, _BAD_REQUEST = 404, 400


class Connector:
    """One connector on the worker at `url`."""

    def __init__(self, url: str, name: str, config: dict[str, str]) -> None:
        self._url = f"{url}/connectors/{name}"
        self._config = config
        self._backoff = Backoff()
        self.restarts = 0
        self.status: ConnectorStatus | None = None

    def configure(self) -> None:
        """Give the worker the configuration, which it keeps in Kafka; raises LogPipelineError when it is wrong.

        Any other answer (a worker that comes up, workers that agree on who does what) is left to the next check.
        """
        try:
            fetch(f"{self._url}/config", method="PUT", body=self._config, timeout=3)
        except RefusedError as error:
            if error.status == _BAD_REQUEST:
                message = " ".join(error.message.split())
                raise LogPipelineError(f"Kafka Connect refuses the connector: {message}") from error
        except OSError:
            return

    def check(self) -> str | None:
        """Refresh `status`, put right what is not as it should be, and return what is lacking, None for nothing."""
        try:
            self.status = read_status(fetch_json(f"{self._url}/status"))
        except RefusedError as error:
            self.status = None
            if error.status == _NOT_FOUND and self._backoff.due(time.monotonic()):
                self.configure()
            return f"Connect does not know it yet ({error.status})"
        except (OSError, ValueError, KeyError):
            self.status = None
            return "Connect does not answer"
        if self.status.fault is not None:
            self._restart_failed()
            return self.status.fault
        if not self.status.healthy:
            return f"{self.status.running} of {self.status.tasks or 'no'} tasks run"
        return None

    def _restart_failed(self) -> None:
        if not self._backoff.due(time.monotonic()):
            return
        try:
            fetch(f"{self._url}/restart?includeTasks=true&onlyFailed=true", method="POST", timeout=5)
        except (RefusedError, OSError):
            return  # tried again after the backoff
        self.restarts += 1
