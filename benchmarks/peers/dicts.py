"""The tight reference: a dict of lists, one loop without a call in it, with orjson or msgspec. Arguments: FILE, orjson | msgspec.

In the common case (the next minute of a sensor) a message costs its parsing and some twenty bytecode lines.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from math import sqrt
from typing import Any

sys.path[:0] = [__file__.rpartition("/")[0]]
job = importlib.import_module("job")


def loop(path: str, loads: Callable[[bytes], Any], get: Callable[[Any], tuple[Any, ...]], bad: tuple[type[Exception], ...]) -> Any:  # noqa: ANN401
    """(messages, changes)."""
    states: dict[str, list[Any]] = {}
    changes: list[tuple[str, int, str]] = []
    messages = bad_count = 0
    for block in job.blocks(path, 10_000):
        messages += len(block)
        for line in block:
            try:
                name, ts, x, pm10, temp, rh = get(loads(line))
                if not (ts.__class__ is int and 0 <= x <= 1000 and 0 <= pm10 <= 2000 and -40 <= temp <= 85 and 0 <= rh <= 100):
                    bad_count += 1
                    continue
            except bad:
                bad_count += 1
                continue
            state = states.get(name)
            if state is None:
                state = states[name] = job.new_state()
            newest, ring, filled, total, count, seen, mu, var, is_open = state
            slot = ts // 60_000
            if newest is None or slot != newest + 1:
                if (word := job.take(state, ts, x)) in ("O", "C"):
                    changes.append((name, ts, word))
                continue
            place = slot % 60
            if filled[place]:
                total -= ring[place]
            else:
                count += 1
                filled[place] = True
            ring[place] = x
            total += x
            d = x - mu
            pull = 0.05 * d
            mean = total / count
            if is_open:
                if mean < 50 and (seen < 30 or var <= 0 or d / sqrt(var) < 3):
                    is_open = False
                    changes.append((name, ts, "C"))
            elif (mean >= 60 and count >= 15) or (x >= 50 and seen >= 30 and var > 0 and d / sqrt(var) >= 6):
                is_open = True
                changes.append((name, ts, "O"))
            state[0] = slot
            state[3:] = total, count, seen + 1, mu + pull, 0.95 * (var + pull * d), is_open
    return messages, changes


def with_orjson(path: str) -> Any:  # noqa: ANN401
    """orjson to dicts."""
    from operator import itemgetter

    import orjson

    get = itemgetter("sensor_id", "ts", "pm25", "pm10", "temp", "rh")
    return loop(path, orjson.loads, get, (ValueError, KeyError, TypeError))


def with_msgspec(path: str) -> Any:  # noqa: ANN401
    """msgspec to typed Structs."""
    from operator import attrgetter

    import msgspec

    fields = [("sensor_id", str), ("ts", int), ("pm25", float), ("pm10", float), ("temp", float), ("rh", float)]
    decode = msgspec.json.Decoder(msgspec.defstruct("Reading", fields, gc=False)).decode
    return loop(path, decode, attrgetter("sensor_id", "ts", "pm25", "pm10", "temp", "rh"), (msgspec.DecodeError,))


if __name__ == "__main__":
    job.report(with_orjson if sys.argv[2] == "orjson" else with_msgspec)
