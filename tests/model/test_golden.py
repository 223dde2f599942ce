"""What was once written stays readable: one golden file for each format and version. Never change one; add the next version's."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from city_model.codec import observations, packed, samples
from city_model.events import Readings, TrafficSample

_GOLDEN = Path(__file__).parent / "golden"
_AT_MS = 1_795_568_400_000


def golden(name: str) -> bytes:
    return bytes.fromhex((_GOLDEN / name).read_text(encoding="ascii"))


def test_packed_readings_of_version_1() -> None:
    readings = packed.decode(golden("readings_packed_v1.hex"))
    assert readings.names == ("pm25", "humidity")
    assert readings.name_index.tolist() == [0, 1, 0]
    assert readings.at_ms.tolist() == [_AT_MS, _AT_MS, _AT_MS + 60_000]
    assert readings.value.tobytes() == np.array([31.2, 78.0, -0.0]).tobytes()
    assert packed.encode(readings) == golden("readings_packed_v1.hex")


def test_packed_readings_of_version_2_whose_names_need_more_than_64_kib() -> None:
    names = tuple(f"station-{k:05d}/pm25" for k in range(4000))
    body = (
        golden("readings_packed_v2_head.hex") + b"".join(b"\xb2" + name.encode() for name in names) + golden("readings_packed_v2_rest.hex")
    )
    readings = packed.decode(body)
    assert readings.names == names
    assert (readings.name_index.tolist(), readings.at_ms.tolist(), readings.value.tolist()) == (
        [3999, 0],
        [_AT_MS, _AT_MS - 1],
        [31.2, 7.0],
    )
    assert packed.encode(readings) == body


def test_observations_of_version_1() -> None:
    readings, flags = observations.decode(golden("observations_v1.hex"))
    assert (readings.names, readings.at_ms.tolist(), readings.value.tolist(), flags) == (("air-1/pm25",), [_AT_MS], [31.2], 1)
    again = Readings(readings.names, readings.name_index, readings.at_ms, readings.value)
    assert observations.encode(again, 1) == golden("observations_v1.hex")


def test_traffic_samples_of_version_1() -> None:
    body = (_GOLDEN / "samples_v1.json").read_bytes()
    moving, dark = samples.decode(body)
    assert moving == TrafficSample(_AT_MS, 5.0, "inbound", 12, 3, 1, 1480.5, 0.41, 0.87, 13.25, None, "lane_width")
    assert (dark.health, dark.speed_kmh, dark.speed_basis) == ("dark", None, "none")
    assert samples.encode([moving, dark]) == body.strip()
