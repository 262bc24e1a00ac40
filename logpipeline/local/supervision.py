"""supervisord, started for one run: it starts, restarts and ends the components; this module speaks to it.

Its own configuration names only paths below the state folder, relative to it, and each component through the launcher.
"""

from __future__ import annotations

import http.client
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import xmlrpc.client
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logpipeline.errors import LogPipelineError
from logpipeline.local.components import Process
from logpipeline.local.state import StateFolder

_LAUNCHER = Path(__file__).with_name("launcher.py")
_SOCKET = "supervisor.sock"
# The kernel's limit for the address of a unix socket is 108 bytes on Linux and 104 elsewhere.
_LONGEST_ADDRESS = 100
_RPC_SECONDS = 10.0
_START_SECONDS = 20.0


@dataclass(frozen=True)
class ProcessState:
    """What supervisord says of a component: its state in supervisord's words, and its pid when it has one."""

    state: str
    pid: int | None
    since: float
    detail: str


def configuration(processes: list[Process]) -> str:
    """Return supervisord's configuration, for a supervisord whose working folder is the state folder."""
    lines = [
        "[supervisord]",
        "nodaemon=true",
        "logfile=logs/supervisord.log",
        "pidfile=supervisord.pid",
        "childlogdir=logs",
        "[unix_http_server]",
        f"file={_SOCKET}",
        "chmod=0700",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
    ]
    python = " ".join(shlex.quote(part).replace("%", "%%") for part in (sys.executable, "-I", "-S", str(_LAUNCHER)))
    for process in processes:
        lines += [
            f"[program:{process.name}]",
            f"command={python} config/{process.name}.json",
            "autostart=false",
            "autorestart=true",
            # An exit before this is a failed start: the next tries wait 1, 2, 3 … seconds.
            "startsecs=10",
            "startretries=10",
            # SIGTERM to the leader alone, so that a goal can end its batch in order; SIGKILL to all that it started.
            "stopasgroup=false",
            "killasgroup=true",
            f"stopwaitsecs={process.stop_seconds}",
            # supervisord stops the highest first.
            f"priority={100 - process.stop_stage}",
            "redirect_stderr=true",
            f"stdout_logfile=logs/{process.name}.log",
            "stdout_logfile_maxbytes=20MB",
            "stdout_logfile_backups=1",
        ]
    return "\n".join(lines) + "\n"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, address: str) -> None:
        super().__init__("localhost", timeout=_RPC_SECONDS)
        self._address = address

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._address)


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def make_connection(self, host: Any) -> http.client.HTTPConnection:  # noqa: ARG002 (one server, at our address)
        return _UnixConnection(self._address)


class Supervisor:
    """The supervisord of one run."""

    def __init__(self, state: StateFolder, processes: list[Process], environment: dict[str, str]) -> None:
        """Start supervisord, no component yet; raises LogPipelineError when it does not come up."""
        self._state = state
        self._processes = processes
        state.write_config("supervisord.conf", configuration(processes))
        for process in processes:
            folder = state / "work" / process.name
            folder.mkdir(exist_ok=True)
            state.write_json(f"config/{process.name}.json", process.spec(folder))
        (state / _SOCKET).unlink(missing_ok=True)
        self._daemon = self._spawn(environment)
        self._folder = os.open(state.root, os.O_RDONLY)
        transport = _UnixTransport(self._address())
        self._rpc: Any = xmlrpc.client.ServerProxy("http://localhost", transport=transport).supervisor
        self._await()

    def _spawn(self, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        spec = {
            "argv": [sys.executable, "-m", "supervisor.supervisord", "-c", "config/supervisord.conf"],
            "environment": environment,
            "folder": str(self._state.root),
            "niceness": 0,
            # Should `up` be killed, its supervisor still ends the components in their order.
            "death_signal": int(signal.SIGTERM),
        }
        self._state.write_json("config/supervisord.json", spec)
        with (self._state / "logs" / "supervisord.out").open("wb") as output:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", str(_LAUNCHER), str(self._state / "config" / "supervisord.json")],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Ctrl-C in the terminal is for `up`, which then ends the rest in order.
                start_new_session=True,
            )

    def _address(self) -> str:
        path = str(self._state / _SOCKET)
        if len(os.fsencode(path)) <= _LONGEST_ADDRESS:
            return path
        if not Path("/proc/self/fd").is_dir():
            self.kill()
            raise LogPipelineError(
                f"the path of the state folder is too long for a socket: {path}; give a shorter --state"
            )
        return f"/proc/self/fd/{self._folder}/{_SOCKET}"

    def _await(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while self._daemon.poll() is None and time.monotonic() < deadline:
            try:
                self._rpc.getState()
            except (OSError, http.client.HTTPException):
                time.sleep(0.02)
            else:
                return
        self.kill()
        log = self._state / "logs" / "supervisord.out"
        raise LogPipelineError(f"the supervisor did not start; its log is {log}")

    @property
    def pid(self) -> int:
        """The process id of supervisord."""
        return self._daemon.pid

    def alive(self) -> bool:
        """Tell whether supervisord still runs."""
        return self._daemon.poll() is None

    def states(self) -> dict[str, ProcessState]:
        """Return the state of every component; raises OSError when supervisord does not answer."""
        try:
            answers = self._rpc.getAllProcessInfo()
        except (http.client.HTTPException, xmlrpc.client.Error) as error:
            raise OSError(f"the supervisor does not answer: {error}") from error
        return {
            answer["name"]: ProcessState(
                answer["statename"],
                answer["pid"] or None,
                float(answer["start"]),
                answer["spawnerr"] or answer["description"],
            )
            for answer in answers
        }

    def start(self, name: str) -> None:
        """Start the component `name`; nothing happens when it runs already."""
        self._call("startProcess", name)

    def stop(self, name: str) -> None:
        """Begin to stop the component `name`; nothing happens when it does not run."""
        self._call("stopProcess", name)

    def _call(self, method: str, name: str) -> None:
        try:
            getattr(self._rpc, method)(name, False)  # False: do not wait for it
        except xmlrpc.client.Fault:  # already there; the state tells the rest
            return
        except http.client.HTTPException as error:
            raise OSError(f"the supervisor does not answer: {error}") from error

    def stop_all(self, said: Callable[[list[str]], None], hurried: Callable[[], bool]) -> None:
        """Stop every component, stage by stage, then supervisord.

        `said` is told the names of those being stopped; when `hurried` says so everything is killed at once.
        """
        for stage in sorted({process.stop_stage for process in self._processes}):
            names = [process.name for process in self._processes if process.stop_stage == stage]
            self._stop_stage(names, said, hurried)
            if hurried() or not self.alive():
                break
        if not hurried():
            try:
                self._rpc.shutdown()
                self._daemon.wait(timeout=_RPC_SECONDS)
            except (OSError, http.client.HTTPException, xmlrpc.client.Error, subprocess.TimeoutExpired):
                pass  # killed below
        self.kill()

    def _stop_stage(self, names: list[str], said: Callable[[list[str]], None], hurried: Callable[[], bool]) -> None:
        try:
            for name in names:
                self.stop(name)
            while not hurried() and self.alive():
                states = self.states()
                left = [name for name in names if states[name].state not in ("STOPPED", "FATAL", "EXITED", "UNKNOWN")]
                if not left:
                    return
                said(left)
                time.sleep(0.1)
        except OSError:
            return  # it is killed after the last stage

    def kill(self) -> None:
        """Kill supervisord if it still runs; its components go with it, where the system can do that."""
        if self._daemon.poll() is None:
            self._daemon.kill()
        self._daemon.wait()
