"""The state folder: everything a run writes, so that the next one goes on and nothing is left elsewhere."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import Any

from logpipeline.api import LogPipeline
from logpipeline.api.documents import write_document
from logpipeline.errors import LogPipelineError
from logpipeline.kafka.properties import write_private

_FOLDERS = ("checkpoints", "config", "data/kafka", "data/elasticsearch", "logs", "secrets", "tmp", "work")


class StateFolder:
    """One pipeline's folder. Its parts are paths below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self._lock: int | None = None

    def __truediv__(self, name: str) -> Path:
        return self.root / name

    def log(self, component: str) -> Path:
        """Return the log file of a component."""
        return self.root / "logs" / f"{component}.log"

    def prepare(self) -> None:
        """Make the folder and take its lock; raises LogPipelineError when that cannot be."""
        try:
            for folder in _FOLDERS:
                (self.root / folder).mkdir(parents=True, exist_ok=True)
            (self.root / "secrets").chmod(0o700)
            lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            reason = f"{error.strerror}: {error.filename}"
            raise LogPipelineError(
                f"the state folder {self.root} cannot be written ({reason}); give another with --state"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(lock)
            pid = (read_status(self.root) or {}).get("pid", "unknown")
            raise LogPipelineError(
                f"another `logpipeline up` (pid {pid}) runs on the state folder {self.root}; "
                "stop it, or give another with --state"
            ) from error
        self._lock = lock

    def release(self) -> None:
        """Give the lock back."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def write_json(self, name: str, content: Any) -> None:
        """Replace the file `name` in one step, so that a reader never sees half of it."""
        draft = self.root / f"{name}.new"
        draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        draft.replace(self.root / name)

    def read_json(self, name: str) -> Any:
        """Return the content of `name`, or None when there is none or it cannot be read."""
        return _read_json(self.root / name)

    def write_config(self, name: str, text: str) -> Path:
        """Write a component's settings, readable by the owner alone, and return their path."""
        path = self.root / "config" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, text)
        return path

    def write_pipeline(self, pipeline: LogPipeline) -> Path:
        """Keep the resource as it was read: a later edit of the user's file must not reach half of the components."""
        document = pipeline.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
        return self.write_config("pipeline.yaml", write_document(document))


def state_folder(pipeline: LogPipeline, given: Path | None) -> Path:
    """Return the state folder of a run of `pipeline`: the one that was `given`, or that of its name."""
    return given or Path(".logpipeline", pipeline.name)


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def read_status(root: Path) -> dict[str, Any] | None:
    """Return what the run on the state folder `root` last wrote about itself, or None."""
    status = _read_json(root / "status.json")
    return status if isinstance(status, dict) else None


def is_running(root: Path) -> bool:
    """Tell whether an `up` holds the state folder `root` now."""
    try:
        lock = os.open(root / "lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def newest_running(parent: Path) -> dict[str, Any] | None:
    """Return the status of the run that started last among the state folders in `parent`, or None when none runs."""
    running = [
        status
        for path in parent.glob("*/status.json")
        if is_running(path.parent) and (status := read_status(path.parent))
    ]
    return max(running, key=lambda status: str(status.get("started")), default=None)
