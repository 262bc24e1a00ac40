"""JSON documents → columns, fast where the documents are alike and exact where they are not.

Arrow's JSON reader takes the whole batch at once when every document has the same types. What it refuses, or would read
differently from a strict parser, goes document by document through orjson; both ways give the same columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import orjson
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from logpipeline.kernel.lenient import paired_surrogates, quoted_infinities, utf8

Role = Literal["text", "number"]
NOT_JSON = "is not valid JSON"
NOT_AN_OBJECT = "is not a JSON object"

# orjson refuses documents nested deeper than 1024, which takes at least twice as many bytes; Arrow's reader has no such
# limit.
_LONGEST_FAST = 2048
# Below this many documents a second attempt by Arrow costs more than reading them one by one.
_SMALLEST_FAST = 1024
_SPLIT = 16

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
        # For the whole batch at once: a client that sends odd bytes must not force the slow way upon its neighbours.
        joined = utf8(_join(values))
        types = self._types(values)
        if types is None:
            return None
        schema = _schema(types, self._places)
        table = _parse(joined, schema)
        if table is None and (paired := paired_surrogates(joined)) != joined:
            table = _parse(paired, schema)
        if table is None:
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
                document = _loads(value)
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
                document = _loads(value or b"")
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
    # Arrow takes NaN and Infinity for numbers; JSON (RFC 8259) is stricter.
    data = values.buffers()[2]
    held = b"" if data is None else data.to_pybytes()
    for word in ("NaN", "Inf"):
        if word.encode() in held:
            mask = pc.and_(mask, pc.invert(pc.match_substring(values, word)))
    if values.null_count:
        mask = pc.fill_null(mask, False)
    return None if pc.all(mask).as_py() else mask


def _join(values: pa.Array) -> bytes:
    large = values.cast(pa.large_binary())
    whole = pa.LargeListArray.from_arrays(pa.array([0, len(large)], pa.int64()), large)
    joined: bytes = pc.binary_join(whole, pa.scalar(b"\n", pa.large_binary()))[0].as_py()
    return joined


def _parse(joined: bytes, schema: pa.Schema) -> pa.Table | None:
    try:
        return pj.read_json(
            pa.BufferReader(joined),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(joined) + 1),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowInvalid:
        return None


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


def _loads(value: bytes) -> Any:
    """Return a document, with U+FFFD for what is no text in it; raises orjson.JSONDecodeError."""
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        text = paired_surrogates(utf8(value))
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return orjson.loads(quoted_infinities(text))


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    if isinstance(value, float):
        return repr(value)
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # nested deeper than orjson writes (254), though not deeper than it reads (1024)
        return None


def _typed(raw: Mapping[str, pa.Array], columns: list[tuple[str, Role]], faults: pl.Series) -> pl.DataFrame:
    frame = []
    for path, role in columns:
        series = pl.Series(raw[path])
        kind = pl.String if role == "text" else pl.Float64
        frame.append((series if series.dtype == kind else series.cast(kind, strict=False)).alias(f"{role}:{path}"))
    return pl.DataFrame([*frame, faults.alias("fault")])
