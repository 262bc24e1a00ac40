"""Dated indices behind an alias: their names, and which of them are past their time.

Elasticsearch's own index lifecycle management rolls over by size or age of the index, so a record that is delivered
again can land in another index than before and is there twice. An index a day, chosen by the record's own Kafka
timestamp, cannot do that.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta


def dated_index(alias: str, day: date) -> str:
    """Return the name of the index behind `alias` that holds the records of `day` (UTC)."""
    return f"{alias}-{day:%Y.%m.%d}"


def expired_indices(names: Iterable[str], alias: str, today: date, retention: timedelta) -> list[str]:
    """Return those of the indices `names` that hold only records older than `retention`, oldest first.

    `today` is the day in UTC. Names that are not ours are never returned.
    """
    oldest_kept = today - retention
    days = {day: name for name in names if (day := _day_of(name, alias)) is not None}
    return [name for day, name in sorted(days.items()) if day < oldest_kept]


def _day_of(name: str, alias: str) -> date | None:
    try:
        day = datetime.strptime(name.removeprefix(f"{alias}-"), "%Y.%m.%d").date()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        return None
    # strptime also takes 2024.1.5, which we never write.
    return day if name == dated_index(alias, day) else None
