"""`up`: from the options to a run, and from how it ended to an exit code."""

from __future__ import annotations

import os
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import psutil

from logpipeline.api import LogPipeline, load
from logpipeline.commands import DURATION, lake_options, resource_file, secrets_folder
from logpipeline.distribution import distribution
from logpipeline.errors import LogPipelineError
from logpipeline.local import leftovers
from logpipeline.local.components import Place, common_environment, processes, settings_files
from logpipeline.local.history import history_commands, sql_command
from logpipeline.local.lines import PlainScreen
from logpipeline.local.observer import Observer
from logpipeline.local.parts import StartError, Startup
from logpipeline.local.ports import any_free, choose_ports, holder, is_free, port_requests
from logpipeline.local.prerequisites import check_distribution, check_java
from logpipeline.local.session import Interrupts, Session, explain
from logpipeline.local.state import StateFolder, state_folder
from logpipeline.local.summary import show
from logpipeline.local.supervision import Supervisor
from logpipeline.local.view import LiveScreen
from logpipeline.local.wiring import clients_of, parts_of, place_of, stage_secrets
from logpipeline.plain import say
from logpipeline.terminal import Terminal

_DID_NOT_FLOW = 1
# Longer than any component's own time to stop.
_LEFTOVER_SECONDS = 40.0
_NAMED = {"kafka": "Kafka", "elasticsearch": "Elasticsearch", "connect": "Kafka Connect", "console": "the console"}


@click.command()
@resource_file
@click.option(
    "--for", "duration", type=DURATION, help="Run so long once everything is ready, drain, judge the flow, end."
)
@click.option(
    "--start-timeout",
    "patience",
    type=DURATION,
    default="3m",
    show_default=True,
    help="Give up a start in which for so long no part has become ready or logged anything new.",
)
@click.option(
    "--state",
    "state_path",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for all data and logs; a later run goes on where this one stopped.  [default: .logpipeline/NAME]",
)
@secrets_folder
def up(
    path: Path, duration: timedelta | None, patience: timedelta, state_path: Path | None, secrets: Path | None
) -> None:
    """Run a pipeline on this machine until Ctrl-C.

    Starts what the resource asks for (Kafka, Elasticsearch, Kafka Connect, the goals on Spark, demo traffic), keeps it
    running and shows it. An external Kafka or Elasticsearch is used where it is.

    \b
    With --for the exit code tells whether everything that was produced went through every part: 0 it did, 1 it did not.
    """
    born = psutil.Process().create_time()
    interrupts = Interrupts()
    interrupts.install()
    pipeline = load(path)
    if pipeline.spec.suspend:
        raise LogPipelineError(f"{path}: spec.suspend is true, so there is nothing to run; set it to false")
    check_java()
    installed = distribution()
    check_distribution(pipeline, installed)
    state = StateFolder(state_folder(pipeline, state_path))
    state.prepare()
    try:
        options = shlex.join(lake_options(path, state_path, secrets))
        code = _run(pipeline, options, state, installed, secrets, duration, patience, born, interrupts)
    finally:
        state.release()
    raise SystemExit(code)


def _run(
    pipeline: LogPipeline,
    options: str,
    state: StateFolder,
    installed: Path,
    secrets: Path | None,
    duration: timedelta | None,
    patience: timedelta,
    born: float,
    interrupts: Interrupts,
) -> int:
    console = Terminal()
    _end_leftovers(console, state)
    ports = _ports(console, pipeline, state)
    security = stage_secrets(pipeline, state, secrets)
    place = place_of(pipeline, state, installed, ports, security)
    state.write_pipeline(pipeline)
    for name, text in settings_files(pipeline, place).items():
        state.write_config(name, text)
    clients = clients_of(pipeline, place, security)
    supervisor = Supervisor(state, processes(pipeline, place), common_environment(state.root, installed))
    try:
        parts = parts_of(pipeline, place, clients, supervisor.start)
        observer = Observer(pipeline, parts, clients, supervisor, born)
        session = Session(
            pipeline,
            state,
            clients,
            supervisor,
            Startup(parts, patience.total_seconds()),
            observer,
            interrupts,
            _fixed_status(place),
        )
        hints = _hints(pipeline, place, state, options)
        code = _watch(console, session, state, hints, duration, interrupts)
        if pipeline.spec.lake is not None and session.ready_after is not None:
            say("")
            began = datetime.fromtimestamp(born, UTC)
            for command in history_commands(options, began, datetime.now(UTC)):
                say(command)
        return code
    finally:
        supervisor.kill()
        leftovers.end(state.root, grace=5.0)


