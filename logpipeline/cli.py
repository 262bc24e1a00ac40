"""The command line: every subcommand by name, imported only when it is asked for.

Start-up stays quick and a container that lacks an extra still runs the commands it has. Commands of the services join
through the entry-point group `logpipeline.commands`, so that nothing here imports what lies above this package.
"""

from __future__ import annotations

import importlib
from importlib.metadata import entry_points

import click

import logpipeline
from logpipeline.errors import LogPipelineError
from logpipeline.plain import CommandGroup

_COMMANDS = {
    "backtest": "logpipeline.backtest.cli:backtest",
    "consume": "logpipeline.local.consume:consume",
    "crd": "logpipeline.commands:crd",
    "detect": "logpipeline.detect.cli:detect",
    "diff": "logpipeline.compare.cli:diff",
    "explain": "logpipeline.status.cli:explain",
    "kibana": "logpipeline.kibana.cli:kibana",
    "report": "logpipeline.report.cli:report",
    "sql": "logpipeline.sql.cli:sql",
    "status": "logpipeline.status.cli:status",
    "up": "logpipeline.local.cli:up",
    "validate": "logpipeline.commands:validate",
}


class _LazyGroup(CommandGroup):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted({*_COMMANDS, *entry_points(group="logpipeline.commands").names})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        target = _COMMANDS.get(cmd_name)
        if target is None:
            found = entry_points(group="logpipeline.commands", name=cmd_name)
            if not found:
                return None
            target = next(iter(found)).value
        module, _, attribute = target.partition(":")
        try:
            command: click.Command = getattr(importlib.import_module(module), attribute)
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0].startswith("logpipeline"):
                raise
            return _unavailable(cmd_name, error.name or "")
        return command


def _unavailable(name: str, package: str) -> click.Command:
    """Return a command that says what it lacks, so that `--help` still lists it."""

    def refuse() -> None:
        raise LogPipelineError(
            f"`{name}` needs the Python package {package!r}, which is not installed; "
            "install everything with `make setup`, or `pip install 'logpipeline[local]'`"
        )

    settings = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=refuse, short_help=f"(needs {package})", context_settings=settings)


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(logpipeline.__version__, "-V", "--version")
def main() -> None:
    """One resource from access log to alert.

    A LogPipeline resource (YAML) names a Kafka topic with access-log records, windowed rules over it (goals) and a
    search index. `up` runs it on this machine; `backtest` runs its goals over files.

    \b
    First steps:
      logpipeline validate -f manifests/samples/nginx.yaml
      logpipeline up       -f manifests/samples/nginx.yaml
      logpipeline backtest -f manifests/samples/nginx.yaml --input access.json.gz --output results/
    """
