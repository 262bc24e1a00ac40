"""`status`, `explain`, and `kubectl logpipeline`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import click
from rich.table import Table

from logpipeline.api.resource import GROUP
from logpipeline.errors import LogPipelineError
from logpipeline.local.state import is_running, newest_running, read_status
from logpipeline.local.view import UNKNOWN, number
from logpipeline.plain import CommandGroup, write
from logpipeline.status.explain import explained
from logpipeline.status.reach import kubectl
from logpipeline.status.view import Line, View, of_resource, of_run
from logpipeline.terminal import Terminal, styled

_RUNS = Path(".logpipeline")
_NOT_HEALTHY = 1
_NAME = r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"
_STYLE = {True: "green", False: "red", None: ""}

_cluster_options = (
    click.option("-n", "--namespace", help="Namespace of the resource.  [default: that of the context]"),
    click.option("--context", help="Context of the kubeconfig to use."),
    click.option("--kubeconfig", type=click.Path(path_type=Path), help="File with the cluster's address and user."),
)
_output = click.option(
    "-o", "--output", type=click.Choice(["table", "json"]), default="table", help="json: what is behind it, as it is."
)


_detection = (
    click.option("--goal", help="A detection of this goal.  [default: of any]"),
    click.option("--key", help="With this key: one of its values, or all with | between."),
    click.option("--at", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S"]), help="Open then (UTC)."),
    click.option(
        "--records", type=click.IntRange(0, 500), default=20, show_default=True, help="Records to show, the first ones."
    ),
    click.option(
        "--token-file",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="File with the token of a console that asks for one.",
    ),
)


def _a_name(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    if value is not None and not re.fullmatch(_NAME, value):
        raise click.BadParameter(f"{value!r} is no name of a resource: lower-case letters, digits and hyphens")
    return value


def _of_a_detection(command: Any) -> Any:
    for option in reversed(_detection):
        command = option(command)
    return command


def _on_a_cluster(command: Any) -> Any:
    for option in reversed(_cluster_options):
        command = option(command)
    return command


@click.command()
@click.argument("name", required=False, callback=_a_name)
@_on_a_cluster
@_output
def status(name: str | None, namespace: str | None, context: str | None, kubeconfig: Path | None, output: str) -> None:
    """Show how a pipeline is: its parts, its goals and what went through.

    NAME is a run of `logpipeline up` in this folder, else a resource on the cluster; with -n, --context or --kubeconfig
    always the latter. Without NAME: the run that started last.

    \b
    The exit code is for scripts: 0 ready and flowing, 1 not.
    """
    cluster = {"--namespace": namespace, "--context": context, "--kubeconfig": kubeconfig}
    run = _run_here(name, cluster)
    if run is not None:
        _show(run, of_run(run, running=name is None or is_running(_RUNS / name)), output)
    if name is None and not any(cluster.values()):
        raise LogPipelineError("no `logpipeline up` runs here; name a resource on the cluster")
    if name is None:
        raise LogPipelineError("NAME is missing: which resource on the cluster?")
    _show_resource(name, cluster, output, tried_here=not any(cluster.values()))


@click.command()
@click.argument("name", required=False, callback=_a_name)
@_on_a_cluster
@_of_a_detection
@_output
def explain(
    name: str | None, namespace: str | None, context: str | None, kubeconfig: Path | None, **given: Any
) -> None:
    """Show the records behind a detection, the newest one that fits.

    NAME is a run of `logpipeline up` in this folder, else a resource on the cluster that has a console; with -n,
    --context or --kubeconfig always the latter. Without NAME: the run that started last.

    \b
      logpipeline explain --goal client-rate
      logpipeline explain nginx -n logs --key 203.0.113.7 --at 2026-11-26T10:44:10Z
    """
    cluster = {"--namespace": namespace, "--context": context, "--kubeconfig": kubeconfig}
    _explain(_run_here(name, cluster), name, cluster, given)


def _run_here(name: str | None, cluster: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the run `name` of this folder, or the one that started last, wrote of itself; None when there is none
    or the cluster is meant.
    """
    if any(cluster.values()):
        return None
    return newest_running(_RUNS) if name is None else read_status(_RUNS / name)


