"""InfluxDB's line protocol from columns, in bulk: numbers are turned into text by one call a column, lines are joined by one call a batch.

A line is `measurement,tag=value field=1.5,other=3i 1790000000000`. Its part before the fields (`head`) is the same for every point of a
series, so it is built once. `benchmarks/line_protocol.py` compares with influxdb-client's `Point`, one object a line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from city_model.faults import Rejected

_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f\\]|^\s*$")
"""Line protocol has no escape for a line break or for a backslash before a separator."""


def head(measurement: str, tags: Mapping[str, str]) -> bytes:
    """`measurement,tag=value,...` escaped; tags with an empty value are left out, as InfluxDB cannot tell them from absent ones.
    Raises Rejected("bad_series") for text that no line can carry."""
    if measurement.startswith("#"):
        raise Rejected("bad_series", f"{measurement!r}: a line that begins with # is a comment")
    parts = [_escaped(measurement, ", ")]
    parts += [f"{_escaped(key, ',= ')}={_escaped(value, ',= ')}" for key, value in tags.items() if value]
    try:
        return ",".join(parts).encode()
    except UnicodeEncodeError as err:
        raise Rejected("bad_series", f"{measurement!r}: not text in UTF-8") from err


def lines(heads: Sequence[bytes], index: NDArray[np.integer], at_ms: NDArray[np.int64], fields: Mapping[str, NDArray[Any]]) -> bytes:
    """One line a row, joined by line breaks. Row i is of `heads[index[i]]`; arrays have shape (n,).

    Float columns become floats and must be finite, integer columns become integers; field names need no escaping.
    """
    count = len(at_ms)
    if not count:
        return b""
    columns: list[list[bytes]] = []
    literal = ""
    for name, values in fields.items():
        literal += f"{name}="
        ending = "," if np.issubdtype(values.dtype, np.floating) else "i,"
        if columns and (values == values[0]).all():  # as flags mostly are
            literal += _texts(values[:1])[0].decode() + ending
            continue
        columns += [[literal.encode()] * count, _texts(values)]
        literal = ending
    columns += [[literal[:-1].encode() + b" "] * count, _texts(at_ms)]
    starts = [b"\n" + one + b" " + columns[0][0] for one in heads]
    columns[0] = list(map(starts.__getitem__, index.tolist()))
    pieces: list[bytes] = [b""] * (len(columns) * count)
    for place, column in enumerate(columns):
        pieces[place :: len(columns)] = column
    return b"".join(pieces)[1:]


def _texts(values: NDArray[Any]) -> list[bytes]:
    """Numbers as JSON writes them, shortest form that reads back the same; line protocol reads the same grammar."""
    return msgspec.json.encode(values.tolist())[1:-1].split(b",")


def _escaped(text: str, special: str) -> str:
    if _UNSPEAKABLE.search(text):
        raise Rejected("bad_series", f"{text[:100]!r}: empty, or with a backslash or control character")
    for one in special:
        if one in text:
            text = text.replace(one, "\\" + one)
    return text
