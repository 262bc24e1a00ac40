"""Whatever a client writes is text on the page and in the query, and the page fetches and runs nothing."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from logpipeline.cli import main
from logpipeline.keys import shortened
from logpipeline.report.queries import command, is_value, literal, records
from test_report import RESOURCE, START

HOSTILE = [
    "</script><svg onload=alert(1)>",
    '"><img src=http://evil.example/x onerror=alert(1)>',
    "'; DROP TABLE raw; --",
    "/\u202egpj.exe",
    "/\x1b]0;title\x07\x00",
    "/" + "long" * 2500,
    "{{ 7 * 7 }}{% include 'x' %}",
    '$(touch hacked) `touch hacked` "!" \\',
]
ELEMENTS = (
    "html head meta title style body header h1 h2 p dl div dt dd nav ul li a main section details summary table "
    "caption thead tbody tr th td code footer svg g path line text rect"
)


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: set[str] = set()
        self.attributes: list[tuple[str, str, str]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.add(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    (folder / "p.yaml").write_text(RESOURCE)
    fields = ("client_ip", "path", "host", "country", "referrer", "user_agent", "method", "protocol")
    lines = [
        json.dumps({"@timestamp": START + n, "status": 404, "request_time": 0.1, "bytes": 1, **dict.fromkeys(fields, text)})
        for n, text in enumerate(HOSTILE * 12)
    ]  # fmt: skip
    (folder / "<b>access.log").write_text("\n".join(lines))
    command = ["report", "-f", str(folder / "p.yaml"), "--input", str(folder / "<b>access.log")]
    result = CliRunner().invoke(main, [*command, "-o", str(folder / "page.html")])
    assert result.exit_code == 0, result.output
    return (folder / "page.html").read_text()


def test_hostile_text_is_text(page: str) -> None:
    found = Page(page)
    assert found.elements <= set(ELEMENTS.split())
    assert HOSTILE[0] in found.text
    assert r"/\u202egpj.exe" in found.text
    assert r"/\x1b]0;title\x07\x00" in found.text
    assert "{{ 7 * 7 }}" in found.text
    assert page.replace("\n", "").isprintable()
    assert len(page) < 1_000_000


def test_the_page_fetches_and_runs_nothing(page: str) -> None:
    found = Page(page)
    names = {name for _, name, _ in found.attributes}
    assert not [name for name in names if name.startswith("on")]
    assert not names & {"src", "srcset", "xlink:href", "action", "background", "data", "poster"}
    assert all(value.startswith("#") for _, name, value in found.attributes if name == "href")
    assert not [value for _, _, value in found.attributes if re.search(r"https?:|//|url\(", value)]
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    assert ("meta", "content", policy) in found.attributes


def test_each_chart_has_a_name_and_the_colour_of_the_text(page: str) -> None:
    charts = re.findall(r"<svg .*?</svg>", page, re.DOTALL)
    assert len(charts) >= 5
    assert all(
        re.match(r'<svg role="img" aria-label="[^"]+" viewBox="[^"]+"><title>[^<]+</title>', one) for one in charts
    )
    assert all("currentColor" in one for one in charts)
    assert page.count("<caption>") == page.count("<table>") > 15


@pytest.mark.parametrize("text", [*HOSTILE, "", "it's", "ü"])
def test_the_query_of_a_value_finds_it_and_nothing_else(text: str, tmp_path: Path) -> None:
    connection = duckdb.connect()
    connection.execute(
        "CREATE TABLE raw AS SELECT DATE '2024-05-01' AS date, 3 AS hour, now() AS event_time, '' AS path"
    )
    for other in ("other", text):
        connection.execute("INSERT INTO raw VALUES ('2024-05-01', 4, now(), ?)", [other])
    hour = (connection.sql("SELECT DATE '2024-05-01'").fetchall()[0][0], 4)
    query = records((hour, hour), is_value("path", shortened(text)))
    assert [row[3] for row in connection.sql(query).fetchall()] == [text]
    assert literal(text).isprintable()
    line = command(["-f", "it's here.yaml"], query).removeprefix("logpipeline sql -f ")
    assert line.isprintable()
    said = subprocess.run(
        ["sh", "-c", f"printf '%s\\n' {line}"], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert said.stdout == f"it's here.yaml\n{query}\n"
    assert shlex.split(line)[0] == "it's here.yaml"
    assert not list(tmp_path.iterdir())
