"""What every detector of the folder promises: cuts and restarts change nothing, state is plain, a rule's name is its own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city_model.events import CameraEvent, TrafficSample
from city_model.registry import Area, City, Device, Direction, Site
from stream_processor.core.detectors.anomaly import Settings as AnomalySettings
from stream_processor.core.detectors.port import Batch, Detector, DeviceSamples
from stream_processor.core.detectors.surge import Settings as SurgeSettings
from stream_processor.core.detectors.surge import SurgeRule
from stream_processor.core.settings import CoreSettings, detector_modules, make_detectors

CITY = City(
    "P", "T", area=(Area("a"),),
    site=tuple(Site(f"s{k}", "a", "S", "S", 11.0 + 0.01 * k, 106.0) for k in range(5)),
    device=(
        *(Device(f"air-{k}", f"s{k}", "air") for k in range(4)), Device("loop-1", "s4", "loop"),
        Device("cam-1", "s4", "camera", directions=(Direction("north"),)),
    ),
)  # fmt: skip
ON: dict[str, Any] = {
    "anomaly": AnomalySettings(quantities=("pm25", "flow_veh_h", "speed_kmh", "flow_pcu_h"), learn_h=1.0, rest_h=0.0, clear_slots=2),
    "surge": SurgeSettings((SurgeRule("pm25_surge", "pm25"),)),
}
NAMES = [name for name, _ in detector_modules()]
START_MS, STEPS = 1_795_600_800_000, 420
QUANTITIES = ("pm25", "pm10", "wind_speed", "wind_direction", "speed_kmh", "flow_veh_h", "no2")


def made(name: str) -> Detector:
    return next(one for one in make_detectors(CoreSettings(detectors=ON), CITY) if one.name == name)


def fire(k: int, station: int) -> float:
    return 180.0 if station < 3 and 250 + 8 * station <= k < 330 else 0.0


def readings(k: int) -> list[tuple[str, str, float]]:
    """(device, quantity, value) of minute `k`: quiet air with a fire down the wind and a leak of gas, a road with a jam."""
    rng = np.random.default_rng(k)
    out: list[tuple[str, str, float]] = []
    for station in range(4):
        pm25 = 20.0 + fire(k, station) + rng.normal()
        out += [(f"air-{station}", "pm25", pm25), (f"air-{station}", "pm10", 1.4 * pm25), (f"air-{station}", "wind_speed", 2.0)]
        out += [(f"air-{station}", "wind_direction", 180.0)]
    jam = 200 <= k < 260
    out.append(("air-3", "no2", 260.0 if 120 <= k < 300 else 40.0))
    return [
        *out,
        ("loop-1", "speed_kmh", (15.0 if jam else 60.0) + rng.normal()),
        ("loop-1", "flow_veh_h", 300.0 if jam else 1500.0 + 9 * rng.normal()),
    ]


def samples(k: int) -> list[TrafficSample]:
    at_ms, jam = START_MS + k * 60_000, 200 <= k < 260
    events = (CameraEvent("stopped_vehicle", "begin", k, at_ms, at_ms, 0.9, "north", dwell_s=12.0),) if k == 150 else ()
    if k == 300:
        events = (CameraEvent("wrong_way", "begin", k, at_ms, at_ms, 0.9, "north"),)
    plain = TrafficSample(
        at_ms, 60.0, "north", 20, 5, 1, 400.0 if jam else 1400.0, 0.7 if jam else 0.15, 0.9, speed_kmh=5.0 if jam else 35.0
    )
    sick = "blurred" if 350 <= k < 380 else "ok"
    return [msgspec.structs.replace(plain, state="jam" if jam else "free", stopped=int(150 <= k < 160), events=events, health=sick)]


def batch(first: int, stop: int) -> Batch:
    """Minutes first … stop, device by device as the step hands them out."""
    devices = tuple(d.id for d in CITY.device if d.kind != "camera")
    rows = [(devices.index(d), QUANTITIES.index(q), START_MS + k * 60_000, v) for k in range(first, stop) for d, q, v in readings(k)]
    rows.sort(key=lambda row: row[0])
    device, quantity, at_ms, value = (list(column) for column in zip(*rows, strict=True)) if rows else ([], [], [], [])
    seen = [sample for k in range(first, stop) for sample in samples(k)]
    return Batch(
        devices, QUANTITIES, np.array(device, np.int32), np.array(quantity, np.uint16), np.array(at_ms, np.int64),
        np.array(value, np.float64), [DeviceSamples("cam-1", seen)] if seen else (),
    )  # fmt: skip


def verdicts(name: str, cuts: Sequence[int], *, restarts: bool = False) -> list[str]:
    """All that is said, ordered by subject: between the subjects cuts may change the order, within one they may not."""
    detector, found = made(name), []
    ticks = set(range(10, STEPS, 10))
    for first, stop in itertools.pairwise(sorted({0, *cuts, *ticks, STEPS})):
        found += detector.judge(batch(first, stop))
        found += detector.tick(START_MS + stop * 60_000) if stop in ticks else []
        if restarts:
            state = msgspec.msgpack.decode(msgspec.msgpack.encode(detector.snapshot()))
            detector = made(name)
            detector.restore(state)
    found += detector.tick(START_MS + (STEPS + 180) * 60_000)
    found.sort(key=lambda verdict: (verdict.rule, verdict.subject))
    return [json.dumps(asdict(verdict), sort_keys=True) for verdict in found]


WHOLE = {name: verdicts(name, []) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_the_story_makes_every_detector_speak(name: str) -> None:
    assert WHOLE[name]


@pytest.mark.parametrize("name", NAMES)
@given(cuts=st.lists(st.integers(1, STEPS - 1), max_size=6, unique=True))
@settings(max_examples=6, deadline=None)
def test_cuts_and_restarts_change_nothing(name: str, cuts: list[int]) -> None:
    assert verdicts(name, cuts) == WHOLE[name]
    assert verdicts(name, cuts, restarts=True) == WHOLE[name]


@pytest.mark.parametrize("name", NAMES)
def test_a_new_detector_has_nothing_to_say(name: str) -> None:
    assert made(name).judge(batch(0, 0)) == []
    assert made(name).tick(START_MS) == []


def test_every_rule_has_a_name_of_its_own_and_says_which_it_is() -> None:
    rules = [rule for one in make_detectors(CoreSettings(detectors=ON), CITY) for rule in one.rules.items()]
    assert len({name for name, _ in rules}) == len(rules)
    assert all(name == rule.name and rule.version for name, rule in rules)
    for name in NAMES:
        said = {json.loads(text)["rule"] for text in WHOLE[name]}
        assert said <= made(name).rules.keys()
