"""Whether the bridge's loop turns, and whether it knows what is open."""

from __future__ import annotations

import time
from collections.abc import Mapping

from logpipeline.serving import Verdict
from logpipeline_alert_bridge.bridge import Bridge

_STUCK_SECONDS = 60.0


def verdicts(bridge: Bridge) -> Mapping[str, Verdict]:
    """Return what /healthz and /readyz answer."""

    def health() -> tuple[bool, str]:
        silent = time.monotonic() - bridge.turned_at
        return silent < _STUCK_SECONDS, f"the loop last turned {silent:.0f} s ago"

    def readiness() -> tuple[bool, str]:
        return bridge.restored, "ready" if bridge.restored else "the open alerts are not known yet"

    return {"/healthz": health, "/readyz": readiness}
