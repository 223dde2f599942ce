"""The gate in the stream: before anything is decided about the air, sick readings are set apart, flagged, and told to technicians.

What is set apart stays in the series under its flag; detectors and indices never see it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from city_model.codec import observations as codec
from city_model.events import Readings
from city_model.registry import City
from city_model.settings import between
from stream_processor.core.detectors.port import Batch, Verdict
from stream_processor.core.observed import chunks
from stream_processor.core.sensors.fog import HUMID_PERCENT
from stream_processor.core.sensors.gate import Faults, Gate, checks
from stream_processor.core.sensors.groups import Groups
from stream_processor.core.sensors.health import Health
from stream_processor.core.sensors.port import Bools, Fault, Rows, Times
from stream_processor.core.sensors.profile import profile_of

FLAG_LATE, FLAG_SICK, FLAG_FOG = 1, 4, 8
"""As in `stream_processor.stores.port.Flag`."""
_FOG, _SICK = np.uint16(Fault.FOG), np.uint16(0xFFFF & ~Fault.FOG)
_PARTICLES = frozenset({"pm25", "pm10"})
_DEVICE_SHIFT = 42  # a time in ms has 41 bits until 2039, 42 until 2109
Payload = tuple[bytes, str, int]


@dataclass(frozen=True, slots=True)
class SensorSettings:
    """`gate` "off": readings are judged as they come. `hold_s`, `clear_s`: of the maintenance alarm."""

    gate: Literal["on", "off"] = "on"
    hold_s: float = between(0, 86_400, default=600.0)
    clear_s: float = between(0, 86_400, default=1800.0)


class LiveGate:
    """Of one partition."""

    def __init__(self, city: City, settings: SensorSettings) -> None:
        self._is_on = settings.gate == "on"
        self._gate = Gate()
        self._groups = Groups(city)
        self._health = Health(settings.hold_s, settings.clear_s)
        self._at_tick = [(module.at_tick, module.FAULT) for module in checks("at_tick")]
        self._humid_ms: dict[str, int] = {}
        self.rules = self._health.rules if self._is_on else {}

    def take(self, batch: Batch) -> tuple[Batch, list[Payload], list[Verdict]]:
        """(what may be judged, observations of what may not, verdicts on the sensors)."""
        if not self._is_on or not len(batch.value):
            return batch, [], []
        rows = self._rows(batch)
        faults = self._gate.judge(rows, batch.at_ms, batch.value, self._humid(batch))
        verdicts = [*self._speaking(rows, batch), *self._episodes(rows, batch, faults)]
        if not faults.any():
            return batch, [], verdicts
        return _only(batch, faults == 0), list(_flagged(batch, faults)), verdicts

    def late(self, batch: Batch) -> tuple[Batch, list[Payload]]:
        """What came late, without what no air can be; and observations of that. Its past is gone, so no other check has a say."""
        if not self._is_on or not len(batch.value):
            return batch, []
        profiles = [profile_of(name) for name in batch.quantities]
        low, high, ceiling = (np.array(column) for column in zip(*((p.low, p.high, p.ceiling) for p in profiles), strict=True))
        index, value = batch.quantity_index, batch.value
        sick = (value < low[index]) | (value > high[index]) | (value >= ceiling[index])
        if not sick.any():
            return batch, []
        return _only(batch, ~sick), list(_points(batch, sick, FLAG_LATE | FLAG_SICK))

    def tick(self, now_ms: int) -> list[Verdict]:
        """Neighbours are compared, and silence is noticed."""
        if not self._is_on or not len(self._gate.memory):
            return []
        memory = self._gate.memory
        verdicts: list[Verdict] = []
        for at_tick, fault in self._at_tick:
            rows = at_tick(memory, self._groups, now_ms)
            if fault is Fault.SILENT and len(rows):
                verdicts += self._silent(rows, now_ms)
        return verdicts

    def _rows(self, batch: Batch) -> Rows:
        n = len(batch.quantities)
        pair = batch.device_index.astype(np.intp) * n + batch.quantity_index
        used = np.zeros(len(batch.devices) * n, np.bool_)
        used[pair] = True
        table = np.zeros(len(used), np.intp)
        row = self._gate.memory.row
        for at in np.flatnonzero(used).tolist():
            table[at] = row(batch.devices[at // n], batch.quantities[at % n])
        return np.asarray(table[pair])

    def _humid(self, batch: Batch) -> Times | None:
        """For every particle reading, when its device last reported fog (0 elsewhere); None where no device did."""
        wet = np.zeros(len(batch.value), np.bool_)
        if "humidity" in batch.quantities:
            wet = (batch.quantity_index == batch.quantities.index("humidity")) & (batch.value >= HUMID_PERCENT)
        if not wet.any() and not self._humid_ms:
            return None
        known = np.array([self._humid_ms.get(device, 0) for device in batch.devices], np.int64)
        device = batch.device_index.astype(np.int64) << _DEVICE_SHIFT
        newest = np.maximum.accumulate(device + np.where(wet, batch.at_ms, 0)) - device
        for at in np.flatnonzero(wet).tolist():
            name = batch.devices[batch.device_index[at]]
            self._humid_ms[name] = max(self._humid_ms.get(name, 0), int(batch.at_ms[at]))
        particles = np.array([name in _PARTICLES for name in batch.quantities])[batch.quantity_index]
        return np.asarray(np.where(particles, np.maximum(newest, known[batch.device_index]), 0))

    def _episodes(self, rows: Rows, batch: Batch, faults: Faults) -> Iterator[Verdict]:
        """Only sensors that are or lately were sick need a look at each reading."""
        watched, sick = self._gate.memory["is_watched"], (faults & _SICK) != 0
        watched[rows[sick]] = True
        for at in np.flatnonzero(watched[rows]).tolist():
            row = int(rows[at])
            device, quantity = self._gate.memory.names[row]
            subject = f"{device}/{quantity}"
            yield from self._health.take(device, subject, int(batch.at_ms[at]), int(faults[at] & _SICK))
            watched[row] = self._health.is_open(subject)

    def _speaking(self, rows: Rows, batch: Batch) -> Iterator[Verdict]:
        """Those that were silent and are so no longer."""
        silent = self._gate.memory["is_silent"]
        for at in np.flatnonzero(silent[rows]).tolist():
            row = int(rows[at])
            if silent[row]:
                silent[row] = False
                device, quantity = self._gate.memory.names[row]
                for subject in (device, f"{device}/{quantity}"):
                    yield from self._health.speaks(device, subject, int(batch.at_ms[at]))

    def _silent(self, rows: Rows, now_ms: int) -> Iterator[Verdict]:
        """A device of which nothing comes any more is told once; else each quantity."""
        memory = self._gate.memory
        of_device: dict[str, list[int]] = {}
        for row, (device, _) in enumerate(memory.names):
            of_device.setdefault(device, []).append(row)
        for device in sorted({memory.names[row][0] for row in rows.tolist()}):
            if memory["is_silent"][of_device[device]].all():
                yield from self._health.silent(device, device, int(memory["last_ms"][of_device[device]].max()), now_ms)
            else:
                for row in rows.tolist():
                    if memory.names[row][0] == device:
                        yield from self._health.silent(device, "/".join(memory.names[row]), int(memory["last_ms"][row]), now_ms)

    def snapshot(self) -> dict[str, Any]:
        """Plain values and bytes."""
        return {"gate": self._gate.snapshot(), "health": self._health.snapshot(), "humid_ms": dict(self._humid_ms)}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue exactly."""
        self._gate.restore(state["gate"])
        self._health.restore(state["health"])
        self._humid_ms = dict(state["humid_ms"])


def _flagged(batch: Batch, faults: Faults) -> Iterator[Payload]:
    """What is set apart, once more and under its flag; a point written twice is one point."""
    yield from _points(batch, (faults & _SICK) != 0, FLAG_SICK)
    yield from _points(batch, faults == _FOG, FLAG_FOG)


def _points(batch: Batch, chosen: Bools, flags: int) -> Iterator[Payload]:
    at = np.flatnonzero(chosen)
    if not len(at):
        return
    names: dict[str, int] = {}
    index = [
        names.setdefault(f"{batch.devices[d]}/{batch.quantities[q]}", len(names))
        for d, q in zip(batch.device_index[at].tolist(), batch.quantity_index[at].tolist(), strict=True)
    ]
    for points in chunks(Readings(tuple(names), np.array(index, np.uint16), batch.at_ms[at], batch.value[at])):
        yield codec.encode(points, flags), codec.CONTENT_TYPE, int(points.at_ms.max())


def _only(batch: Batch, chosen: Bools) -> Batch:
    return replace(
        batch, device_index=batch.device_index[chosen], quantity_index=batch.quantity_index[chosen], at_ms=batch.at_ms[chosen],
        value=batch.value[chosen],
    )  # fmt: skip
