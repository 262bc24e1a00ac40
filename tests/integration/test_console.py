"""The console's server as a process: what it answers, and to whom."""

from __future__ import annotations

import http.client
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

from processes import free_port

SAMPLE = Path(__file__).parents[2] / "manifests" / "samples" / "nginx.yaml"
TOKEN = "a token/with+signs"
RESULTS = [
    {
        "goal": "client-rate",
        "window_start": f"2022-08-03T06:51:{second:02}Z",
        "window_end": f"2022-08-03T06:52:{second - 40:02}Z",
        "client_ip": "154.85.126.16",
        "count": 11,
    }
    for second in (51, 52, 53)
]


class Answer:
    """Status, headers and text of an answer; headers of the same name are one, with commas between."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()


@contextmanager
def console(
    folder: Path, *options: str, shown: Sequence[dict[str, Any]] = tuple(RESULTS)
) -> Iterator[tuple[int, Path]]:
    """A console of a backtest's results: its port and its log."""
    results = folder / "results"
    results.mkdir()
    (results / "client-rate.jsonl").write_text("".join(f"{json.dumps(result)}\n" for result in shown))
    port, log = free_port(), folder / "log"
    command = [sys.executable, "-m", "logpipeline", "console", "-f", str(SAMPLE), "--results", str(results)]
    with log.open("wb") as output:
        process = subprocess.Popen([*command, "--port", str(port), *options], stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while "console: http://" not in log.read_text():
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield port, log
    finally:
        process.terminate()
        assert process.wait(15) == 0


def get(port: int, path: str, **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers=headers)
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


def first_events(port: int, kinds: set[str]) -> dict[str, Any]:
    """The first event of each kind."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", "/events")
    response = connection.getresponse()
    assert response.headers["Content-Type"].startswith("text/event-stream")
    found: dict[str, Any] = {}
    kind = ""
    while set(found) != kinds:
        line = response.readline().decode().rstrip("\r\n")
        if line.startswith("event: "):
            kind = line.removeprefix("event: ")
        elif line.startswith("data: "):
            found[kind] = json.loads(line.removeprefix("data: "))
    connection.close()
    return found


def test_a_backtest_is_shown_and_nothing_is_let_in_from_elsewhere(tmp_path: Path) -> None:
    with console(tmp_path) as (port, _):
        page = get(port, "/")
        assert page.status == 200
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert get(port, "/static/main.js").status == 200
        assert get(port, "/static/../cli.py").status == 404
        # Another site's name may lead here; its pages must not read what is here.
        assert get(port, "/api/snapshot", Host="evil.example.org").status == 400
        events = first_events(port, {"about", "detections", "metrics"})
        (episode,) = events["detections"]["episodes"]
        assert (episode["key"], episode["windows"], episode["open"]) == (["154.85.126.16"], 3, False)
        assert episode["last"] - episode["first"] == 22
        assert events["about"]["live"] is False
        assert json.loads(get(port, "/api/snapshot").text)["detections"] == events["detections"]
        refused = get(port, "/api/records?goal=client-rate&key=154.85.126.16&start=1&end=x")
        assert (refused.status, json.loads(refused.text)) == (400, {"error": "end: 'x' is not a whole number"})
        assert get(port, "/api/records?goal=client-rate&key=154.85.126.16&start=1&end=2").status == 503


@pytest.mark.parametrize(("days", "when"), [((3,), "06:51:51 – 06:52:11"), ((3, 5), "2022-08-05 06:51:51 – 06:52:11")])
def test_moments_have_a_date_where_there_are_several_days(tmp_path: Path, days: tuple[int, ...], when: str) -> None:
    program = shutil.which("chromium") or shutil.which("chrome")
    assert program is not None, "the page is tested with Chromium: put it on the PATH"
    shown = [{**RESULTS[0], **_on(day)} for day in days]
    with console(tmp_path, shown=shown) as (port, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.goto(f"http://127.0.0.1:{port}/")
        expect(page.locator("#episodes .when").first).to_have_text(when, timeout=60_000)
        ticks = page.locator("#timeline .axis").all_text_contents()
        assert all(("08-" in tick) == (len(days) > 1) for tick in ticks), ticks
        assert ticks
        browser.close()


def _on(day: int) -> dict[str, str]:
    return {"window_start": f"2022-08-{day:02}T06:51:51Z", "window_end": f"2022-08-{day:02}T06:52:11Z"}


def test_an_exposed_console_wants_the_token_and_hands_it_to_nobody(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text(f"{TOKEN}\n")
    with console(tmp_path, "--host", "0.0.0.0", "--token-file", str(secret)) as (port, log):
        for path in ("/", "/events", "/api/snapshot", "/static/main.js", "/?token=wrong"):
            assert get(port, path).status == 401, path
        assert get(port, "/api/snapshot", Authorization=f"Bearer {TOKEN}").status == 200
        entered = get(port, "/?token=a%20token/with%2Bsigns&goal=x")
        assert (entered.status, entered.headers["Location"]) == (303, "/?goal=x")
        cookie = entered.headers["Set-Cookie"]
        assert {"HttpOnly", "SameSite=strict"} <= {part.strip() for part in cookie.split(";")}
        assert TOKEN not in cookie
        assert get(port, "/", Cookie=cookie.partition(";")[0]).status == 200
        assert get(port, "/", Cookie="logpipeline-console=wrong").status == 401
        assert TOKEN not in log.read_text()
        assert "with%2Bsigns" not in log.read_text()


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--host", "0.0.0.0"], "--host: 0.0.0.0 can be reached from elsewhere; give a token with --token-file"),
        (["--results", "/nowhere"], "Directory '/nowhere' does not exist"),
        (["--results", "."], "has none of client-rate.jsonl"),
    ],
)
def test_what_cannot_be_shown_is_refused_in_a_line(tmp_path: Path, options: list[str], fault: str) -> None:
    command = [sys.executable, "-m", "logpipeline", "console", "-f", str(SAMPLE), "--port", str(free_port()), *options]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert fault in done.stderr
    assert "Traceback" not in done.stderr