def _explain(
    run: Mapping[str, Any] | None, name: str | None, cluster: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    at = None if given["at"] is None else given["at"].replace(tzinfo=UTC).timestamp()
    wanted = {"goal": given["goal"], "key": given["key"], "at": at}
    explained(run, name, cluster, wanted, given["records"], given["output"], given["token_file"])


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
def plugin() -> None:
    """Look at the LogPipelines of a cluster (kubectl logpipeline …)."""


def kubectl_plugin() -> None:
    """Run as kubectl's plugin, under the name by which it was called."""
    plugin(prog_name="kubectl logpipeline")


@plugin.command("status")
@click.argument("name", callback=_a_name)
@_on_a_cluster
@_output
def plugin_status(name: str, namespace: str | None, context: str | None, kubeconfig: Path | None, output: str) -> None:
    """Show how the pipeline NAME is; exit code 0: ready and flowing, 1: not."""
    _show_resource(
        name, {"--namespace": namespace, "--context": context, "--kubeconfig": kubeconfig}, output, tried_here=False
    )


@plugin.command("explain")
@click.argument("name", callback=_a_name)
@_on_a_cluster
@_of_a_detection
@_output
def plugin_explain(
    name: str, namespace: str | None, context: str | None, kubeconfig: Path | None, **given: Any
) -> None:
    """Show the records behind the newest detection of the pipeline NAME that fits; its resource has a console."""
    cluster = {"--namespace": namespace, "--context": context, "--kubeconfig": kubeconfig}
    _explain(None, name, cluster, given)


def _show_resource(name: str, cluster: Mapping[str, Any], output: str, *, tried_here: bool) -> None:
    """Show a resource as the API server has it; kubectl knows how to reach it. Raises LogPipelineError."""
    command = ["get", f"logpipelines.{GROUP}", name, "--output", "json", "--request-timeout", "20s"]
    for option, value in cluster.items():
        command += [] if value is None else [option, str(value)]
    document = json.loads(kubectl(command, name, tried_here=tried_here))
    _show(document.get("status") or {}, of_resource(document, datetime.now(UTC)), output)


def _show(behind: dict[str, Any], view: View, output: str) -> NoReturn:
    """Show a view, or the document behind it, and end with the exit code."""
    if output == "json":
        write(json.dumps(behind, indent=2) + "\n")
    else:
        draw(view, Terminal())
    raise SystemExit(0 if view.healthy else _NOT_HEALTHY)


def draw(view: View, console: Terminal) -> None:
    """Draw a view: heading, aspects, goals, counts."""
    console.print(styled(view.heading, style="bold"))
    table = _table()
    for line in view.lines:
        table.add_row(line.name, styled(line.state, style=_STYLE[line.good]), styled(_sentence(line)))
    console.print(table)
    if view.goals:
        goals = _table("goal", "state", "records/s", "lag", "batch", "last batch", "restarts", "", header=True)
        for column in (2, 3, 4, 5, 6):
            goals.columns[column].justify = "right"
        for goal in view.goals:
            style = _STYLE[goal.state == "running"]
            numbers = (number(goal.rate), number(goal.lag), number(goal.batch), goal.behind or UNKNOWN)
            error = styled(goal.error or "", style="red")
            goals.add_row(goal.name, styled(goal.state, style=style), *numbers, number(goal.restarts), error)
        console.print()
        console.print(goals)
    if view.totals:
        shown = (
            f"{what} {number(value) if isinstance(value, int) else value or UNKNOWN}"
            for what, value in view.totals.items()
        )
        console.print()
        console.print(styled(" · ".join(shown)))


def _sentence(line: Line) -> str:
    return " ".join(line.detail.split())


def _table(*columns: str, header: bool = False) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim", show_header=header)
    for column in columns:
        table.add_column(column)
    return table
