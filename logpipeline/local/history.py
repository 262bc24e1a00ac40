"""The commands that a run with a lake leaves its user with."""

from __future__ import annotations

from datetime import datetime

_BY_STATUS = "select status, count(*) from raw group by all order by 2 desc"


def sql_command(options: str) -> str:
    """Return a command that asks the lake that `options` name."""
    return f'logpipeline sql {options} "{_BY_STATUS}"'


def history_commands(options: str, since: datetime, until: datetime) -> list[str]:
    """Return three commands to try over what was written between two moments (UTC): a query, a page, a rule tested."""
    span = f"--lake {since:%Y-%m-%d} {until:%Y-%m-%dT23:00}"
    return [
        sql_command(options),
        f"logpipeline report {options} {span} --output report.html",
        f"logpipeline backtest {options} {span} --output results/",
    ]
