"""An evening in the town: hours of series, a jam that was just raised, smoke, one alarm taken and one over; two devices silent."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

import msgspec
import numpy as np

from city_model.events import AlarmEvent
from stream_processor.stores.port import Points, SeriesStore
from tests.console.town import MINUTE_MS, Engine, acknowledged, jam, returned, smoke

_SILENT = {"cam-hv-203", "air-kk-05"}
_HOUR_MS = 60 * MINUTE_MS
_NO_INDEX = {"air-kk-04"}
_HISTORY_MS = 4 * 60 * MINUTE_MS
_PM25 = {"air-kk-01": 42.0, "air-kk-02": 131.0, "air-kk-03": 61.0, "air-kk-04": 19.0, "air-kk-05": 55.0}


async def write_evening(engine: Engine, store: SeriesStore, now_ms: int) -> None:
    """Everything up to `now_ms`, ending with a report."""
    store.write(_history(engine, now_ms))
    await write_moment(engine, now_ms)
    old = jam(now_ms - 31 * MINUTE_MS, "cam-hv-202", "north", worst_value=11.0, evidence={"area_occupancy": 0.52, "flow_pcu_h": 840.0})
    over = jam(now_ms - 90 * MINUTE_MS, "cam-bd-112", "north")
    bad_air = smoke(now_ms - 11 * MINUTE_MS)
    fresh = jam(now_ms - 6 * MINUTE_MS)
    for alarm in (over, old, bad_air, fresh):
        await engine.opened(alarm)
    worse = msgspec.structs.replace(fresh, worst_value=7.4, worst_ms=now_ms - 3 * MINUTE_MS, version=2)
    await engine.alarm(AlarmEvent("worsened", worse.worst_ms, worse.rule, "", worse))
    taken_ms = now_ms - 27 * MINUTE_MS
    await engine.alarm(AlarmEvent("acknowledged", taken_ms, "operator", "", acknowledged(old, taken_ms), "command-1"))
    over_ms = now_ms - 62 * MINUTE_MS
    await engine.alarm(AlarmEvent("cleared", over_ms, over.rule, "", returned(acknowledged(over, over_ms - 9 * MINUTE_MS), over_ms)))
    await engine.rules(now_ms)
    await report(engine, now_ms)


async def write_moment(engine: Engine, now_ms: int) -> None:
    """One sample or reading of every device that is not silent."""
    for device in engine.city.device:
        if device.id not in _SILENT:
            values = {name: float(column[0]) for name, column in _series(engine, device.id, np.array([now_ms]), now_ms)}
            hourly = {name: value for name, value in values.items() if "/vn_aqi" in name}
            area = engine.city.area_of(device.id)
            await engine.observe(area, now_ms - 1000, {name: value for name, value in values.items() if name not in hourly})
            if hourly:  # an index stands at the beginning of its hour
                await engine.observe(area, now_ms // _HOUR_MS * _HOUR_MS - _HOUR_MS, hourly)


async def report(engine: Engine, now_ms: int) -> None:
    """Counts as of `now_ms`."""
    await engine.report(now_ms, 0, readings=1_180_220 + now_ms % 100_000, samples=24_661, duplicates=318, late=57)


def _history(engine: Engine, now_ms: int) -> Points:
    names: list[str] = []
    columns: list[np.ndarray[tuple[int], np.dtype[np.float64]]] = []
    times: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
    for device in engine.city.device:
        until = now_ms - (25 * MINUTE_MS if device.id in _SILENT else 0)
        at_ms = np.arange(now_ms - _HISTORY_MS, until, 20_000, dtype=np.int64)
        for name, column in _series(engine, device.id, at_ms, now_ms):
            each = slice(0, -180, 180) if "/vn_aqi" in name else slice(None)
            names.append(name)
            columns.append(column[each])
            times.append(at_ms[each] // _HOUR_MS * _HOUR_MS if "/vn_aqi" in name else at_ms)
    index = np.repeat(np.arange(len(names), dtype=np.uint16), [len(column) for column in columns])
    return Points(tuple(names), index, np.concatenate(times), np.concatenate(columns), np.zeros(len(index), np.uint8))


def _index(
    device: str, pm25: np.ndarray[tuple[int], np.dtype[np.float64]]
) -> Iterator[tuple[str, np.ndarray[tuple[int], np.dtype[np.float64]]]]:
    """An index as the core would derive it, roughly, and at every reading instead of every hour."""
    index = np.interp(pm25, [0, 25, 50, 80, 150, 250, 500], [0, 50, 100, 150, 200, 300, 500]).round()
    yield f"{device}/vn_aqi", index
    yield f"{device}/vn_aqi_dominant", np.zeros(len(index))
    yield f"{device}/vn_aqi_completeness", np.full(len(index), 11 / 12)
    yield f"{device}/vn_aqi_pm25", index
    yield f"{device}/vn_aqi_pm10", (index * 0.6).round()


def _series(
    engine: Engine, device: str, at_ms: np.ndarray[tuple[int], np.dtype[np.int64]], now_ms: int
) -> Iterator[tuple[str, np.ndarray[tuple[int], np.dtype[np.float64]]]]:
    noise = np.random.default_rng(zlib.crc32(device.encode())).normal(0, 1, len(at_ms))
    before_min = (now_ms - at_ms) / MINUTE_MS
    if device.startswith("air-"):
        plume = np.clip(40 - before_min, 0, 40) * (2.2 if device == "air-kk-02" else 0.1)
        pm25 = np.clip(_PM25[device] - (88 if device == "air-kk-02" else 4) + plume + noise * 2, 3, None)
        yield f"{device}/pm25", pm25
        yield f"{device}/pm10", pm25 * 1.5
        if device not in _NO_INDEX:
            yield from _index(device, pm25)
        return
    for direction in engine.city.devices[device].directions:
        ends = {("cam-bd-114", "south"): 9.0, ("cam-bd-113", "south"): 17.0, ("cam-hv-202", "north"): 12.0}
        end = ends.get((device, direction.id), 34.0)
        speed = np.where(before_min < 9, end, np.where(before_min < 14, end + (before_min - 9) / 5 * (34 - end), 34.0)) + noise * 1.4
        yield f"{device}/{direction.id}/speed_kmh", np.clip(speed, 2, None)
        yield f"{device}/{direction.id}/area_occupancy", np.clip(0.85 - speed / 50 + noise * 0.02, 0.02, 0.95)
        yield f"{device}/{direction.id}/flow_pcu_h", np.clip(600 + speed * 22 + noise * 40, 0, None)
