"""Arrays as plain values for snapshots: exact, little-endian, msgpack-able."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray


def pack(array: NDArray[Any]) -> dict[str, Any]:
    """`array` as dtype, shape and bytes."""
    dtype = array.dtype if sys.byteorder == "little" or array.dtype.itemsize == 1 else array.dtype.newbyteorder("<")
    return {"dtype": dtype.str.replace("=", "<"), "shape": list(array.shape), "data": np.ascontiguousarray(array, dtype).tobytes()}


def unpack(state: dict[str, Any]) -> NDArray[Any]:
    """The array of `pack`, writable."""
    return np.frombuffer(state["data"], np.dtype(state["dtype"])).reshape(state["shape"]).copy()
