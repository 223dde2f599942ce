"""The stream of the job, seeded: 2,000 sensors, a reading a minute each, in order of arrival, with the defects real ones have.

0.3 % are bad (9999, null, "n/a", no time, cut JSON), 1 % duplicates up to two minutes later, 0.5 % late by one to three minutes; 240
sensors have an episode of +60…220 ug/m3 for 20–110 minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

START_MS = 1_795_600_800_000
MINUTE_MS = 60_000
BAD, DOUBLE, LATE = 0.003, 0.01, 0.005


@dataclass(frozen=True, slots=True)
class Rows:
    """Readings in order of arrival, arrays of shape (n,); `spoilt` is the kind of defect (0: none, 1…5)."""

    sensor: NDArray[np.int64]
    at_ms: NDArray[np.int64]
    seq: NDArray[np.int64]
    pm25: NDArray[np.float64]
    spoilt: NDArray[np.int64]


def uniform(readings: int = 1_000_000, sensors: int = 2_000, seed: int = 7) -> Rows:
    """The stream as it arrives."""
    rng = np.random.default_rng(seed)
    minutes = -(-readings // sensors)
    pm25 = _air(rng, sensors, minutes)
    sensor = np.tile(np.arange(sensors), minutes)
    seq = np.repeat(np.arange(minutes), sensors)
    phase = rng.integers(0, MINUTE_MS, sensors)
    at_ms = START_MS + seq * MINUTE_MS + phase[sensor]
    arrival = at_ms + rng.normal(0, 300, len(at_ms))
    arrival += np.where(rng.random(len(at_ms)) < LATE, rng.uniform(1, 3, len(at_ms)) * MINUTE_MS, 0)
    twice = np.flatnonzero(rng.random(len(at_ms)) < DOUBLE)
    index = np.concatenate((np.arange(len(at_ms)), twice))
    arrival = np.concatenate((arrival, arrival[twice] + rng.uniform(0, 2, len(twice)) * MINUTE_MS))
    index = index[np.argsort(arrival, kind="stable")][:readings]
    spoilt = np.where(rng.random(readings) < BAD, rng.integers(1, 6, readings), 0)
    return Rows(sensor[index], at_ms[index], seq[index], pm25.T.reshape(-1)[index], spoilt)


def _air(rng: np.random.Generator, sensors: int, minutes: int) -> NDArray[np.float64]:
    """(sensors, minutes): log-normal levels, AR(1) noise, a daily swing, 240 episodes (12 % of the sensors)."""
    level = 20 * np.exp(rng.normal(0, 0.35, sensors))
    noise = np.empty((sensors, minutes))
    noise[:, 0] = rng.normal(0, 0.15, sensors)
    for k in range(1, minutes):
        noise[:, k] = 0.9 * noise[:, k - 1] + rng.normal(0, 0.15 * np.sqrt(1 - 0.81), sensors)
    swing = 1 + 0.35 * np.sin(2 * np.pi * np.arange(minutes) / 1440)
    air = level[:, None] * np.exp(noise) * swing
    for one in rng.choice(sensors, round(sensors * 0.12), replace=False):
        long = int(rng.integers(20, 111))
        begin = int(rng.integers(0, max(1, minutes - long)))
        ramp = np.minimum(1.0, (np.arange(min(long, minutes)) + 1) / 6)
        air[one, begin : begin + long] += rng.uniform(60, 220) * ramp[: air[one, begin : begin + long].size]
    return np.minimum(air, 999.0).round(1).astype(np.float64)


def backfill(rows: Rows) -> Rows:
    """The same, stable-sorted by sensor: an outbox after the other."""
    return _taken(rows, np.argsort(rows.sensor, kind="stable"))


def hot(rows: Rows) -> Rows:
    """The same, with every second row from one sensor, each in a minute of its own."""
    sensor, at_ms = rows.sensor.copy(), rows.at_ms.copy()
    sensor[::2] = 0
    at_ms[::2] = START_MS + np.arange(len(sensor[::2])) * MINUTE_MS
    return Rows(sensor, at_ms, rows.seq, rows.pm25, rows.spoilt)


def _taken(rows: Rows, index: NDArray[np.int64]) -> Rows:
    return Rows(rows.sensor[index], rows.at_ms[index], rows.seq[index], rows.pm25[index], rows.spoilt[index])


def good(rows: Rows) -> Rows:
    """Without the spoilt: what can be written in packed columns at all."""
    return _taken(rows, np.flatnonzero(rows.spoilt == 0))


def lines(rows: Rows) -> list[bytes]:
    """One JSON object each, about 170 bytes."""
    columns = zip(*(column.tolist() for column in (rows.sensor, rows.at_ms, rows.seq, rows.pm25, rows.spoilt)), strict=True)
    return [_line(*row) for row in columns]


def _line(sensor: int, at_ms: int, seq: int, pm25: float, spoilt: int) -> bytes:
    pm = "9999.0" if spoilt == 1 else "null" if spoilt == 2 else f"{pm25:.1f}"
    ts = "" if spoilt == 4 else f'"ts":{at_ms},'
    rh = '"n/a"' if spoilt == 3 else f"{60 + (sensor * 7 + seq) % 300 / 10:.1f}"
    text = (
        f'{{"sensor_id":"hn-aq-{sensor:05d}","zone":"hn-{sensor % 30:02d}","lat":{20.9 + sensor % 1000 / 5000:.5f},'
        f'"lon":{105.7 + sensor % 700 / 3500:.5f},{ts}"seq":{seq},"pm25":{pm},"pm10":{min(pm25 * 1.6, 1990):.1f},'
        f'"temp":{24 + seq % 90 / 10:.1f},"rh":{rh},"fw":"1.4.2","bat":3.71}}'
    ).encode()
    return text[: len(text) // 2] if spoilt == 5 else text


def write_lines(rows: Rows, path: Path) -> None:
    """The stream as a file, one message a line."""
    path.write_bytes(b"\n".join(lines(rows)) + b"\n")
