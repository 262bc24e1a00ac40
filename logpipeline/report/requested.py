"""Panels of what was requested and by whom: the heaviest of each kind, and all others together."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from logpipeline.report.agents import PARSED, parsed
from logpipeline.report.counting import ENDPOINT, EXTENSION, SITE
from logpipeline.report.layout import CLASSES, Hour, Intermediates
from logpipeline.report.panels import (
    BYTES,
    REQUESTS,
    SHARE,
    Column,
    Panel,
    first_key,
    folded,
    ranked,
    share,
    text,
    total_of,
)
from logpipeline.report.queries import is_value, records

Hours = tuple[Hour, Hour]

# What pages are made of and what they link to for download; what else has an extension may be a program.
_STATIC = (
    "7z avi avif bmp bz2 css csv doc docx eot exe flac flv gif gz ico jar jpeg jpg js json m4a m4v map mid mkv mov mp3 "
    "mp4 mpeg mpg ogg otf pdf png ppt pptx rar rtf svg swf tar tgz tif tiff ttf txt wasm wav webm webp woff woff2 xls "
    "xlsx xml xz zip"
)
_MIME = {
    "text": "css csv htm html js json map mjs rtf shtml txt wasm xml",
    "image": "avif bmp gif ico jpeg jpg png svg tif tiff webp",
    "audio and video": "avi flac flv m4a m4v mid mkv mov mp3 mp4 mpeg mpg ogg swf wav webm",
    "font": "eot otf ttf woff woff2",
    "document": "doc docx pdf ppt pptx ps xls xlsx",
    "archive": "7z bz2 exe gz jar rar tar tgz xz zip",
    "program": "asp aspx cgi jsp php pl py",
}
_KIND = {extension: kind for kind, extensions in _MIME.items() for extension in extensions.split()}
_EXTENSION_OF_PATH = f"lower(regexp_extract(regexp_extract(path, '{ENDPOINT}', 1), '{EXTENSION}', 1))"
_SITE_OF_REFERRER = f"lower(regexp_extract(referrer, '{SITE}', 1))"
_ERRORS = (Column("client_errors", "4xx"), Column("server_errors", "5xx"))
_BOTH = ("requests", "bytes")
_VALID = "invalid IS NULL"


def of_requests(found: Intermediates, hours: Hours, most: int) -> list[Panel]:
    """Return the panels of what was requested."""
    extension = pl.col("path").str.extract(ENDPOINT).str.extract(EXTENSION).str.to_lowercase()
    static = found["paths"].filter(extension.is_in(_STATIC.split()))
    heaviest = found["paths"].filter(pl.col("bytes") > 0)
    missing = ranked(found["not_found"], ("path", "host"), ("requests",), most)
    return [
        _keyed("paths", "Requested paths", "path", "Path", found["paths"], found, hours, most),
        _keyed(
            "static", "Static files", "path", "Path", static, found, hours, most,
            "Requests whose path has the extension of a style, script, image, font, document, archive or recording.",
            frame="paths",
        ),
        Panel(
            "not_found",
            "Not found (404)",
            (text("path", "Path"), text("host", "Host"), REQUESTS, SHARE),
            missing,
            folded(found, "not_found"),
            query=records(hours, "status = 404", is_value("coalesce(path, '')", first_key(missing))),
        ),
        _types(found, hours, most),
        _keyed(
            "paths_by_bytes", "Paths by bandwidth", "path", "Path", heaviest, found, hours, most,
            frame="paths", by="bytes",
        ),
        _keyed("hosts", "Virtual hosts", "host", "Host", found["hosts"], found, hours, most, more=_ERRORS),
        _statuses(found, hours),
        _classes(found),
        _methods(found, hours, most),
    ]  # fmt: skip


def of_clients(found: Intermediates, hours: Hours, most: int) -> list[Panel]:
    """Return the panels of who requested it, from where and by what."""
    errors = (Column("errors", "4xx and 5xx"),)
    return [
        _keyed("clients", "Clients", "client_ip", "Client", found["clients"], found, hours, most, more=errors),
        _keyed("countries", "Countries", "country", "Country", found["countries"], found, hours, most),
        *_agents(found, hours, most),
        _keyed("referrers", "Referrers", "referrer", "Referrer", found["referrers"], found, hours, most),
        _keyed(
            "sites", "Referring sites", "site", "Site", found["sites"], found, hours, most,
            expression=_SITE_OF_REFERRER,
        ),
    ]  # fmt: skip


def _keyed(
    name: str,
    title: str,
    key: str,
    key_title: str,
    rows: pl.DataFrame,
    found: Intermediates,
    hours: Hours,
    most: int,
    note: str = "",
    *,
    frame: str | None = None,
    more: Sequence[Column] = (),
    by: str = "requests",
    expression: str | None = None,
) -> Panel:
    """Return the heaviest of `rows`, which are of the intermediates `frame`, by `key`."""
    columns = sorted((REQUESTS, BYTES), key=lambda column: column.name != by)
    top = ranked(rows, (key,), [column.name for column in (*columns, *more)], most)
    return Panel(
        name,
        title,
        (text(key, key_title), *columns, *more, SHARE),
        top,
        " ".join(filter(None, (note, folded(found, frame or name)))),
        query=records(hours, _VALID, is_value(expression or key, first_key(top))),
    )


def _types(found: Intermediates, hours: Hours, most: int) -> Panel:
    kinds = found["types"].with_columns(
        kind=pl.when(pl.col("extension") == "").then(pl.lit("page"))
        .otherwise(pl.col("extension").replace_strict(_KIND, default="other", return_dtype=pl.String))
    )  # fmt: skip
    rows = ranked(kinds, ("extension", "kind"), _BOTH, most)
    return Panel(
        "types",
        "File types",
        (text("extension", "Extension"), text("kind", "Kind"), REQUESTS, BYTES, SHARE),
        rows,
        "By the extension of the path; a log does not have the type of an answer.",
        query=records(hours, _VALID, is_value(_EXTENSION_OF_PATH, first_key(rows))),
    )


def _methods(found: Intermediates, hours: Hours, most: int) -> Panel:
    rows = ranked(found["methods"], ("method", "protocol"), _BOTH, most)
    method = is_value("coalesce(method, '')", first_key(rows))
    return Panel(
        "methods",
        "Methods and protocols",
        (text("method", "Method"), text("protocol", "Protocol"), REQUESTS, BYTES, SHARE),
        rows,
        folded(found, "methods"),
        query=records(hours, _VALID, method, is_value("coalesce(protocol, '')", first_key(rows, 1))),
    )


def _statuses(found: Intermediates, hours: Hours) -> Panel:
    named = found["statuses"].with_columns(pl.col("status").cast(pl.String))
    rows = ranked(named, ("status",), ("records", "bytes"), named.height)
    status = first_key(rows)
    return Panel(
        "statuses",
        "Status codes",
        (text("status", "Status"), Column("records", "Records"), BYTES, SHARE),
        rows[:100],
        "999 stands for records that are not valid.",
        query=None if status is None else records(hours, f"status = {int(status)}"),
    )


def _classes(found: Intermediates) -> Panel:
    sums = [total_of(found["hours"], name) for name in CLASSES]
    titles = [f"{digit}xx {name.replace('_', ' ')}" for digit, name in enumerate(CLASSES, 1)]
    rows = [(title, count, share(count, sum(sums))) for title, count in zip(titles, sums, strict=True)]
    return Panel("classes", "Status classes", (text("class", "Class"), REQUESTS, SHARE), rows)


def _agents(found: Intermediates, hours: Hours, most: int) -> list[Panel]:
    agents = parsed(found["agents"])
    people, bots = agents.filter(pl.col("bot").eq_missing(other=False)), agents.filter("bot")
    unread = total_of(agents.filter(pl.col("bot").is_null()), "requests")
    rest = f"Of the {PARSED:,} commonest agents; the others have {unread:,} requests." if unread else ""
    panels = []
    for name, title, rows, family, note in (
        ("browsers", "Browsers", people, "browser", "Without bots."),
        ("systems", "Operating systems", people, "system", "Without bots."),
        ("bots", "Bots and crawlers", bots, "browser", "By what they say of themselves."),
    ):
        families = rows.group_by(family).agg(pl.col(_BOTH).sum())
        top = ranked(families, (family,), _BOTH, most)
        members = rows.filter(pl.col(family).eq_missing(pl.lit(first_key(top), pl.String)))
        heaviest = members.sort("requests", "user_agent", descending=[True, False])["user_agent"].to_list()
        query = records(hours, is_value("user_agent", heaviest[0] if heaviest else None))
        columns = (text(name.removesuffix("s"), title), REQUESTS, BYTES, SHARE)
        panels.append(Panel(name, title, columns, top, " ".join(filter(None, (note, rest))), query=query))
    return [*panels, _keyed("agents", "User agents", "user_agent", "Agent", found["agents"], found, hours, most)]
