"""The live view: facts as a picture for a terminal. Unknown is –, never 0."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from logpipeline.local.facts import ComponentFacts, Facts
from logpipeline.plain import plain
from logpipeline.progress import GoalProgress
from logpipeline.terminal import Terminal, styled

UNKNOWN = "–"
_STYLE = {
    "running": "green",
    "starting": "yellow",
    "restarting": "yellow",
    "not answering": "red",
    "failed": "bold red",
    "waiting": "dim",
    "stopped": "dim",
}
# Heading, the two tables' headers, totals, and what is being waited for or done; one is the cursor's.
_FIXED_LINES = 7
_NEWS_SECONDS = 15
# From here on there is room for empty lines between the blocks.
_ROOMY = 36


def number(value: float | None, unit: str = "") -> str:
    """Return a number with thousands separators, or – when it is unknown."""
    if value is None:
        return UNKNOWN
    return (f"{value:,.1f}" if 0 < abs(value) < 10 and value != int(value) else f"{value:,.0f}") + unit


def size(value: int | None) -> str:
    """Return bytes as MiB or GiB, or – when they are unknown."""
    if not value:
        return UNKNOWN
    return f"{value / 2**30:.1f} GiB" if value >= 2**30 else f"{value / 2**20:.0f} MiB"


def totals_text(facts: Facts) -> str:
    """Return the totals as one line."""
    totals = facts.totals
    parts = [
        f"records in {number(totals.produced if totals else None)}",
        f"invalid {number(totals.invalid if totals else None)}",
    ]
    if any(component.name == "connector" for component in facts.components):
        parts.append(f"indexed {number(totals.indexed if totals else None)}")
        parts.append(f"dead letters {number(totals.dead_letters if totals else None)}")
    return " · ".join(parts)


def picture(facts: Facts, hints: list[str], height: int, message: str = "") -> RenderableType:
    """Return the whole view for a terminal of `height` lines; results give way first when it is small."""
    roomy = height >= _ROOMY
    taken = _FIXED_LINES + 4 * roomy + len(facts.components) + len(facts.goals) + len(hints)
    room = height - taken
    each = max(0, min(3, room // max(1, len(facts.newest))))
    gap = [Text()] if roomy else []
    blocks: list[RenderableType] = [_heading(facts), *gap, _components(facts), *gap]
    if facts.newest and each:
        blocks += [_results(facts, each), *gap]
    blocks.append(styled(totals_text(facts), style="bold"))
    waiting = [f"{part.name}: {part.lacking}" for part in facts.components if part.lacking and part.state != "waiting"]
    if facts.phase == "starting" and waiting:
        blocks.append(
            Spinner(
                "dots", styled("waiting for " + "; ".join(waiting), style="yellow", overflow="ellipsis", no_wrap=True)
            )
        )
    elif waiting and facts.phase == "running":
        blocks.append(styled("; ".join(waiting), style="red", overflow="ellipsis", no_wrap=True))
    if message:
        blocks.append(Spinner("dots", styled(message, style="yellow")))
    blocks += [*gap, *(styled(hint, style="dim", overflow="ellipsis", no_wrap=True) for hint in hints)]
    return Group(*blocks)


def _heading(facts: Facts) -> Text:
    minutes, seconds = divmod(int(facts.elapsed), 60)
    text = Text.assemble(
        (plain(facts.pipeline), "bold"),
        f"  {facts.phase}  {minutes}:{seconds:02}  ",
        (f"memory {size(facts.memory_bytes)}", "dim"),
    )
    if facts.first_detection is not None:
        text.append(f"  first detection after {facts.first_detection:.0f} s", style="dim")
    return text


def _components(facts: Facts) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("component")
    table.add_column("state")
    for column in ("records/s", "lag", "memory", "restarts"):
        table.add_column(column, justify="right")
    table.add_column("address", style="dim", overflow="ellipsis", no_wrap=True)
    for component in facts.components:
        table.add_row(*_component_row(component))
        if component.name == "goals":
            for goal in facts.goals.values():
                table.add_row(*_goal_row(goal, facts))
    return table


def _component_row(part: ComponentFacts) -> Iterator[RenderableType]:
    yield part.name
    yield styled(part.state, style=_STYLE[part.state])
    yield number(part.rate)
    yield number(part.lag)
    yield size(part.memory_bytes)
    yield number(part.restarts) if part.restarts else styled("0", style="dim")
    yield part.address or ""


def _goal_row(goal: GoalProgress, facts: Facts) -> Iterator[RenderableType]:
    yield f"  {goal.goal}"
    yield styled(goal.state, style=_STYLE.get(goal.state, ""))
    yield number(goal.input_records_per_second)
    yield number(facts.behind(goal))
    yield ""
    yield number(goal.restarts)
    yield styled(goal.error or "", style="red")


def _results(facts: Facts, each: int) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("newest results")
    table.add_column("key", overflow="ellipsis", no_wrap=True, max_width=40)
    table.add_column("value", justify="right")
    table.add_column("window (UTC)", style="dim")
    for name, results in facts.newest.items():
        total = facts.totals.results.get(name) if facts.totals else None
        label = f"{name} ({number(total)})"
        for position, result in enumerate(reversed(results[-each:])):
            table.add_row(label if position == 0 else "", result.key, result.value, result.window)
        if not results:
            table.add_row(label, styled("none yet", style="dim"), "", "")
    return table


class LiveScreen:
    """The live view on a terminal."""

    def __init__(self, console: Terminal, hints: list[str]) -> None:
        self._console = console
        self._hints = hints
        self._facts: Facts | None = None
        self._message = ""
        self._said_at = 0.0
        self._live = Live(
            console=console,
            refresh_per_second=4,
            get_renderable=self._picture,
            vertical_overflow="ellipsis",
            # What runs no more must not stand there as running: the summary takes the picture's place.
            transient=True,
        )
        self._live.start()

    def _picture(self) -> RenderableType:
        if self._facts is None:
            return Spinner("dots", "starting")
        # In a run a message is news for a while; before and after it, it is what is being done.
        old = self._facts.phase == "running" and self._facts.elapsed - self._said_at > _NEWS_SECONDS
        return picture(self._facts, self._hints, self._console.height, "" if old else self._message)

    def update(self, facts: Facts) -> None:
        """Show `facts` from now on."""
        self._facts = facts

    def say(self, text: str) -> None:
        """Show what is being done."""
        self._message = text
        self._said_at = self._facts.elapsed if self._facts else 0.0

    def close(self) -> None:
        """Take the picture away."""
        self._message = ""
        self._live.stop()
