"""The files of counts by status (with a real writer: tests/integration/test_lake.py)."""

from __future__ import annotations

import io

import pyarrow.parquet as pq

from logpipeline_spark.status_files import COLUMNS, content_of, path_of

ROWS = [{"code": code, "count": code, "window_end_ms": 1714564800000} for code in (500, 200, 404)]


def test_the_same_window_is_the_same_file() -> None:
    content = content_of(ROWS)
    assert content == content_of(list(reversed(ROWS)))
    table = pq.read_table(io.BytesIO(content))
    assert table.schema.equals(COLUMNS)
    assert table["code"].to_pylist() == [200, 404, 500]
    assert path_of("codes", 1714564800000) == "statuses/goal=codes/1714564800000.parquet"
