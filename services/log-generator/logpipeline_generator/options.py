"""Option types that both commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from logpipeline.api.base import parse_duration
from logpipeline_generator.pacing import Burst

_Command = TypeVar("_Command", bound=Callable[..., Any])

DEFAULT_BURST_START = "10s"


class Number(click.FloatRange):
    """A number within bounds; of what float() takes as a number, neither nan nor infinity is one."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number to reckon with", param, ctx)
        return number


class Duration(click.ParamType[float]):
    """`90s`, `5m`, `1h30m` as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds."""
        if isinstance(value, float):
            return value
        try:
            return float(parse_duration(value).total_seconds())
        except ValueError as error:
            self.fail(f"{value!r} {error}", param, ctx)


class Instant(click.ParamType[int]):
    """ISO 8601 (UTC unless it says otherwise) or epoch seconds, as epoch microseconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Epoch microseconds."""
        if isinstance(value, int):
            return value
        try:
            seconds = float(value)
        except ValueError:
            try:
                moment = datetime.fromisoformat(value)
            except ValueError:
                self.fail(
                    f"{value!r} is neither ISO 8601 (2022-08-03T06:51:51Z) nor epoch seconds (1659509511)", param, ctx
                )
            seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        if not math.isfinite(seconds) or not 0 <= seconds < 253_402_300_800:
            self.fail(f"{value!r} is not a time between 1970 and 9999", param, ctx)
        return round(seconds * 1e6)


class BurstType(click.ParamType[Burst]):
    """`FACTOR:DURATION[@START]`."""

    name = "burst"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Burst:
        """A burst, by default 10 s after the first line."""
        if isinstance(value, Burst):
            return value
        factor, _, rest = value.partition(":")
        seconds, _, start = rest.partition("@")
        try:
            number = float(factor)
        except ValueError:
            number = math.nan
        if not 1 <= number < math.inf:
            self.fail(
                f"{value!r} is not FACTOR:DURATION[@START] with a factor of 1 or more, for example 10:30s@60s",
                param,
                ctx,
            )
        duration = Duration()
        return Burst(
            number, duration.convert(seconds, param, ctx), duration.convert(start or DEFAULT_BURST_START, param, ctx)
        )


def client_options(command: _Command) -> _Command:
    """How to reach Kafka, and the address of the metrics."""
    for option in (
        click.option(
            "--metrics-address", default="127.0.0.1", show_default=True, help="Address that --metrics-port listens on."
        ),
        click.option("--metrics-port", type=click.IntRange(1, 65535), help="Serve Prometheus metrics on this port."),
        click.option(
            "--client-config",
            type=click.Path(path_type=Path),
            help="File of librdkafka properties (key=value lines): TLS, SASL and secrets, kept off the command line; "
            "${secrets:FOLDER:KEY} stands for the content of a file.",
        ),
        click.option(
            "--partitions",
            type=click.IntRange(1),
            help="Partitions of the topic if it does not exist yet.  [default: the broker's]",
        ),
    ):
        command = option(command)
    return command
