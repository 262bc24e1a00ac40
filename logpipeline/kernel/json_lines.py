"""JSON documents → columns, fast where the documents are alike and exact where they are not.

Arrow's JSON reader takes the whole batch at once when every document has the same types. What it refuses, or would read
differently from a strict parser, goes document by document through orjson; both ways give the same columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

Role = Literal["text", "number"]
NOT_JSON = "is not valid JSON"
NOT_AN_OBJECT = "is not a JSON object"

# orjson refuses documents nested deeper than 1024, which takes at least twice as many bytes; Arrow's reader has no such
# limit.
_LONGEST_FAST = 2048
# Below this many documents a second attempt by Arrow costs more than reading them one by one.
_SMALLEST_FAST = 1024
_SPLIT = 16
# 1e308 is a double, ten times as much is none.
_OVERFLOWING_DIGITS = 309
_SAMPLED, _LAST_DIGIT = 16, 9

pa.set_cpu_count(1)
pa.set_io_thread_count(1)


class JsonLines:
    """Reads the wanted paths of JSON documents.

    `wanted` maps a field, by its own name or as a dotted path, to the roles it is needed in: `text` gives the string, a
    number's shortest text, `true`/`false` or the JSON text of anything nested; `number` gives the number or the number
    that a string holds, else null.
    """

    def __init__(self, wanted: Mapping[str, set[Role]]) -> None:
        self._wanted = {path: sorted(roles) for path, roles in sorted(wanted.items())}
        # As Elasticsearch does: loggers write {"log.level": …} as well as {"log": {"level": …}}.
        self._places = {path: [[path], path.split(".")] if "." in path else [[path]] for path in wanted}
        self._columns = [(path, role) for path, roles in self._wanted.items() for role in roles]

    def read(self, values: pa.Array) -> pl.DataFrame:
        """Return a row a document, in order: columns `text:<path>`, `number:<path>` and `fault` (null for a JSON
        object).
        """
        if len(values) == 0:
            return self._read_slow(values)
        likely = _likely_plain(values)
        if likely is None:
            return self._read(values)
        rows = pl.Series(likely)
        fast, slow = self._read(values.filter(likely)), self._read_slow(values.filter(pc.invert(likely)))
        order = pl.concat([rows.arg_true(), (~rows).arg_true()])
        return pl.concat([fast, slow])[order.arg_sort()]

    def _read(self, values: pa.Array) -> pl.DataFrame:
        if len(values) == 0:
            return self._read_slow(values)
        table = self._read_fast(values)
        if table is not None:
            return table
        if len(values) <= _SMALLEST_FAST:
            return self._read_slow(values)
        # One odd document costs the slow way for 1/256 of the batch at most.
        step = -(-len(values) // _SPLIT)
        return pl.concat([self._read(values.slice(start, step)) for start in range(0, len(values), step)])

    def _read_fast(self, values: pa.Array) -> pl.DataFrame | None:
        """Return the columns, or None when Arrow refuses the batch or could read it otherwise than a strict parser."""
        joined = _join(values)
        # Arrow takes NaN and Infinity for numbers and does not look at the encoding of what it skips; JSON (RFC 8259)
        # is stricter.
        if b"NaN" in joined or b"Inf" in joined or not _is_utf8(joined) or _may_overflow(joined):
            return None
        types = self._types(values)
        if types is None:
            return None
        try:
            table = pj.read_json(
                pa.BufferReader(joined),
                read_options=pj.ReadOptions(use_threads=False, block_size=len(joined) + 1),
                parse_options=pj.ParseOptions(
                    explicit_schema=_schema(types, self._places), unexpected_field_behavior="ignore"
                ),
            )
        except pa.ArrowInvalid:
            return None
        if table.num_rows != len(values):
            return None
        raw = {path: _leaf(table, self._places[path]) for path in self._wanted}
        for array in raw.values():
            if pa.types.is_floating(array.type) and pc.any(pc.is_inf(array)).as_py():
                return None
        return _typed(raw, self._columns, pl.Series([None], dtype=pl.String).new_from_index(0, len(values)))

    def _types(self, values: pa.Array) -> dict[str, pa.DataType] | None:
        """Return the type of each path as the first documents have it; None when a text is wanted of a fractional
        number.
        """
        types: dict[str, pa.DataType] = {}
        for value in values.slice(0, 4).to_pylist():
            try:
                document = orjson.loads(value)
            except orjson.JSONDecodeError:
                return None
            for path, places in self._places.items():
                found = _dig(document, places)
                if path in types or found is None:
                    continue
                if isinstance(found, str):
                    types[path] = pa.string()
                elif self._wanted[path] == ["number"]:
                    types[path] = pa.float64()
                elif isinstance(found, int) and not isinstance(found, bool):
                    types[path] = pa.int64()
                else:
                    return None
        return {path: types.get(path, pa.string()) for path in self._wanted}

    def _read_slow(self, values: pa.Array) -> pl.DataFrame:
        texts: dict[str, list[str | None]] = {path: [] for path in self._wanted}
        faults: list[str | None] = []
        for value in values.to_pylist():
            document: Any = None
            fault: str | None = None
            try:
                document = orjson.loads(value or b"")
            except orjson.JSONDecodeError:
                fault = NOT_JSON
            if fault is None and not isinstance(document, dict):
                fault = NOT_AN_OBJECT
            faults.append(fault)
            for path, places in self._places.items():
                texts[path].append(None if fault else _text(_dig(document, places)))
        raw: dict[str, pa.Array] = {path: pa.array(column, pa.string()) for path, column in texts.items()}
        return _typed(raw, self._columns, pl.Series(faults, dtype=pl.String))


def _likely_plain(values: pa.Array) -> pa.Array | None:
    """Return a mask of the values that are one brace-enclosed document of ordinary length; None when all are.

    A batch of values that all start with `{` and end with `}` cannot shift rows against each other: inside a document
    no `{` can follow a line break after a `}`, so as many documents as values means one document a value.
    """
    mask = pc.and_(
        pc.and_(pc.equal(pc.binary_slice(values, 0, 1), b"{"), pc.equal(pc.binary_slice(values, -1), b"}")),
        pc.less_equal(pc.binary_length(values), _LONGEST_FAST),
    )
    if values.null_count:
        mask = pc.fill_null(mask, False)
    return None if pc.all(mask).as_py() else mask


def _join(values: pa.Array) -> bytes:
    large = values.cast(pa.large_binary())
    whole = pa.LargeListArray.from_arrays(pa.array([0, len(large)], pa.int64()), large)
    joined: bytes = pc.binary_join(whole, pa.scalar(b"\n", pa.large_binary()))[0].as_py()
    return joined


def _is_utf8(data: bytes) -> bool:
    try:
        pa.array([data], pa.large_binary()).cast(pa.large_string())
    except pa.ArrowInvalid:
        return False
    return True


def _may_overflow(data: bytes) -> bool:
    """Whether an integer may stand in `data` that is too large for a double; Arrow does not look at what it skips.

    One byte in 16 is looked at: as many digits in a row as such a number has make many of them digits in a row.
    """
    sampled = np.frombuffer(data, np.uint8)[::_SAMPLED]
    others = np.flatnonzero(sampled - ord("0") > _LAST_DIGIT)  # unsigned: what is below "0" is far above "9"
    gaps = np.diff(others, prepend=-1, append=len(sampled)) - 1
    return bool(gaps.max(initial=0) >= _OVERFLOWING_DIGITS // _SAMPLED)


def _schema(types: Mapping[str, pa.DataType], places: Mapping[str, list[list[str]]]) -> pa.Schema:
    tree: dict[str, Any] = {}
    for keys, kind in ((keys, kind) for path, kind in types.items() for keys in places[path]):
        node = tree
        for key in keys[:-1]:
            branch = node.setdefault(key, {})
            # A path that goes through another wanted path: the value cannot be a text and an object in one Arrow type.
            if not isinstance(branch, dict):
                branch = node[key] = {}
            node = branch
        node.setdefault(keys[-1], kind)
    return pa.schema(_fields(tree))


def _fields(tree: Mapping[str, Any]) -> list[pa.Field]:
    return [pa.field(key, pa.struct(_fields(kind)) if isinstance(kind, dict) else kind) for key, kind in tree.items()]


def _leaf(table: pa.Table, places: list[list[str]]) -> pa.Array:
    """Return a field's values, from the first of its places that has one."""
    found = []
    for first, *others in places:
        column = table[first]
        for key in others:
            column = pc.struct_field(column, key)
        found.append(column)
    column = found[0] if len(found) == 1 else pc.coalesce(*found)
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _dig(document: Any, places: list[list[str]]) -> Any:
    """Return a field's value in a document, from the first of its places that has one; None when none has."""
    for keys in places:
        found = document
        for key in keys:
            found = found.get(key) if isinstance(found, dict) else None
        if found is not None:
            return found
    return None


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return repr(value) if isinstance(value, float) else orjson.dumps(value).decode()


def _typed(raw: Mapping[str, pa.Array], columns: list[tuple[str, Role]], faults: pl.Series) -> pl.DataFrame:
    frame = []
    for path, role in columns:
        series = pl.Series(raw[path])
        kind = pl.String if role == "text" else pl.Float64
        frame.append((series if series.dtype == kind else series.cast(kind, strict=False)).alias(f"{role}:{path}"))
    return pl.DataFrame([*frame, faults.alias("fault")])
