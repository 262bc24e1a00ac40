"""Where the servers and jars are that Python's packages do not bring."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def distribution() -> Path:
    """Return the folder that `make setup`, or an image, fills with the servers, the connector and Spark's jars."""
    return Path(os.environ.get("LOGPIPELINE_DIST") or Path(sys.prefix, "share", "logpipeline"))
