"""VN_AQI in the live path: the same hours as the functions give, however readings arrive, and revised when they arrive late."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city_model.codec import observations, packed
from city_model.events import Event, EventType, Readings
from city_model.registry import Area, City, Device, Site
from city_model.topics import OBSERVATIONS
from stream_processor.core.air import vn_aqi
from stream_processor.core.derivations.vn_aqi import Settings
from stream_processor.core.sensors.live import SensorSettings
from stream_processor.core.settings import CoreSettings
from stream_processor.core.step import Core, Emit
from stream_processor.stores.port import Flag
from tests.air.data import Station, needs_data, station, station_files
from tests.core.city import tick

HOUR_MS = 3_600_000
START_MS = 1_795_539_600_000  # midnight of 25 November 2026 in Vietnam
CITY = City(
    "Thử", "Test", area=(Area("air"),), site=(Site("s", "air", "Trạm", "Station", 11, 106),),
    device=(Device("air-1", "s"), Device("air-2", "s")),
)  # fmt: skip
UNGATED = CoreSettings(sensors=SensorSettings(gate="off"))
LITERAL = CoreSettings(derivations={"vn_aqi": Settings(nowcast="literal")})


@dataclass
class Series:
    """What the store would hold in the end: the last point of each time."""

    points: dict[str, dict[int, float]] = field(default_factory=dict)
    flags: dict[tuple[str, int], int] = field(default_factory=dict)

    def of(self, name: str) -> dict[int, float]:
        return self.points.get(name, {})


def core(settings: CoreSettings | None = None) -> Core:
    return Core(CITY, settings or CoreSettings(), 0)


def event(seq: int, rows: Sequence[tuple[str, int, float]], device: str = "air-1") -> Event:
    names = tuple(dict.fromkeys(name for name, _, _ in rows))
    columns = Readings(
        names, np.array([names.index(name) for name, _, _ in rows], np.uint16), np.array([at for _, at, _ in rows], np.int64),
        np.array([value for _, _, value in rows]),
    )  # fmt: skip
    newest = max(at for _, at, _ in rows)
    return Event(EventType.READINGS, "s", device, "b", seq, len(rows), newest, packed.CONTENT_TYPE, packed.encode(columns), area="air")


def derived(emits: Sequence[Emit]) -> Series:
    found = Series()
    for emit in emits:
        if emit.topic != OBSERVATIONS or emit.event is None or emit.event.content_type != observations.CONTENT_TYPE:
            continue
        readings, flags = observations.decode(emit.event.data)
        for k, at_ms, value in zip(readings.name_index.tolist(), readings.at_ms.tolist(), readings.value.tolist(), strict=True):
            if "vn_aqi" in readings.names[k]:
                found.points.setdefault(readings.names[k], {})[at_ms] = value
                found.flags[readings.names[k], at_ms] = flags
    return found


def hours(values: Sequence[float], quantity: str = "pm25", start_ms: int = START_MS) -> list[tuple[str, int, float]]:
    return [(quantity, start_ms + k * HOUR_MS, value) for k, value in enumerate(values)]


def minutes(values: Sequence[float], start_ms: int = START_MS) -> list[tuple[str, int, float]]:
    """Sixty readings an hour around each value."""
    return [("pm25", start_ms + k * HOUR_MS + m * 60_000, v + m % 3 - 1) for k, v in enumerate(values) for m in range(60)]


def test_hourly_values_give_the_index_of_their_hour() -> None:
    values = [26.9, 24.7, 20.5, 23.5, 19.5, 16.5, 19.0, 16.5, 20.3, 22.4, 19.6, 20.6]
    series = derived(core().step([event(0, hours(values)), tick(START_MS + 13 * HOUR_MS)]))
    index = series.of("air-1/vn_aqi")
    assert index[START_MS + 11 * HOUR_MS] == 41
    assert START_MS not in index  # one hour alone is no index
    assert series.of("air-1/vn_aqi_completeness")[START_MS] == pytest.approx(1 / 12)
    assert series.of("air-1/vn_aqi_dominant")[START_MS + 11 * HOUR_MS] == vn_aqi.POLLUTANTS.index("pm25")
    assert set(series.flags.values()) == {0}


def test_the_literal_reading_is_named_in_its_series() -> None:
    newest_first = [100.0, None, 30, 20, None, 15, 10, 10, 10, 10, 10, 10]
    rows = [row for row in hours([np.nan if v is None else v for v in newest_first[::-1]]) if row[2] == row[2]]
    for told, name, expected in ((CoreSettings(), "vn_aqi", 145), (LITERAL, "vn_aqi_literal", 109)):
        series = derived(core(told).step([event(0, rows), tick(START_MS + 13 * HOUR_MS)]))
        assert series.of(f"air-1/{name}")[START_MS + 11 * HOUR_MS] == expected
        assert {s.partition("/")[2].removeprefix(name) for s in series.points} >= {"", "_pm25", "_dominant", "_completeness"}


def test_an_hour_is_not_rated_before_it_is_over() -> None:
    machine = core()
    assert not derived(machine.step([event(0, minutes([30.0, 30.0])[:-1])])).of("air-1/vn_aqi")
    assert not derived(machine.step([tick(START_MS + 2 * HOUR_MS + 119_000)])).of("air-1/vn_aqi")
    assert derived(machine.step([tick(START_MS + 2 * HOUR_MS + 120_000)])).of("air-1/vn_aqi") == {START_MS + HOUR_MS: 60}


def test_an_hour_with_less_than_three_quarters_is_missing() -> None:
    full, half = minutes([30.0] * 3), minutes([30.0] * 3)
    rows = [r for r in half if not START_MS + 2 * HOUR_MS <= r[1] < START_MS + 2 * HOUR_MS + 30 * 60_000]
    for given_rows, share in ((full, 3 / 12), (rows, 2 / 12)):
        series = derived(core().step([event(0, given_rows), tick(START_MS + 4 * HOUR_MS)]))
        assert series.of("air-1/vn_aqi_completeness")[START_MS + 2 * HOUR_MS] == pytest.approx(share)


def test_a_silent_station_has_no_index_and_says_how_little_it_knows() -> None:
    machine = core()
    emits = machine.step([event(0, hours([30.0] * 12))])
    for k in range(13, 40):
        emits += machine.step([tick(START_MS + k * HOUR_MS)])
    series = derived(emits)
    assert max(series.of("air-1/vn_aqi")) == START_MS + 12 * HOUR_MS  # two of the newest three hours
    completeness = series.of("air-1/vn_aqi_completeness")
    assert max(completeness) == START_MS + 22 * HOUR_MS
    assert completeness[START_MS + 22 * HOUR_MS] == pytest.approx(1 / 12)


def test_the_day_is_rated_when_its_last_hour_is_over() -> None:
    values = [40.0 + k for k in range(24)]
    series = derived(core().step([event(0, hours([*values, 10.0, 10.0]))]))
    expected = vn_aqi.daily({"pm25": values}).value[0]
    assert series.of("air-1/vn_aqi_day") == {START_MS: expected}


def test_a_backlog_makes_the_index_anew_and_says_so() -> None:
    rows = hours([30.0, 30.0, 30.0, 90.0, 90.0, 30.0, 30.0, 30.0])
    with_gap = [rows[0], rows[1], *rows[5:]]
    machine = core()
    emits = machine.step([event(0, with_gap[:2]), event(4, with_gap[2:]), tick(START_MS + 12 * HOUR_MS)])
    before = derived(emits)
    assert before.of("air-1/vn_aqi")[START_MS + 7 * HOUR_MS] == 60
    emits += machine.step([event(2, rows[3:5])])
    after = derived(emits)
    whole = derived(core().step([event(0, [*rows[:2], *rows[3:]]), tick(START_MS + 12 * HOUR_MS)]))
    assert after.points == whole.points
    revised = {at for (name, at), flags in after.flags.items() if name == "air-1/vn_aqi" and flags & Flag.REVISED}
    assert revised == {START_MS + k * HOUR_MS for k in range(3, 12) if START_MS + k * HOUR_MS in whole.of("air-1/vn_aqi")}


def test_an_outbox_of_days_gives_every_hour_its_index() -> None:
    rng = np.random.default_rng(5)
    values = rng.gamma(2, 20, 200).round(1).tolist()
    machine = core()
    emits = machine.step([tick(START_MS + 400 * HOUR_MS)])
    for start in range(0, 200, 7):
        emits += machine.step([event(start, hours(values)[start : start + 7])])
    emits += machine.step([tick(START_MS + 500 * HOUR_MS)])
    index = derived(emits).of("air-1/vn_aqi")
    expected = vn_aqi.hourly({"pm25": values}).value
    assert [index.get(START_MS + k * HOUR_MS, -1) for k in range(200)] == expected.tolist()
    assert set(derived(emits).flags.values()) == {Flag.REVISED}


STORY = [
    *[event(7 * k, minutes([20, 80, 35, 50, 60, 10, 44, 90, 15, 30, 22, 71, 18, 25])[7 * k : 7 * k + 7]) for k in range(120)],
    *[event(k, hours([60.0, 25.5, 33.3, 80.1, 44.4] * 6, "pm10")[k : k + 1], "air-2") for k in range(30)],
]
END = tick(START_MS + 60 * HOUR_MS)
EXPECTED = derived(core().step([*STORY, END]))


@given(st.randoms(use_true_random=False))
@settings(max_examples=12, deadline=None)
def test_any_order_cut_and_restart_gives_the_same_series(rnd: random.Random) -> None:
    events = STORY + rnd.sample(STORY, 10)
    rnd.shuffle(events)
    machine, emits = core(), []
    edges = sorted(rnd.sample(range(1, len(events)), 6))
    for a, b in itertools.pairwise([0, *edges, len(events)]):
        emits += machine.step(events[a:b])
        state = msgspec.msgpack.decode(msgspec.msgpack.encode(machine.snapshot()))
        machine = core()
        machine.restore(state)
    assert derived([*emits, *machine.step([END])]) == EXPECTED


@given(st.lists(st.tuples(st.integers(0, 40), st.decimals(0, 300, places=1)), min_size=1, max_size=60), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_a_device_out_of_order_ends_with_the_same_index(rows: list[tuple[int, object]], rnd: random.Random) -> None:
    """Without the gate: to it, time that runs backwards within a sequence is a sick clock, and not judged."""
    readings = [("pm25", START_MS + h * HOUR_MS + k, float(str(v))) for k, (h, v) in enumerate(rows)]
    late = rnd.sample(range(len(readings)), len(readings) // 3)
    ordered = derived(core(UNGATED).step([event(0, sorted(readings, key=lambda r: r[1])), END]))
    machine = core(UNGATED)
    emits = machine.step([event(k, [row]) for k, row in enumerate([r for k, r in enumerate(readings) if k not in late])])
    emits += machine.step([event(len(readings) - len(late) + k, [readings[i]]) for k, i in enumerate(late)])
    emits += machine.step([END])
    assert derived(emits).of("air-1/vn_aqi") == ordered.of("air-1/vn_aqi")


@needs_data
def test_a_month_of_beijing_through_the_core_is_what_the_functions_give() -> None:
    beijing: Station = station(station_files()[0])
    span = slice(20_000, 20_700)
    rows = [
        (name, START_MS + k * HOUR_MS, float(v))
        for k in range(span.stop - span.start)
        for name, column in beijing.floats.items()
        if (v := column[span][k]) == v
    ]
    machine, emits = core(), []
    for start in range(0, len(rows), 500):
        emits += machine.step([event(start, rows[start : start + 500])])
    index = derived([*emits, *machine.step([tick(START_MS + 702 * HOUR_MS)])]).of("air-1/vn_aqi")
    expected = vn_aqi.hourly({name: column[span] for name, column in beijing.floats.items()}).value
    assert [index.get(START_MS + k * HOUR_MS, -1) for k in range(700)] == expected.tolist()
