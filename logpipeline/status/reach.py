"""The way to a pipeline's console: on this machine, or through kubectl to a pod."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from logpipeline.errors import LogPipelineError, first_line
from logpipeline.web import RefusedError, fetch

_SECONDS = 20.0
# It quotes raw records, and one of them alone may have 16 MiB.
_MOST_BYTES = 64 << 20
_CONSOLE_PORT = 8080
_UNAUTHORIZED = 401
# A line of the log of kubectl's libraries: level and date, time, thread, file.
_KLOG = re.compile(r"[IWEF]\d{4} \d\d:\d\d:\d\d")


class ConsoleApi:
    """What a console answers. Every method raises LogPipelineError when it does not."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def get(self, path: str, parameters: list[tuple[str, str]]) -> Any:
        """Return the JSON at `path`."""
        try:
            return json.loads(
                fetch(
                    f"{self._url}/{path}?{urlencode(parameters)}",
                    headers=self._headers,
                    timeout=_SECONDS,
                    most=_MOST_BYTES,
                )
            )
        except RefusedError as error:
            if error.status == _UNAUTHORIZED:
                raise LogPipelineError("the console asks for its token; give the file with it: --token-file") from error
            raise LogPipelineError(f"the console answers {error}") from error
        except (OSError, ValueError) as error:
            raise LogPipelineError(f"the console at {self._url} does not answer: {error}") from error


def kubectl(arguments: list[str], name: str, *, tried_here: bool) -> str:
    """Return what kubectl prints; `name` is the resource that is asked for, `tried_here` whether it could as well have
    been a run in this folder. Raises LogPipelineError, with kubectl's last word, when it fails.
    """
    here = f"no run of `logpipeline up` is called {name!r} here, and for the cluster: " if tried_here else ""
    try:
        done = subprocess.run(["kubectl", *arguments], capture_output=True, text=True, errors="replace", check=False)
    except OSError as error:
        raise LogPipelineError(f"{here}kubectl cannot be run: {error.strerror}") from error
    if done.returncode:
        # kubectl logs each of its attempts before it says what is wrong.
        said = [line for line in done.stderr.splitlines() if line.strip() and not _KLOG.match(line)]
        reason = (said or done.stderr.splitlines() or ["kubectl failed and did not say why"])[-1]
        raise LogPipelineError(f"{here}{reason.strip().removeprefix('error: ')}")
    return done.stdout


def of_run(run: Mapping[str, Any]) -> ConsoleApi:
    """Return the console of a run on this machine, given what the run wrote of itself."""
    if "console" not in run:
        raise LogPipelineError("that run is of a version without a console; start it again with `logpipeline up`")
    return ConsoleApi(str(run["console"]["url"]), None)


@contextmanager
def on_cluster(name: str, options: Mapping[str, Any], token_file: Path | None) -> Iterator[ConsoleApi]:
    """Give the console of the resource `name` on a cluster, as long as it is used; `options` are kubectl's."""
    cluster = [text for option, value in options.items() if value is not None for text in (option, str(value))]
    labels = f"app.kubernetes.io/instance={name},app.kubernetes.io/component=console"
    asked = ["get", "pods", "--selector", labels, "--output", "name", "--request-timeout", "20s"]
    pods = kubectl([*asked, *cluster], name, tried_here=not cluster).split()
    if not pods:
        raise LogPipelineError(f"{name} has no console on the cluster: add `console: {{}}` to the spec of the resource")
    try:
        token = token_file.read_text(encoding="utf-8").strip() if token_file else None
    except (OSError, UnicodeDecodeError) as error:
        raise LogPipelineError(f"--token-file: {token_file} cannot be read: {first_line(error)}") from error
    command = ["kubectl", "port-forward", pods[-1], f":{_CONSOLE_PORT}", *cluster]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as forward:
        try:
            assert forward.stdout is not None
            assert forward.stderr is not None
            found = re.search(r"127\.0\.0\.1:(\d+)", forward.stdout.readline())
            if found is None:
                raise LogPipelineError(forward.stderr.read().strip() or "kubectl port-forward ended without a word")
            yield ConsoleApi(f"http://127.0.0.1:{found[1]}", token)
        finally:
            forward.terminate()
