"""Traffic samples as JSON: one list per message. NaN and infinities cannot be written in JSON, so none arrive."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from city_model.events import TrafficSample
from city_model.faults import Rejected

CONTENT_TYPE = "application/vnd.saola.samples+json"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[TrafficSample]).decode


def encode(samples: Sequence[TrafficSample]) -> bytes:
    """JSON list of `samples`."""
    return _encode(samples)


def decode(data: bytes) -> list[TrafficSample]:
    """The samples of a message. Raises Rejected("malformed" or "out_of_range")."""
    try:
        samples = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise Rejected("malformed", f"traffic samples: {err}") from err
    for sample in samples:
        _check(sample)
    return samples


def _check(s: TrafficSample) -> None:
    bounds = (
        ("area_occupancy", s.area_occupancy, 1.0), ("confidence", s.confidence, 1.0), ("span_s", s.span_s, 3600.0),
        ("speed_kmh", s.speed_kmh or 0.0, 300.0), ("flow_pcu_h", s.flow_pcu_h, 60_000.0),
        ("two_wheelers", s.two_wheelers, 10_000), ("cars", s.cars, 10_000), ("large", s.large, 10_000),
        ("queue_m", s.queue_m or 0.0, 10_000.0), ("queue_px", s.queue_px or 0.0, 10_000.0),
        ("stopped", s.stopped or 0, 1_000), ("wrong_way", s.wrong_way or 0, 10_000), ("events", len(s.events or ()), 100),
    )  # fmt: skip
    for name, value, high in bounds:
        if not 0 <= value <= high:
            raise Rejected("out_of_range", f"{name} {value:g}; expected 0..{high:g}")
