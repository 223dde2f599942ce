"""Traffic samples as the log keeps them: within bounds, and of a direction that the registry knows of this camera."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from city_model.codec import samples
from city_model.events import Event, TrafficSample
from city_model.faults import Rejected
from city_model.registry import Device
from city_model.topics import INPUTS
from stream_processor.bridge_parts import Arrival, Taken, in_part, whole

_decode_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode
_LATEST_MS = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
MAX_SAMPLES = 1000


def take_samples(event: Event, device: Device, at: Arrival) -> Taken:
    """`event` with bad samples set apart. Raises Rejected for all of it."""
    try:
        rows = _decode_rows(event.data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Rejected("malformed", f"traffic samples: {err}") from err
    if not 0 < len(rows) <= MAX_SAMPLES:
        raise Rejected("malformed", f"{len(rows)} samples; expected 1..{MAX_SAMPLES}")
    if event.boot and event.count != len(rows):
        raise Rejected("malformed", f"the envelope says {event.count} samples, the data has {len(rows)}")
    directions = {direction.id for direction in device.directions}
    checked = [_check(bytes(row), directions) for row in rows]
    times = [one.at_ms if isinstance(one, TrafficSample) else 0 for one in checked]
    faults = [one if isinstance(one, Rejected) else None for one in checked]
    if not any(faults):
        return whole(event, at, INPUTS, content_type=samples.CONTENT_TYPE, data=event.data, at_ms=max(times), count=len(rows))
    normal = replace(event, content_type=samples.CONTENT_TYPE)
    return in_part(normal, at, faults, times, lambda some: b"[" + b",".join(bytes(rows[row]) for row in some) + b"]")


def _check(row: bytes, directions: set[str]) -> TrafficSample | Rejected:
    try:
        (sample,) = samples.decode(b"[" + row + b"]")
    except Rejected as err:
        return err
    if sample.direction not in directions:
        return Rejected("unknown_direction", f"{sample.direction[:63]!r}; known: {', '.join(sorted(directions)) or 'none'}")
    if not 0 <= sample.at_ms <= _LATEST_MS:
        return Rejected("bad_time", f"{sample.at_ms} ms since 1970")
    return sample
