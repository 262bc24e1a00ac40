"""Intermediates → the report: its overview and its panels, in the order of the page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from logpipeline.report import measures, requested, timeline
from logpipeline.report.layout import SMALLEST, Hour, Intermediates
from logpipeline.report.panels import Column, Panel, Report, Row, share, text, total_of
from logpipeline.report.sketches import DISTINCT_ERROR
from logpipeline.report.visitors import all_clients, visitors

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - all moments are UTC


def assembled(
    title: str,
    source: str,
    found: Intermediates,
    hours: tuple[Hour, Hour],
    most: int,
    *,
    before: Intermediates | None = None,
    detections: Panel | None = None,
    remarks: Sequence[str] = (),
) -> Report:
    """Return the report of `found`, which has a record at least, from `source` in words; `hours` are the first and the
    last. `before` are the intermediates of the period before.
    """
    panels = [
        timeline.traffic(found),
        timeline.bandwidth(found, hours),
        *([detections] if detections else []),
        *([_compared(found, before)] if before and before["hours"].height else []),
        visitors(found, hours),
        timeline.of_day(found, hours),
        timeline.of_week(found, hours),
        *requested.of_requests(found, hours, most),
        *requested.of_clients(found, hours, most),
        *measures.of_measures(found, hours, most),
    ]
    return Report(title, source, _facts(found), panels, remarks)


def span_of(found: Intermediates) -> tuple[Hour, Hour]:
    """Return the first and the last hour that has a record."""
    hours = found["hours"].drop_nulls("date").select("date", "hour").rows()
    return hours[0], hours[-1]


def _facts(found: Intermediates) -> Panel:
    hours, span, clients = found["hours"], found["span"], all_clients(found)
    peak = found["seconds"].drop_nulls("second").sort("requests", "second", descending=[True, False]).head(1)
    error = f" (± {DISTINCT_ERROR:.1%})" if clients >= SMALLEST else ""
    records, invalid = total_of(hours, "records"), total_of(hours, "invalid")
    columns = (
        Column("records", "Records"),
        Column("valid", "Valid"),
        Column("invalid", "Invalid"),
        Column("first", "First", "moment"),
        Column("last", "Last", "moment"),
        Column("clients", f"Distinct clients{error}"),
        Column("bytes", "Bytes", "bytes"),
        Column("client_errors", "4xx", "share"),
        Column("server_errors", "5xx", "share"),
        Column("peak", "Most requests in a second"),
        Column("peak_at", "Busiest second", "moment"),
    )
    row: Row = (
        records,
        records - invalid,
        invalid,
        _moment(span["first"].min()),
        _moment(span["last"].max()),
        clients,
        total_of(hours, "bytes"),
        share(total_of(hours, "client_errors"), records - invalid),
        share(total_of(hours, "server_errors"), records - invalid),
        total_of(peak, "requests"),
        peak["second"][0].isoformat(" ", "seconds") if peak.height else None,
    )
    return Panel("overview", "Overview", columns, [row])


def _moment(epoch_ms: object) -> str | None:
    if not isinstance(epoch_ms, int):
        return None
    return (_EPOCH + timedelta(milliseconds=epoch_ms)).isoformat(" ", "seconds")


def _compared(now: Intermediates, before: Intermediates) -> Panel:
    rows: list[Row] = []
    for (name, earlier), (_, later) in zip(_totals(before), _totals(now), strict=True):
        rows.append((name, earlier, later, (later - earlier) / earlier if earlier else None))
    first, last = (f"{day} {hour:02}" for day, hour in span_of(before))
    number = (
        Column("before", "Before", "number"),
        Column("now", "Now", "number"),
        Column("change", "Change", "change"),
    )
    note = f"As many hours before, of which there are records from {first}:00 to {last}:59 (UTC)."
    return Panel("before", "Compared with the period before", (text("measure", "Measure"), *number), rows, note)


def _totals(found: Intermediates) -> list[tuple[str, float]]:
    hours = found["hours"]
    valid = total_of(hours, "records") - total_of(hours, "invalid")
    return [
        ("Records", total_of(hours, "records")),
        ("Invalid", total_of(hours, "invalid")),
        ("Distinct clients", all_clients(found)),
        ("Bytes", total_of(hours, "bytes")),
        ("4xx (%)", 100 * share(total_of(hours, "client_errors"), valid)),
        ("5xx (%)", 100 * share(total_of(hours, "server_errors"), valid)),
    ]
