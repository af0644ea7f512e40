"""Writes the files of this folder: one table in the layouts of several writers, and what is in it.

Needs pyarrow: python3 make.py, here.
"""

import base64
import datetime
import decimal
import json
import os

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

out = os.path.dirname(os.path.abspath(__file__))
rows = dict(
    i=pa.array([1, None, 3] * 3, pa.int32()),
    u=pa.array([1, 2**63 + 5, None] * 3, pa.uint64()),
    f=pa.array([0.5, None, 11.5] * 3, pa.float32()),
    s=pa.array(["a <b>", "", None] * 3),
    ls=pa.array([["x", "y"], [], None] * 3),
    lls=pa.array([[["x"], []], None, [None, ["z", None]]] * 3),
    st=pa.array(
        [{"input": ["1"], "output": ["2", None]}, None, {"input": [], "output": None}] * 3,
        pa.struct([("input", pa.list_(pa.string())), ("output", pa.list_(pa.string()))]),
    ),
    los=pa.array(
        [[{"a": 1, "b": ["q"]}, {"a": None, "b": []}], [], None] * 3,
        pa.list_(pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))])),
    ),
    m=pa.array([[("k", 1), ("l", None)], [], None] * 3, pa.map_(pa.string(), pa.int64())),
    d=pa.array([datetime.date(2024, 2, 29), None, datetime.date(1969, 12, 31)] * 3),
    ts=pa.array(
        [datetime.datetime(2024, 1, 1, 12, 0, 0, 500000), None, datetime.datetime(1960, 1, 1)] * 3,
        pa.timestamp("us"),
    ),
    tz=pa.array([datetime.datetime(2024, 1, 1, 12), None, None] * 3, pa.timestamp("ms", tz="UTC")),
    tm=pa.array([datetime.time(1, 2, 3), None, None] * 3, pa.time64("us")),
    dec=pa.array(
        [decimal.Decimal("-1.25"), None, decimal.Decimal("12345678901.67")] * 3, pa.decimal128(20, 2)
    ),
    dic=pa.array(["p", "q", None] * 3).dictionary_encode(),
    large=pa.array(["p", "q", None] * 3, pa.large_string()),
    b=pa.array([True, None, False] * 3),
    raw=pa.array([b"text", b"\xff\x00", None] * 3),
    fsl=pa.array([[1, 2], None, [3, 4]] * 3, pa.list_(pa.int64(), 2)),
    null=pa.nulls(9),
)
t = pa.table(rows)
for name, kw in dict(
    snappy=dict(),
    none_v2=dict(compression="none", data_page_version="2.0"),
    zstd=dict(compression="zstd", use_dictionary=False),
    gzip=dict(compression="gzip", row_group_size=4),
    brotli=dict(compression="brotli", data_page_size=64, write_batch_size=8),
    lz4=dict(compression="lz4"),
).items():
    pq.write_table(t, f"{out}/{name}.parquet", **kw)
pq.write_table(
    t.select(["i", "s", "ls"]),
    f"{out}/delta.parquet",
    use_dictionary=False,
    compression="none",
    column_encoding={"i": "DELTA_BINARY_PACKED", "s": "DELTA_BYTE_ARRAY"},
)
pq.write_table(
    t.select(["i", "s", "ls", "st", "los"]), f"{out}/oldlists.parquet", use_compliant_nested_type=False
)
pq.write_table(t.select(["ts"]), f"{out}/int96.parquet", use_deprecated_int96_timestamps=True)
with pa.OSFile(f"{out}/stream.arrow", "wb") as f, pa.ipc.new_stream(f, t.schema) as w:
    w.write_table(t, max_chunksize=4)
for c in ("lz4", "zstd"):
    feather.write_feather(t, f"{out}/{c}.arrow", compression=c)
    with pa.OSFile(f"{out}/{c}_stream.arrow", "wb") as f, pa.ipc.new_stream(
        f, t.schema, options=pa.ipc.IpcWriteOptions(compression=c)
    ) as w:
        w.write_table(t)
feather.write_feather(t, f"{out}/plain.feather", compression="uncompressed")


def meaning(v, kind):
    """What tableio makes of a value."""
    if v is None:
        return None
    if isinstance(v, bytes):
        try:
            return v.decode()
        except UnicodeDecodeError:
            return base64.b64encode(v).decode()
    if isinstance(v, datetime.datetime):
        return v.isoformat().replace("+00:00", "Z").replace(".500000", ".5")
    if isinstance(v, (datetime.date, datetime.time)):
        return v.isoformat()
    if pa.types.is_decimal(kind):
        return float(v)
    if pa.types.is_map(kind):
        return dict(v)
    return v


with open(f"{out}/want.jsonl", "w") as f:
    for r in t.to_pylist():
        print(json.dumps({k: meaning(v, t.schema.field(k).type) for k, v in r.items()}), file=f)
