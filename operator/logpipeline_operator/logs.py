"""Logs that name pipeline and component: a JSON object a line, or text for people."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import orjson

from logpipeline_operator.cluster.kinds import PipelineKey

_FIELDS = ("pipeline", "component")
# Libraries that tell of every renewal and request.
_CHATTY = ("leaderelection", "kopf", "urllib3", "elastic_transport", "aiohttp")


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        names = [f"{name}={getattr(record, name)}" for name in _FIELDS if hasattr(record, name)]
        return " ".join([text, *names])


def set_up(level: str, form: str) -> None:
    """Send all logs to standard error in the form `json` or `text`."""
    handler = logging.StreamHandler(sys.stderr)
    text = _TextFormatter("%(asctime)s %(levelname)-7s %(message)s")
    handler.setFormatter(_JsonFormatter() if form == "json" else text)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))


def fields(pipeline: PipelineKey, component: str | None = None) -> dict[str, str]:
    """Return the `extra` of a log call about a pipeline, or one of its components."""
    return {"pipeline": str(pipeline)} | ({"component": component} if component else {})
