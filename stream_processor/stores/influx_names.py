"""Series and how InfluxDB knows them: `device/direction/quantity` is measurement `quantity` with tags `device` and `direction`.

A series without a direction has no such tag. The quantity is the measurement, so that a type conflict stays with one quantity.
"""

from __future__ import annotations

from functools import lru_cache

from city_model.faults import Rejected
from stream_processor.stores.line_protocol import head


@lru_cache(maxsize=100_000)
def parts(series: str) -> tuple[str, str, str]:
    """(device, direction, quantity). Raises Rejected("bad_series")."""
    device, _, rest = series.partition("/")
    direction, slash, quantity = rest.rpartition("/")
    if not device or not quantity or bool(slash) != bool(direction):
        raise Rejected("bad_series", f"{series[:100]!r} is not device/quantity or device/direction/quantity")
    return device, direction, quantity


def joined(device: str, direction: str, quantity: str) -> str:
    """The series of a measurement and its tags."""
    return f"{device}/{direction}/{quantity}" if direction else f"{device}/{quantity}"


@lru_cache(maxsize=100_000)
def head_of(series: str) -> bytes:
    """What each line of the series begins with. Raises Rejected("bad_series")."""
    device, direction, quantity = parts(series)
    return head(quantity, {"device": device, "direction": direction})


def identifier(name: str) -> str:
    """A name in InfluxQL."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def literal(text: str) -> str:
    """A text in InfluxQL. Text is escaped here: InfluxDB OSS has no query parameters."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n") + "'"
