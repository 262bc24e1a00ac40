"""What a run came to: a table at its end, and whether it flowed."""

from __future__ import annotations

from dataclasses import dataclass

from rich.table import Table

from logpipeline.local.facts import Facts
from logpipeline.local.view import UNKNOWN, number, size
from logpipeline.terminal import Terminal


@dataclass(frozen=True)
class Summary:
    """The last facts of a run and what only its whole course tells. Times in seconds since `up` was called."""

    facts: Facts
    ready_after: float | None
    first_result: float | None
    peak_memory: int
    produced_in_run: int | None

    def rows(self) -> list[tuple[str, str]]:
        """Return the rows of the table."""
        totals = self.facts.totals
        rows = [
            ("records produced", number(totals.kept if totals else None)),
            ("  in this run", number(self.produced_in_run)),
            ("invalid", number(totals.invalid if totals else None)),
        ]
        if any(component.name == "connector" for component in self.facts.components):
            rows.append(("indexed", number(totals.indexed if totals else None)))
            rows.append(("dead letters", number(totals.dead_letters if totals else None)))
            if totals and totals.refused not in (None, totals.dead_letters):
                rows.append(("  of so many records", number(totals.refused)))
        if (raw := self.facts.tables.get("raw")) is not None and raw.files is not None:
            rows.append(("in the lake", f"{size(raw.bytes)} in {number(raw.files)} files"))
        rows += [(f"results of {name}", number(count)) for name, count in (totals.results if totals else {}).items()]
        restarts = sum(component.restarts for component in self.facts.components)
        restarts += sum(goal.restarts or 0 for goal in self.facts.goals.values())
        rows += [
            ("restarts", number(restarts)),
            ("peak memory", size(self.peak_memory)),
            ("all ready after", _seconds(self.ready_after)),
            ("first result after", _seconds(self.first_result)),
            ("first detection after", _seconds(self.facts.first_detection)),
        ]
        return rows


def _seconds(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.1f} s"


def show(console: Terminal, summary: Summary) -> None:
    """Print the table."""
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(justify="right")
    for label, value in summary.rows():
        table.add_row(label, value)
    console.print(table)
