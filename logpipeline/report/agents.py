"""User agents → browsers, operating systems and bots, by the expressions of uap-core."""

from __future__ import annotations

import polars as pl
import ua_parser

# Each takes milliseconds without ua-parser's native extension, and who sends made-up ones sends many.
PARSED = 1_000
_UNKNOWN = "unknown"
_BOT = "Spider"
_SCHEMA = {"user_agent": pl.String, "browser": pl.String, "system": pl.String, "bot": pl.Boolean}


def parsed(agents: pl.DataFrame) -> pl.DataFrame:
    """Return `agents` (`user_agent`, `requests`, `bytes`) with the columns `browser`, `system` and `bot`, all null
    where they were not parsed: only the `PARSED` heaviest are.
    """
    known = agents.drop_nulls("user_agent").sort("requests", "user_agent", descending=[True, False]).head(PARSED)
    rows = [(agent, *_families(agent)) for agent in known["user_agent"]]
    families = pl.DataFrame(rows, _SCHEMA, orient="row")
    return agents.join(families, on="user_agent", how="left")


def _families(agent: str) -> tuple[str, str, bool]:
    found = ua_parser.parse(agent)
    browser = found.user_agent.family if found.user_agent else _UNKNOWN
    system = found.os.family if found.os else _UNKNOWN
    return browser, system, found.device is not None and found.device.family == _BOT