def _watch(
    console: Terminal,
    session: Session,
    state: StateFolder,
    hints: list[str],
    duration: timedelta | None,
    interrupts: Interrupts,
) -> int:
    screen = LiveScreen(console, hints) if console.is_terminal else PlainScreen(console)
    session.screen = screen
    faults: list[str] = []
    try:
        if session.come_up():
            if not console.is_terminal:
                for line in hints:
                    screen.say(line)
            session.run(duration.total_seconds() if duration else None)
            if duration is not None and not interrupts.once():
                session.drain()
                faults = [] if interrupts.once() else session.faults()
        code = 128 + interrupts.last if session.ready_after is None else _DID_NOT_FLOW if faults else 0
    except StartError as failure:
        message = explain(failure, state)
        if failure.part.outside is not None:
            raise LogPipelineError(message) from failure
        faults, code = [message], _DID_NOT_FLOW
    finally:
        try:
            session.end()
        finally:
            screen.close()
    if (summary := session.summary()) is not None and session.ready_after is not None:
        show(console, summary)
    for fault in faults:
        for line in f"error: {fault}".split("\n"):  # the end of a log may follow
            say(line, err=True)
    if duration is not None and code == 0 and not interrupts.once():
        console.print("everything that was produced went through every part")
    return code


def _end_leftovers(console: Terminal, state: StateFolder) -> None:
    left = leftovers.marked(state.root)
    if left:
        console.print(f"ending what an earlier run left behind: {', '.join(str(process.pid) for process in left)}")
        leftovers.end(state.root, grace=_LEFTOVER_SECONDS)


def _ports(console: Terminal, pipeline: LogPipeline, state: StateFolder) -> dict[str, int]:
    last = state.read_json("ports.json")
    last = {name: port for name, port in last.items() if isinstance(port, int)} if isinstance(last, dict) else {}
    requests = port_requests(pipeline)
    ports = choose_ports(requests, last, is_free, any_free)
    state.write_json("ports.json", ports)
    for request in requests:
        port = ports[request.name]
        if request.name in _NAMED and request.usual not in (port, None) and request.fixed is None:
            taken = (
                "" if is_free(request.usual or 0) else f"port {request.usual} is taken{holder(request.usual or 0)}; "
            )
            console.print(f"{taken}{_NAMED[request.name]} is on port {port}")
    return ports


def _fixed_status(place: Place) -> dict[str, Any]:
    return {
        "pid": os.getpid(),
        "state_folder": str(place.root),
        "kafka": {
            "bootstrap_servers": place.bootstrap_servers,
            "client_config": str(place.client_file) if place.client_file else None,
        },
        "elasticsearch": {"url": place.elasticsearch_url},
        "console": {"url": f"http://127.0.0.1:{place.ports['console']}"},
        "connect": {"url": f"http://127.0.0.1:{place.ports['connect']}" if "connect" in place.ports else None},
    }


def _hints(pipeline: LogPipeline, place: Place, state: StateFolder, options: str) -> list[str]:
    topics = pipeline.topics()
    first_goal = topics[f"goal {pipeline.spec.goals[0].name}"].name
    hints = [f"console  http://127.0.0.1:{place.ports['console']}"]
    if place.elasticsearch_url is not None:
        hints.append(f"search   curl '{place.elasticsearch_url.split(',')[0]}/{pipeline.index()}/_count'")
    hints.append(f"results  logpipeline consume {first_goal} --bootstrap-servers {place.bootstrap_servers}")
    if pipeline.spec.lake is not None:
        hints.append(f"history  {sql_command(options)}")
    hints.append(f"logs     {state / 'logs'}   (Ctrl-C ends everything; the data stays)")
    return hints
