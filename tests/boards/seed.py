"""Series of a town for the boards: some with holes, some silent, some of services, some beyond the span; the same for every store."""

from __future__ import annotations

import zlib

import numpy as np

from city_model.registry import City
from stream_processor.stores.port import Points
from tests.console.town import town

HOUR_MS = 3_600_000
STOP_MS = 1_790_001_728_123  # 2026-09-21 21:42:08 in Vietnam
START_MS = STOP_MS - 30 * HOUR_MS - 17_001
_SILENT = {"cam-hv-203": 6 * HOUR_MS, "air-kk-05": 40 * HOUR_MS}
_AIR = ("pm25", "pm10", "vn_aqi", "humidity", "temperature")
_ROAD = {"speed_kmh": 34.0, "area_occupancy": 0.3, "flow_pcu_h": 900.0, "confidence": 0.8}
_SERVICE = {"received_per_s": 400.0, "errors_per_s": 0.1, "latency_ms": 40.0, "lag_items": 20.0, "outbox_items": 3.0, "up_s": 9000.0}
_HOST = {"cpu_ratio": 0.4, "load_ratio": 0.7, "memory_ratio": 0.5, "memory_mb": 800.0, "disk_ratio": 0.6, "canary_ms": 300.0}
_ITEMS = {"items_received": 700.0, "items_missing": 2.0, "items_late": 1.0, "items_duplicate": 4.0, "items_future": 0.0}


def seed(city: City | None = None) -> Points:
    """From six hours before the span to an hour after it."""
    city = city or town()
    columns: list[tuple[str, np.ndarray[tuple[int], np.dtype[np.int64]], np.ndarray[tuple[int], np.dtype[np.float64]]]] = []
    for device in city.device:
        dense = _times(device.id, 410_000)
        hourly = np.unique(dense // HOUR_MS * HOUR_MS)
        if device.kind == "camera":
            for way in device.directions:
                columns += [(f"{device.id}/{way.id}/{q}", dense, _wave(device.id + way.id + q, dense, base)) for q, base in _ROAD.items()]
            alarms = dense[:: max(1, len(dense) // 9)]
            priority = np.where(np.arange(len(alarms)) % 2 == 0, 3.0, 0.0)
            columns.append((f"{device.id}/north/alarm_congestion", alarms, priority))
        else:
            columns += [(f"{device.id}/{q}", hourly if q == "vn_aqi" else dense, _wave(device.id + q, dense, 60.0)) for q in _AIR]
            columns.append((f"{device.id}/alarm_pollution", hourly[::5], np.where(hourly[::5] % 2 == 0, 2.0, 0.0)))
        columns += [(f"{device.id}/{q}", hourly + k, _wave(device.id + q, hourly, base)) for k, (q, base) in enumerate(_ITEMS.items())]
    for name, figures in (("bridge", _SERVICE), ("engine-0", _SERVICE), ("host-1", _HOST), ("host-2", _HOST)):
        times = _times(name, 380_000)
        columns += [(f"{name}/{q}", times, _wave(name + q, times, base)) for q, base in figures.items()]
    columns = [(name, at, value[: len(at)]) for name, at, value in columns]
    index = np.repeat(np.arange(len(columns), dtype=np.uint16), [len(at) for _, at, _ in columns])
    return Points(
        tuple(name for name, *_ in columns), index, np.concatenate([at for _, at, _ in columns]),
        np.concatenate([value for *_, value in columns]), np.zeros(len(index), np.uint8),
    )  # fmt: skip


def _times(name: str, step_ms: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Two points seven seconds apart every `step_ms`, without two hours in the middle; a silent device ends early."""
    end = STOP_MS + HOUR_MS - (_SILENT[name] + HOUR_MS if name in _SILENT else 0)
    at = np.arange(START_MS - 6 * HOUR_MS + zlib.crc32(name.encode()) % step_ms, end, step_ms, dtype=np.int64)
    at = np.sort(np.concatenate([at, at + 7_000]))
    hole = STOP_MS - 9 * HOUR_MS
    return at[(at < hole) | (at >= hole + 2 * HOUR_MS)]


def _wave(name: str, at_ms: np.ndarray[tuple[int], np.dtype[np.int64]], base: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    noise = np.random.default_rng(zlib.crc32(name.encode()))
    value = base * (1 + 0.5 * np.sin(at_ms / HOUR_MS) + noise.normal(0, 0.15, len(at_ms)))
    return np.clip(value, 0, None)
