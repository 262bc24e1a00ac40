"""The columns of a lake's tables."""

from __future__ import annotations

import pyarrow as pa

from logpipeline.kernel import columns
from logpipeline.lake.names import TableName

_MOMENT = pa.timestamp("us", "UTC")
_PLACE = (("topic", pa.string()), ("partition", pa.int32()), ("offset", pa.int64()), ("kafka_time", _MOMENT))

# A window of a key, once. `key` holds the fields of groupBy, `identity` is what tells it from all others: the goal, the
# window's start and the key as JSON.
RESULTS = pa.schema(
    [
        ("goal", pa.string()),
        ("key", pa.map_(pa.string(), pa.string())),
        ("window_start", _MOMENT),
        ("window_end", _MOMENT),
        ("count", pa.int64()),
        ("value_name", pa.string()),
        ("value", pa.float64()),
        ("identity", pa.string()),
        *_PLACE,
        ("date", pa.date32()),
    ]
)

SCHEMAS: dict[TableName, pa.Schema] = {"raw": columns.SCHEMA, "results": RESULTS}
