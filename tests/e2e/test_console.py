"""The console in a real browser, over a pipeline that runs here: what a person sees is what the topics hold."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from kubectl import wait_for
from local_run import Run
from messages import read

SAMPLE = Path(__file__).parents[2] / "manifests" / "samples" / "nginx.yaml"
DESK, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
# A minute's window and its results; the rest is for a busy machine.
PATIENCE = 180_000


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """The demo, all of it ready."""
    with Run(SAMPLE, tmp_path_factory.mktemp("console") / ".logpipeline" / "nginx") as started:
        started.wait_until(lambda: started.status().get("phase") == "running")
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "there is no Chromium: run `make cluster-up`, or install it"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])


@pytest.fixture
def page(run: Run, browser: Browser) -> Iterator[Page]:
    """The page on a desk; whatever the browser has against it is a fault."""
    context = browser.new_context(viewport=DESK)
    context.set_default_timeout(PATIENCE)
    opened, complaints = context.new_page(), []
    opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.goto(run.status()["console"]["url"])
    yield opened
    context.close()
    # That an answer is missing, or says that there is none yet, is what the page shows.
    assert [complaint for complaint in complaints if not complaint.startswith("Failed to load resource")] == []


def results(run: Run, topic: str) -> list[dict[str, Any]]:
    return [json.loads(message.value or b"") for message in read(run.status()["kafka"]["bootstrap_servers"], topic)]


def box(page: Page, part: str) -> Any:
    return page.locator(f"[data-part='{part}']")


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def test_the_path_says_how_each_part_is(run: Run, page: Page) -> None:
    expect(page.locator("#verdict")).to_have_text("✓ records flow", timeout=PATIENCE)
    for part in ("source", "kafka", "goal client-rate", "goal host-latency", "connect", "elasticsearch"):
        expect(box(page, part)).to_have_attribute("data-state", "running", timeout=PATIENCE)
    # Without a mouse.
    box(page, "goal country-success").focus()
    page.keyboard.press("Enter")
    panel = page.locator("#part")
    expect(panel).to_contain_text("watermark")
    # The results of a minute come at once; between two of them the number stands.
    expect(box(page, "goal country-success")).to_have_attribute(
        "aria-label", re.compile(r"[1-9]\d* results"), timeout=PATIENCE
    )

    def equal() -> bool:
        held = len(results(run, "goal3-topic"))
        return f"results\n{held}" in panel.inner_text() and held > 0

    wait_for("the page to say how many results there are", equal, 60)


def test_a_detection_has_its_windows_and_its_records(run: Run, page: Page) -> None:
    over = page.locator("#episodes li[data-goal='client-rate']", has=page.get_by_text("○ over")).first
    over.wait_for(timeout=PATIENCE)
    client = over.locator(".key").inner_text()
    row = page.locator("#episodes li", has=page.get_by_text(client, exact=True))
    windows = [one for one in results(run, "goal1-topic") if one["client_ip"] == client]
    first, last = min(one["window_start"] for one in windows), max(one["window_end"] for one in windows)
    expect(row.locator(".windows")).to_have_text(f"{len(windows)} windows")
    expect(row.locator(".when")).to_have_text(f"{first[11:19]} – {last[11:19]}")
    expect(row.locator(".value")).to_have_text(f"≥ {max(one['count'] for one in windows)}")
    page.locator("#filter-key").fill("nobody has this key")
    expect(page.locator("#episodes li")).to_have_count(0)
    page.locator("#filter-key").fill(client)
    # Bars of what the index holds, around the windows; only of rows in sight, and newer rows push this one out of it.
    row.scroll_into_view_if_needed()
    expect(row.locator(".picture svg .bar.inside").first).to_be_attached(timeout=PATIENCE)
    row.locator("button").click()
    raw = results_of_client(run, client, first, last)
    expect(row.locator(".records strong")).to_have_text(f"{len(raw)} records", timeout=PATIENCE)
    expect(row.locator(".records tbody tr")).to_have_count(len(raw))
    expect(row.locator(".records tbody tr").first).to_contain_text(client)
    # The link of its alert leads to it.
    link = urlencode([("goal", "client-rate"), ("at", seconds(first)), ("value", client)])
    page.goto(f"{run.status()['console']['url']}#{link}")
    page.reload()
    expect(row.locator(".records strong")).to_have_text(f"{len(raw)} records", timeout=PATIENCE)
    expect(row.locator("button")).to_be_focused()
    # The command line says the same.
    command = [sys.executable, "-m", "logpipeline", "explain", "--key", client, "--at", first, "-o", "json"]
    told = json.loads(subprocess.run(command, cwd=run.state.parents[1], check=True, capture_output=True).stdout)
    assert (told["total"], told["detection"]["windows"]) == (len(raw), len(windows))


def results_of_client(run: Run, client: str, first: str, last: str) -> list[dict[str, Any]]:
    """The valid raw records of a client in [first, last)."""
    found = []
    for message in read(run.status()["kafka"]["bootstrap_servers"], "test-inter"):
        try:
            record = json.loads(message.value or b"")
            moment, _ = float(record["@timestamp"]), int(record["status"])
        except (ValueError, KeyError, TypeError):
            continue
        if record.get("client_ip") == client and seconds(first) <= moment < seconds(last):
            found.append(record)
    return found


def test_a_metric_is_a_chart_and_a_table_of_the_same(run: Run, page: Page) -> None:
    chart = page.locator("section[data-goal='country-success']")
    expect(chart.locator("canvas")).to_be_visible(timeout=PATIENCE)
    chart.get_by_text("as a table").click()
    names = chart.locator("thead th").all_inner_texts()[1:]
    when, *shown = chart.locator("tbody tr").last.locator("th, td").all_inner_texts()
    held = {one["country"]: one["count"] for one in results(run, "goal3-topic") if one["window_start"][11:19] == when}
    assert dict(zip(names, shown, strict=True)) == {name: f"{held[name]:,}" if name in held else "–" for name in names}
    assert held


def test_what_does_not_answer_is_said_in_words_and_old_data_is_grey(run: Run, page: Page) -> None:
    expect(page.locator("#verdict")).to_have_text("✓ records flow", timeout=PATIENCE)
    elasticsearch, console = (run.component(name)["pid"] for name in ("elasticsearch", "console"))
    os.kill(elasticsearch, signal.SIGSTOP)
    try:
        expect(box(page, "elasticsearch")).to_have_attribute("data-state", "not answering", timeout=PATIENCE)
        expect(page.locator("#verdict")).to_contain_text("test-inter: not answering")
    finally:
        os.kill(elasticsearch, signal.SIGCONT)
    expect(box(page, "elasticsearch")).to_have_attribute("data-state", "running", timeout=PATIENCE)
    os.kill(console, signal.SIGSTOP)
    try:
        expect(page.locator("body")).to_have_class("stale", timeout=PATIENCE)
        expect(page.locator("#verdict")).to_have_text("? the console does not answer")
        expect(page.locator("#freshness")).to_contain_text("stale")
    finally:
        os.kill(console, signal.SIGCONT)
    expect(page.locator("body")).not_to_have_class("stale", timeout=PATIENCE)
    # A console that was killed is started again, and an open page finds it. That it was gone is too short to be seen.
    with page.expect_response(lambda answer: answer.ok and answer.url.endswith("/events"), timeout=PATIENCE):
        os.kill(console, signal.SIGKILL)
    run.wait_until(lambda: run.component("console")["pid"] != console)
    expect(page.locator("#verdict")).to_have_text("✓ records flow", timeout=PATIENCE)


def test_it_fits_a_phone_and_the_night(run: Run, browser: Browser) -> None:
    url = run.status()["console"]["url"]
    context = browser.new_context(viewport=PHONE, has_touch=True, color_scheme="dark")
    small = context.new_page()
    small.goto(url)
    expect(small.locator("#episodes li").first).to_be_visible(timeout=PATIENCE)
    expect(small.locator("#flow canvas").first).to_be_visible(timeout=PATIENCE)
    assert small.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    dark = small.evaluate("getComputedStyle(document.body).backgroundColor")
    small.locator("#theme").tap()
    expect(small.locator("#theme")).to_have_text("theme: light")
    assert small.evaluate("getComputedStyle(document.body).backgroundColor") != dark
    context.close()
